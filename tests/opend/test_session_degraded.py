"""A login that OpenD loses under a live session."""

from __future__ import annotations

import pytest

from opend_kafka.opend.events import Live, Notified, NotReady, QuotaSeen, Subscribed
from opend_kafka.opend.frames import Frame, encode
from opend_kafka.opend.lifecycle import Phase
from opend_kafka.opend.messages import ProtoId
from opend_kafka.opend.notices import NoticeKind
from opend_kafka.opend.pb import Notify_pb2
from opend_kafka.opend.session import CHECK_INTERVAL_S, Session
from tests.opend.conversation import (
    TICK,
    TICK_PUSH,
    TICKER,
    accepted,
    converse,
    global_state,
    opened,
    reply,
    sent,
    sent_one,
    take,
    tick,
)
from tests.opend.vectors import vector

LOST = vector("notify_quote_login_lost").frame
KICKED_OUT = vector("notify_kicked_out").frame
RESTORED = encode(
    Frame(
        ProtoId.NOTIFY,
        99,
        Notify_pb2.Response(
            retType=0,
            s2c=Notify_pb2.S2C(
                type=3, connectStatus=Notify_pb2.ConnectStatus(qotLogined=True, trdLogined=True)
            ),
        ).SerializeToString(),
    )
)


def _live() -> Session:
    """Give a session that is live with one subscription."""
    session, init = opened(TICKER)
    take(session, accepted(init))
    converse(session, accepted)
    return session


def _asked_state(session: Session, now: float) -> Frame:
    """Give the GetGlobalState that goes out at a time, among what else does."""
    tick(session, now)
    (asked,) = (frame for frame in sent(session) if frame.proto_id == ProtoId.GET_GLOBAL_STATE)
    return asked


@pytest.mark.parametrize("notice", [LOST, KICKED_OUT], ids=["login lost", "kicked out"])
def test_lost_login_degrades_the_session(notice: bytes) -> None:
    """The link stands, and the phase says that no quotes come."""
    session = _live()
    (event,) = take(session, notice)
    assert isinstance(event, Notified)
    assert session.phase is Phase.DEGRADED


def test_degraded_session_asks_until_opend_is_ready() -> None:
    """It does not count on being told: it asks, again and again."""
    session = _live()
    take(session, LOST)
    asked = _asked_state(session, CHECK_INTERVAL_S)
    (event,) = take(session, reply(asked, global_state(qot_logined=False)), CHECK_INTERVAL_S)
    assert isinstance(event, NotReady)
    assert session.phase is Phase.DEGRADED
    _asked_state(session, 2 * CHECK_INTERVAL_S)


def test_degraded_session_subscribes_anew_when_opend_is_ready() -> None:
    """What was lost with the login is asked for again, and then it is live."""
    session = _live()
    take(session, LOST)
    take(session, accepted(_asked_state(session, CHECK_INTERVAL_S)))
    events = converse(session, accepted)
    assert [type(event) for event in events] == [QuotaSeen, Subscribed, Live]


def test_restored_login_is_looked_at_at_once() -> None:
    """Told that the login stands again, it does not wait for its next question."""
    session = _live()
    take(session, LOST)
    take(session, RESTORED)
    tick(session, 0)
    assert sent_one(session).proto_id == ProtoId.GET_GLOBAL_STATE


def test_login_that_stands_changes_nothing_in_a_live_session() -> None:
    """The same notice without a loss before it is news and no more."""
    session = _live()
    (event,) = take(session, RESTORED)
    assert isinstance(event, Notified)
    assert event.notice.kind is NoticeKind.LOGIN_STANDS
    assert (session.phase, sent(session)) == (Phase.LIVE, [])


def test_degraded_session_passes_pushes_on() -> None:
    """What OpenD pushes all the same is not thrown away."""
    session = _live()
    take(session, LOST)
    assert take(session, TICK.frame) == [TICK_PUSH]

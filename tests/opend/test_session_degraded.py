"""A login that OpenD loses under a live session, with a notice and without."""

from __future__ import annotations

import pytest

from opend_kafka.opend.events import (
    Live,
    MarketStates,
    Notified,
    NotReady,
    QuotaSeen,
    Subscribed,
)
from opend_kafka.opend.frames import Frame, encode
from opend_kafka.opend.lifecycle import Phase
from opend_kafka.opend.messages import ProtoId
from opend_kafka.opend.notices import NoticeKind
from opend_kafka.opend.pb import Notify_pb2, Qot_GetSubInfo_pb2
from opend_kafka.opend.reconciler import Reconciler
from opend_kafka.opend.session import CHECK_INTERVAL_S, STATE_INTERVAL_S, Session
from tests.opend.conversation import (
    TICK,
    TICK_PUSH,
    TICKER,
    accepted,
    converse,
    global_state,
    opened,
    refused,
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
    take(session, TICK.frame, now)  # a sign of life
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


def test_live_session_asks_for_the_state_again_and_again() -> None:
    """It does not count on being told: each answer is followed by the next question."""
    session = _live()
    for now in (STATE_INTERVAL_S, 2 * STATE_INTERVAL_S):
        assert session.next_deadline() <= now
        (told,) = take(session, reply(_asked_state(session, now), global_state()), now)
        assert told == MarketStates(dict.fromkeys(["HK", "HK_FUTURE", "US", "SH", "SZ"], 3))
        assert session.phase is Phase.LIVE


def test_live_session_does_not_ask_for_the_state_early() -> None:
    """Between two questions there is the whole interval."""
    session = _live()
    tick(session, STATE_INTERVAL_S - 0.01)
    assert ProtoId.GET_GLOBAL_STATE not in {frame.proto_id for frame in sent(session)}


def test_login_lost_without_notice_degrades_the_session() -> None:
    """What the reply says counts as if it had been notified."""
    session = _live()
    asked, now = _asked_state(session, STATE_INTERVAL_S), STATE_INTERVAL_S
    (event,) = take(session, reply(asked, global_state(qot_logined=False)), now)
    assert isinstance(event, NotReady)
    assert session.phase is Phase.DEGRADED
    take(session, accepted(_asked_state(session, now + CHECK_INTERVAL_S)))
    assert isinstance(converse(session, accepted)[-1], Live)


def test_refused_state_does_not_end_a_live_session() -> None:
    """Pushes go on; the state is asked for again after the interval."""
    session = _live()
    asked = _asked_state(session, STATE_INTERVAL_S)
    assert take(session, reply(asked, refused(asked)), STATE_INTERVAL_S) == []
    assert session.phase is Phase.LIVE
    _asked_state(session, 2 * STATE_INTERVAL_S)


def test_nothing_stands_on_a_new_connection() -> None:
    """What stood on the one before is not shown until it stands again."""
    reconciler = Reconciler([TICKER])
    for _ in range(2):
        session = Session(reconciler)
        session.open(0)
        assert reconciler.standing == frozenset()
        converse(session, accepted)
        assert reconciler.standing == {TICKER}


def test_nothing_stands_while_the_login_is_lost() -> None:
    """Without quotes, no subscription is worth its name."""
    reconciler = Reconciler([TICKER])
    session = Session(reconciler)
    session.open(0)
    converse(session, accepted)
    take(session, LOST)
    assert reconciler.standing == frozenset()


def test_degraded_session_passes_pushes_on() -> None:
    """What OpenD pushes all the same is not thrown away."""
    session = _live()
    take(session, LOST)
    assert take(session, TICK.frame) == [TICK_PUSH]


def test_notice_of_the_quota_has_it_looked_at_where_it_was_too_small() -> None:
    """A quota that has no room is looked at when OpenD says that it changed, not a minute later."""
    session, init = opened(TICKER)
    take(session, accepted(init))
    take(session, accepted(sent_one(session)))
    none_left = Qot_GetSubInfo_pb2.S2C(totalUsedQuota=100, remainQuota=0)
    take(session, reply(sent_one(session), Qot_GetSubInfo_pb2.Response(retType=0, s2c=none_left)))
    assert session.phase is Phase.LIVE
    used = Notify_pb2.S2C(type=7, usedQuota=Notify_pb2.UsedQuota(usedSubQuota=99))
    body = Notify_pb2.Response(retType=0, s2c=used).SerializeToString()
    take(session, encode(Frame(ProtoId.NOTIFY, 99, body)), 1)
    tick(session, 1)
    assert sent_one(session).proto_id == ProtoId.QOT_GET_SUB_INFO

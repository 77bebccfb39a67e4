"""The session's table, row by row: from InitConnect to the pushes."""

from __future__ import annotations

import re

import pytest
from google.protobuf.message import Message

from opend_kafka.opend.events import (
    Live,
    LoggedIn,
    MarketStates,
    NotReady,
    QuotaSeen,
    Subscribed,
)
from opend_kafka.opend.lifecycle import Phase
from opend_kafka.opend.messages import ProtoId, decode_request
from opend_kafka.opend.pb import (
    Common_pb2,
)
from opend_kafka.opend.securities import Security
from opend_kafka.opend.session import CHECK_INTERVAL_S, Session
from opend_kafka.opend.subscriptions import Subscription, Subtype, Terms
from tests.opend.conversation import (
    AES_KEY,
    BOOK,
    CONN_ID,
    PLENTY,
    SUBSCRIBED,
    TICK,
    TICK_PUSH,
    TICKER,
    accepted,
    checking,
    converse,
    global_state,
    logged_in,
    opened,
    reply,
    sent,
    sent_one,
    subscribing,
    take,
    tick,
)
from tests.opend.vectors import vector


def test_open_sends_init_connect_of_sdk() -> None:
    """InitConnect is, byte for byte, what the SDK sends: -1 for no encryption, notifications."""
    session = Session()
    session.open(0)
    assert session.data_to_send() == vector("init_connect_request_plain").frame


def test_open_names_its_client() -> None:
    """OpenD is told the client id that was configured."""
    session = Session(client_id="worker-7")
    session.open(0)
    request = decode_request(ProtoId.INIT_CONNECT, sent_one(session).body)
    assert request.clientID == "worker-7"


def test_login_is_told_without_its_secrets() -> None:
    """LoggedIn has the connection's number and interval; printing it shows no key."""
    session, init = opened()
    events = take(session, reply(init, logged_in()))
    assert events == [LoggedIn(CONN_ID, 1011, 10)]
    assert AES_KEY not in repr(events)


def test_login_is_followed_by_question_for_state() -> None:
    """Once logged in, the session asks whether OpenD is ready."""
    session, asked = checking()
    assert session.phase is Phase.CHECKING
    assert asked.proto_id == ProtoId.GET_GLOBAL_STATE
    assert decode_request(asked.proto_id, asked.body).userID == 0


def test_ready_opend_is_asked_for_subscriptions() -> None:
    """Once OpenD is ready, it is asked what stands and what quota is left, before anything else."""
    session, asked = checking(TICKER, BOOK)
    (told,) = take(session, reply(asked, global_state()))
    assert (type(told), session.phase) == (MarketStates, Phase.SUBSCRIBING)
    assert sent_one(session).proto_id == ProtoId.QOT_GET_SUB_INFO


def test_known_quota_is_followed_by_subscriptions() -> None:
    """Once it is known what stands, Qot_Sub goes out with the very body that the SDK sends."""
    _, (asked,) = subscribing(TICKER, BOOK)
    assert (asked.proto_id, asked.body) == (ProtoId.QOT_SUB, vector("sub_request").body)


def test_session_is_live_when_all_is_subscribed() -> None:
    """The reply to the last Qot_Sub makes the session live."""
    session, (asked,) = subscribing(TICKER, BOOK)
    events = take(session, reply(asked, SUBSCRIBED))
    assert events == [Subscribed((TICKER, BOOK)), Live(standing=2, refused=0)]
    assert session.phase is Phase.LIVE


def test_session_is_not_live_before_last_request_is_answered() -> None:
    """With several requests out, only the last reply makes the session live."""
    other = Subscription(Security("US", "AAPL"), Subtype.TICKER, Terms(first_push=False))
    session, (first, second) = subscribing(TICKER, other)
    assert take(session, reply(second, SUBSCRIBED)) == [Subscribed((other,))]
    assert take(session, reply(first, SUBSCRIBED)) == [Subscribed((TICKER,)), Live(2, 0)]


def test_session_that_wants_nothing_is_live_when_it_knows_the_quota() -> None:
    """Without subscriptions none is asked for."""
    session, asked = checking()
    take(session, reply(asked, global_state()))
    events = take(session, reply(sent_one(session), PLENTY))
    assert events == [QuotaSeen(0, 10_000), Live(0, 0)]
    assert sent(session) == []


def test_wrongly_timed_reply_is_ignored() -> None:
    """A reply that its state does not expect changes nothing."""
    session, first = checking()
    take(session, reply(first, global_state(qot_logined=False)))
    tick(session, CHECK_INTERVAL_S)
    second = sent_one(session)
    take(session, reply(second, global_state()))
    take(session, reply(sent_one(session), PLENTY))
    assert session.phase is Phase.LIVE
    assert take(session, reply(first, global_state())) == []
    assert sent(session) == []


def test_whole_login_in_one_read_is_followed() -> None:
    """Replies and pushes that arrive in one read are taken one after the other."""
    session, (asked,) = subscribing(TICKER)
    events = take(session, TICK.frame + reply(asked, SUBSCRIBED) + TICK.frame)
    assert events == [TICK_PUSH, Subscribed((TICKER,)), Live(1, 0), TICK_PUSH]


# Readiness


@pytest.mark.parametrize(
    ("state", "cause"),
    [
        (global_state(qot_logined=False), "not logged in to its quote server"),
        (
            global_state(
                status=Common_pb2.ProgramStatus(
                    type=Common_pb2.ProgramStatusType_NeedPhoneVerifyCode
                )
            ),
            "program status is NeedPhoneVerifyCode$",
        ),
        (
            global_state(
                status=Common_pb2.ProgramStatus(
                    type=Common_pb2.ProgramStatusType_LoginFailed, strExtDesc="wrong password"
                )
            ),
            "program status is LoginFailed: wrong password$",
        ),
        (
            global_state(
                qot_logined=False,
                status=Common_pb2.ProgramStatus(type=Common_pb2.ProgramStatusType_Ready),
            ),
            "not logged in to its quote server",
        ),
    ],
)
def test_opend_that_is_not_ready_is_reported(state: Message, cause: str) -> None:
    """An OpenD that would send no quotes is asked for none, and the cause is told."""
    session, asked = checking(TICKER)
    (event,) = take(session, reply(asked, state))
    assert isinstance(event, NotReady)
    assert re.search(cause, event.cause)
    assert sent(session) == []


def test_opend_with_status_ready_is_ready() -> None:
    """Program status Ready and a quote login are what it takes."""
    session, asked = checking()
    status = Common_pb2.ProgramStatus(type=Common_pb2.ProgramStatusType_Ready)
    (told,) = take(session, reply(asked, global_state(status=status)))
    assert isinstance(told, MarketStates)
    assert session.phase is Phase.SUBSCRIBING


def test_opend_that_is_not_ready_is_asked_again_in_time() -> None:
    """The question is repeated after the interval, by the deadline that the session names."""
    session, asked = checking()
    take(session, reply(asked, global_state(qot_logined=False)), now=1)
    assert session.next_deadline() == 1 + CHECK_INTERVAL_S
    tick(session, 1 + CHECK_INTERVAL_S)
    assert sent_one(session).proto_id == ProtoId.GET_GLOBAL_STATE


def test_opend_that_is_not_ready_is_not_asked_too_early() -> None:
    """Before the interval is over, nothing is asked."""
    session, asked = checking()
    take(session, reply(asked, global_state(qot_logined=False)), now=1)
    tick(session, 1 + CHECK_INTERVAL_S - 0.01)
    assert sent(session) == []


def test_opend_that_becomes_ready_is_subscribed() -> None:
    """An OpenD that was not ready at first gets the same requests once it is."""
    session, asked = checking(TICKER)
    take(session, reply(asked, global_state(qot_logined=False)))
    tick(session, CHECK_INTERVAL_S)
    _, *events = converse(session, accepted)
    assert events == [QuotaSeen(0, 10_000), Subscribed((TICKER,)), Live(1, 0)]

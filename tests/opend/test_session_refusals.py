"""What OpenD refuses, and replies that cannot be read."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opend_kafka.errors import (
    ReplyUnreadable,
    RequestRefused,
)
from opend_kafka.opend.events import (
    Event,
    Live,
    Subscribed,
    SubscriptionRefused,
)
from opend_kafka.opend.frames import Frame, encode
from opend_kafka.opend.messages import ProtoId, decode_request
from opend_kafka.opend.pb import (
    GetGlobalState_pb2,
    InitConnect_pb2,
    Qot_Sub_pb2,
)
from opend_kafka.opend.securities import Security
from opend_kafka.opend.subscriptions import Subscription, Subtype
from tests.opend.conversation import (
    BOOK,
    GARBAGE,
    TICKER,
    accepted,
    checking,
    converse,
    opened,
    refused,
    reply,
    subscribing,
    take,
    wanted_of,
)


def refusing(*bad: Subscription) -> Callable[[Frame], bytes]:
    """Give an OpenD that refuses every request in which one of these is, as OpenD does."""

    def answer(request: Frame) -> bytes:
        if request.proto_id == ProtoId.QOT_SUB:
            c2s = decode_request(request.proto_id, request.body)
            pairs = product(((one.market, one.code) for one in c2s.securityList), c2s.subTypeList)
            if any(pair in forbidden for pair in pairs):
                return reply(request, refused(request))
        return accepted(request)

    forbidden = {
        ((one.security.market_number, one.security.code), one.subtype.number) for one in bad
    }
    return answer


def outcome(events: list[Event]) -> tuple[set[Subscription], set[Subscription]]:
    """Give what stands and what was refused."""
    standing = {
        one for event in events if isinstance(event, Subscribed) for one in event.subscriptions
    }
    return standing, {
        event.subscription for event in events if isinstance(event, SubscriptionRefused)
    }


def test_bad_code_among_many_is_isolated() -> None:
    """One code that OpenD refuses is named with OpenD's words; all others stand."""
    wanted = wanted_of(100)
    bad = [one for one in wanted if one.security.code == "00042"]
    session, init = opened(*wanted)
    take(session, accepted(init))
    events = converse(session, refusing(*bad))
    assert outcome(events) == (set(wanted) - set(bad), set(bad))
    assert events[-1] == Live(standing=198, refused=2)


def test_bad_subtype_of_one_code_is_isolated() -> None:
    """Where OpenD refuses one subtype of a code, the code's other subtype stands."""
    session, init = opened(TICKER, BOOK)
    take(session, accepted(init))
    events = converse(session, refusing(BOOK))
    assert outcome(events) == ({TICKER}, {BOOK})


def test_refused_subscription_carries_words_of_opend() -> None:
    """The refusal says what OpenD said."""
    session, (asked,) = subscribing(TICKER)
    event, end = take(session, reply(asked, refused(asked)))
    assert isinstance(event, SubscriptionRefused)
    assert (event.subscription, event.error.ret_msg, end) == (TICKER, "no", Live(0, 1))


def test_bad_code_is_isolated_in_few_requests() -> None:
    """Halving takes about two requests a halving, not one a code."""
    wanted = [Subscription(Security("HK", f"{number:05}"), Subtype.TICKER) for number in range(100)]
    answer = refusing(wanted[41])
    asked = []

    def counting(request: Frame) -> bytes:
        asked.append(request)
        return answer(request)

    session, init = opened(*wanted)
    take(session, accepted(init))
    converse(session, counting)
    subs = [one for one in asked if one.proto_id == ProtoId.QOT_SUB]
    assert len(subs) <= 1 + 2 * 7


@settings(max_examples=50)
@given(st.integers(1, 12), st.data())
def test_any_set_of_bad_ones_is_isolated(count: int, data: st.DataObject) -> None:
    """Whichever OpenD refuses, exactly those are refused, and live is said once, at the end."""
    wanted = wanted_of(count)
    bad = data.draw(st.sets(st.sampled_from(wanted)))
    session, init = opened(*wanted)
    take(session, accepted(init))
    events = converse(session, refusing(*bad))
    assert outcome(events) == (set(wanted) - bad, bad)
    said = [event for event in events if isinstance(event, Live)]
    assert said == events[-1:] == [Live(len(wanted) - len(bad), len(bad))]


def test_refused_init_connect_ends_session() -> None:
    """An OpenD that refuses the connection ends it, with its own words."""
    session, init = opened()
    with pytest.raises(RequestRefused, match=r"refused InitConnect \(1001\): no"):
        take(session, reply(init, refused(init)))


def test_refused_question_for_state_ends_session() -> None:
    """An OpenD that does not tell its state cannot be used."""
    session, asked = checking()
    with pytest.raises(RequestRefused, match="GetGlobalState"):
        take(session, reply(asked, refused(asked)))


# Replies that cannot be read


def test_malformed_reply_is_unreadable() -> None:
    """A reply that is not its message ends the session, and the text names it."""
    session, init = opened()
    with pytest.raises(ReplyUnreadable, match=r"InitConnect \(1001\)"):
        take(session, encode(Frame(init.proto_id, init.serial, GARBAGE)))


def test_init_connect_reply_without_s2c_is_unreadable() -> None:
    """A success that carries no connection number and no interval is no login."""
    session, init = opened()
    with pytest.raises(ReplyUnreadable):
        take(session, reply(init, InitConnect_pb2.Response(retType=0)))


def test_global_state_reply_without_s2c_is_unreadable() -> None:
    """A success without a state says nothing about OpenD, not that it is logged out."""
    session, asked = checking()
    with pytest.raises(ReplyUnreadable):
        take(session, reply(asked, GetGlobalState_pb2.Response(retType=0)))


def test_qot_sub_reply_without_s2c_is_success() -> None:
    """Qot_Sub's reply has nothing to carry: OpenD sends no s2c with it."""
    session, (asked,) = subscribing(TICKER)
    bare = Qot_Sub_pb2.Response(retType=0)
    assert take(session, reply(asked, bare)) == [Subscribed((TICKER,)), Live(1, 0)]

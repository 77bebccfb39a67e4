"""What is asked of OpenD so that what is wanted stands: rounds, refusals, quota, the 60 s rule."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise, product
from math import ceil, log2
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from opend_kafka.errors import RequestRefused
from opend_kafka.opend.events import (
    QuotaShort,
    Subscribed,
    SubscriptionRefused,
    SubscriptionsLost,
    Unsubscribed,
    UnsubscribeRefused,
)
from opend_kafka.opend.pb import Qot_Common_pb2, Qot_GetSubInfo_pb2, Qot_Sub_pb2
from opend_kafka.opend.reconciler import (
    MIN_HOLD_S,
    RETRY_REFUSED_MAX_S,
    RETRY_REFUSED_S,
    SUB_INFO_INTERVAL_S,
    Ask,
    AskSub,
    AskSubInfo,
    Reconciler,
    ReconcilerEvent,
)
from opend_kafka.opend.securities import Security
from opend_kafka.opend.subscriptions import Subscription, Subtype, Terms, TradingSession

#: A market's number and code, and a SubType number.
Feed = tuple[int, str, int]

PLAIN = Terms()
REFUSAL = RequestRefused("Qot_Sub (3001)", -1, 400, "no")


def tickers(count: int, terms: Terms = PLAIN) -> list[Subscription]:
    """Give the ticker of so many securities."""
    return [
        Subscription(Security("US", f"C{number}"), Subtype.TICKER, terms) for number in range(count)
    ]


def feed_of(one: Subscription) -> Feed:
    """Give what stands for it on the wire."""
    return one.security.market_number, one.security.code, one.subtype.number


def feeds_of(request: Qot_Sub_pb2.Request) -> list[Feed]:
    """Give what a request is about."""
    pairs = product(request.c2s.securityList, request.c2s.subTypeList)
    return [(security.market, security.code, subtype) for security, subtype in pairs]


class OpenD:
    """Grants and refuses as OpenD does, in as few lines as show it."""

    def __init__(self, quota: int = 1000) -> None:
        self.quota = quota
        self.unknown: set[str] = set()
        self.sticky: set[str] = set()  # unsubscribing these is refused
        self.own: dict[Feed, float] = {}  # and when it was subscribed
        self.terms: dict[Feed, tuple[int, bool]] = {}
        self.others: set[Feed] = set()
        self.closed: dict[Feed, float] = {}  # until when the quota holds it
        self.refuses_sub_info = False
        self.frees_at_close = False

    def used(self, now: float) -> set[Feed]:
        """Give what the quota is used for."""
        closed = {feed for feed, until in self.closed.items() if until > now}
        return closed | self.others | set(self.own)

    def close(self) -> None:
        """End the connection; what was subscribed less than 60 s ago holds its quota."""
        if not self.frees_at_close:
            self.closed |= {feed: since + 60 for feed, since in self.own.items()}
        self.own.clear()

    def answer(self, ask: Ask, now: float) -> tuple[Any, RequestRefused | None]:
        """Give the s2c of the reply, or the refusal."""
        request = ask.request()
        if isinstance(request, Qot_Sub_pb2.Request):
            granted = (
                self.sub(request, now) if request.c2s.isSubOrUnSub else self.unsub(request, now)
            )
            return (Qot_Sub_pb2.S2C(), None) if granted else (None, REFUSAL)
        if self.refuses_sub_info:
            return None, REFUSAL
        return self.sub_info(now, everyone=request.c2s.isReqAllConn), None

    def sub(self, request: Qot_Sub_pb2.Request, now: float) -> bool:
        """Subscribe all of it, or nothing."""
        feeds = feeds_of(request)
        if any(code in self.unknown for _, code, _ in feeds):
            return False
        if set(feeds) - self.used(now) and len(self.used(now) | set(feeds)) > self.quota:
            return False
        self.own |= dict.fromkeys(feeds, now)
        terms = request.c2s.session, request.c2s.isSubOrderBookDetail
        self.terms |= dict.fromkeys(feeds, terms)
        return True

    def unsub(self, request: Qot_Sub_pb2.Request, now: float) -> bool:
        """Unsubscribe all of it, or nothing."""
        feeds = feeds_of(request)
        held = [feed for feed in feeds if feed in self.own]
        assert all(now - self.own[feed] >= 60 for feed in held), "unsubscribed too early"
        if any(code in self.sticky for _, code, _ in feeds):
            return False
        for feed in held:
            del self.own[feed]
        return True

    def sub_info(self, now: float, *, everyone: bool) -> Qot_GetSubInfo_pb2.S2C:
        """Tell what stands and what quota is left."""
        conns = [conn_sub_info(self.own, is_own=True)]
        if everyone:
            conns.append(conn_sub_info(self.others, is_own=False))
        used = len(self.used(now))
        return Qot_GetSubInfo_pb2.S2C(
            connSubInfoList=conns, totalUsedQuota=used, remainQuota=self.quota - used
        )


def conn_sub_info(feeds: Iterable[Feed], *, is_own: bool) -> Qot_Common_pb2.ConnSubInfo:
    """Tell what one connection holds."""
    rows = [
        Qot_Common_pb2.SubInfo(
            subType=subtype, securityList=[Qot_Common_pb2.Security(market=market, code=code)]
        )
        for market, code, subtype in feeds
    ]
    return Qot_Common_pb2.ConnSubInfo(subInfoList=rows, usedQuota=len(rows), isOwnConnData=is_own)


class Talk:
    """A reconciler that talks with an OpenD, from its connection at time 0 on."""

    def __init__(self, wanted: Iterable[Subscription], opend: OpenD | None = None) -> None:
        self.opend = opend or OpenD()
        self.reconciler = Reconciler(wanted)
        self.reconciler.connected(0)
        self.asked: list[Ask] = []

    def at(self, now: float) -> list[ReconcilerEvent]:
        """Ask and answer until nothing more is asked at this time; collect the events."""
        events: list[ReconcilerEvent] = []
        while asks := self.reconciler.asks(now):
            self.asked += asks
            for ask in asks:
                events += self.reconciler.on_reply(ask, *self.opend.answer(ask, now), now)
        return events

    def subs(self) -> list[AskSub]:
        """Take the Qot_Subs that were asked since the last call."""
        subs = [ask for ask in self.asked if isinstance(ask, AskSub)]
        self.asked.clear()
        return subs

    def stands(self) -> set[Feed]:
        """Give what stands at OpenD."""
        return set(self.opend.own)


def settled(wanted: Iterable[Subscription], opend: OpenD | None = None) -> Talk:
    """Give a talk in which OpenD has answered all at time 0."""
    talk = Talk(wanted, opend)
    talk.at(0)
    talk.asked.clear()
    return talk


def singles(asks: Iterable[AskSub]) -> list[Subscription]:
    """Give what is asked for, one by one."""
    return [one for ask in asks for one in ask.batch.subscriptions()]


# Rounds


def test_first_round_looks_at_quota() -> None:
    """Before anything is subscribed, OpenD is asked what stands and what quota is left."""
    assert Talk(tickers(1)).reconciler.asks(0) == [AskSubInfo()]


def test_sub_info_is_asked_of_all_connections() -> None:
    """What another connection holds costs no more quota, so their lists are asked for, too."""
    assert AskSubInfo().request().c2s.isReqAllConn


def test_250_codes_make_three_requests() -> None:
    """A hundred codes go into one request."""
    talk = Talk(tickers(250))
    talk.at(0)
    assert [len(ask.batch.securities) for ask in talk.subs()] == [100, 100, 50]


def test_everything_granted_stands() -> None:
    """What OpenD takes is told and stands."""
    wanted = tickers(3)
    talk = Talk(wanted)
    assert talk.at(0) == [Subscribed(tuple(wanted))]
    assert talk.reconciler.standing == set(wanted)


def test_nothing_is_asked_while_reply_is_awaited() -> None:
    """A round waits for all replies of the one before."""
    talk = Talk(tickers(1))
    talk.reconciler.asks(0)
    assert talk.reconciler.asks(1000) == []


def test_deadline_is_none_while_reply_is_awaited() -> None:
    """It is the reply that brings things on; time-outs are the session's."""
    talk = Talk(tickers(1))
    talk.reconciler.asks(0)
    assert talk.reconciler.next_deadline() == float("inf")


def test_sub_info_is_asked_again_in_time() -> None:
    """The look at what stands is repeated, by the deadline that is named."""
    talk = settled(tickers(1))
    assert talk.reconciler.next_deadline() == SUB_INFO_INTERVAL_S
    talk.at(SUB_INFO_INTERVAL_S)
    assert talk.asked == [AskSubInfo()]


def test_nothing_is_asked_before_deadline() -> None:
    """While all stands, nothing is asked until the next look."""
    assert settled(tickers(1)).reconciler.asks(SUB_INFO_INTERVAL_S - 0.01) == []


def test_new_connection_asks_for_all_again() -> None:
    """Nothing stands on a new connection."""
    wanted = tickers(2)
    talk = settled(wanted)
    talk.opend.close()
    talk.reconciler.connected(100)
    assert talk.reconciler.standing == frozenset()
    assert talk.at(100) == [Subscribed(tuple(wanted))]


def test_request_of_lost_connection_is_not_awaited() -> None:
    """A reply that can never come holds up nothing."""
    talk = Talk(tickers(1))
    talk.reconciler.asks(0)
    talk.reconciler.connected(5)
    assert talk.reconciler.asks(5) == [AskSubInfo()]


# What OpenD refuses


@pytest.mark.parametrize("bad", [0, 41, 50, 99])
def test_bad_code_among_hundred_is_found_in_few_requests(bad: int) -> None:
    """Halving takes two requests a level after the first."""
    wanted = tickers(100)
    talk = Talk(wanted)
    talk.opend.unknown = {f"C{bad}"}
    talk.at(0)
    assert len(talk.subs()) <= 2 * ceil(log2(100)) + 1


def test_bad_code_is_named_and_others_stand() -> None:
    """The one that OpenD refuses is told with OpenD's words; all others stand."""
    wanted = tickers(100)
    talk = Talk(wanted)
    talk.opend.unknown = {"C41"}
    events = talk.at(0)
    assert [one for one in events if not isinstance(one, Subscribed)] == [
        SubscriptionRefused(wanted[41], REFUSAL)
    ]
    assert talk.reconciler.standing == set(wanted) - {wanted[41]}
    assert talk.reconciler.refused == {wanted[41]: REFUSAL}


def test_requests_beside_bad_code_wait_for_nothing() -> None:
    """Requests without a bad code are granted in the first round."""
    talk = Talk(tickers(250))
    talk.opend.unknown = {"C0"}
    for ask in talk.reconciler.asks(0):
        list(talk.reconciler.on_reply(ask, *talk.opend.answer(ask, 0), 0))
    for ask in talk.reconciler.asks(0):
        list(talk.reconciler.on_reply(ask, *talk.opend.answer(ask, 0), 0))
    assert len(talk.reconciler.standing) == 150


def test_refused_one_is_not_retried_early() -> None:
    """OpenD's no stands for a minute."""
    talk = Talk(tickers(2))
    talk.opend.unknown = {"C0"}
    talk.at(0)
    talk.subs()
    talk.at(RETRY_REFUSED_S - 0.01)
    assert talk.subs() == []


def test_refused_ones_are_retried_alone() -> None:
    """Each is asked for by itself: none can spoil another's try."""
    talk = Talk(tickers(3))
    talk.opend.unknown = {"C0", "C1"}
    talk.at(0)
    talk.subs()
    talk.at(RETRY_REFUSED_S)
    assert [len(ask.batch.securities) for ask in talk.subs()] == [1, 1]


def test_refused_one_is_retried_ever_more_slowly() -> None:
    """The pauses double up to a quarter of an hour, and each refusal is told."""
    talk = Talk(tickers(1))
    talk.opend.unknown = {"C0"}
    refused_at = [now for now in range(0, 3000, 10) if talk.at(now)]
    pauses = [after - before for before, after in pairwise(refused_at)]
    assert pauses == [RETRY_REFUSED_S, 120, 240, 480, RETRY_REFUSED_MAX_S, RETRY_REFUSED_MAX_S]


def test_retry_that_succeeds_is_subscribed() -> None:
    """A code that OpenD comes to know stands from the next try on."""
    wanted = tickers(1)
    talk = Talk(wanted)
    talk.opend.unknown = {"C0"}
    talk.at(0)
    talk.opend.unknown.clear()
    assert talk.at(RETRY_REFUSED_S) == [Subscribed(tuple(wanted))]
    assert talk.reconciler.refused == {}


def test_refusal_after_success_begins_anew() -> None:
    """A success resets the pauses."""
    talk = Talk(tickers(1))
    talk.opend.unknown = {"C0"}
    talk.at(0)
    talk.at(60)
    talk.opend.unknown.clear()
    talk.at(180)
    talk.opend.unknown = {"C0"}
    talk.opend.own.clear()
    talk.at(240)
    talk.subs()
    talk.at(240 + RETRY_REFUSED_S)
    assert len(talk.subs()) == 1


def test_new_terms_are_tried_at_once() -> None:
    """A refusal speaks of the terms that were asked; a changed wish is asked afresh."""
    talk = Talk(tickers(1))
    talk.opend.unknown = {"C0"}
    talk.at(0)
    talk.opend.unknown.clear()
    changed = tickers(1, Terms(session=TradingSession.ALL))
    talk.reconciler.want(changed, 1)
    assert talk.at(1) == [Subscribed(tuple(changed))]


def test_refusals_outlive_connection() -> None:
    """A new connection does not search for the known bad ones again."""
    talk = Talk(tickers(100))
    talk.opend.unknown = {"C41"}
    talk.at(0)
    talk.opend.close()
    talk.reconciler.connected(30)
    talk.subs()
    talk.at(30)
    assert [len(ask.batch.securities) for ask in talk.subs()] == [99]


def test_refusal_of_dropped_wish_is_not_told() -> None:
    """What is not wanted any more, by the time of OpenD's no, is no trouble."""
    talk = Talk(tickers(1))
    talk.opend.unknown = {"C0"}
    (info,) = talk.reconciler.asks(0)
    list(talk.reconciler.on_reply(info, *talk.opend.answer(info, 0), 0))
    (ask,) = talk.reconciler.asks(0)
    talk.reconciler.want([], 0)
    assert list(talk.reconciler.on_reply(ask, *talk.opend.answer(ask, 0), 0)) == []
    assert talk.reconciler.refused == {}


# Quota


def test_quota_is_not_exceeded() -> None:
    """Only as much is asked for as the quota has left, in the order of the wish."""
    wanted = tickers(5)
    talk = Talk(wanted, OpenD(quota=3))
    talk.at(0)
    assert singles(talk.subs()) == wanted[:3]


def test_what_does_not_fit_is_named() -> None:
    """What the quota is too short for is told by name, with the numbers."""
    wanted = tickers(5)
    talk = Talk(wanted, OpenD(quota=3))
    assert talk.at(0)[-1] == QuotaShort(tuple(wanted[3:]), quota=3, remaining=0)
    assert talk.reconciler.waiting == tuple(wanted[3:])


def test_changed_quota_is_looked_at_at_once_where_something_waits_for_it() -> None:
    """OpenD says that its quota has changed: there may be room now."""
    talk = settled(tickers(5), OpenD(quota=3))
    talk.opend.quota = 5
    talk.reconciler.quota_changed(7)
    talk.at(7)
    assert talk.reconciler.waiting == ()


def test_changed_quota_is_nobodys_concern_where_all_fits() -> None:
    """Each subscription of ours changes it, too."""
    talk = settled(tickers(3), OpenD(quota=5))
    talk.reconciler.quota_changed(7)
    assert talk.reconciler.asks(7) == []


def test_short_quota_is_told_once() -> None:
    """The same list is not told at every look, nor on a new connection."""
    talk = settled(tickers(5), OpenD(quota=3))
    later = talk.at(60)
    talk.opend.close()
    talk.reconciler.connected(200)
    later += talk.at(200)
    assert not any(isinstance(event, QuotaShort) for event in later)


def test_short_quota_is_told_when_it_changes() -> None:
    """A shorter list is news."""
    wanted = tickers(5)
    talk = settled(wanted, OpenD(quota=3))
    talk.opend.quota = 4
    assert talk.at(60) == [
        Subscribed((wanted[3],)),
        QuotaShort((wanted[4],), quota=4, remaining=0),
    ]


def test_short_quota_is_not_told_while_bad_code_takes_its_place() -> None:
    """Quota that a refused one gives back goes to the next, and nothing is told of shortness."""
    wanted = tickers(2)
    talk = Talk(wanted, OpenD(quota=1))
    talk.opend.unknown = {"C0"}
    assert talk.at(0) == [
        SubscriptionRefused(wanted[0], REFUSAL),
        Subscribed((wanted[1],)),
    ]


def test_retry_without_quota_waits_for_its_next_turn() -> None:
    """A refused one is not asked for where nothing is left, and the driver does not spin."""
    talk = Talk(tickers(2), OpenD(quota=1))
    talk.opend.unknown = {"C0"}
    talk.at(0)
    talk.subs()
    assert talk.at(60) == []
    assert talk.subs() == []
    assert talk.reconciler.next_deadline() == 120


def test_quota_used_by_others_is_left_to_them() -> None:
    """One OpenD has one quota for all its connections."""
    opend = OpenD(quota=3)
    opend.others = {(1, "00700", 4), (1, "00700", 1)}
    talk = Talk(tickers(3), opend)
    talk.at(0)
    assert len(singles(talk.subs())) == 1


def test_what_others_hold_costs_nothing() -> None:
    """A subscription costs 1, however many connections hold it."""
    wanted = tickers(3)
    opend = OpenD(quota=3)
    opend.others = set(map(feed_of, wanted))
    talk = settled(wanted, opend)
    assert talk.reconciler.standing == set(wanted)


def test_what_own_closed_connection_holds_costs_nothing() -> None:
    """A link that breaks within a minute finds its quota used by itself, and takes it over."""
    wanted = tickers(3)
    talk = settled(wanted, OpenD(quota=3))
    talk.opend.close()
    talk.reconciler.connected(10)
    assert talk.at(10) == [Subscribed(tuple(wanted))]


def test_what_closed_connection_and_others_hold_costs_nothing() -> None:
    """What both hold is counted once, as OpenD counts it."""
    wanted = tickers(3)
    talk = settled(wanted, OpenD(quota=3))
    talk.opend.others = {feed_of(wanted[0])}
    talk.opend.close()
    talk.reconciler.connected(10)
    assert talk.at(10) == [Subscribed(tuple(wanted))]


def test_closed_connection_holds_quota_for_60_s_only() -> None:
    """What an earlier one has held too long ago is out of the account."""
    first, second, third = tickers(3)
    talk = settled([first], OpenD(quota=2))
    talk.opend.close()
    talk.reconciler.want([second, third], 30)
    talk.reconciler.connected(30)
    talk.at(30)
    talk.opend.close()
    talk.reconciler.connected(70)
    assert talk.at(70) == [Subscribed((second, third))]


def test_quota_freed_by_closed_connection_is_not_counted_twice() -> None:
    """Where OpenD holds nothing for a closed connection, its numbers show it, and bind."""
    wanted = tickers(5)
    talk = settled(wanted, OpenD(quota=3))
    talk.opend.frees_at_close = True
    talk.opend.close()
    talk.reconciler.connected(10)
    talk.at(10)
    assert singles(talk.subs()) == wanted[:3]


def test_overdrawn_quota_asks_for_nothing() -> None:
    """A quota below zero, as after a change of tier, is none."""
    opend = OpenD(quota=1)
    opend.others = {(1, "00700", 4), (1, "00700", 1)}
    talk = Talk(tickers(1), opend)
    talk.at(0)
    assert talk.subs() == []


def test_unknown_quota_bounds_nothing() -> None:
    """An OpenD that does not tell its quota is asked for all."""
    talk = Talk(tickers(3))
    talk.opend.refuses_sub_info = True
    talk.at(0)
    assert len(singles(talk.subs())) == 3


def test_quota_of_lost_connection_bounds_nothing() -> None:
    """What was known before a new connection may be long past."""
    talk = settled(tickers(3), OpenD(quota=3))
    talk.opend.refuses_sub_info = True
    talk.opend.close()
    talk.reconciler.connected(100)
    assert talk.at(100) == [Subscribed(tuple(tickers(3)))]


def test_nothing_waits_for_quota_on_new_connection_before_look() -> None:
    """On a new connection it is open what will fit."""
    talk = settled(tickers(3), OpenD(quota=1))
    talk.reconciler.connected(100)
    assert talk.reconciler.waiting == ()


def test_dropped_wish_does_not_wait_for_quota() -> None:
    """What is not wanted any more waits for nothing."""
    wanted = tickers(3)
    talk = settled(wanted, OpenD(quota=1))
    talk.reconciler.want(wanted[:2], 5)
    assert talk.reconciler.waiting == (wanted[1],)


# What stands


def test_lost_subscription_is_told_and_asked_for_again() -> None:
    """What OpenD had taken and does not list any more is subscribed anew."""
    wanted = tickers(3)
    talk = settled(wanted)
    del talk.opend.own[feed_of(wanted[1])]
    assert talk.at(60) == [SubscriptionsLost((wanted[1],)), Subscribed((wanted[1],))]


def test_lost_subscription_that_is_unwanted_is_not_told() -> None:
    """What was to go anyway is no loss."""
    talk = settled(tickers(1))
    talk.reconciler.want([], 5)
    talk.opend.own.clear()
    assert talk.at(5) == []


def test_refused_one_that_is_listed_is_not_unsubscribed() -> None:
    """Where OpenD says no and subscribes all the same, the wish is tried again, not ended."""
    talk = Talk(tickers(1))
    talk.opend.unknown = {"C0"}
    talk.at(0)
    talk.opend.own[(11, "C0", 4)] = 0
    talk.subs()
    for now in range(60, 200, 10):
        talk.at(now)
    assert all(ask.subscribe for ask in talk.subs())


def test_sub_info_without_content_loses_nothing() -> None:
    """A success that carries no list does not say that the list is empty."""
    wanted = tickers(3)
    talk = settled(wanted)
    (ask,) = talk.reconciler.asks(60)
    assert list(talk.reconciler.on_reply(ask, Qot_GetSubInfo_pb2.S2C(), None, 60)) == []
    assert talk.reconciler.standing == set(wanted)


def test_subscription_of_other_connection_does_not_stand() -> None:
    """Only this connection's own list says what stands for it."""
    wanted = tickers(1)
    talk = settled(wanted)
    talk.opend.others = set(talk.opend.own)
    talk.opend.own.clear()
    assert talk.at(60)[0] == SubscriptionsLost(tuple(wanted))


@pytest.mark.parametrize("feed", [(9999, "X", 4), (11, "C0", 9999)])
def test_market_or_subtype_newer_than_tables_is_ignored(feed: Feed) -> None:
    """What has no name here was not subscribed from here."""
    talk = settled(tickers(1))
    talk.opend.own[feed] = 0
    assert talk.at(60) == []


def test_stray_that_was_never_asked_for_is_left_alone() -> None:
    """OpenD may list a contract under another code than was asked: that one must not be ended."""
    talk = settled([])
    talk.opend.own[(11, "C0", 4)] = 0
    for now in range(60, 600, 10):
        talk.at(now)
    assert talk.subs() == []


def test_stray_that_was_asked_for_is_dropped() -> None:
    """What OpenD has let go, and lists all the same, is unsubscribed again."""
    talk = settled(tickers(1))
    talk.reconciler.want([], 60)
    talk.at(60)
    talk.opend.own[(11, "C0", 4)] = 60
    talk.at(120)
    talk.at(180)
    assert talk.stands() == set()


# A new wish


def test_new_wish_adds_without_touching_rest() -> None:
    """Only what is new is asked for."""
    wanted = tickers(3)
    talk = settled(wanted[:2])
    talk.reconciler.want(wanted, 5)
    assert talk.at(5) == [Subscribed((wanted[2],))]


def test_new_wish_looks_at_quota_first() -> None:
    """What others have taken since the last look is known before asking."""
    talk = settled([])
    talk.reconciler.want(tickers(1), 5)
    assert talk.reconciler.asks(5) == [AskSubInfo()]


def test_same_wish_asks_for_nothing() -> None:
    """A reload of an unchanged file subscribes nothing."""
    talk = settled(tickers(3))
    talk.reconciler.want(tickers(3), 5)
    talk.at(5)
    assert talk.subs() == []


def test_unwanted_one_is_unsubscribed_after_60_s() -> None:
    """What is not wanted any more is let go as soon as OpenD allows it."""
    wanted = tickers(3)
    talk = settled(wanted)
    talk.reconciler.want(wanted[:2], 5)
    assert talk.at(MIN_HOLD_S) == [Unsubscribed((wanted[2],))]
    assert talk.stands() == set(map(feed_of, wanted[:2]))


def test_unwanted_one_is_kept_for_60_s() -> None:
    """Unsubscribing earlier would be refused."""
    talk = settled(tickers(1))
    talk.reconciler.want([], 5)
    talk.at(MIN_HOLD_S - 0.01)
    assert talk.subs() == []


def test_unwanted_one_of_lost_connection_is_not_unsubscribed() -> None:
    """It went with its connection; the new one holds nothing of it."""
    talk = settled(tickers(1))
    talk.reconciler.want([], 5)
    talk.opend.refuses_sub_info = True
    talk.opend.close()
    talk.reconciler.connected(100)
    talk.at(100)
    assert talk.subs() == []


def test_deadline_is_end_of_60_s() -> None:
    """The driver is told when an unwanted one may go."""
    talk = settled([])
    talk.reconciler.want(tickers(1), 30)
    talk.at(30)
    talk.reconciler.want([], 31)
    talk.at(31)
    assert talk.reconciler.next_deadline() == 90


def test_one_that_is_wanted_again_within_60_s_stays() -> None:
    """A wish that comes back in time costs nothing."""
    wanted = tickers(1)
    talk = settled(wanted)
    talk.reconciler.want([], 5)
    talk.at(5)
    talk.reconciler.want(wanted, 50)
    talk.at(70)
    assert talk.subs() == []


def test_freed_quota_goes_to_those_that_wait() -> None:
    """What is unsubscribed makes room at once, as OpenD's numbers say."""
    wanted = tickers(2)
    talk = settled(wanted, OpenD(quota=1))
    talk.reconciler.want(wanted[1:], 5)
    assert talk.at(60) == [Unsubscribed((wanted[0],)), Subscribed((wanted[1],))]


def test_changed_terms_are_unsubscribed_then_subscribed() -> None:
    """New hours or details take a new subscription, once the old one is gone."""
    old, new = tickers(1), tickers(1, Terms(session=TradingSession.ALL))
    talk = settled(old)
    talk.reconciler.want(new, 5)
    assert talk.at(MIN_HOLD_S) == [Unsubscribed(tuple(old)), Subscribed(tuple(new))]


def test_changed_terms_wait_60_s() -> None:
    """Until OpenD allows it, the old terms go on."""
    talk = settled(tickers(1))
    talk.reconciler.want(tickers(1, Terms(session=TradingSession.ALL)), 5)
    talk.at(MIN_HOLD_S - 0.01)
    assert talk.subs() == []


def test_changed_first_push_changes_nothing() -> None:
    """The first push matters only when asking."""
    talk = settled(tickers(1))
    talk.reconciler.want(tickers(1, Terms(first_push=False)), 5)
    talk.at(1000)
    assert talk.subs() == []


def test_refused_unsubscription_is_tried_again() -> None:
    """An OpenD that does not let go is asked again a minute later, and it is told."""
    wanted = tickers(1)
    talk = settled(wanted)
    talk.opend.sticky = {"C0"}
    talk.reconciler.want([], 5)
    assert talk.at(60) == [UnsubscribeRefused(wanted[0], REFUSAL)]
    talk.opend.sticky.clear()
    assert talk.at(119) == []
    assert talk.at(120) == [Unsubscribed(tuple(wanted))]


def test_refused_unsubscription_holds_no_other() -> None:
    """One that cannot be let go is isolated as a bad code is."""
    wanted = tickers(10)
    talk = settled(wanted)
    talk.opend.sticky = {"C3"}
    talk.reconciler.want([], 5)
    talk.at(60)
    assert talk.stands() == {feed_of(wanted[3])}


# Once more


def test_resubscribed_one_is_asked_for_again() -> None:
    """OpenD gets the same Qot_Sub once more, at once and once; it is told as subscribed."""
    wanted = tickers(3)
    talk = settled(wanted)
    talk.reconciler.resubscribe(wanted[:1], 5)
    assert talk.reconciler.next_deadline() == 5
    assert talk.at(5) == [Subscribed((wanted[0],))]
    assert singles(talk.subs()) == [wanted[0]]
    assert talk.at(30) == []


def test_resubscribed_one_is_not_unsubscribed_before() -> None:
    """OpenD would refuse that within 60 s, and stop the pushes of one that was only quiet."""
    wanted = tickers(1)
    talk = settled(wanted)
    talk.reconciler.resubscribe(wanted, 5)
    assert talk.reconciler.standing == set(wanted)
    talk.at(5)
    assert all(ask.subscribe for ask in talk.subs())


def test_resubscribed_one_stands_and_is_settled_meanwhile() -> None:
    """Nothing is worse for it while OpenD is asked."""
    wanted = tickers(1)
    talk = settled(wanted)
    talk.reconciler.resubscribe(wanted, 5)
    assert talk.reconciler.asks(5)
    assert talk.reconciler.standing == set(wanted)
    assert talk.reconciler.settled


def test_resubscribed_one_costs_no_quota() -> None:
    """It is OpenD's already, also where nothing is left."""
    wanted = tickers(2)
    talk = settled(wanted, OpenD(quota=2))
    talk.reconciler.resubscribe(wanted, 5)
    assert talk.at(5) == [Subscribed(tuple(wanted))]
    assert talk.reconciler.remaining == 0


def test_resubscribed_one_is_held_for_60_s_anew() -> None:
    """Whether OpenD counts from the first time or from the last, the unsubscription is granted."""
    wanted = tickers(1)
    talk = settled(wanted)
    talk.at(30)
    talk.reconciler.resubscribe(wanted, 30)
    talk.at(30)
    talk.reconciler.want([], 31)
    talk.at(60)
    assert talk.stands() == set(map(feed_of, wanted))
    talk.at(90)
    assert talk.stands() == set()


def test_resubscribed_one_that_is_refused_is_a_refused_one() -> None:
    """OpenD's no is told, shown, and tried again, and spoils nobody else's turn."""
    wanted = tickers(4)
    talk = settled(wanted)
    talk.opend.unknown = {"C2"}
    talk.reconciler.resubscribe(wanted, 5)
    events = talk.at(5)
    assert SubscriptionRefused(wanted[2], REFUSAL) in events
    assert talk.reconciler.standing == set(wanted) - {wanted[2]}
    talk.opend.unknown.clear()
    talk.at(5 + RETRY_REFUSED_S)
    assert talk.reconciler.standing == set(wanted)


@pytest.mark.parametrize("wish", [[], tickers(1, Terms(session=TradingSession.ALL))])
def test_one_that_is_not_wanted_so_any_more_is_not_resubscribed(wish: list[Subscription]) -> None:
    """What is to go, or to stand on other terms, is not asked for on the old ones."""
    wanted = tickers(1)
    talk = settled(wanted)
    talk.reconciler.resubscribe(wanted, 5)
    talk.reconciler.want(wish, 5)
    talk.reconciler.resubscribe(wanted, 5)
    talk.at(5)
    assert talk.subs() == []


def test_one_that_does_not_stand_is_not_resubscribed() -> None:
    """A refused one waits for its own turn."""
    talk = Talk(tickers(1))
    talk.opend.unknown = {"C0"}
    talk.at(0)
    talk.subs()
    talk.reconciler.resubscribe(tickers(1), 5)
    talk.at(5)
    assert talk.subs() == []


def test_resubscription_ends_with_its_connection() -> None:
    """On the next one, everything is asked for anyway, once."""
    wanted = tickers(1)
    talk = settled(wanted)
    talk.reconciler.resubscribe(wanted, 5)
    talk.opend.close()
    talk.reconciler.connected(100)
    assert talk.at(100) == [Subscribed(tuple(wanted))]


# Settled


def test_reconciler_is_not_settled_before_replies() -> None:
    """What is wanted and not answered for keeps it unsettled."""
    assert not Talk(tickers(1)).reconciler.settled


def test_reconciler_that_wants_nothing_is_settled() -> None:
    """Without a wish there is nothing to wait for."""
    assert Talk([]).reconciler.settled


def test_reconciler_is_settled_when_each_has_its_answer() -> None:
    """Standing, refused and short of quota are all answers."""
    talk = Talk(tickers(3), OpenD(quota=1))
    talk.opend.unknown = {"C0"}
    talk.at(0)
    assert talk.reconciler.settled


def test_reconciler_is_not_settled_on_old_terms() -> None:
    """While the old terms go on, the wish is not fulfilled."""
    talk = settled(tickers(1))
    talk.reconciler.want(tickers(1, Terms(session=TradingSession.ALL)), 5)
    talk.at(5)
    assert not talk.reconciler.settled


def test_retry_does_not_unsettle() -> None:
    """While a refused one is tried again, its old answer stands."""
    talk = Talk(tickers(1))
    talk.opend.unknown = {"C0"}
    talk.at(0)
    (info,) = talk.reconciler.asks(60)
    list(talk.reconciler.on_reply(info, *talk.opend.answer(info, 60), 60))
    assert talk.reconciler.asks(60)
    assert talk.reconciler.settled


# Anything, in any order

CODES = [f"C{number}" for number in range(6)]
SUBTYPES = [Subtype.TICKER, Subtype.K_1M]
FEEDS = [(11, code, subtype.number) for code in CODES for subtype in SUBTYPES]
WISHES = st.lists(
    st.builds(
        Subscription,
        st.sampled_from([Security("US", code) for code in CODES]),
        st.sampled_from(SUBTYPES),
        st.builds(Terms, st.booleans(), st.sampled_from([None, TradingSession.ALL])),
    ),
    unique_by=feed_of,
    max_size=12,
)

#: Longer than any pause: every wait for a retry is over.
QUIET_S = 2 * RETRY_REFUSED_MAX_S + SUB_INFO_INTERVAL_S


class AnyOrder(RuleBasedStateMachine):
    """Wishes, outages and moods of OpenD in any order; at the end, a quiet time."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.opend = OpenD(quota=8)
        self.wanted: list[Subscription] = []
        self.reconciler = Reconciler([])
        self.reconciler.connected(self.now)
        self.under_way: list[Ask] = []
        self.told_short: tuple[Subscription, ...] = ()
        self.told_refused: set[Subscription] = set()
        self.quota_moved = True

    @rule(wanted=WISHES)
    def wish(self, wanted: list[Subscription]) -> None:
        """Reload the file."""
        self.wanted = wanted
        self.reconciler.want(wanted, self.now)

    @rule(stale=WISHES)
    def resubscribe(self, stale: list[Subscription]) -> None:
        """Find some stale, whether they stand or not."""
        self.reconciler.resubscribe(stale, self.now)

    @rule(codes=st.sets(st.sampled_from(CODES), max_size=3))
    def forget_codes(self, codes: set[str]) -> None:
        """Other codes become unknown, and those that were become known."""
        self.opend.unknown = codes

    @rule(quota=st.integers(0, 12))
    def move_quota(self, quota: int) -> None:
        """Change the account's tier."""
        self.quota_moved = True
        self.opend.quota = quota

    @rule(others=st.sets(st.sampled_from([*FEEDS, (1, "00700", 4), (1, "00005", 4)]), max_size=4))
    def move_others(self, others: set[Feed]) -> None:
        """Let other connections hold other things."""
        self.quota_moved = True
        self.opend.others = others

    @rule(lost=st.sets(st.sampled_from(FEEDS), max_size=3))
    def lose(self, lost: set[Feed]) -> None:
        """Let OpenD forget what it has granted."""
        for feed in lost & set(self.opend.own):
            del self.opend.own[feed]

    @rule(refuses=st.booleans())
    def refuse_sub_info(self, *, refuses: bool) -> None:
        """Let OpenD refuse to tell its quota, or tell it again."""
        self.opend.refuses_sub_info = refuses

    @rule(after_s=st.sampled_from([0, 1, 30, 100]), frees=st.booleans())
    def reconnect(self, after_s: float, *, frees: bool) -> None:
        """Lose the connection, and get a new one."""
        self.opend.frees_at_close = frees
        self.opend.close()
        self.under_way.clear()
        self.now += after_s
        self.reconciler.connected(self.now)

    @rule(for_s=st.sampled_from([0.5, 10, 29, 59, 60, 61, 300]))
    def wait(self, for_s: float) -> None:
        """Let time pass."""
        self.now += for_s

    @rule()
    def ask(self) -> None:
        """Let the reconciler ask."""
        asks = self.reconciler.asks(self.now)
        if not asks and not self.under_way:
            assert self.reconciler.next_deadline() > self.now, "the driver would spin"
        self.under_way += asks
        feeds = [
            feed
            for ask in self.under_way
            if isinstance(ask, AskSub)
            for feed in feeds_of(ask.request())
        ]
        assert len(feeds) == len(set(feeds)), "asked twice at a time"

    @precondition(lambda self: self.under_way)
    @rule(at=st.integers(0, 20))
    def answer(self, at: int) -> None:
        """Let OpenD answer one of the requests."""
        ask = self.under_way.pop(at % len(self.under_way))
        s2c, refused = self.opend.answer(ask, self.now)
        if isinstance(ask, AskSubInfo):
            self.quota_moved = refused is not None
        elif refused and ask.subscribe and not self.quota_moved:
            codes = {security.code for security in ask.batch.securities}
            assert codes & self.opend.unknown, "more was asked for than the quota had left"
        for event in self.reconciler.on_reply(ask, s2c, refused, self.now):
            match event:
                case QuotaShort(subscriptions):
                    self.told_short = subscriptions
                case SubscriptionRefused(subscription):
                    self.told_refused.add(subscription)

    def teardown(self) -> None:
        """After a quiet time, OpenD holds exactly what is wanted and possible."""
        self.opend.refuses_sub_info = False
        self.be_quiet()
        self.judge_standing()
        self.judge_rest()
        assert self.reconciler.settled

    def be_quiet(self) -> None:
        """Drive the reconciler as a session does, until every wait is over."""
        end = self.now + QUIET_S
        while self.now < end:
            self.ask()
            if not self.under_way:
                self.now = self.reconciler.next_deadline()
            while self.under_way:
                self.answer(0)

    def judge_standing(self) -> None:
        """OpenD and the reconciler agree on what stands, and all of it is wanted so."""
        standing = {feed_of(one): one for one in self.reconciler.standing}
        assert set(standing) == set(self.opend.own)
        wanted = {feed_of(one): one for one in self.wanted}
        for feed in standing:
            assert self.opend.terms[feed] == (wanted[feed].terms.session or 0, False)

    def judge_rest(self) -> None:
        """Everything else that is wanted is impossible, and was told by name."""
        used = self.opend.used(self.now)
        for one in self.wanted:
            if feed_of(one) in self.opend.own:
                continue
            if one.security.code not in self.opend.unknown:
                assert feed_of(one) not in used
                assert len(used) >= self.opend.quota
            refused = feed_of(one) in map(feed_of, self.reconciler.refused)
            assert (one in self.reconciler.waiting) != refused
        assert self.reconciler.waiting == (self.told_short if self.reconciler.waiting else ())
        assert set(self.reconciler.refused) <= self.told_refused


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=150, stateful_step_count=40)

"""What is wanted, what stands at OpenD, what it refused, and what to ask of it next. Pure.

It works in rounds: nothing is asked before all of the last round is answered. So Qot_GetSubInfo
always speaks of a moment at which nothing is under way, and nothing is asked twice.

    when                                     what a round asks
    connected, wish changed, dropped one,    Qot_GetSubInfo alone: what stands, what quota is left
    or SUB_INFO_INTERVAL_S after the last
    else: wanted and does not stand          Qot_Sub, in the order of the wish, as the quota allows
          stands, to be subscribed again     the same Qot_Sub, without ending it before: no quota
          refused as one of many             Qot_Sub for each half
          refused alone                      Qot_Sub for it alone, at growing intervals
          stands, unwanted or on old terms   the Qot_Sub that ends it, MIN_HOLD_S after it was taken

Times named `now` are seconds of one monotonic clock; the one who drives the reconciler has it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

from opend_kafka.errors import RequestRefused
from opend_kafka.opend.events import (
    QuotaShort,
    Subscribed,
    SubscriptionRefused,
    SubscriptionsLost,
    Unsubscribed,
    UnsubscribeRefused,
)
from opend_kafka.opend.pb import Qot_GetSubInfo_pb2, Qot_Sub_pb2
from opend_kafka.opend.securities import MARKETS, Security
from opend_kafka.opend.subscriptions import Batch, Subscription, Subtype, batches

#: Seconds between two looks at what OpenD thinks is subscribed.
SUB_INFO_INTERVAL_S = 60.0

#: Seconds that OpenD holds a subscription at least: unsubscribing earlier is refused.
MIN_HOLD_S = 60.0

#: Seconds before a refused subscription is tried again; each further refusal doubles them,
RETRY_REFUSED_S = 60.0

#: up to this many.
RETRY_REFUSED_MAX_S = 900.0

_SUBTYPES = {subtype.number: subtype for subtype in Subtype}

#: What costs one of the quota: a subscription without its terms.
_Feed = tuple[Security, Subtype]


@dataclass(frozen=True, slots=True)
class AskSubInfo:
    """Ask what stands and what quota is left.

    All connections are asked about: what another one holds already costs no more quota.
    """

    def request(self) -> Qot_GetSubInfo_pb2.Request:
        """Give the request to send."""
        return Qot_GetSubInfo_pb2.Request(c2s=Qot_GetSubInfo_pb2.C2S(isReqAllConn=True))


@dataclass(frozen=True, slots=True)
class AskSub:
    """Subscribe a batch, or unsubscribe it."""

    batch: Batch
    subscribe: bool = True

    def request(self) -> Qot_Sub_pb2.Request:
        """Give the request to send."""
        return self.batch.request() if self.subscribe else self.batch.unsubscribe_request()


Ask = AskSubInfo | AskSub


ReconcilerEvent = (
    Subscribed
    | SubscriptionRefused
    | Unsubscribed
    | UnsubscribeRefused
    | SubscriptionsLost
    | QuotaShort
)


@dataclass(slots=True)
class _Refusal:
    subscription: Subscription
    error: RequestRefused
    delay_s: float
    retry_at: float


class Reconciler:
    """Brings OpenD to what is wanted, over any number of connections. See the module's table."""

    def __init__(self, wanted: Iterable[Subscription]) -> None:
        self._wanted = _by_feed(wanted)
        self._standing: dict[_Feed, Subscription] = {}
        self._refused: dict[_Feed, _Refusal] = {}
        #: Feeds that were refused together belong to the half, by number, that is asked as one.
        self._halves: dict[_Feed, int] = {}
        self._numbers = count(1)
        #: When what this connection holds may be unsubscribed.
        self._drop_at: dict[_Feed, float] = {}
        #: Until when OpenD's quota may hold what closed connections of ours had subscribed.
        self._held_until: dict[_Feed, float] = {}
        #: Ever asked for. OpenD might list a main contract as the one behind it: what was never
        #: asked for is not ours to unsubscribe.
        self._asked: set[_Feed] = set()
        #: What stands and is to be subscribed again all the same.
        self._again: set[_Feed] = set()
        self._again_at = float("inf")
        self._in_flight: set[Ask] = set()
        self._sub_info_at = float("-inf")
        self._quota = 0
        self._remaining: int | None = None
        #: What costs no quota, because some connection holds it already.
        self._free: set[_Feed] = set()
        self._short: tuple[Subscription, ...] = ()
        self._reported_short: tuple[Subscription, ...] = ()

    @property
    def standing(self) -> frozenset[Subscription]:
        """What OpenD took, on the terms on which it took it."""
        return frozenset(self._standing.values())

    @property
    def refused(self) -> dict[Subscription, RequestRefused]:
        """What OpenD refused, with its words. It is tried again from time to time."""
        return {one.subscription: one.error for one in self._refused.values()}

    @property
    def waiting(self) -> tuple[Subscription, ...]:
        """What does not fit in the quota, in the order of the wish."""
        return self._short

    @property
    def remaining(self) -> int | None:
        """The quota that is left, as far as known."""
        return self._remaining

    @property
    def settled(self) -> bool:
        """True when everything wanted stands, was refused, or does not fit in the quota."""
        short = set(map(_feed, self._short))
        return all(
            self._stands_as(one) or feed in self._refused or feed in short
            for feed, one in self._wanted.items()
        )

    def want(self, wanted: Iterable[Subscription], now: float) -> None:
        """Take a new wish; `asks` gives the difference, after a look at the quota."""
        self._wanted = _by_feed(wanted)
        self._refused = {
            feed: one for feed, one in self._refused.items() if self._wants(one.subscription)
        }
        self._short = tuple(one for one in self._short if self._wants(one))
        self._again = {
            feed
            for feed in self._again
            if feed in self._wanted and self._stands_as(self._wanted[feed])
        }
        self._sub_info_at = now

    def resubscribe(self, subscriptions: Iterable[Subscription], now: float) -> None:
        """Ask again for what stands, as it is: OpenD may have forgotten to push it.

        It goes on to stand unless OpenD refuses: then it is a refused one as any other.
        """
        wishes = (self._wanted.get(_feed(one)) for one in subscriptions)
        self._again |= {_feed(wish) for wish in wishes if wish and self._stands_as(wish)}
        self._again_at = now

    def retry_refused(self, now: float) -> None:
        """Ask again now for what was refused: OpenD's reason may be gone (quote rights changed)."""
        for refusal in self._refused.values():
            refusal.retry_at = now

    def quota_changed(self, now: float) -> None:
        """Look at the quota now, where it had no room for something."""
        if self._short:
            self._sub_info_at = now

    def connected(self, now: float) -> None:
        """Begin on a new connection: nothing stands on it, and nothing is under way."""
        self._held_until |= self._drop_at
        self._standing.clear()
        self._drop_at.clear()
        self._in_flight.clear()
        self._again.clear()
        self._remaining = None
        self._short = ()
        self._sub_info_at = now

    def next_deadline(self) -> float:
        """When `asks` must be called next, if no reply comes, and no new wish, before."""
        if self._in_flight:
            return float("inf")
        retries = (one.retry_at for one in self._refused.values())
        again_at = self._again_at if self._again else float("inf")
        return min([self._sub_info_at, again_at, *self._droppable().values(), *retries])

    def asks(self, now: float) -> list[Ask]:
        """Give what to send now; it is under way until `on_reply` or `connected`.

        Call it after `connected`, `want` and every reply, and when `next_deadline` says so.
        """
        if self._in_flight:
            return []
        asks: list[Ask] = [AskSubInfo()] if now >= self._sub_info_at else self._subs(now)
        self._in_flight.update(asks)
        return asks

    def on_reply(
        self, ask: Ask, s2c: Any, refused: RequestRefused | None, now: float
    ) -> Iterator[ReconcilerEvent]:
        """Take the reply to what `asks` gave: its `s2c`, or why OpenD refused."""
        self._in_flight.discard(ask)
        if isinstance(ask, AskSubInfo):
            yield from self._on_sub_info(s2c, refused, now)
        elif refused is not None:
            yield from self._on_refused(ask, refused, now)
        elif ask.subscribe:
            yield self._on_subscribed(ask.batch, now)
        else:
            yield self._on_unsubscribed(ask.batch, now)
        if not self._in_flight:
            yield from self._judge_quota(now)

    def _wants(self, one: Subscription) -> bool:
        """True where it is wanted on these terms. The first push matters only when asking."""
        wish = self._wanted.get(_feed(one))
        return wish is not None and _lasting_terms(wish) == _lasting_terms(one)

    def _stands_as(self, wish: Subscription) -> bool:
        one = self._standing.get(_feed(wish))
        return one is not None and _lasting_terms(one) == _lasting_terms(wish)

    def _droppable(self) -> dict[_Feed, float]:
        """Give what is to be unsubscribed, and from when on."""
        return {
            feed: at
            for feed, at in self._drop_at.items()
            if feed not in self._wanted
            or (feed in self._standing and not self._wants(self._standing[feed]))
        }

    def _subs(self, now: float) -> list[Ask]:
        fits, _ = self._fitting(now)
        drops = [Subscription(*feed) for feed, at in self._droppable().items() if at <= now]
        asks: list[Ask] = [AskSub(batch, subscribe=False) for batch in self._batches(drops)]
        asks += [AskSub(batch) for batch in self._batches(fits)]
        self._asked.update(map(_feed, fits))
        for refusal in self._refused.values():
            if refusal.retry_at <= now:  # it is asked now, or there is no quota for it
                refusal.retry_at = now + RETRY_REFUSED_S
        return asks

    def _fitting(self, now: float) -> tuple[list[Subscription], list[Subscription]]:
        """Give what can be asked for now, and what the quota is too short for."""
        fits, short = [], []
        left = len(self._wanted) if self._remaining is None else self._remaining
        for feed, one in self._wanted.items():
            refusal = self._refused.get(feed)
            stands = feed in self._standing
            if (stands and feed not in self._again) or (refusal and now < refusal.retry_at):
                continue
            cost = 0 if stands or feed in self._free else 1
            if cost <= max(left, 0):
                left -= cost
                fits.append(one)
            elif not refusal:
                short.append(one)
        return fits, short

    def _batches(self, subscriptions: Iterable[Subscription]) -> Iterator[Batch]:
        """Gather into requests; what was refused alone stays alone, halves stay halves."""
        together: dict[int | _Feed, list[Subscription]] = defaultdict(list)
        for one in subscriptions:
            feed = _feed(one)
            together[feed if feed in self._refused else self._halves.get(feed, 0)].append(one)
        for group in together.values():
            yield from batches(group)

    def _on_sub_info(
        self, s2c: Any, refused: RequestRefused | None, now: float
    ) -> Iterator[ReconcilerEvent]:
        self._sub_info_at = now + SUB_INFO_INTERVAL_S
        self._halves.clear()
        if refused is not None or not s2c.IsInitialized():
            return  # nothing new is known; without a known quota, there is no bound to asking
        self._quota = s2c.totalUsedQuota + s2c.remainQuota
        self._remaining = s2c.remainQuota
        held = {feed for one in s2c.connSubInfoList for feed in _feeds(one)}
        self._held_until = {feed: at for feed, at in self._held_until.items() if at > now}
        closed = set(self._held_until) - held
        # More quota is used than the connections explain: by what closed ones of ours held.
        self._free = held | (closed if len(closed) <= s2c.totalUsedQuota - len(held) else set())
        own = {feed for one in s2c.connSubInfoList if one.isOwnConnData for feed in _feeds(one)}
        self._drop_at = {
            feed: self._drop_at.get(feed, now + MIN_HOLD_S) for feed in own & self._asked
        }
        lost = [self._standing.pop(feed) for feed in [*self._standing] if feed not in own]
        if wanted := tuple(one for one in lost if _feed(one) in self._wanted):
            yield SubscriptionsLost(wanted)

    def _on_subscribed(self, batch: Batch, now: float) -> Subscribed:
        taken = tuple(batch.subscriptions())
        for one in taken:
            feed = _feed(one)
            if self._remaining is not None and not (feed in self._standing or feed in self._free):
                self._remaining -= 1
            self._standing[feed] = one
            self._drop_at[feed] = now + MIN_HOLD_S
            self._refused.pop(feed, None)
            self._again.discard(feed)
        return Subscribed(taken)

    def _on_unsubscribed(self, batch: Batch, now: float) -> Unsubscribed:
        self._sub_info_at = now  # what it frees is for OpenD to say: others may hold it, too
        gone = []
        for one in batch.subscriptions():
            feed = _feed(one)
            gone.append(self._standing.pop(feed, one))
            self._drop_at.pop(feed, None)
        return Unsubscribed(tuple(gone))

    def _on_refused(
        self, ask: AskSub, error: RequestRefused, now: float
    ) -> Iterator[ReconcilerEvent]:
        """A request fails as a whole: halve it until what OpenD refuses stands alone."""
        halves = ask.batch.halves()
        for half in halves:
            self._halves.update(
                dict.fromkeys(map(_feed, half.subscriptions()), next(self._numbers))
            )
        if halves:
            return
        one = next(ask.batch.subscriptions())
        feed = _feed(one)
        if not ask.subscribe:
            self._drop_at[feed] = now + MIN_HOLD_S
            yield UnsubscribeRefused(self._standing.get(feed, one), error)
            return
        self._again.discard(feed)
        self._standing.pop(feed, None)
        if self._wants(one):
            before = self._refused.get(feed)
            delay_s = min(before.delay_s * 2, RETRY_REFUSED_MAX_S) if before else RETRY_REFUSED_S
            self._refused[feed] = _Refusal(one, error, delay_s, retry_at=now + delay_s)
            yield SubscriptionRefused(one, error)

    def _judge_quota(self, now: float) -> Iterator[QuotaShort]:
        """Between two rounds: say what does not fit, once all that fits has been asked for."""
        fits, short = self._fitting(now)
        self._short = tuple(short)
        if not fits and self._short != self._reported_short:
            self._reported_short = self._short
            if self._short:
                yield QuotaShort(self._short, self._quota, self._remaining or 0)


def _by_feed(subscriptions: Iterable[Subscription]) -> dict[_Feed, Subscription]:
    return {_feed(one): one for one in subscriptions}


def _feed(one: Subscription) -> _Feed:
    return one.security, one.subtype


def _lasting_terms(one: Subscription) -> tuple[object, ...]:
    return one.terms.session, one.terms.order_book_detail


def _feeds(conn_sub_info: Any) -> Iterator[_Feed]:
    """Read what a connection holds; markets and subtypes newer than our tables are left out."""
    for info in conn_sub_info.subInfoList:
        for security in info.securityList:
            if info.subType in _SUBTYPES and security.market in MARKETS:
                yield Security(MARKETS[security.market], security.code), _SUBTYPES[info.subType]

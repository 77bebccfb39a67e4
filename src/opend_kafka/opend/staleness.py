"""Which streams should speak and do not. Pure.

A stream is one subscription that stands; the streams of one market, subtype and kind of hours are
a group. Somebody looks every LOOK_S, and is told which streams were heard since the last look.

    silence   since a stream was last heard, or was subscribed, or its market began to trade, or the
              worker began to listen: whichever was last. It lasts until OpenD last said that the
              market trades: what was after that nobody knows. A group's is the shortest in it.
    usual     the longest silence that ended, in such hours, in this trading period and the one
              before. It is known after HABIT_LOOKS looks with something heard.

    who                                              is stale when silent for more than
    a stream whose market does not trade in its
    hours, or OpenD does not tell whether it does    never
    a stream whose usual silence is known            max(STALE_AFTER_S, TIMES_USUAL · usual)
    a stream whose usual silence is not known        never by itself
    all of a group whose usual silence is known      max(STALE_AFTER_S, TIMES_USUAL · usual)
    all of one where it is not, of GROUP_STREAMS     TIMES_USUAL · max(STALE_AFTER_S, usual)
    the same, of fewer                               never

A stale stream is to be subscribed again, and then has a fresh start. If it stays silent, that is
repeated, after silences that double up to REPEAT_MAX_S. It is healed when it is heard later than
FIRST_PUSH_S after its fresh start: before, OpenD's cache may be speaking.

Times named `now` are seconds of one monotonic clock; the one who looks has it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from opend_kafka.opend.market_state import Hours, covers, hours_of
from opend_kafka.opend.subscriptions import Subscription

#: Seconds between two looks: as exactly as this, silences are measured.
LOOK_S = 1.0

#: Seconds of silence that are always borne.
STALE_AFTER_S = 60.0

#: Usual silences that are borne. Where ticks come at random, one in e^10 is that long.
TIMES_USUAL = 10

#: Looks with something heard, before a silence counts as usual: more than one flurry of trades.
HABIT_LOOKS = 20

#: Streams of one market and subtype that need not have spoken before to be missed together.
GROUP_STREAMS = 3

#: Seconds after a subscription in which what is heard may come out of OpenD's cache.
FIRST_PUSH_S = 5.0

#: Seconds between two attempts to wake a stream, at most.
REPEAT_MAX_S = 900.0

#: More would only make larger numbers.
_DOUBLINGS = 10

#: What tells streams apart in the pipeline: subtype, market number, code.
StreamKey = tuple[str, int, str]


@dataclass(frozen=True, slots=True)
class StaleStream:
    """A stream that was found stale, and the silence that was found."""

    subscription: Subscription
    silent_s: float


@dataclass(frozen=True, slots=True)
class Findings:
    """What a look has found.

    `stale` are those that were not stale before, `resubscribe` all that it is time to subscribe
    again, `healed` those that speak again.
    """

    stale: tuple[StaleStream, ...] = ()
    resubscribe: tuple[Subscription, ...] = ()
    healed: tuple[Subscription, ...] = ()


@dataclass(slots=True)
class _Habit:
    """Silences in one kind of hours. It forgets what is older than the trading period before."""

    period: int = 0
    looks: int = 0
    longest_s: float = 0.0
    looks_before: int = 0
    longest_before_s: float = 0.0

    def begin(self, period: int) -> None:
        """Begin a trading period, or go on in it."""
        if period != self.period:
            self.period = period
            self.looks_before, self.longest_before_s = self.looks, self.longest_s
            self.looks, self.longest_s = 0, 0.0

    def learn(self, silence_s: float) -> None:
        """Take a silence for usual."""
        self.longest_s = max(self.longest_s, silence_s)

    @property
    def usual_s(self) -> float:
        return max(self.longest_s, self.longest_before_s)

    def limit_s(self, streams: int = 1) -> float:
        """Give the silence that is borne, of a stream or a group. See the module's table."""
        if self.looks + self.looks_before >= HABIT_LOOKS:
            return max(STALE_AFTER_S, TIMES_USUAL * self.usual_s)
        if streams >= GROUP_STREAMS:
            return TIMES_USUAL * max(STALE_AFTER_S, self.usual_s)
        return float("inf")


@dataclass(slots=True)
class _Voice:
    """What a stream and a group have in common. Without hours it is not judged."""

    silent_since: float = 0.0
    habit: _Habit = field(default_factory=_Habit)

    def hear(self, now: float) -> None:
        if now > self.silent_since:
            self.habit.learn(now - self.silent_since)
            self.habit.looks += 1
            self.silent_since = now


@dataclass(slots=True)
class _Group(_Voice):
    members: int = 0

    @property
    def limit_s(self) -> float:
        return self.habit.limit_s(self.members)


@dataclass(slots=True, kw_only=True)
class _Stream(_Voice):
    subscription: Subscription
    key: StreamKey
    group: _Group | None = None
    stale: bool = False
    #: How often it was subscribed again since it is stale.
    attempts: int = 0

    @property
    def market(self) -> str:
        return self.subscription.security.market

    def restart(self, now: float) -> None:
        """Let its silence begin now."""
        self.silent_since = now
        if self.group:
            self.group.silent_since = now

    def may_be_cache(self, now: float) -> bool:
        return self.stale and now - self.silent_since <= FIRST_PUSH_S

    def heal(self) -> None:
        self.stale, self.attempts = False, 0
        self.silent_since += FIRST_PUSH_S  # whatever it said in these, it was not heard

    def is_due(self, silent_s: float) -> bool:
        """Tell whether it is to be subscribed again, for its own silence or its group's."""
        doubled = 2 ** min(self.attempts, _DOUBLINGS)
        if self.stale and silent_s <= min(STALE_AFTER_S * doubled, REPEAT_MAX_S):
            return False
        if silent_s > self.habit.limit_s():
            return True
        group = self.group
        if group is None:
            return False
        return silent_s - (group.silent_since - self.silent_since) > group.limit_s


class Staleness:
    """Looks after the streams of one OpenD. See the module's table."""

    def __init__(self) -> None:
        self._heard: set[StreamKey] = set()
        #: To be told of each push. A set's own method: nothing in Python runs for a tick.
        self.heard: Callable[[StreamKey], None] = self._heard.add
        self._streams: dict[Subscription, _Stream] = {}
        self._hours: dict[str, Hours | None] = {}
        #: When OpenD last told of a market, and how often its hours have changed.
        self._told_at: dict[str, float] = {}
        self._periods: Counter[str] = Counter()
        #: It has told of them since the last look.
        self._news = False
        #: They outlive links, and subscriptions that come back.
        self._habits: defaultdict[tuple[StreamKey, Hours], _Habit] = defaultdict(_Habit)
        self._groups: defaultdict[tuple[str, str, Hours], _Group] = defaultdict(_Group)

    @property
    def stale(self) -> frozenset[Subscription]:
        """What is stale now."""
        return frozenset(one.subscription for one in self._streams.values() if one.stale)

    def stand(self, standing: Iterable[Subscription], now: float) -> None:
        """Learn what stands: only that is judged, from when it began to stand."""
        standing = frozenset(standing)
        for gone in [one for one in self._streams if one not in standing]:
            self._leave(self._streams.pop(gone))
        for one in standing - self._streams.keys():
            key = (one.subtype, one.security.market_number, one.security.code)
            self._streams[one] = _Stream(subscription=one, key=key)
            self._enter(self._streams[one], now)

    def subscribed(self, subscriptions: Iterable[Subscription], now: float) -> None:
        """Give those that stand already a fresh start: they were subscribed again."""
        for one in subscriptions:
            if one in self._streams:
                self._streams[one].restart(now)

    def market_states(self, states: Mapping[str, int], now: float) -> None:
        """Learn the markets' states: what OpenD does not tell any more is not known."""
        hours = {market: hours_of(state) for market, state in states.items()}
        changed = {
            market
            for market in hours.keys() | self._hours.keys()
            if hours.get(market) is not self._hours.get(market)
        }
        leaving = [one for one in self._streams.values() if one.market in changed]
        for one in leaving:
            self._leave(one)
        self._periods.update(changed)
        self._hours = hours
        self._told_at = dict.fromkeys(states, now)
        self._news = True
        for one in leaving:
            self._enter(one, now)

    def look(self, now: float, *, listening: bool = True) -> Findings:
        """Take what was heard since the last look, and judge who was not.

        Args:
            now: the monotonic clock.
            listening: False while nothing could be heard: the link is not live, or the worker does
                not read from it. All silences then begin anew.
        """
        judged = [one for one in self._streams.values() if one.group]
        healed = []
        for one in judged:
            if not listening:
                one.restart(now)
            elif one.key in self._heard and not one.may_be_cache(now):
                if one.stale:
                    one.heal()
                    healed.append(one.subscription)
                self._hear(one, now)
        self._heard.clear()
        # In between, silences only become shorter: nothing is found that was not found before.
        due = [one for one in judged if one.is_due(self._silent_s(one))] if self._news else []
        self._news = False
        found = tuple(
            StaleStream(one.subscription, self._silent_s(one)) for one in due if not one.stale
        )
        for one in due:
            one.stale, one.attempts = True, one.attempts + 1
            one.restart(now)
        return Findings(found, tuple(one.subscription for one in due), tuple(healed))

    def _hear(self, one: _Stream, now: float) -> None:
        one.hear(now)
        if one.group:
            one.group.hear(now)

    def _silent_s(self, one: _Stream) -> float:
        return self._told_at[one.market] - one.silent_since

    def _enter(self, one: _Stream, now: float) -> None:
        """Let a stream be judged, if its market trades in its hours."""
        hours = self._hours.get(one.market)
        if hours is None or not covers(one.subscription.terms.session, hours):
            return
        one.habit = self._habits[one.key, hours]
        one.group = self._groups[one.market, one.subscription.subtype, hours]
        one.group.members += 1
        for voice in (one, one.group):
            voice.habit.begin(self._periods[one.market])
        one.restart(now)

    def _leave(self, one: _Stream) -> None:
        """Judge a stream no longer."""
        if one.group is not None:
            one.group.members -= 1
            one.group = None
            one.stale, one.attempts = False, 0

"""One security's ticks: passed on as they come, or held while OpenD is asked what was missed. Pure.

    state      ticks      ends with
    open       pass       a suspicion: a new link, a replay, a damaged frame, a step of sequences
    wanted     are held   the question to OpenD (Qot_GetTicker), once the subscription stands
    asked      are held   OpenD's latest ticks; or refusals, ATTEMPTS of them
    grace      are held   GRACE_S: a tick that OpenD lists may still be on its way as a push
    baseline   are held   Kafka's acknowledgement of a new security's first watermark; it comes
                          without OpenD's answer where that takes longer than HOLD_S

The judgement is by overlap. Where the last tick before the suspicion is among those that OpenD
lists, all that came after it is listed too, and what of it was not pushed is missing: it goes on in
its place among the held ones, so that Kafka has all in the order of sequences. Where it is not
among them, ticks are lost that OpenD has no more. A tick is held for HOLD_S at most; what is
repaired later than that comes after it.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import pairwise, takewhile
from operator import itemgetter
from typing import Generic, NamedTuple, TypeVar

from opend_kafka.continuity.gap import Cause, Gap
from opend_kafka.continuity.steps import Steps
from opend_kafka.continuity.window import Window
from opend_kafka.opend.securities import Security
from opend_kafka.records.watermark import Block

#: Seconds for which a tick is held at most.
HOLD_S = 3.0

#: Seconds that a tick which OpenD lists has to come as a push.
GRACE_S = 0.2

#: Seconds before OpenD is asked again after a refusal; each further one doubles them.
RETRY_S = 1.0

#: Refusals after which what may be missing counts as lost.
ATTEMPTS = 3

#: Ticks at the head of a list that may all have been reported late.
LATE_AT_HEAD = 16

R = TypeVar("R")

#: Makes the record of a tick that OpenD lists; None where it cannot be made.
Repair = Callable[[int], R | None]


class _State(Enum):
    WANTED = auto()
    ASKED = auto()
    GRACE = auto()
    BASELINE = auto()


class _Held(NamedTuple, Generic[R]):
    """A tick that waits, `until` then at most. One of the cache is older than the subscription."""

    sequence: int
    record: R
    size: int
    until: float
    cached: bool = False


@dataclass(slots=True)
class _Check(Generic[R]):
    """A suspicion that is looked into. `mark` is the last tick before it."""

    cause: Cause
    mark: int | None
    state: _State = _State.WANTED
    #: When the state does something by itself.
    at: float = 0.0
    attempts: int = 0
    #: The first suspicion that arose after OpenD was asked.
    next: _Check[R] | None = None
    #: Ticks went on before the judgement.
    overtaken: bool = False
    #: It finds out where the watch begins, no more.
    first: bool = False
    listed: Sequence[int] = ()
    #: The tick from which on OpenD lists all.
    complete_from: int | None = None
    repair: Repair[R] | None = None


class TickStream(Generic[R]):
    """Follows one security's ticks, from the first link to the last.

    Args:
        security: which.
        steps: its market's rule of sequences.
        window: what a worker before this one delivered; None: nothing is known of one.
        emit: takes what goes on, and what is to be told whether Kafka took it.
        on_answer: told when Kafka has answered.
        on_gap: told of each gap, once it has its outcome.
        on_baseline: is to have the first watermark delivered, and then call `open`.
        clock: seconds, monotonic.
        max_ticks: how many OpenD is asked for.
        freeze_on_failure: a tick that Kafka did not take counts as missing at the next start.
    """

    def __init__(
        self,
        security: Security,
        steps: Steps,
        window: Window | None,
        *,
        emit: Callable[[R, Callable[[bool], None]], None],
        on_answer: Callable[[TickStream[R]], None],
        on_gap: Callable[[Gap], None],
        on_baseline: Callable[[TickStream[R]], None],
        clock: Callable[[], float],
        max_ticks: int,
        freeze_on_failure: bool = True,
    ) -> None:
        self.security = security
        self.held_bytes = 0
        self.steps = steps
        self.window = window or Window()
        self._watched = window is not None
        self._emit = emit
        self.on_answer = on_answer
        self._on_gap = on_gap
        self._on_baseline = on_baseline
        self._clock = clock
        self._max_ticks = max_ticks
        self._freeze_on_failure = freeze_on_failure
        self._frozen = False
        #: What went on and is not acknowledged, in its order: Kafka answers in the same.
        self.outstanding: deque[int] = deque()
        #: 1 while ticks pass: nothing is looked into, and nothing held.
        self.passing = array("q", (0,))
        self._subscribed = False
        self._check: _Check[R] | None = _Check(Cause.STARTED, self.window.last)
        #: None: nothing is held.
        self._held: list[_Held[R]] | None = []

    def take(self, sequence: int, record: R, size: int, *, cached: bool = False) -> None:
        """Take a tick that OpenD pushed; `cached` where OpenD says that it is of its cache."""
        if self._held is None and self._check is None:
            last = self.window.last
            if last is not None and sequence > last and self.steps.step(last, sequence):
                self.suspect(Cause.SEQUENCE_STEP)
        if self._held is None:
            self.passing[0] = self._check is None
            self._pass(sequence, record)
            return
        until = self._clock() + HOLD_S
        self._held.append(_Held(sequence, record, size, until, cached))
        self.held_bytes += size

    def account(self, sequence: int) -> None:
        """A tick has gone another way, to the dead letters: it is not missing."""
        self.window.add(sequence)

    def acknowledged(self, delivered: bool) -> None:
        """Learn the fate of the oldest tick that went on and had none yet."""
        self.outstanding.popleft()
        if not delivered and self._freeze_on_failure:
            self._frozen = True
        self.on_answer(self)

    @property
    def is_checking(self) -> bool:
        """Whether `on_time` is to be called, and `wants_ask` looked at."""
        return self._check is not None or self._held is not None

    @property
    def last_sequence(self) -> int | None:
        """The newest tick that has gone on, here or in a worker before this one."""
        return self.window.last

    @property
    def wants_ask(self) -> bool:
        """Whether OpenD is to be asked for its latest ticks now."""
        check = self._check
        if check is None or not self._subscribed or check.state is not _State.WANTED:
            return False
        return self._clock() >= check.at

    def subscribed(self) -> None:
        """OpenD has taken the subscription; what came before it may be missing."""
        self._subscribed = True
        self.suspect(Cause.RESUBSCRIBED)

    def unsubscribed(self) -> None:
        """Nothing is wanted any more."""
        self._subscribed = False
        self._check = None
        self.release()

    def link_ended(self, cause: Cause) -> None:
        """Whatever is pushed until the next subscription stands may be lost."""
        self._subscribed = False
        check = self._check
        if check is not None and check.state is _State.GRACE:
            self._judge(check)
        elif check is not None and check.state is _State.ASKED:
            if check.next is not None:
                self._date(check, check.next.cause, check.next.mark)
            check.state, check.next = _State.WANTED, None
        self.suspect(cause)

    def suspect(self, cause: Cause) -> None:
        """Something may be missing up to now: hold what comes, until OpenD has been asked."""
        self.passing[0] = False
        self._held = [] if self._held is None else self._held
        if self._check is None:
            self._check = _Check(cause, self.window.last)
        elif self._check.state is not _State.WANTED and self._check.next is None:
            self._check.next = _Check(cause, self._newest_live())
        else:
            self._date(self._check, cause, self._newest_live())

    def asked(self) -> None:
        """The question is on its way."""
        if self._check is not None:
            self._check.state = _State.ASKED

    def replied(self, sequences: Sequence[int], repair: Repair[R]) -> None:
        """Take the latest ticks that OpenD has; `repair` makes a record of one of them."""
        check = self._check
        if check is None or check.state is not _State.ASKED:
            return
        check.listed, check.repair = sorted(set(sequences)), repair
        check.complete_from = _complete_from(sequences)
        self._begin(check)
        missing, _ = self._missing(check)
        newest = max((tick.sequence for tick in self._held or ()), default=None)
        if missing and (newest is None or missing[-1] > newest):
            check.state, check.at = _State.GRACE, self._clock() + GRACE_S
        else:
            self._judge(check)

    def refused(self, why: str) -> None:
        """OpenD does not say which ticks it has."""
        check = self._check
        if check is None or check.state is not _State.ASKED:
            return
        check.attempts += 1
        if check.attempts < ATTEMPTS:
            check.state = _State.WANTED
            check.at = self._clock() + RETRY_S * 2 ** (check.attempts - 1)
        else:
            self.give_up(why)

    def give_up(self, why: str) -> None:
        """Go on without knowing, and say so."""
        check = self._check
        if check is None:
            return
        if self._watched or check.mark is not None:
            self._tell_lost(check, 0, why)
        self._begin(check)
        self._conclude(check, self._held or [])

    def on_time(self) -> None:
        """Do what time asks for."""
        now = self._clock()
        check = self._check
        if check is not None and check.state is _State.GRACE and now >= check.at:
            self._judge(check)
        held = self._held or []
        overdue = sum(1 for _ in takewhile(lambda tick: tick.until <= now, held))
        if overdue and check is not None and not self._watched:
            self._begin_unanswered(check)
        elif overdue:
            # Those alone: what came later, perhaps over a newer link, has its own time to wait.
            self._held = held[overdue:]
            self._let_go(held[:overdue])

    def release(self) -> None:
        """Let what is held go on, judged or not."""
        held, self._held = self._held, None
        self._let_go(held or ())

    def _let_go(self, ticks: Sequence[_Held[R]]) -> None:
        if ticks and self._check is not None:
            self._check.overtaken = True
        for tick in ticks:
            self.held_bytes -= tick.size
            self._pass(tick.sequence, tick.record)

    def open(self) -> None:
        """The first watermark is in Kafka: from now on, no end of this worker loses a tick."""
        if self._check is not None and self._check.state is _State.BASELINE:
            self._end(self._check)

    def delivered(self) -> tuple[int | None, tuple[Block, ...]] | None:
        """Give what a watermark says: see `Window.delivered`.

        None where the watermark must stay as it is: where the watch has not begun, where ticks have
        overtaken a check, and where Kafka did not take one.
        """
        overtaken = self._check is not None and self._check.overtaken
        if not self._watched or self._frozen or overtaken:
            return None
        held = {tick.sequence for tick in self._held or ()}
        return self.window.delivered(held.union(self.outstanding))

    def _date(self, check: _Check[R], cause: Cause, mark: int | None) -> None:
        """Note a suspicion that arises before the watch begins: it will begin before it."""
        if not self._watched and check.mark is None and mark is not None:
            check.cause, check.mark = cause, mark

    def _newest_live(self) -> int | None:
        live = [tick.sequence for tick in self._held or () if not tick.cached]
        last = [] if self.window.last is None else [self.window.last]
        return max([*live, *last], default=None)

    def _pass(self, sequence: int, record: R) -> None:
        self.window.add(sequence)
        self.outstanding.append(sequence)
        self._emit(record, self.acknowledged)

    def _begin(self, check: _Check[R]) -> None:
        """Begin the watch where there is none yet: with the first live tick."""
        if self._watched:
            return
        check.first = self._watched = True
        listed = check.listed
        live = [tick.sequence for tick in self._held or () if not tick.cached]
        if self.window.first is not None:
            live.append(self.window.first)
        if live:
            older = bisect_left(listed, min(live))
            self.window.begin(listed[older - 1] if older else None, min(live))
        elif listed:
            self.window.begin(listed[-1], listed[-1] + 1)
        if check.next is not None and check.next.mark is None and self.window.first is None:
            check.next.mark = self.window.last

    def _begin_unanswered(self, check: _Check[R]) -> None:
        """Begin the watch without OpenD's answer: without a watermark a kill would be silent."""
        if check.mark is not None:
            check.next = _Check(check.cause, check.mark)
        check.listed = sorted(tick.sequence for tick in self._held or () if tick.cached)
        self._begin(check)
        self._conclude(check, self._held or [])

    def _missing(self, check: _Check[R]) -> tuple[list[int], int]:
        """Give what OpenD lists and did not push, and how many of it is missing for certain."""
        missing, count = self.window.missing(check.listed)
        held = {tick.sequence for tick in self._held or ()}
        rest = [one for one in missing if one not in held]
        return rest, max(count - (len(missing) - len(rest)), 1 if rest else 0)

    def _judge(self, check: _Check[R]) -> None:
        missing, count = self._missing(check)
        all_listed = len(check.listed) < self._max_ticks or check.first
        known = all_listed if check.mark is None else check.mark in check.listed
        if not known:
            self._tell_lost(check, count, "OpenD does not list the last one any more")
        elif missing:
            before, after = self._around(missing[0], missing[-1])
            self._on_gap(Gap(self.security, check.cause, before, after, 0, count))
        elif check.cause is Cause.SEQUENCE_STEP:
            self.steps.was_wrong()
            before, after = check.mark, min(self._newer(check.mark), default=None)
            self._on_gap(Gap(self.security, check.cause, before, after, 0, 0))
        ticks = list(self._merged(missing, check))
        self.window.absorb(check.listed)
        self._conclude(check, ticks)

    def _tell_lost(self, check: _Check[R], repaired: int, why: str) -> None:
        came = {tick.sequence for tick in self._held or () if not tick.cached}
        if check.overtaken and self.window.last is not None:
            came.add(self.window.last)
        after = self._first_after(check, came)
        missing = self.steps.between(check.mark, after)
        if missing and check.mark is not None and after is not None:
            missing -= sum(check.mark < one < after for one in came)
        if missing != 0:
            gap = Gap(self.security, check.cause, check.mark, after, missing, repaired, why)
            self._on_gap(gap)

    def _first_after(self, check: _Check[R], came: Iterable[int]) -> int | None:
        """Give the tick from which on all is known: OpenD's first, else the newest that came.

        Not the oldest that came: it may have been reported late, with others missing after it.
        """
        first = check.complete_from
        if first is not None and (check.mark is None or check.mark < first):
            return first
        return max((one for one in came if check.mark is None or one > check.mark), default=None)

    def _around(self, low: int, high: int) -> tuple[int | None, int | None]:
        """Give the nearest ticks below and above that have come, the held ones among them."""
        below, above = self.window.around(low, high)
        held = [tick.sequence for tick in self._held or ()]
        lower = [one for one in (below, *held) if one is not None and one < low]
        higher = [one for one in (above, *held) if one is not None and one > high]
        return max(lower, default=None), min(higher, default=None)

    def _newer(self, mark: int | None) -> list[int]:
        held = [tick.sequence for tick in self._held or ()]
        return [one for one in held if mark is None or one > mark]

    def _merged(self, missing: Sequence[int], check: _Check[R]) -> Iterator[_Held[R]]:
        """Put what is missing, and what came of the cache, before the first newer live tick.

        The live ones keep the order in which they came.
        """
        fill: list[tuple[int, _Held[R] | None]] = [(one, None) for one in missing]
        fill += [(tick.sequence, tick) for tick in self._held or () if tick.cached]
        left = deque(sorted(fill, key=itemgetter(0)))
        for tick in self._held or ():
            if tick.cached:
                continue
            while left and left[0][0] < tick.sequence:
                yield from self._filled(*left.popleft(), check)
            yield tick
        for sequence, cached in left:
            yield from self._filled(sequence, cached, check)

    def _filled(
        self, sequence: int, cached: _Held[R] | None, check: _Check[R]
    ) -> Iterator[_Held[R]]:
        """Give a tick of the cache as it came, a missing one as OpenD lists it."""
        if cached is not None:
            yield cached
            return
        record = check.repair(sequence) if check.repair else None
        if record is not None:
            yield _Held(sequence, record, 0, self._clock() + HOLD_S)

    def _conclude(self, check: _Check[R], ticks: list[_Held[R]]) -> None:
        if check.first:
            check.state = _State.BASELINE
            until = self._clock() + HOLD_S
            self._held = [tick._replace(until=until) for tick in ticks]
            self._on_baseline(self)
        else:
            self._held = ticks
            self._end(check)

    def _end(self, check: _Check[R]) -> None:
        """Let the held ticks go on, unless another suspicion came between some of them."""
        self._check = check.next
        if self._check is None:
            self.release()
        elif self._held is None:
            self._held = []


def _complete_from(listed: Sequence[int]) -> int | None:
    """Give the tick from which on a list of OpenD's latest ones is complete.

    It is the first, unless the list is in the order in which the ticks were reported, late ones
    among them: the first may then be such a one, and newer ones may have left the list before it.
    """
    in_order = all(before <= after for before, after in pairwise(listed))
    return max(listed[: 1 if in_order else LATE_AT_HEAD], default=None)

"""What is missing between the sequences that came, and which event says so. Pure.

OpenD documents `sequence` as a unique id and no more. Where it has been seen, its high word is the
trade's Unix second, and its low word counts: in Hong Kong and in China up by one a tick, in the US
from 0 in each second. So a security must prove that its low word counts on, before a jump of it
means anything: of its steps from one second to the next, `ENOUGH` or more, two of three or more are
steps of one; within one second both ways of counting look the same. Of two neighbours by sequence
of such a security, a before b:

    the low word of b is                           so
    one above that of a                            nothing is missing
    more than one above                            a gap: the ticks between are missing, but
        … and OpenD pushed a and b as neighbours   nothing that it pushed is missing: it skips
        … and a late tick has a number between,    that one is not missing: it was counted when it
          though its second is of elsewhere        was reported, and bears the second of its trade
        … and b is of a later day (UTC+8), more    the counter may have begun anew: no gap that
          than an hour later                       sequences show
    lower or equal, so in a later second           the counter has begun anew: the same

A late tick whose number is in line is a neighbour like any other: what looked like a gap is filled.
A security of which OpenD itself skips more than `SKIPS` of the steps inside its pushes does not
count on, whatever its other steps say.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from opend_kafka.consuming.sequences import LOW_WORD, low_word

#: Steps from one second to the next that must be there before anything is said of them.
ENOUGH = 5

#: The part of them that must be steps of one. Also a third of all ticks lost does not hide it.
COUNTING = 2 / 3

#: The part of the steps inside pushes that may be none of one. Late ticks make some.
SKIPS = 0.02

#: Seconds. All markets whose sequences have been seen to count on are in this zone.
_ZONE = 8 * 3600
_DAY = 24 * 3600
_HOUR = 3600


@dataclass(frozen=True, slots=True)
class Announcement:
    """An event that says what is missing: strictly between two sequences.

    `before` None: from the beginning. `after` None: until the next tick that came. `missing` and
    `repaired` are numbers of ticks; `missing` is None where nobody knows.
    """

    kind: str
    time_us: int
    before: int | None = None
    after: int | None = None
    missing: int | None = None
    repaired: int = 0


@dataclass(frozen=True, slots=True)
class Gap:
    """Ticks that are missing strictly between two sequences, and the event that says so."""

    before: int | None
    after: int | None
    missing: int | None
    announced_by: Announcement | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """How a low word counts: steps from one second to the next, and how many are of one."""

    steps: int = 0
    of_one: int = 0
    skipping: bool = False

    def __add__(self, other: Evidence) -> Evidence:
        return Evidence(self.steps + other.steps, self.of_one + other.of_one)

    @property
    def counts_on(self) -> bool | None:
        """Whether a jump is a gap; None where there is too little to tell."""
        if self.skipping:
            return False
        return self.of_one >= COUNTING * self.steps if self.steps >= ENOUGH else None


class Line:
    """One security's sequences in order, without the late ticks whose low word is of elsewhere.

    Args:
        sequences: all that are known, in order.
        doubtful: those among them that came late or not at all.
    """

    def __init__(self, sequences: Sequence[int], doubtful: Collection[int]) -> None:
        self._strays: list[int] = []
        self._sequences = self._straightened(sequences, doubtful) if doubtful else sequences

    def evidence(self) -> Evidence:
        """Look how the low word counts."""
        steps = of_one = 0
        for before, after in pairwise(self._sequences):
            if before >> 32 != after >> 32 and not _another_day(before, after):
                steps += 1
                of_one += (after & LOW_WORD) - (before & LOW_WORD) == 1
        return Evidence(steps, of_one)

    def gaps(self, skips: Collection[tuple[int, int]]) -> Iterator[Gap]:
        """Yield the gaps, if the low word counts on; `skips` are OpenD's own."""
        strays = sorted((low_word(one), one >> 32) for one in self._strays)
        for before, after in pairwise(self._sequences):
            missing = (after & LOW_WORD) - (before & LOW_WORD) - 1
            if missing <= 0 or _another_day(before, after) or (before, after) in skips:
                continue
            first = bisect_left(strays, (low_word(before) + 1,))
            end = bisect_left(strays, (low_word(after),))
            missing -= len(
                {low for low, second in strays[first:end] if abs(second - (before >> 32)) < _DAY}
            )
            if missing > 0:
                yield Gap(before, after, missing)

    def _straightened(self, sequences: Sequence[int], doubtful: Collection[int]) -> Sequence[int]:
        line = array("q")
        following = 0
        for index, one in enumerate(sequences):
            if one in doubtful and line:
                following = max(following, index + 1)
                while following < len(sequences) and sequences[following] in doubtful:
                    following += 1
                if _strays(line[-1], one, sequences[following : following + 1]):
                    self._strays.append(one)
                    continue
            line.append(one)
        return line


def _strays(before: int, one: int, after: Sequence[int]) -> bool:
    """Tell whether a tick's low word is of elsewhere, though those around it count on."""
    if _another_day(before, one):
        return False
    if not after:
        return low_word(one) <= low_word(before)
    low, high = low_word(before), low_word(after[0])
    return low < high and not low < low_word(one) < high


def _another_day(before: int, after: int) -> bool:
    """Tell whether the counter may have begun anew between two ticks."""
    first, second = before >> 32, after >> 32
    return second - first > _HOUR and (first + _ZONE) // _DAY != (second + _ZONE) // _DAY


#: A gap may lie in between, as far as an event says: sequences, the event.
Cover = tuple[int | None, int | None, Announcement]


def announced(gap: Gap, covers: Sequence[Cover], *, in_parts: bool = True) -> Iterator[Gap]:
    """Yield a gap with the event that covers it; where none covers all of it, its parts.

    Args:
        gap: with both of its ends.
        covers: what events say.
        in_parts: whether the low word counts on, so that a part of a gap has a size.
    """
    before, after, missing = gap.before or 0, gap.after or 0, gap.missing or 0
    parts: dict[tuple[int, int], Announcement] = {}
    for first, last, event in covers:
        start = before if first is None else max(before, first)
        end = after if last is None else min(after, last)
        if start == before and end == after:
            yield Gap(before, after, missing, event)
            return
        in_line = low_word(before) <= low_word(start) < low_word(end) - 1 < low_word(after)
        if in_parts and in_line and start < end:
            parts.setdefault((start, end), event)
    covered = 0
    reached = low_word(before) + 1
    for (start, end), event in sorted(parts.items(), key=lambda part: part[0]):
        begin = max(low_word(start) + 1, reached)
        number = min(low_word(end) - begin, missing - covered)
        if number > 0:
            covered += number
            reached = low_word(end)
            yield Gap(start, end, number, event)
    if covered < missing:
        yield Gap(before, after, missing - covered)


def count_between(sequences: Sequence[int], before: int | None, after: int | None) -> int:
    """Give how many of the sequences lie strictly between two."""
    first = 0 if before is None else bisect_right(sequences, before)
    end = len(sequences) if after is None else bisect_left(sequences, after)
    return max(0, end - first)

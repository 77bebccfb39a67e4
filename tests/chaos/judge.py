"""What OpenD had against what Kafka and the events hold: pure, nothing but sequences.

    a tick that OpenD had is    where
    delivered                   a record of Kafka has it
    announced missing           an event says that ticks between two sequences are lost, or that
                                Kafka did not take it; or a dead letter holds it
    silently missing            otherwise: never

Of each tick the first record counts for the order; the others are duplicates. It must not come
after a newer one, but for two reasons, which are counted apart: OpenD itself pushed it after a
newer one; or it is a repair, or of OpenD's cache, and the newer ones had been held for as long as
they may be.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

#: Microseconds for which newer ticks are held for a repair, at most: docs/operations.md, "Gaps".
#: OpenD's answer comes a little before the record goes on, and both are seen a moment late.
HOLD_US = 3_000_000
_SPARE_US = 500_000

#: The events that say of ticks that they are lost.
ANNOUNCING = frozenset({"GAP_UNREPAIRABLE", "DELIVERY_FAILED"})

#: Faults that a message names, at most.
_NAMED = 10


class Landed(NamedTuple):
    """A record of a tick, as it stands in its partition."""

    sequence: int
    origin: str = "PUSH"
    push_data_type: str | None = "REALTIME"
    ingest_us: int = 0


class Announced(NamedTuple):
    """An event about lost ticks, strictly between two sequences.

    `before` None: from the beginning on. `after` None: up to the first that came after the event.
    """

    before: int | None
    after: int | None
    time_us: int = 0


class Disorder(NamedTuple):
    """A tick that came for the first time when a newer one was there."""

    sequence: int
    behind: int
    origin: str


@dataclass(frozen=True, slots=True)
class Security:
    """One security's part of a run.

    Args:
        had: the sequences of OpenD's ticks since the first subscription, in their order.
        landed: the records of its topic, in their order.
        announced: the events about it.
        dead: the ticks in dead letters.
        pushed_late: the ticks that OpenD itself pushed after newer ones.
    """

    had: Sequence[int]
    landed: Sequence[Landed] = ()
    announced: Sequence[Announced] = ()
    dead: Collection[int] = frozenset()
    pushed_late: Collection[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be said of a run. The faults are by security."""

    sent: int = 0
    delivered: int = 0
    duplicates: int = 0
    announced_missing: int = 0
    silently_missing: Mapping[str, Sequence[int]] = field(default_factory=dict)
    disorders: Mapping[str, Sequence[Disorder]] = field(default_factory=dict)
    made_up: Mapping[str, Sequence[int]] = field(default_factory=dict)
    repaired: int = 0
    repaired_late: int = 0
    pushed_late: int = 0

    @property
    def silent(self) -> int:
        """How many ticks are missing of which nothing tells."""
        return sum(map(len, self.silently_missing.values()))

    @property
    def violations(self) -> int:
        """How many ticks stand out of order."""
        return sum(map(len, self.disorders.values()))

    @property
    def upheld(self) -> bool:
        """Whether what is promised was kept."""
        return not (self.silently_missing or self.disorders or self.made_up)

    def complaints(self) -> list[str]:
        """Name what was not kept, with the first of each kind."""
        lines = []
        for security, sequences in self.silently_missing.items():
            lines.append(f"{security}: {len(sequences)} silently missing: {_first(sequences)}")
        for security, disorders in self.disorders.items():
            shown = _first(f"{one.sequence} ({one.origin}) < {one.behind}" for one in disorders)
            lines.append(f"{security}: {len(disorders)} out of order: {shown}")
        for security, sequences in self.made_up.items():
            lines.append(f"{security}: {len(sequences)} that OpenD never had: {_first(sequences)}")
        return lines


def judge(securities: Mapping[str, Security], earlier: Mapping[str, int] | None = None) -> Verdict:
    """Compare.

    Args:
        securities: by name.
        earlier: for each, the sequence up to which OpenD had ticks of before the first
            subscription: they may come, as the cache's, and need not.
    """
    silent: dict[str, list[int]] = {}
    disorders: dict[str, list[Disorder]] = {}
    made_up: dict[str, list[int]] = {}
    sent = delivered = duplicates = announced = repaired = repaired_late = pushed_late = 0
    for name, one in securities.items():
        had = set(one.had)
        firsts = _firsts(one.landed)
        missing = sorted(had - firsts.keys())
        sent += len(had)
        delivered += len(firsts.keys() & had)
        duplicates += len(one.landed) - len(firsts)
        told = [gap for gap in _closed(one) if gap]
        unheard = [seq for seq in missing if seq not in one.dead and not _is_told(seq, told)]
        announced += len(missing) - len(unheard)
        before = (earlier or {}).get(name, -1)
        strange = sorted(seq for seq in firsts.keys() - had if seq > before)
        repaired += sum(record.origin == "REPAIR" for record in firsts.values())
        wrong = []
        for record, newer in _overtaken(firsts.values()):
            if record.sequence in one.pushed_late:
                pushed_late += 1
            elif _is_after_the_hold(record, newer):
                repaired_late += 1
            else:
                wrong.append(Disorder(record.sequence, newer.sequence, record.origin))
        for faults, found in ((silent, unheard), (made_up, strange)):
            if found:
                faults[name] = found
        if wrong:
            disorders[name] = wrong
    return Verdict(
        sent,
        delivered,
        duplicates,
        announced,
        silent,
        disorders,
        made_up,
        repaired,
        repaired_late,
        pushed_late,
    )


def _firsts(landed: Iterable[Landed]) -> dict[int, Landed]:
    """Give each tick's first record, in the partition's order."""
    firsts: dict[int, Landed] = {}
    for record in landed:
        firsts.setdefault(record.sequence, record)
    return firsts


def _closed(one: Security) -> Iterator[tuple[float, float]]:
    """Give what events tell, each with both of its ends."""
    by_time = sorted((record.ingest_us, record.sequence) for record in one.landed)
    times = [time_us for time_us, _ in by_time]
    for gap in one.announced:
        before = float("-inf") if gap.before is None else gap.before
        after: float
        if gap.after is not None:
            after = gap.after
        else:
            later = by_time[bisect_right(times, gap.time_us) :]
            newer = [sequence for _, sequence in later if sequence > before]
            after = min(newer, default=float("inf"))
        yield before, after


def _is_told(sequence: int, told: Iterable[tuple[float, float]]) -> bool:
    return any(before < sequence < after for before, after in told)


def _overtaken(firsts: Iterable[Landed]) -> Iterator[tuple[Landed, Landed]]:
    """Yield each record that came after a newer one, with the first newer one before it."""
    peaks: list[int] = []
    records: list[Landed] = []
    for record in firsts:
        if not peaks or record.sequence > peaks[-1]:
            peaks.append(record.sequence)
            records.append(record)
        else:
            yield record, records[bisect_left(peaks, record.sequence)]


def _is_after_the_hold(record: Landed, newer: Landed) -> bool:
    waited_us = record.ingest_us - newer.ingest_us
    made_up_for = record.origin == "REPAIR" or record.push_data_type == "CACHE"
    return made_up_for and waited_us >= HOLD_US - _SPARE_US


def _first(values: Iterable[object]) -> str:
    texts = [str(one) for one in values]
    more = ", …" if len(texts) > _NAMED else ""
    return ", ".join(texts[:_NAMED]) + more

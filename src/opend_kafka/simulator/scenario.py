"""Scenarios: which faults come when. A pure function of a seed and of what is traded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from heapq import merge
from itertools import count, islice
from random import Random
from typing import NamedTuple

from opend_kafka.opend.securities import Security
from opend_kafka.simulator.faults import KINDS, Fault, resolved

_SECOND_US = 1_000_000


class Planned(NamedTuple):
    """A fault, and its time in microseconds from the market's start."""

    at_us: int
    fault: Fault


@dataclass(frozen=True, slots=True)
class At:
    """Once, at a second of the market."""

    at_s: float

    def times_us(self, random: Random) -> Iterator[int]:
        """Yield that time."""
        yield _us(self.at_s)


@dataclass(frozen=True, slots=True)
class Every:
    """After each so many seconds: `times` times, or for ever."""

    every_s: float
    times: int | None = None

    def times_us(self, random: Random) -> Iterator[int]:
        """Yield the times."""
        return islice((_us(number * self.every_s) for number in count(1)), self.times)


@dataclass(frozen=True, slots=True)
class AtRandom:
    """So many times, at seconds drawn from between two."""

    count: int
    between_s: tuple[float, float]

    def times_us(self, random: Random) -> Iterator[int]:
        """Yield the times in order."""
        yield from sorted(_us(_between(*self.between_s, random)) for _ in range(self.count))


When = At | Every | AtRandom


@dataclass(frozen=True, slots=True)
class Step:
    """A fault, and when it comes."""

    when: When
    fault: Fault

    def schedule(self, securities: Sequence[Security], random: Random) -> Iterator[Planned]:
        """Yield the faults in order of time."""
        for at_us in self.when.times_us(random):
            yield Planned(at_us, resolved(self.fault, securities, random))


@dataclass(frozen=True, slots=True)
class Mix:
    """So many faults over a time: each of the kinds as often as the others, in a drawn order.

    What has a duration has one drawn from between the two of `lasting_s`.
    """

    count: int
    over_s: float
    kinds: tuple[str, ...] = tuple(KINDS)
    lasting_s: tuple[float, float] = (0.1, 1.0)

    def schedule(self, securities: Sequence[Security], random: Random) -> Iterator[Planned]:
        """Yield the faults in order of time."""
        drawn = [
            (_us(_between(0, self.over_s, random)), number, self._drawn(number, random))
            for number in range(self.count)
        ]
        for at_us, _, fault in sorted(drawn, key=lambda one: one[:2]):
            yield Planned(at_us, resolved(fault, securities, random))

    def _drawn(self, number: int, random: Random) -> Fault:
        fault = KINDS[self.kinds[number % len(self.kinds)]]()
        if "duration_s" not in {field.name for field in fields(fault)}:
            return fault
        return replace(fault, **{"duration_s": round(_between(*self.lasting_s, random), 6)})


@dataclass(frozen=True, slots=True)
class Scenario:
    """Faults to come."""

    seed: int = 1
    steps: tuple[Step, ...] = ()
    mix: Mix | None = None

    def schedule(self, securities: Sequence[Security]) -> Iterator[Planned]:
        """Yield the faults in order of time; of the same time, in that of the scenario.

        It may go on for ever. All draws come from `Random.random()`, as the market's do.

        Args:
            securities: what is traded, for what the scenario leaves to the seed.
        """
        parts: tuple[Step | Mix, ...] = (*self.steps, self.mix) if self.mix else self.steps
        schedules = (
            part.schedule(securities, Random(f"{self.seed}/{number}"))
            for number, part in enumerate(parts)
        )
        return merge(*schedules, key=lambda planned: planned.at_us)


def _us(seconds: float) -> int:
    return round(seconds * _SECOND_US)


def _between(low: float, high: float, random: Random) -> float:
    return low + random.random() * (high - low)

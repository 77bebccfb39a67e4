"""What is to be reached, and whether it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Headline = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Target:
    """One of them.

    Attributes:
        name: what, and its bound, for people.
        read: finds the number in a headline; None where it was not measured.
        bound: the bound.
        at_least: whether the bound is the least; else it is the most.
    """

    name: str
    read: Callable[[Headline], float | None]
    bound: float
    at_least: bool = True

    def reached(self, headline: Headline) -> bool | None:
        """Tell whether it was reached; None where it was not measured."""
        found = self.read(headline)
        if found is None:
            return None
        return found >= self.bound if self.at_least else found <= self.bound


def _of(key: str, part: str | None = None) -> Callable[[Headline], float | None]:
    def read(headline: Headline) -> float | None:
        found = headline.get(key)
        if part is not None and found is not None:
            found = found.get(part)
        return None if found is None else float(found)

    return read


def _memory(headline: Headline) -> float | None:
    """Give resident memory where it was measured at 100 topics, and nowhere else."""
    where = headline.get("rss_mb_at", {})
    return headline["rss_mb"] if where.get("topics") == 100 else None


TARGETS = (
    Target(
        "ticks/s a core ÷ the bare loop's, 1 topic: at least 0.5",
        _of("ratio_to_bare_produce", "1"),
        0.5,
    ),
    Target(
        "ticks/s a core ÷ the bare loop's, 20 topics: at least 0.5",
        _of("ratio_to_bare_produce", "20"),
        0.5,
    ),
    Target("ticks/s a core ÷ the SDK's way: at least 50", _of("ratio_to_sdk_path"), 50),
    Target(
        "order books, 10 × 10 levels, a second and core: at least 20,000",
        _of("books_a_second_and_core", "1"),
        20_000,
    ),
    Target(
        "socket to ack, p99 at 10,000 ticks/s, 20 topics, linger.ms 5: at most 10 ms",
        _of("p99_socket_to_ack_ms"),
        10,
        at_least=False,
    ),
    Target(
        "socket to produce, p99 likewise: at most 0.5 ms",
        _of("p99_socket_to_produce_ms"),
        0.5,
        at_least=False,
    ),
    Target(
        "resident memory at 10,000 ticks/s, 100 topics: at most 150 MB",
        _memory,
        150,
        at_least=False,
    ),
)

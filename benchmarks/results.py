"""All that was measured, and the few numbers that stand for it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.brokers import APACHE
from benchmarks.growth import Row
from benchmarks.latency import Cell
from benchmarks.soak import Soak
from benchmarks.stages import Cost
from benchmarks.throughput import Costs, Pair

#: Where the headline's latency is measured: ticks a second, topics, linger.ms.
TARGET_CELL = (10_000, 20, 5)

#: Where the headline's memory is: ticks a second, topics.
MEMORY_CELL = (10_000, 100)


@dataclass(slots=True)
class OnBrokers:
    """What was measured on one cluster; what was left out is empty.

    Attributes:
        ticks: one tick a push, by the number of topics.
        books: order books of 10 × 10 levels, by the number of topics.
        sdk: what a user would write instead.
        stages: by what is pushed, by stage.
        latency: the grid.
        growth: along each axis.
        soak: a long run; None where none was wanted.
    """

    ticks: dict[int, Pair] = field(default_factory=dict)
    books: dict[int, Pair] = field(default_factory=dict)
    sdk: Costs = field(default_factory=Costs)
    stages: dict[str, dict[str, Cost]] = field(default_factory=dict)
    latency: list[Cell] = field(default_factory=list)
    growth: list[Row] = field(default_factory=list)
    soak: Soak | None = None

    def headline(self) -> dict[str, Any]:
        """Give the numbers that the issue of speed is judged by, as far as they were measured.

        `ratio_to_bare_produce`: our ticks a second of a core ÷ the bare loop's, by topics;
        `ratio_to_sdk_path`: ours ÷ what a user would write; the p99s in ms at 10,000 ticks/s, 20
        topics and linger.ms 5; `rss_mb`: the worker's resident memory (10**6 bytes) at 10,000
        ticks/s and the most topics that the latency was measured with.
        """
        found: dict[str, Any] = {}
        if ratios := {str(n): round(p.ratio, 3) for n, p in self.ticks.items() if p.bare.cpu_us}:
            found["ratio_to_bare_produce"] = ratios
        if self.ticks:
            found["ticks_a_second_and_core"] = {
                str(n): round(pair.ours.a_second) for n, pair in self.ticks.items()
            }
        if self.sdk.cpu_us and self.ticks:
            ours = self.ticks[max(self.ticks)].ours.a_second
            found["ratio_to_sdk_path"] = round(ours / self.sdk.a_second, 1)
        if self.books:
            found["books_a_second_and_core"] = {
                str(n): round(pair.ours.a_second) for n, pair in self.books.items()
            }
        return found | self._latencies()

    def _latencies(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for cell in self.latency:
            if cell.to_produce is None or cell.to_ack is None:
                continue
            if (cell.rate, cell.topics, cell.linger_ms) == TARGET_CELL:
                found["p99_socket_to_ack_ms"] = round(cell.to_ack.p99, 3)
                found["p99_socket_to_produce_ms"] = round(cell.to_produce.p99, 3)
        cells = [cell for cell in self.latency if cell.rate == MEMORY_CELL[0]]
        if cells:
            widest = max(cells, key=lambda cell: (cell.topics, cell.linger_ms))
            found["rss_mb"] = round(widest.rss / 1e6, 1)
            found["rss_mb_at"] = {"ticks_a_second": widest.rate, "topics": widest.topics}
        return found


@dataclass(slots=True)
class Results:
    """A run of the benchmark: by cluster."""

    command: str
    machine: dict[str, str]
    clusters: dict[str, OnBrokers] = field(default_factory=dict)
    #: What a consumer's steps cost; see benchmarks/consuming.py.
    consuming: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Give everything; the headline's keys on top are the real Kafka's where it was run."""
        headlines = {name: one.headline() for name, one in self.clusters.items()}
        top = headlines.get(APACHE) or next(iter(headlines.values()), {})
        return {
            "command": self.command,
            "machine": self.machine,
            **top,
            "by_cluster": headlines,
            "consuming": self.consuming,
            "measured": {name: asdict(one) for name, one in self.clusters.items()},
        }

"""How cost and memory grow: with topics, securities, the depth of a book, the ticks of a push.

Each row is a worker of its own, its pushes sent as fast as it takes them (`throughput`); along the
topics, the bare loop stands beside it. There, and only there, the worker is also fed 10,000 ticks a
second: then librdkafka has little to put into one batch of one topic, which is how feeds are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import throughput
from benchmarks.brokers import Brokers
from benchmarks.load import Shape
from benchmarks.stage import Setting
from benchmarks.throughput import Pair

#: Ticks a second where they are paced.
PACE = 10_000


@dataclass(frozen=True, slots=True)
class Row:
    """One step along one axis.

    Attributes:
        axis: what grows.
        value: how far.
        pair: what it costs.
    """

    axis: str
    value: int
    pair: Pair


def topics(
    brokers: Brokers, numbers: Sequence[int], *, records: int, rounds: int, folder: Path
) -> list[Row]:
    """Measure along the number of topics, a security each."""
    rows = []
    for number in numbers:
        setting = Setting(Shape(number))
        pair = throughput.measure(
            brokers, setting, records=records, rounds=rounds, folder=folder, pace=PACE
        )
        rows.append(Row("topics", number, pair))
    return rows


def others(brokers: Brokers, *, records: int, rounds: int, folder: Path) -> list[Row]:
    """Measure along the securities of one topic, the orders of a book, the ticks of a push."""
    one_topic = "subtype"
    settings = [
        *(
            ("securities in one topic", number, Setting(Shape(number), layout=one_topic), records)
            for number in (1, 10, 100, 1000)
        ),
        *(
            ("orders of a book", number, Setting(Shape(1, "order-book", orders=number)), books)
            for number, books in ((1, records // 5), (10, records // 5), (100, records // 10),
                                  (1000, records // 50))
        ),
        *(
            ("ticks a push", number, Setting(Shape(1, ticks_a_push=number)), records)
            for number in (1, 5, 50)
        ),
    ]  # fmt: skip
    return [
        Row(
            axis,
            number,
            throughput.measure(
                brokers, setting, records=count, rounds=rounds, folder=folder, bare=False
            ),
        )
        for axis, number, setting, count in settings
    ]

"""How long a tick takes: from the socket to librdkafka, and from the socket to the acknowledgement.

It begins when the feeder, a process of its own, hands the push to its end of the loopback socket.
*Produce* is when our worker calls `Producer.produce()` with the finished record: what is added by
us. *Ack* is when the worker sees the record's delivery report, from which on it counts as
delivered. All are CLOCK_MONOTONIC, on one machine that brokers and feeder share. A push that finds
the socket full counts from when it was due: a worker that falls behind pays for what waits.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import ceil
from pathlib import Path

from benchmarks.brokers import Brokers
from benchmarks.load import Shape
from benchmarks.stage import Setting, Stage, standing

_WARM_UP = 4_000


@dataclass(frozen=True, slots=True)
class Quantiles:
    """p50, p99 and p99.9, in milliseconds."""

    p50: float
    p99: float
    p999: float


@dataclass(frozen=True, slots=True)
class Cell:
    """One place in the grid.

    Attributes:
        topics: how many topics, a security each.
        rate: ticks a second, one a push.
        linger_ms: librdkafka's linger.ms.
        to_produce: socket to `produce()`; None where the worker lost its link: it did not keep up.
        to_ack: socket to delivery report; likewise.
        cpu_part: the worker's CPU ÷ the seconds of the feed: 1.0 is a whole core.
        rss: its resident memory at the end, bytes.
        feeder_lag_ms: the most that the feeder itself was late: what this machine adds.
    """

    topics: int
    rate: int
    linger_ms: int
    to_produce: Quantiles | None
    to_ack: Quantiles | None
    cpu_part: float
    rss: int
    feeder_lag_ms: float


def measure(
    brokers: Brokers,
    *,
    topics: Sequence[int],
    rates: Sequence[int],
    lingers_ms: Sequence[int],
    seconds: float,
    folder: Path,
) -> list[Cell]:
    """Measure the grid: a worker for each number of topics and linger.ms, all rates in turn."""
    cells = []
    for number in topics:
        for linger_ms in lingers_ms:
            setting = Setting(Shape(number), properties={"linger.ms": linger_ms}, noting=True)
            batches = [_WARM_UP, *(ceil(rate * seconds) for rate in rates)]
            with standing(brokers, setting, batches, folder) as stage:
                stage.blast()
                for rate in rates:
                    cells.append(_cell(stage, rate, linger_ms))
                    if cells[-1].to_ack is None:
                        break  # nor would it keep up with more
    return cells


def quantiles(spans_ns: Iterable[int]) -> Quantiles:
    """Give the quantiles of some spans: of the values themselves, none between two of them."""
    ordered = sorted(spans_ns)

    def at(part: float) -> float:
        return ordered[max(0, ceil(part * len(ordered)) - 1)] / 1e6

    return Quantiles(at(0.5), at(0.99), at(0.999))


def _cell(stage: Stage, rate: int, linger_ms: int) -> Cell:
    batch = stage.batches[0]
    records, counts = batch["records"], batch["by_security"]
    first_places = [0, *accumulate(counts)][:-1]
    sent_file, seen_file = stage.folder / "sent", stage.folder / "seen"
    places = dict(zip(stage.topics, first_places, strict=True))
    stage.worker.ask("note", places=places, records=records)
    used = stage.pace(rate, sent_file)
    to_produce = to_ack = None
    if used["delivered"] >= records:
        stage.worker.ask("times", file=str(seen_file))
        sent, produced, acknowledged = _read(sent_file, seen_file, records)
        to_produce = quantiles(at - since for at, since in zip(produced, sent, strict=True))
        to_ack = quantiles(at - since for at, since in zip(acknowledged, sent, strict=True))
    return Cell(
        len(stage.topics),
        rate,
        linger_ms,
        to_produce,
        to_ack,
        used["cpu_ns"] / 1e9 * rate / records,
        used["rss"],
        used["worst_lag_ms"],
    )


def _read(sent: Path, seen: Path, records: int) -> tuple[array[int], array[int], array[int]]:
    times = array("q")
    times.frombytes(sent.read_bytes() + seen.read_bytes())
    assert len(times) == 3 * records
    return times[:records], times[records : 2 * records], times[2 * records :]

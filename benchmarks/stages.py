"""Where a tick's time goes: each stage alone, on the main thread, over the same ticks.

CPU of the main thread; librdkafka's own threads, which compress and send meanwhile, are a line of
their own. What a whole worker needs beyond the sum is what no stage has: the event loop, the
session, continuity, metrics. A process of its own; orders come as JSON lines.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.allocations import allocations
from benchmarks.children import Parent
from benchmarks.load import Load, Prepared, Shape, now_us
from opend_kafka import config as configuration
from opend_kafka.config import Config
from opend_kafka.kafka.producer import RecordProducer
from opend_kafka.kafka.routing import Route, routes
from opend_kafka.metrics import Metrics
from opend_kafka.opend.frames import HEADER, FrameReader
from opend_kafka.opend.messages import read_push
from opend_kafka.plan import topics_of, wire_format_of
from opend_kafka.records.engine import Provenance, RecordEncoder
from opend_kafka.records.kinds import KINDS, schema_of
from opend_kafka.records.programs import program

#: What is read from the socket at once.
_READ = 256 * 1024

_FLUSH_S = 60.0


@dataclass(frozen=True, slots=True)
class Cost:
    """What a stage costs a record.

    Attributes:
        cpu_us: µs of CPU of the main thread, a number a round.
        allocations: how often Python's allocators are asked; None where nothing counts it.
    """

    cpu_us: list[float]
    allocations: float | None


def main() -> None:
    """Obey `run`: measure each stage with pushes of a shape, so many rounds."""
    parent = Parent()
    config = configuration.load(Path(sys.argv[1]))
    try:
        while True:
            order = parent.next_order()
            measured = _measure(config, Shape(**order["shape"]), order["records"], order["rounds"])
            parent.say(
                stages={
                    name: {"cpu_us": one.cpu_us, "allocations": one.allocations}
                    for name, one in measured.items()
                }
            )
    except EOFError:
        pass


def _measure(config: Config, shape: Shape, records: int, rounds: int) -> dict[str, Cost]:
    pushes = Load(shape, now_us()).take(records)
    number = sum(push.records for push in pushes)
    found = {name: _stage(body, number, rounds) for name, body in _decoding(shape, pushes).items()}
    return found | _producing(config, shape, pushes, number, rounds)


def _stage(body: Callable[[], object], records: int, rounds: int) -> Cost:
    body()
    costs = []
    for _ in range(rounds):
        begun = time.thread_time_ns()
        body()
        costs.append((time.thread_time_ns() - begun) / 1000 / records)
    asked = allocations(body)
    return Cost(costs, None if asked is None else asked / records)


def _decoding(shape: Shape, pushes: list[Prepared]) -> dict[str, Callable[[], object]]:
    data = b"".join(push.frame for push in pushes)
    reads = [data[start : start + _READ] for start in range(0, len(data), _READ)]
    bodies = [push.frame[HEADER.size :] for push in pushes]
    kind = next(one for one in KINDS if shape.subtype in one.subtype.all)
    encoder = RecordEncoder(kind)
    messages = [read_push(kind.proto_id, body).s2c for body in bodies]
    provenance, prefix = Provenance(1, 1, now_us()), bytes(10)

    def frames() -> None:
        reader = FrameReader()
        for read in reads:
            for _ in reader.receive(read):
                pass

    def protobuf() -> None:
        for body in bodies:
            read_push(kind.proto_id, body)

    def record() -> None:
        for s2c in messages:
            for index, row in enumerate(encoder.rows(s2c)):
                encoder.encode(s2c, row, index, provenance, prefix)

    stages: dict[str, Callable[[], object]] = {
        "frame and SHA-1": frames,
        "protobuf (plain engine)": protobuf,
        "record and Avro (plain engine)": record,
    }
    transcode = _transcoder(kind)
    if transcode is not None:

        def transcoded() -> None:
            for body in bodies:
                transcode(body, prefix, provenance)

        stages["protobuf, record and Avro (compiled engine)"] = transcoded
    return stages


def _transcoder(kind: Any) -> Callable[[bytes, bytes, Provenance], object] | None:
    try:
        from opend_kafka.records.transcoder import Transcoder
    except ImportError:  # it was not built
        return None
    return Transcoder(program(kind)).transcode


def _producing(
    config: Config, shape: Shape, pushes: list[Prepared], records: int, rounds: int
) -> dict[str, Cost]:
    """Measure handing over, and the reports: in between librdkafka has sent all of it."""
    taken = list(_records(config, shape, pushes))
    producer = RecordProducer(
        config.kafka.bootstrap_servers,
        config.kafka.librdkafka,
        topics={route.topic: route.subtype for route, _ in taken},
        metrics=Metrics("0"),
        on_failure=lambda failure: None,
    )

    def produce() -> None:
        for route, value in taken:
            producer.produce(route, value, 1)

    def flush() -> None:
        left = producer.flush(_FLUSH_S)
        assert not left, f"{left} records are not acknowledged"

    costs: dict[str, list[float]] = {
        "produce": [],
        "delivery report": [],
        "librdkafka's threads": [],
    }
    produce()
    flush()
    for _ in range(rounds):
        marks = [(time.thread_time_ns(), time.process_time_ns())]
        for step in (produce, flush):
            step()
            marks.append((time.thread_time_ns(), time.process_time_ns()))
        (own0, all0), (own1, _), (own2, all2) = marks
        spent = (own1 - own0, own2 - own1, all2 - all0 - (own2 - own0))
        for name, ns in zip(costs, spent, strict=True):
            costs[name].append(ns / 1000 / records)
    asked = (allocations(produce), allocations(flush), None)
    return {
        name: Cost(costs[name], None if count is None else count / records)
        for name, count in zip(costs, asked, strict=True)
    }


def _records(config: Config, shape: Shape, pushes: list[Prepared]) -> Iterator[tuple[Route, bytes]]:
    with wire_format_of(config) as wire_format:
        table = routes(topics_of(config), schema_of=schema_of, prefix=wire_format.prefix)
    kind = next(one for one in KINDS if shape.subtype in one.subtype.all)
    encoder = RecordEncoder(kind)
    for push in pushes:
        s2c = read_push(kind.proto_id, push.frame[HEADER.size :]).s2c
        for index, row in enumerate(encoder.rows(s2c)):
            route = table[row.subtype, row.market_number, row.code]
            provenance = Provenance(1, index, now_us())
            yield route, encoder.encode(s2c, row, index, provenance, route.value_prefix)


def median(stage: Cost) -> float:
    """Give the median cost in µs."""
    return statistics.median(stage.cpu_us)


if __name__ == "__main__":
    main()

"""Where a record's time goes: each stage, of either engine, on the main thread.

What cannot be run alone is a difference: a stage is what the hot path costs with it, less what it
costs without it. librdkafka's own threads, which compress and send meanwhile, are a line of their
own. What a whole worker needs beyond the sum is what no stage has: the event loop, the socket's
reads, the session. Each round has new ticks, since old ones would be looked at as such. A process
of its own; orders come as JSON lines.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.allocations import allocations
from benchmarks.children import Parent
from benchmarks.hot_path import HotPath, Nowhere
from benchmarks.load import Load, Shape, now_us
from opend_kafka import config as configuration
from opend_kafka.config import Config
from opend_kafka.opend.events import Push
from opend_kafka.opend.frames import HEADER
from opend_kafka.opend.messages import read_push
from opend_kafka.records.engine import Provenance, RecordEncoder
from opend_kafka.records.kinds import KINDS
from opend_kafka.records.programs import program
from opend_kafka.records.tables import Kind

#: What is read from the socket at once.
_READ = 256 * 1024

_FLUSH_S = 60.0

#: No push has this number.
_NO_PUSH = 0

#: The bytes of a wire format.
_PREFIX = bytes(10)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a stage costs a record.

    Attributes:
        cpu_us: µs of CPU, the median of the rounds.
        allocations: how often Python's allocators are asked; None where nothing counts it.
    """

    cpu_us: float
    allocations: float | None = None

    def __sub__(self, other: Cost) -> Cost:
        """Give what is left without the other."""
        unknown = self.allocations is None or other.allocations is None
        left = None if unknown else (self.allocations or 0) - (other.allocations or 0)
        return Cost(self.cpu_us - other.cpu_us, left)


class _Batch(NamedTuple):
    """The same pushes as each stage takes them."""

    records: int
    reads: list[bytes]
    pushes: list[Push]

    @property
    def bodies(self) -> list[bytes]:
        return [push.body for push in self.pushes]


def main() -> None:
    """Obey `run`: measure each stage of an engine with pushes of a shape."""
    parent = Parent()
    config = configuration.load(Path(sys.argv[1]))
    try:
        while True:
            order = parent.next_order()
            shape = Shape(**order["shape"])
            measured = _Bench(config, shape, order["records"], order["rounds"]).measure(
                order["engine"]
            )
            parent.say(stages={name: asdict(one) for name, one in measured.items()})
    except EOFError:
        pass


class _Bench:
    """Batches of one shape, and what it takes to bring them through."""

    def __init__(self, config: Config, shape: Shape, records: int, rounds: int) -> None:
        self._config = config
        self._kind = next(one for one in KINDS if shape.subtype in one.subtype.all)
        load = Load(shape, now_us())
        # One to warm up with, one to count allocations with.
        self._batches = [_batch(load, self._kind, records) for _ in range(rounds + 2)]

    def measure(self, engine: str) -> dict[str, Cost]:
        """Give the stages of an engine, in the order in which a record meets them."""
        cut = HotPath(self._config, engine, Nowhere)
        whole = self._cost(lambda batch: cut.read(batch.reads))
        pushed = self._pushing(HotPath(self._config, engine, Nowhere), engine)
        decoded = self._decoding(engine)
        made = list(decoded.values())[-1]
        return {
            "frame and SHA-1": whole - pushed,
            **decoded,
            "continuity, routing, metrics": pushed - made,
            **self._producing(engine, whole),
        }

    def _pushing(self, path: HotPath, engine: str) -> Cost:
        """Give all but cutting, and but librdkafka."""
        if engine == "plain":
            return self._cost(lambda batch: path.push(batch.pushes))
        number = self._kind.proto_id
        calling = self._cost(lambda batch: path.offer(batch.pushes, _NO_PUSH))
        return self._cost(lambda batch: path.offer(batch.pushes, number)) - calling

    def _decoding(self, engine: str) -> dict[str, Cost]:
        """Give what it takes to come from bytes to bytes; the last one is all of it."""
        if engine == "compiled":
            from opend_kafka.records.transcoder import Transcoder

            transcode = Transcoder(program(self._kind)).transcode
            return {
                "protobuf, record and Avro": self._cost(
                    lambda batch: _transcoded(transcode, batch.bodies)
                )
            }
        parse = self._cost(lambda batch: _parsed(self._kind, batch.bodies))
        encoder = RecordEncoder(self._kind)
        both = self._cost(lambda batch: _encoded(self._kind, encoder, batch.bodies))
        return {
            "protobuf": parse,
            "record and Avro": both - parse,
            "protobuf, record and Avro": both,
        }

    def _producing(self, engine: str, whole: Cost) -> dict[str, Cost]:
        """Measure handing over, and the reports: in between librdkafka has sent all of it."""
        path = HotPath(self._config, engine)
        marks: list[tuple[float, float, float]] = []

        def flush() -> None:
            left = path.producer.flush(_FLUSH_S)
            assert not left, f"{left} records are not acknowledged"

        for batch in self._batches[:-1]:
            own, everything = [time.thread_time_ns()], time.process_time_ns()
            path.read(batch.reads)
            own.append(time.thread_time_ns())
            flush()
            own.append(time.thread_time_ns())
            others = time.process_time_ns() - everything - (own[2] - own[0])
            a_record = 1000 * batch.records
            spent = own[1] - own[0], own[2] - own[1], others
            marks.append((spent[0] / a_record, spent[1] / a_record, spent[2] / a_record))
        handed, reported, threads = map(statistics.median, zip(*marks[1:], strict=True))
        last = self._batches[-1]
        asked = [allocations(lambda: path.read(last.reads)), allocations(flush)]
        counts = [None if one is None else one / last.records for one in asked]
        return {
            "produce": Cost(handed, counts[0]) - whole,
            "delivery report": Cost(reported, counts[1]),
            "librdkafka's threads": Cost(threads),
        }

    def _cost(self, body: Callable[[_Batch], object]) -> Cost:
        warm_up, *measured, counted = self._batches
        body(warm_up)
        costs = []
        for batch in measured:
            begun = time.thread_time_ns()
            body(batch)
            costs.append((time.thread_time_ns() - begun) / 1000 / batch.records)
        asked = allocations(lambda: body(counted))
        return Cost(statistics.median(costs), None if asked is None else asked / counted.records)


def _batch(load: Load, kind: Kind, records: int) -> _Batch:
    prepared = load.take(records)
    data = b"".join(push.frame for push in prepared)
    return _Batch(
        sum(push.records for push in prepared),
        [data[start : start + _READ] for start in range(0, len(data), _READ)],
        [
            Push(1, kind.proto_id, serial, push.frame[HEADER.size :])
            for serial, push in enumerate(prepared)
        ],
    )


def _parsed(kind: Kind, bodies: Sequence[bytes]) -> None:
    for body in bodies:
        read_push(kind.proto_id, body)


def _encoded(kind: Kind, encoder: RecordEncoder, bodies: Sequence[bytes]) -> None:
    provenance = Provenance(1, 1, now_us())
    for body in bodies:
        s2c, _ = read_push(kind.proto_id, body)
        for index, row in enumerate(encoder.rows(s2c)):
            encoder.encode(s2c, row, index, provenance, _PREFIX)


def _transcoded(
    transcode: Callable[[bytes, bytes, Provenance], Any], bodies: Sequence[bytes]
) -> None:
    provenance = Provenance(1, 1, now_us())
    for body in bodies:
        transcode(body, _PREFIX, provenance)


if __name__ == "__main__":
    main()

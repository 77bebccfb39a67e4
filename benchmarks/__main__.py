"""What a tick costs, side by side in one run: a bare produce loop, and all that the worker does.

Both send the same keys and the same Avro bytes to the same topics of an embedded Kafka in this
process. CPU is the whole process's, user + system, librdkafka's threads and the embedded brokers
included, so the ratio is the cautious one.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from confluent_kafka import Producer
from rich.console import Console
from rich.table import Table

from benchmarks import consuming
from opend_kafka.continuity.tracker import Tracker
from opend_kafka.dead_letters import DeadLetterPublisher
from opend_kafka.kafka.embedded import EmbeddedKafka, EmbeddedTopics
from opend_kafka.kafka.producer import RecordProducer
from opend_kafka.kafka.properties import producer_properties
from opend_kafka.kafka.registry import SingleObject
from opend_kafka.kafka.routing import Route, Routes, routes, topic_names
from opend_kafka.kafka.topics import TopicSpec, ensure
from opend_kafka.metrics import Metrics
from opend_kafka.opend.events import Push
from opend_kafka.opend.frames import Frame, FrameReader, encode
from opend_kafka.opend.messages import ProtoId, decode_push
from opend_kafka.opend.pb import Qot_UpdateTicker_pb2
from opend_kafka.opend.securities import Security, market_name
from opend_kafka.opend.subscriptions import Subscription, Subtype
from opend_kafka.pipeline import Pipeline, Record
from opend_kafka.records.engine import Provenance, RecordEncoder
from opend_kafka.records.kinds import schema_of
from opend_kafka.records.ticker import TICKER
from opend_kafka.simulator.market import Market

_TOPICS = (1, 20)
_START_US = 1_700_000_000_000_000


@dataclass(frozen=True, slots=True)
class Load:
    """The same ticks in every form that a stage takes."""

    frames: list[bytes]
    pushes: list[Push]
    records: list[tuple[Route, bytes]]
    table: Routes


def main() -> None:
    """Measure; print the table; write the JSON where asked."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=…")
    parser.add_argument("--quick", action="store_true", help="fewer ticks, fewer runs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there")
    options = parser.parse_args()
    ticks, runs = (5_000, 3) if options.quick else (20_000, 7)
    results = measure(ticks, runs)
    results["consuming"] = consuming.measure(ticks, runs)
    Console().print(_table(results))
    Console().print(consuming.table(results["consuming"]))
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")


def measure(ticks: int, runs: int) -> dict[str, Any]:
    """Give every number, medians over the runs; times are µs of CPU a tick."""
    results: dict[str, Any] = {"ticks": ticks, "runs": runs, "us_per_tick": {}}
    for topics in _TOPICS:
        load = _load(ticks, topics)
        with EmbeddedKafka() as kafka:
            specs = [TopicSpec(route.topic) for route in load.table.values()]
            ensure(EmbeddedTopics(kafka), specs, create=True)
            bare, ours = [], []
            for _ in range(runs):
                bare.append(_cpu_us(partial(_bare, kafka, load)) / ticks)
                ours.append(_cpu_us(partial(_worker, kafka, load)) / ticks)
        results["us_per_tick"][f"bare produce, {topics} topics"] = _spread(bare)
        results["us_per_tick"][f"worker, {topics} topics"] = _spread(ours)
        ratio = statistics.median(b / o for b, o in zip(bare, ours, strict=True))
        results.setdefault("ratio_to_bare_produce", {})[str(topics)] = round(ratio, 3)
    load = _load(ticks, 1)
    for stage, body in _stages(load).items():
        costs = [_cpu_us(body) / ticks for _ in range(runs)]
        results["us_per_tick"][f"stage: {stage}"] = _spread(costs)
    return results


def _bare(kafka: EmbeddedKafka, load: Load) -> None:
    producer = Producer(producer_properties(kafka.bootstrap_servers, {}))
    for route, value in load.records:
        producer.produce(route.topic, value, route.key)
        producer.poll(0)
    producer.flush(60)


def _worker(kafka: EmbeddedKafka, load: Load) -> None:
    producer = _producer(kafka, load.table)
    metrics = Metrics("0")
    letters = DeadLetterPublisher(
        producer, "dead-letter", b"", metrics, worker="", now_us=lambda: _START_US
    )
    pipeline = Pipeline(
        load.table,
        producer,
        metrics,
        dead_letters=letters,
        now_us=lambda: _START_US,
        tracker=_open_tracker(producer, load.table),
    )
    reader = FrameReader()
    for data in load.frames:
        for frame in reader.receive(data):
            pipeline.push(Push(1, frame.proto_id, frame.serial, frame.body))
        producer.poll()
    producer.flush(60)


def _open_tracker(producer: RecordProducer, table: Routes) -> Tracker[Record]:
    """Give a tracker that follows every ticker, past its first look at OpenD's list."""
    tracker: Tracker[Record] = Tracker(
        emit=lambda record, on_delivered: producer.produce(*record, on_delivered),
        publish=lambda watermark, on_delivered: on_delivered(True),
        on_gap=lambda gap: None,
        watermarks={},
        worker="",
        clock=time.monotonic,
        now_us=lambda: _START_US,
    )
    securities = [Security(market_name(number), code) for _, number, code in table]
    tracker.watch(securities)
    tracker.subscribed(securities)
    while asked := tracker.asks():
        for security in asked:
            tracker.replied(security, (), lambda sequence: None)
    return tracker


def _producer(kafka: EmbeddedKafka, table: Routes) -> RecordProducer:
    return RecordProducer(
        kafka.bootstrap_servers,
        {},
        topics={route.topic: "ticker" for route in table.values()},
        metrics=Metrics("0"),
        on_failure=lambda failure: None,
    )


def _stages(load: Load) -> dict[str, Callable[[], None]]:
    encoder = RecordEncoder(TICKER)
    messages = [decode_push(push.proto_id, push.body) for push in load.pushes]

    def frames() -> None:
        reader = FrameReader()
        for data in load.frames:
            list(reader.receive(data))

    def protobuf() -> None:
        for push in load.pushes:
            decode_push(push.proto_id, push.body)

    def record() -> None:
        provenance = Provenance(1, 1, _START_US)
        for s2c in messages:
            for index, row in enumerate(encoder.rows(s2c)):
                encoder.encode(s2c, row, index, provenance)

    return {"frame and SHA-1": frames, "protobuf": protobuf, "record and Avro": record}


def _load(ticks: int, topics: int) -> Load:
    traded = [Security("HK", f"{number:05}") for number in range(1, topics + 1)]
    wanted = [Subscription(security, Subtype.TICKER) for security in traded]
    table = routes(
        topic_names(wanted, prefix="bench", layout="subtype_security"),
        schema_of=schema_of,
        prefix=SingleObject().prefix,
    )
    encoder = RecordEncoder(TICKER)
    load = Load([], [], [], table)
    market = Market(traded, seed=1, rate=1000, start_us=_START_US)
    for serial, trade in enumerate(market.advance(_START_US + ticks * 1000)):
        response = Qot_UpdateTicker_pb2.Response(retType=0)
        response.s2c.security.market, response.s2c.security.code = 1, trade.security.code
        response.s2c.tickerList.append(trade.tick)
        body = response.SerializeToString()
        load.frames.append(encode(Frame(ProtoId.QOT_UPDATE_TICKER, serial, body)))
        load.pushes.append(Push(1, ProtoId.QOT_UPDATE_TICKER, serial, body))
        route = table[Subtype.TICKER, 1, trade.security.code]
        (row,) = encoder.rows(response.s2c)
        provenance = Provenance(1, serial, _START_US)
        value = encoder.encode(response.s2c, row, 0, provenance, route.value_prefix)
        load.records.append((route, value))
    return load


def _cpu_us(body: Callable[[], None]) -> float:
    begun = time.process_time_ns()
    body()
    return (time.process_time_ns() - begun) / 1000


def _spread(costs: list[float]) -> dict[str, float]:
    return {
        "min": round(min(costs), 2),
        "median": round(statistics.median(costs), 2),
        "max": round(max(costs), 2),
    }


def _table(results: dict[str, Any]) -> Table:
    table = Table(title=f"µs of CPU a tick, {results['runs']} runs of {results['ticks']:,} ticks")
    for heading in ("", "min", "median", "max"):
        table.add_column(heading, justify="left" if not heading else "right")
    for name, spread in results["us_per_tick"].items():
        table.add_row(name, *(f"{spread[part]:.2f}" for part in ("min", "median", "max")))
    table.caption = "worker ÷ bare produce loop, in ticks/s: " + ", ".join(
        f"{ratio:.2f} at {topics} topics"
        for topics, ratio in results["ratio_to_bare_produce"].items()
    )
    return table


if __name__ == "__main__":
    main()

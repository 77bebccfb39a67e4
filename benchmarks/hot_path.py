"""The worker's hot path alone: from a connection's bytes to the producer, without a socket or loop.

`Worker` wires the same parts; here each can be run by itself.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from typing import Any

from confluent_kafka import Producer

from benchmarks.load import now_us
from opend_kafka.config import Config
from opend_kafka.continuity.tracker import Tracker
from opend_kafka.dead_letters import DeadLetterPublisher
from opend_kafka.hops import HopSampler
from opend_kafka.intake import ENGINE_VARIABLE, Intake, engine
from opend_kafka.kafka.producer import RecordProducer
from opend_kafka.kafka.routing import Routes, routes
from opend_kafka.metrics import Metrics
from opend_kafka.opend.events import Push
from opend_kafka.opend.frames import PLAIN
from opend_kafka.opend.securities import Security, market_name
from opend_kafka.opend.subscriptions import Subtype
from opend_kafka.pipeline import Pipeline, Record
from opend_kafka.plan import topics_of, wire_format_of
from opend_kafka.records.kinds import schema_of

_CONN_ID = 1


class Nowhere:
    """In librdkafka's place: takes every record, and reports on none."""

    def __init__(self, properties: dict[str, Any]) -> None:
        """Take what a `Producer` takes."""

    def produce(self, *arguments: object, **named: object) -> None:
        """Take a record."""

    def poll(self, timeout_s: float) -> int:
        """Report nothing."""
        return 0


class HotPath:
    """What takes a connection's bytes to the producer.

    Args:
        config: of the worker; its topics stand.
        engine: `compiled` or `plain`.
        make: makes librdkafka's producer.

    Raises:
        ValueError: the compiled engine was not built.
    """

    def __init__(
        self, config: Config, engine_name: str, make: Callable[[dict[str, Any]], Any] = Producer
    ) -> None:
        os.environ[ENGINE_VARIABLE] = engine_name
        if engine() != engine_name:
            raise ValueError(f"there is no {engine_name} engine here")
        metrics = Metrics("0")
        with wire_format_of(config) as wire_format:
            table = routes(topics_of(config), schema_of=schema_of, prefix=wire_format.prefix)
        self.producer = RecordProducer(
            config.kafka.bootstrap_servers,
            config.kafka.librdkafka,
            topics={route.topic: route.subtype for route in table.values()},
            metrics=metrics,
            on_failure=lambda failure: None,
            make=make,
        )
        tracker = _tracker(self.producer, table)
        pipeline = Pipeline(
            table,
            self.producer,
            metrics,
            dead_letters=DeadLetterPublisher(
                self.producer, "none", b"", metrics, worker="", now_us=now_us
            ),
            now_us=now_us,
            tracker=tracker,
        )
        hops = HopSampler(metrics, clock=time.monotonic, now_us=now_us)
        self._intake = Intake(
            pipeline, hops, self.producer, tracker, metrics, heard=lambda stream: None
        )
        self._intake.connected(_CONN_ID)
        self._reader = self._intake.reader(lambda proto_id: PLAIN)

    def read(self, reads: Iterable[bytes]) -> None:
        """Take what was read from the socket."""
        push = self._intake.push
        for data in reads:
            for frame in self._reader.receive(data):
                push(Push(_CONN_ID, frame.proto_id, frame.serial, frame.body))

    def push(self, pushes: Iterable[Push]) -> None:
        """Take pushes that have been cut already."""
        push = self._intake.push
        for one in pushes:
            push(one)

    def offer(self, pushes: Iterable[Push], proto_id: int) -> None:
        """Take them as compiled code does, under this number.

        Under a number that is no push's, nothing is taken: what is left is the call from Python,
        which compiled code does not make.
        """
        offer = self._intake._express.offer
        for one in pushes:
            offer(proto_id, one.serial, one.body)


def _tracker(producer: RecordProducer, table: Routes) -> Tracker[Record]:
    """Give a tracker that follows every ticker, past its first look at OpenD's list."""
    tracker: Tracker[Record] = Tracker(
        emit=lambda record, on_delivered: producer.produce(*record, on_delivered),
        publish=lambda watermark, on_delivered: on_delivered(True),
        on_gap=lambda gap: None,
        watermarks={},
        worker="",
        clock=time.monotonic,
        now_us=now_us,
    )
    securities = [
        Security(market_name(number), code)
        for subtype, number, code in table
        if subtype == Subtype.TICKER
    ]
    tracker.watch(securities)
    tracker.subscribed(securities)
    while asked := tracker.asks():
        for security in asked:
            tracker.replied(security, (), lambda sequence: None)
    return tracker

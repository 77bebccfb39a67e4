"""librdkafka's own statistics, as metrics: few of them, and no more brokers than `MOST_BROKERS`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from opend_kafka.metrics import Metrics

#: Milliseconds between two of librdkafka's accounts; `statistics.interval.ms` of kafka.properties
#: says otherwise, 0 says none.
INTERVAL_MS = 10_000

#: Brokers that are told apart by their number; a cluster may have more, the sums are of all.
MOST_BROKERS = 50

#: What follows is an account of every partition, megabytes of it where there are thousands: it is
#: not read.
_PARTITIONS = '"topics":'


@dataclass(frozen=True, slots=True)
class BrokerStatistics:
    """One broker as librdkafka sees it. Seconds; None where nothing was sent to it meanwhile."""

    number: int
    is_up: bool
    round_trip_s: float | None
    throttled_s: float
    errors: int
    retries: int
    timeouts: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """One account. `client` is librdkafka's name of the producer: a new one counts from 0."""

    client: str
    queued_records: int
    queued_bytes: int
    brokers: tuple[BrokerStatistics, ...]


def read(text: str) -> Statistics:
    """Read what librdkafka gives `stats_cb`, but for its partitions.

    Raises:
        ValueError: it is no such text.
    """
    head, found, _ = text.partition(_PARTITIONS)
    try:
        told = json.loads(head.rstrip().rstrip(",") + "}" if found else head)
        return Statistics(
            told["name"], told["msg_cnt"], told["msg_size"], tuple(_brokers(told["brokers"]))
        )
    except (LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"librdkafka's statistics lack {error}") from None


def _brokers(told: dict[str, dict[str, Any]]) -> Iterator[BrokerStatistics]:
    for one in told.values():
        # Negative: an address to begin with, and not a broker.
        if one["nodeid"] >= 0:
            round_trips = one["rtt"]
            yield BrokerStatistics(
                one["nodeid"],
                one["state"] == "UP",
                round_trips["p99"] / 1e6 if round_trips["cnt"] else None,
                one["throttle"]["max"] / 1e3,
                one["txerrs"],
                one["txretries"],
                one["req_timeouts"],
            )


class StatisticsReporter:
    """Brings librdkafka's accounts into the metrics. Call it with each of them."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._client = ""
        #: What is counted already, of the client and of each of its brokers.
        self._counted: dict[int, tuple[int, int, int]] = {}
        self._shown: set[int] = set()

    def __call__(self, text: str) -> None:
        """Take an account. It raises nothing: what cannot be read is left out."""
        try:
            statistics = read(text)
        except ValueError:
            return
        if statistics.client != self._client:
            self._client, self._counted = statistics.client, {}
        self._metrics.kafka_queue_records.set(statistics.queued_records)
        self._metrics.kafka_queue_bytes.set(statistics.queued_bytes)
        for broker in statistics.brokers:
            self._count(broker)
            if broker.number in self._shown or len(self._shown) < MOST_BROKERS:
                self._shown.add(broker.number)
                self._show(broker)

    def _count(self, broker: BrokerStatistics) -> None:
        counted = broker.errors, broker.retries, broker.timeouts
        before = self._counted.get(broker.number, (0, 0, 0))
        self._counted[broker.number] = counted
        metrics = self._metrics
        counters = metrics.kafka_errors, metrics.kafka_retries, metrics.kafka_timeouts
        for counter, now, then in zip(counters, counted, before, strict=True):
            counter.inc(max(0, now - then))

    def _show(self, broker: BrokerStatistics) -> None:
        number = str(broker.number)
        self._metrics.kafka_broker_up.labels(number).set(broker.is_up)
        self._metrics.kafka_broker_throttle.labels(number).set(broker.throttled_s)
        if broker.round_trip_s is not None:
            self._metrics.kafka_broker_round_trip.labels(number).set(broker.round_trip_s)

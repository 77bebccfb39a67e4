"""Records to Kafka: produce, and follow each one to its delivery report.

Where librdkafka gives its producer up, a new one takes its place, and every record that Kafka has
not acknowledged goes out again in its order: at least once, and first occurrences in order.
"""

from __future__ import annotations

import time
from collections import Counter as Tally
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from confluent_kafka import KafkaError as LibraryError
from confluent_kafka import KafkaException, Message, Producer
from prometheus_client import Counter

from opend_kafka.errors import DeliveryFailed, ProducerFailed
from opend_kafka.kafka.ledger import Line, ledger
from opend_kafka.kafka.properties import producer_properties, refusing_bad_properties
from opend_kafka.kafka.restarts import PRODUCER_AT_FAULT, Held, OnDelivered, Restarts
from opend_kafka.kafka.routing import Route
from opend_kafka.kafka.statistics import INTERVAL_MS
from opend_kafka.metrics import Metrics

#: Bytes that a waiting record takes beside its key and value, roughly (rd_kafka_msg_t, what the
#: allocator adds, and our own note of it): counted so that many small records are bounded too.
RECORD_OVERHEAD = 600

#: Seconds between two looks at a queue that is full.
_FULL_QUEUE_WAIT_S = 0.05

#: Seconds between two calls for what a given-up producer still holds.
_PURGE_EVERY_S = 0.1

#: Seconds that a flush waits at a time. Below 0.2, where confluent-kafka 2.16 begins to wait in
#: pieces: between them it calls reports with an exception pending, and loses it (SystemError).
_TURN_S = 0.05


class RecordProducer:
    """An idempotent producer whose every record ends in `delivered` or in `failed`.

    It is used from one thread. Delivery reports arrive inside `poll` and `flush`; what they call
    may produce, but must not poll.

    Args:
        bootstrap_servers: as in the configuration.
        properties: the user's, for librdkafka.
        topics: topic → subtype, for the labels of metrics.
        metrics: counted in.
        on_failure: called for each record that Kafka did not take.
        on_restart: called with the cause, and with how many records go out again.
        on_latency: told a subtype, and the seconds from `produce` to the acknowledgement, of the
            first record that is acknowledged in a poll.
        on_statistics: told librdkafka's own statistics, as JSON; see `kafka.statistics`.
        make: makes librdkafka's producer from its configuration.
        clock: monotonic seconds.

    Raises:
        ConfigurationError: librdkafka refuses a property.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        properties: dict[str, str],
        *,
        topics: dict[str, str],
        metrics: Metrics,
        on_failure: Callable[[DeliveryFailed], None],
        on_restart: Callable[[str, int], None] = lambda cause, records: None,
        on_latency: Callable[[str, float], None] = lambda subtype, seconds: None,
        on_statistics: Callable[[str], None] | None = None,
        make: Callable[[dict[str, Any]], Producer] = Producer,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        statistics: dict[str, Any] = {}
        if on_statistics is not None:
            statistics = {"stats_cb": on_statistics, "statistics.interval.ms": INTERVAL_MS}
        self._make = partial(make, statistics | producer_properties(bootstrap_servers, properties))
        with refusing_bad_properties():
            self._producer = self._make()
        self._clock = clock
        self._metrics = metrics
        self._subtypes: dict[str, str] = {}
        self._on_failure = on_failure
        self._on_restart = on_restart
        self._on_latency = on_latency
        self._delivered: dict[str, Counter] = {}
        self.add_topics(topics)
        self._latency = metrics.hop_latency.labels("worker_to_ack")
        #: See `Line`. The metrics are told once a poll: their locks cost more than a record's way.
        self.ledger = ledger()
        self.delivered_by_subtype: Tally[str] = Tally()
        self._acknowledged: Tally[str] = Tally()
        #: What came while it could not be handed over, or came back from a given-up producer.
        self._held: deque[Held] = deque()
        #: Inside a delivery report nothing is handed over: a full queue would want to be polled,
        #: and a poll within a poll is a segmentation fault (confluent-kafka-python #457).
        self._reporting = False
        #: Why the producer was given up; None while all is well.
        self._fault: str | None = None
        self._restarts = Restarts()
        self._restart_s: float | None = 0.0
        self._purge_s = 0.0
        self._returned = 0

    def add_topics(self, topics: dict[str, str]) -> None:
        """Learn of topics that records will go to: topic → subtype."""
        self._subtypes |= topics
        for topic, subtype in topics.items():
            self._delivered[topic] = self._metrics.records_delivered.labels(subtype)

    @property
    def librdkafka(self) -> Producer:
        """The producer that records go to while the ledger says that they go directly."""
        return self._producer

    @property
    def delivered(self) -> int:
        """Records that Kafka has acknowledged."""
        return self.ledger[Line.DELIVERED]

    @property
    def failed(self) -> int:
        """Records that Kafka did not take."""
        return self.ledger[Line.FAILED]

    @property
    def buffered_records(self) -> int:
        """Records that have not ended yet."""
        return self.ledger[Line.TAKEN] - self.delivered - self.failed

    @property
    def buffered_bytes(self) -> int:
        """Their bytes, with what each takes beside."""
        return self.ledger[Line.BUFFERED_BYTES]

    def produce(
        self,
        route: Route,
        value: bytes,
        timestamp_ms: int,
        on_delivered: OnDelivered | None = None,
    ) -> None:
        """Hand over one record. It waits only where librdkafka's own queue is full.

        Args:
            route: where to.
            value: the record's bytes.
            timestamp_ms: the record's time, milliseconds since 1970; Kafka's own for 0.
            on_delivered: told how the record ended: inside `poll` or `flush`, or inside this
                call where librdkafka refuses the record at once.
        """
        size = len(value) + len(route.key or b"")
        lines = self.ledger
        lines[Line.BUFFERED_BYTES] += size + RECORD_OVERHEAD
        lines[Line.UNTOLD_BYTES] += size
        lines[Line.TAKEN] = number = lines[Line.TAKEN] + 1
        if self._reporting or self._fault is not None:
            self._hold(Held(number, route.topic, route.key, value, timestamp_ms, on_delivered))
            return
        self.hand_over(number, route.topic, route.key, value, timestamp_ms, on_delivered)

    def poll(self) -> None:
        """Take the delivery reports that have come in.

        Raises:
            ProducerFailed: Kafka made too many producers fail.
        """
        self._serve(self._producer.poll, 0)
        self._settle()

    def flush(self, timeout_s: float) -> int:
        """Wait until every record is reported on; give how many are not after `timeout_s`.

        Raises:
            ProducerFailed: Kafka made too many producers fail.
        """
        deadline_s = self._clock() + timeout_s
        while True:
            left_s = max(0.0, deadline_s - self._clock())
            # A given-up producer sends nothing, and its restart may have to wait: flush would not.
            wait = self._producer.flush if self._fault is None else self._producer.poll
            self._serve(wait, min(left_s, _TURN_S))
            self._settle()
            if not self.buffered_records or self._clock() >= deadline_s:
                return self.buffered_records

    def _serve(self, wait: Callable[[float], object], timeout_s: float) -> None:
        """Let librdkafka report."""
        reporting, self._reporting = self._reporting, True
        self.ledger[Line.LATENCY_WANTED] = True
        try:
            wait(timeout_s)
        except KafkaException as exception:
            # Raised once, in place of a call of error_cb; its reports follow in later polls.
            error: LibraryError = exception.args[0]
            if not error.fatal():
                raise
            self._give_up(error)
        finally:
            self._reporting = reporting

    def _settle(self) -> None:
        """Do what delivery reports have left to be done."""
        if self._fault is not None:
            self._begin_anew(self._fault)
        if self._held and self._fault is None:
            self._hand_over_held()
        self._count()

    def _count(self) -> None:
        self._metrics.bytes_produced.inc(self.ledger[Line.UNTOLD_BYTES])
        self.ledger[Line.UNTOLD_BYTES] = 0
        self.ledger[Line.DIRECT] = self._fault is None and not self._held
        for topic, records in self._acknowledged.items():
            self._delivered[topic].inc(records)
        self._acknowledged.clear()

    def hand_over(
        self,
        number: int,
        topic: str,
        key: bytes | None,
        value: bytes,
        timestamp_ms: int,
        on_delivered: OnDelivered | None,
    ) -> None:
        """Hand a record over that the ledger has, and what came while it waited; see `produce`."""
        self._hand_over(number, topic, key, value, timestamp_ms, on_delivered)
        if self._held and self._fault is None:
            self._hand_over_held()

    def _hand_over(
        self,
        number: int,
        topic: str,
        key: bytes | None,
        value: bytes,
        timestamp_ms: int,
        on_delivered: OnDelivered | None,
    ) -> None:
        # A failed message has lost its timestamp, and reports of failures come out of order.
        report = partial(self.report, number, timestamp_ms, on_delivered)
        while True:
            try:
                self._producer.produce(
                    topic, value, key, on_delivery=report, timestamp=timestamp_ms
                )
                return
            except BufferError:
                self._serve(self._producer.poll, _FULL_QUEUE_WAIT_S)
            except KafkaException as exception:
                error = exception.args[0]
                if error.code() not in PRODUCER_AT_FAULT:
                    self._end(error, topic, key, value, on_delivered)
                    return
                self._give_up(error)
            if self._fault is not None:
                self._hold(Held(number, topic, key, value, timestamp_ms, on_delivered))
                return

    def _hold(self, record: Held) -> None:
        self.ledger[Line.DIRECT] = False
        self._held.append(record)

    def _hand_over_held(self) -> None:
        reporting, self._reporting = self._reporting, True
        try:
            while self._held and self._fault is None:
                self._hand_over(*self._held.popleft())
        finally:
            self._reporting = reporting

    def report(
        self,
        number: int,
        timestamp_ms: int,
        on_delivered: OnDelivered | None,
        error: LibraryError | None,
        message: Message,
    ) -> None:
        """Take a delivery report, of a record handed over here or by compiled code."""
        topic, key, value = message.topic() or "", message.key(), message.value() or b""
        if error is not None and error.code() in PRODUCER_AT_FAULT:
            self._give_up(error)
            self._returned += 1
            self._hold(Held(number, topic, key, value, timestamp_ms, on_delivered))
            return
        if error is None:
            self.ledger[Line.DELIVERED] += 1
            subtype = self._subtypes[topic]
            self.delivered_by_subtype[subtype] += 1
            self._acknowledged[topic] += 1
            if self.ledger[Line.LATENCY_WANTED]:
                self.tell_latency(subtype, message)
        self._end(error, topic, key, value, on_delivered)

    def count_delivered(self, subtype: str, records: int) -> None:
        """Count records that the ledger has as delivered, and that compiled code followed."""
        self.delivered_by_subtype[subtype] += records
        self._metrics.records_delivered.labels(subtype).inc(records)

    def tell_latency(self, subtype: str, message: Message) -> None:
        """Tell how long a record took that Kafka has acknowledged."""
        self.ledger[Line.LATENCY_WANTED] = False
        latency = message.latency() or 0.0
        self._latency.observe(latency)
        self._on_latency(subtype, latency)

    def _end(
        self,
        error: LibraryError | None,
        topic: str,
        key: bytes | None,
        value: bytes,
        on_delivered: OnDelivered | None,
    ) -> None:
        self.ledger[Line.BUFFERED_BYTES] -= len(value) + len(key or b"") + RECORD_OVERHEAD
        if error is not None:
            self.ledger[Line.FAILED] += 1
            subtype, code = self._subtypes[topic], error.name()
            self._metrics.delivery_failures.labels(subtype, code).inc()
            self._on_failure(
                DeliveryFailed(topic, error.str(), code=code, subtype=subtype, key=key, value=value)
            )
        if on_delivered is not None:
            on_delivered(error is None)

    def _give_up(self, error: LibraryError) -> None:
        """Hand nothing more to this producer; wait for what it still holds to come back."""
        if self._fault is None:
            self._restart_s = self._restarts.next_s(self._clock())
            self._purge_s = 0.0
        elif not error.fatal():
            return
        self._fault = error.str()
        self.ledger[Line.DIRECT] = False

    def _begin_anew(self, fault: str) -> None:
        """Once the given-up producer is empty, make another one.

        Raises:
            ProducerFailed: there were too many.
        """
        now_s = self._clock()
        if self._restart_s is None:
            raise ProducerFailed(fault, self.buffered_records)
        if self.buffered_records > len(self._held):
            # What is in flight ends by itself (socket.timeout.ms), and may yet be acknowledged;
            # what librdkafka would retry ends by this alone.
            if now_s >= self._purge_s:
                self._producer.purge(in_flight=False, blocking=False)
                self._purge_s = now_s + _PURGE_EVERY_S
            return
        if now_s < self._restart_s:
            return
        self._producer = self._make()
        self.ledger[Line.PRODUCERS] += 1
        self._fault = None
        self._held = deque(sorted(self._held))
        returned, self._returned = self._returned, 0
        self._metrics.producer_restarts.inc()
        reporting, self._reporting = self._reporting, True
        try:
            self._on_restart(fault, returned)  # its event goes behind what is held
        finally:
            self._reporting = reporting

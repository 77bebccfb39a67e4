"""Records to Kafka: produce, and follow each one to its delivery report."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable
from functools import partial

from confluent_kafka import KafkaError as LibraryError
from confluent_kafka import KafkaException, Message, Producer
from prometheus_client import Counter

from opend_kafka.errors import DeliveryFailed
from opend_kafka.kafka.properties import producer_properties, refusing_bad_properties
from opend_kafka.kafka.routing import Route
from opend_kafka.metrics import Metrics

#: Told once of a record's end: True, Kafka acknowledged it; False, it failed for good.
OnDelivered = Callable[[bool], None]

#: Bytes that librdkafka keeps of a record beside its key and value, roughly (rd_kafka_msg_t and
#: what the allocator adds): counted so that many small records are bounded too.
RECORD_OVERHEAD = 300

#: Seconds between two looks at a queue that is full.
_FULL_QUEUE_WAIT_S = 0.05


class RecordProducer:
    """An idempotent producer whose every record ends in `delivered` or in `failed`.

    It is used from one thread. Delivery reports arrive inside `poll` and `flush`.

    Args:
        bootstrap_servers: as in the configuration.
        properties: the user's, for librdkafka.
        topics: topic → subtype, for the labels of metrics.
        metrics: counted in.
        on_failure: called for each record that Kafka did not take.

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
    ) -> None:
        with refusing_bad_properties():
            self._producer = Producer(producer_properties(bootstrap_servers, properties))
        self._metrics = metrics
        self._subtypes: dict[str, str] = {}
        self._on_failure = on_failure
        self._delivered: dict[str, Counter] = {}
        self.add_topics(topics)
        self._latency = metrics.hop_latency.labels("worker_to_ack")
        self.buffered_bytes = 0
        self.delivered = 0
        self.delivered_by_subtype: Tally[str] = Tally()
        self.failed = 0

    def add_topics(self, topics: dict[str, str]) -> None:
        """Learn of topics that records will go to: topic → subtype."""
        self._subtypes |= topics
        for topic, subtype in topics.items():
            self._delivered[topic] = self._metrics.records_delivered.labels(subtype)

    @property
    def buffered_records(self) -> int:
        """Records handed over and not reported on yet."""
        return len(self._producer)

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
        report = self._report if on_delivered is None else partial(self._report_to, on_delivered)
        while True:
            try:
                self._producer.produce(
                    route.topic,
                    value,
                    route.key,
                    on_delivery=report,
                    timestamp=timestamp_ms,
                )
            except BufferError:
                self._producer.poll(_FULL_QUEUE_WAIT_S)
            except KafkaException as error:
                self._fail(route.topic, error.args[0])
                if on_delivered is not None:
                    on_delivered(False)
                return
            else:
                size = len(value) + len(route.key or b"")
                self.buffered_bytes += size + RECORD_OVERHEAD
                self._metrics.bytes_produced.inc(size)
                return

    def poll(self) -> None:
        """Take the delivery reports that have come in."""
        self._producer.poll(0)

    def flush(self, timeout_s: float) -> int:
        """Wait until every record is reported on; give how many are not after `timeout_s`."""
        return int(self._producer.flush(timeout_s))

    def _report_to(
        self, on_delivered: OnDelivered, error: LibraryError | None, message: Message
    ) -> None:
        self._report(error, message)
        on_delivered(error is None)

    def _report(self, error: LibraryError | None, message: Message) -> None:
        value, key, topic = message.value() or b"", message.key() or b"", message.topic() or ""
        self.buffered_bytes -= len(value) + len(key) + RECORD_OVERHEAD
        if error is not None:
            self._fail(topic, error)
            return
        self.delivered += 1
        self.delivered_by_subtype[self._subtypes[topic]] += 1
        self._delivered[topic].inc()
        self._latency.observe(message.latency() or 0.0)

    def _fail(self, topic: str, error: LibraryError) -> None:
        self.failed += 1
        self._metrics.delivery_failures.labels(self._subtypes[topic], error.name()).inc()
        self._on_failure(DeliveryFailed(topic, error.str()))

"""The metrics, one typed vocabulary. The names are users' names: the contract lists them.

An instance belongs to one worker and holds a registry of its own; nothing is global. Every label
value that is known beforehand stands at 0 from the start, so that a rate sees the first count too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.process_collector import ProcessCollector

from opend_kafka.errors import OpenDError, PushRejected


class Hop(StrEnum):
    """A part of a tick's way, of which `hop_latency_seconds` tells how long it takes."""

    EXCHANGE_TO_OPEND = "exchange_to_opend"
    OPEND_TO_WORKER = "opend_to_worker"
    WORKER_TO_ACK = "worker_to_ack"


#: How subscriptions can stand.
SUBSCRIPTION_STATES = ("standing", "refused", "short", "stale")

#: Why Kafka refuses records, as far as it is usual: librdkafka's names.
_USUAL_FAILURES = (
    "INVALID_RECORD",
    "MSG_SIZE_TOO_LARGE",
    "TOPIC_AUTHORIZATION_FAILED",
    "_MSG_TIMED_OUT",
    "_UNKNOWN_TOPIC",
)

#: Seconds; from a tenth of a millisecond on the same machine to a minute behind a broker's loss.
_HOP_BUCKETS = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
    1, 2.5, 5, 10, 30, 60,
)  # fmt: skip


class Metrics:
    """Every metric that this version counts. Prefix `opend_kafka_`."""

    def __init__(self, version: str) -> None:
        self.registry = CollectorRegistry()
        self.pushes_received = self._counter(
            "pushes_received", "Pushes that came from OpenD.", "subtype"
        )
        self.records_produced = self._counter(
            "records_produced", "Records handed to the producer.", "subtype", "push_data_type"
        )
        self.records_delivered = self._counter(
            "records_delivered", "Records that Kafka acknowledged.", "subtype"
        )
        self.delivery_failures = self._counter(
            "delivery_failures", "Records that Kafka did not take.", "subtype", "reason"
        )
        self.producer_restarts = self._counter(
            "producer_restarts", "Kafka producers that took the place of one that had failed."
        )
        self.dead_letters = self._counter(
            "dead_letters", "Pushes, or records of them, that became dead letters.", "reason"
        )
        for error in PushRejected.__subclasses__():
            self.dead_letters.labels(error.reason)
        self.notices = self._counter("notices", "What OpenD said about itself.", "kind")
        self.unknown_fields = self._counter(
            "unknown_fields", "Pushes with fields that this version does not know.", "message"
        )
        self.gaps = self._counter("gaps", "Ticks that did not come, by how it ended.", "outcome")
        for outcome in ("repaired", "unrepairable", "disproved"):
            self.gaps.labels(outcome)
        self.ticks_missing = self._counter(
            "ticks_missing", "Ticks that are lost, of the gaps whose size is known."
        )
        self.ticks_repaired = self._counter(
            "ticks_repaired", "Ticks that did not come, and that OpenD still had."
        )
        self.bytes_received = self._counter("bytes_received", "Bytes of pushes, bodies only.")
        self.bytes_produced = self._counter("bytes_produced", "Bytes of keys and values.")
        self.reconnects = self._counter("reconnects", "Links to OpenD that ended.", "reason")
        for reason in _reasons(OpenDError):
            self.reconnects.labels(reason)
        self.checksum_failures = self._counter(
            "checksum_failures", "Frames skipped because their SHA-1 was wrong."
        )
        self.backpressure_seconds = self._counter(
            "backpressure_seconds", "Time in which the worker did not read from OpenD."
        )
        self.session_up = self._gauge("session_up", "1 while every subscription was answered.")
        self.session_phase = self._gauge(
            "session_phase", "1 for the phase in which the session is.", "phase"
        )
        self.subscriptions = self._gauge("subscriptions", "Subscriptions by state.", "state")
        for state in SUBSCRIPTION_STATES:
            self.subscriptions.labels(state)
        self.quota_used = self._gauge("quota_used", "Quota used by all connections of OpenD.")
        self.quota_remaining = self._gauge("quota_remaining", "Quota that is left.")
        self.buffered_records = self._gauge("buffered_records", "Records not acknowledged yet.")
        self.buffered_bytes = self._gauge("buffered_bytes", "Bytes not acknowledged yet.")
        self.hop_latency = Histogram(
            "opend_kafka_hop_latency_seconds",
            "Latency of each hop of a record, of a sample of them.",
            ["hop"],
            buckets=_HOP_BUCKETS,
            registry=self.registry,
        )
        for hop in Hop:
            self.hop_latency.labels(hop)
        self.kafka_queue_records = self._gauge(
            "kafka_queue_records", "Records in librdkafka's queues and on their way."
        )
        self.kafka_queue_bytes = self._gauge("kafka_queue_bytes", "Their bytes.")
        self.kafka_broker_up = self._gauge(
            "kafka_broker_up", "1 while librdkafka is connected with this broker.", "broker"
        )
        self.kafka_broker_round_trip = self._gauge(
            "kafka_broker_round_trip_seconds",
            "Time until a broker answers, 99th percentile.",
            "broker",
        )
        self.kafka_broker_throttle = self._gauge(
            "kafka_broker_throttle_seconds", "Time for which a broker's quota held us.", "broker"
        )
        self.kafka_errors = self._counter(
            "kafka_request_errors", "Requests to brokers that could not be sent."
        )
        self.kafka_retries = self._counter(
            "kafka_request_retries", "Requests to brokers that were sent again."
        )
        self.kafka_timeouts = self._counter(
            "kafka_request_timeouts", "Requests to brokers that were not answered in time."
        )
        self._gauge("build_info", "Always 1.", "version").labels(version).set(1)
        ProcessCollector(registry=self.registry)

    def expect(
        self,
        subtypes: Iterable[str],
        *,
        push_data_types: Iterable[str] = (),
        topics: Iterable[str] = (),
        messages: Iterable[str] = (),
        notices: Iterable[str] = (),
        phases: Iterable[str] = (),
    ) -> None:
        """Have what is wanted stand at 0.

        Args:
            subtypes: those that are subscribed.
            push_data_types: those of ticks; other records have none.
            topics: what the topics of no subtype are called.
            messages: whose fields are known, by OpenD's names.
            notices: the kinds of them.
            phases: those of the session.
        """
        known = tuple(push_data_types)
        for subtype in (subtypes := tuple(subtypes)):
            self.pushes_received.labels(subtype)
            for push_data_type in known if subtype == "ticker" else ("",):
                self.records_produced.labels(subtype, push_data_type)
        for name in (*subtypes, *topics):
            self.records_delivered.labels(name)
            for failure in _USUAL_FAILURES:
                self.delivery_failures.labels(name, failure)
        for message in messages:
            self.unknown_fields.labels(message)
        for kind in notices:
            self.notices.labels(kind)
        for phase in phases:
            self.session_phase.labels(phase)

    def _counter(self, name: str, documentation: str, *labels: str) -> Counter:
        return Counter(f"opend_kafka_{name}", documentation, labels, registry=self.registry)

    def _gauge(self, name: str, documentation: str, *labels: str) -> Gauge:
        return Gauge(f"opend_kafka_{name}", documentation, labels, registry=self.registry)


def _reasons(error: type[OpenDError]) -> Iterator[str]:
    """Give the reasons of the errors that are raised: those that no other is made from."""
    kinds = error.__subclasses__()
    if not kinds:
        yield error.reason
    for kind in kinds:
        yield from _reasons(kind)

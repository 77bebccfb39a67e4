"""The metrics, one typed vocabulary. The names are users' names: the contract lists them.

An instance belongs to one worker and holds a registry of its own; nothing is global.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from opend_kafka.errors import PushRejected

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
        self.checksum_failures = self._counter(
            "checksum_failures", "Frames skipped because their SHA-1 was wrong."
        )
        self.backpressure_seconds = self._counter(
            "backpressure_seconds", "Time in which the worker did not read from OpenD."
        )
        self.session_up = self._gauge("session_up", "1 while every subscription was answered.")
        self.subscriptions = self._gauge("subscriptions", "Subscriptions by state.", "state")
        self.quota_used = self._gauge("quota_used", "Quota used by all connections of OpenD.")
        self.quota_remaining = self._gauge("quota_remaining", "Quota that is left.")
        self.buffered_records = self._gauge("buffered_records", "Records not acknowledged yet.")
        self.buffered_bytes = self._gauge("buffered_bytes", "Bytes not acknowledged yet.")
        self.hop_latency = Histogram(
            "opend_kafka_hop_latency_seconds",
            "Latency of each hop of a record.",
            ["hop"],
            buckets=_HOP_BUCKETS,
            registry=self.registry,
        )
        self._gauge("build_info", "Always 1.", "version").labels(version).set(1)

    def _counter(self, name: str, documentation: str, *labels: str) -> Counter:
        return Counter(f"opend_kafka_{name}", documentation, labels, registry=self.registry)

    def _gauge(self, name: str, documentation: str, *labels: str) -> Gauge:
        return Gauge(f"opend_kafka_{name}", documentation, labels, registry=self.registry)

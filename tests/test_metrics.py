"""The metrics' names, which dashboards are built on."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from opend_kafka.errors import PushRejected
from opend_kafka.metrics import Metrics

#: Attribute → name and labels, as the contract lists them.
CONTRACT = {
    "pushes_received": ("opend_kafka_pushes_received_total", ("subtype",)),
    "records_produced": ("opend_kafka_records_produced_total", ("subtype", "push_data_type")),
    "records_delivered": ("opend_kafka_records_delivered_total", ("subtype",)),
    "delivery_failures": ("opend_kafka_delivery_failures_total", ("subtype", "reason")),
    "producer_restarts": ("opend_kafka_producer_restarts_total", ()),
    "dead_letters": ("opend_kafka_dead_letters_total", ("reason",)),
    "unknown_fields": ("opend_kafka_unknown_fields_total", ("message",)),
    "gaps": ("opend_kafka_gaps_total", ("outcome",)),
    "ticks_missing": ("opend_kafka_ticks_missing_total", ()),
    "ticks_repaired": ("opend_kafka_ticks_repaired_total", ()),
    "bytes_received": ("opend_kafka_bytes_received_total", ()),
    "bytes_produced": ("opend_kafka_bytes_produced_total", ()),
    "session_up": ("opend_kafka_session_up", ()),
    "reconnects": ("opend_kafka_reconnects_total", ("reason",)),
    "subscriptions": ("opend_kafka_subscriptions", ("state",)),
    "quota_used": ("opend_kafka_quota_used", ()),
    "quota_remaining": ("opend_kafka_quota_remaining", ()),
    "checksum_failures": ("opend_kafka_checksum_failures_total", ()),
    "buffered_records": ("opend_kafka_buffered_records", ()),
    "buffered_bytes": ("opend_kafka_buffered_bytes", ()),
    "backpressure_seconds": ("opend_kafka_backpressure_seconds_total", ()),
    "hop_latency": ("opend_kafka_hop_latency_seconds_count", ("hop",)),
}


@pytest.fixture
def metrics() -> Metrics:
    """Give fresh metrics."""
    return Metrics("1.2.3")


def _families(metrics: Metrics) -> list[Any]:
    return list(text_string_to_metric_families(generate_latest(metrics.registry).decode()))


@pytest.mark.parametrize("attribute", CONTRACT)
def test_metric_is_named_as_the_contract_says(metrics: Metrics, attribute: str) -> None:
    """A metric appears under its name, with its labels and no others."""
    name, labels = CONTRACT[attribute]
    metric: Any = getattr(metrics, attribute)
    if labels:
        metric.labels(**dict.fromkeys(labels, "x"))
    shown = {
        sample.name: set(sample.labels) for one in _families(metrics) for sample in one.samples
    }
    assert shown.get(name) == set(labels)


def test_metrics_are_those_of_the_contract(metrics: Metrics) -> None:
    """No metric is there that the contract does not name."""
    attributes = {name for name in vars(metrics) if name != "registry"}
    assert attributes == set(CONTRACT)


def test_every_metric_has_the_prefix_and_a_help_text(metrics: Metrics) -> None:
    """Each family begins with the prefix and explains itself in a sentence."""
    for family in _families(metrics):
        assert family.name.startswith("opend_kafka_")
        if not family.name.endswith("_created"):
            assert family.documentation.endswith(".")


def test_dead_letters_are_there_from_the_start_for_every_reason(metrics: Metrics) -> None:
    """Each reason stands at 0 before the first letter, so that a rate sees the first one too."""
    (family,) = (one for one in _families(metrics) if one.name == "opend_kafka_dead_letters")
    shown = {one.labels["reason"]: one.value for one in family.samples if "reason" in one.labels}
    reasons = {error.reason for error in PushRejected.__subclasses__()}
    assert shown == dict.fromkeys(reasons, 0)


def test_build_info_carries_the_version(metrics: Metrics) -> None:
    """`build_info` is 1, with the version as its label."""
    assert metrics.registry.get_sample_value("opend_kafka_build_info", {"version": "1.2.3"}) == 1


def test_metrics_of_two_workers_do_not_meet(metrics: Metrics) -> None:
    """Each instance counts for itself."""
    metrics.bytes_received.inc(5)
    other = Metrics("1.2.3")
    assert other.registry.get_sample_value("opend_kafka_bytes_received_total") == 0

"""The metrics' names, which dashboards are built on."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from opend_kafka.errors import PushRejected
from opend_kafka.metrics import SUBSCRIPTION_STATES, Hop, Metrics

#: Attribute → name and labels, as the contract and docs/operations.md list them.
CONTRACT = {
    "pushes_received": ("opend_kafka_pushes_received_total", ("subtype",)),
    "records_produced": ("opend_kafka_records_produced_total", ("subtype", "push_data_type")),
    "records_delivered": ("opend_kafka_records_delivered_total", ("subtype",)),
    "delivery_failures": ("opend_kafka_delivery_failures_total", ("subtype", "reason")),
    "session_phase": ("opend_kafka_session_phase", ("phase",)),
    "notices": ("opend_kafka_notices_total", ("kind",)),
    "kafka_queue_records": ("opend_kafka_kafka_queue_records", ()),
    "kafka_queue_bytes": ("opend_kafka_kafka_queue_bytes", ()),
    "kafka_broker_up": ("opend_kafka_kafka_broker_up", ("broker",)),
    "kafka_broker_round_trip": ("opend_kafka_kafka_broker_round_trip_seconds", ("broker",)),
    "kafka_broker_throttle": ("opend_kafka_kafka_broker_throttle_seconds", ("broker",)),
    "kafka_errors": ("opend_kafka_kafka_request_errors_total", ()),
    "kafka_retries": ("opend_kafka_kafka_request_retries_total", ()),
    "kafka_timeouts": ("opend_kafka_kafka_request_timeouts_total", ()),
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
    """Each family but those of the process begins with the prefix and explains itself."""
    ours = [one for one in _families(metrics) if not one.name.startswith("process_")]
    for family in ours:
        assert family.name.startswith("opend_kafka_")
        if not family.name.endswith("_created"):
            assert family.documentation.endswith(".")


def test_dead_letters_are_there_from_the_start_for_every_reason(metrics: Metrics) -> None:
    """Each reason stands at 0 before the first letter, so that a rate sees the first one too."""
    (family,) = (one for one in _families(metrics) if one.name == "opend_kafka_dead_letters")
    shown = {one.labels["reason"]: one.value for one in family.samples if "reason" in one.labels}
    reasons = {error.reason for error in PushRejected.__subclasses__()}
    assert shown == dict.fromkeys(reasons, 0)


def _labels(metrics: Metrics, name: str) -> set[tuple[tuple[str, str], ...]]:
    """Give the labels under which a metric stands at 0."""
    samples = [sample for one in _families(metrics) for sample in one.samples]
    return {
        tuple(sorted(one.labels.items())) for one in samples if one.name == name and not one.value
    }


def test_what_is_known_beforehand_stands_at_zero_from_the_start(metrics: Metrics) -> None:
    """Reasons, outcomes, states and hops are there before anything has happened."""
    hops = _labels(metrics, "opend_kafka_hop_latency_seconds_count")
    assert hops == {(("hop", hop),) for hop in Hop}
    states = _labels(metrics, "opend_kafka_subscriptions")
    assert states == {(("state", state),) for state in SUBSCRIPTION_STATES}
    assert (("outcome", "unrepairable"),) in _labels(metrics, "opend_kafka_gaps_total")
    reasons = _labels(metrics, "opend_kafka_reconnects_total")
    assert {(("reason", "link_lost"),), (("reason", "bad_packet"),)} <= reasons
    assert (("reason", "protocol"),) not in reasons  # only what is made from it is raised


def test_what_is_wanted_stands_at_zero_once_it_is_known(metrics: Metrics) -> None:
    """Each subtype is there with the labels that its records can have, and no others."""
    metrics.expect(
        ["ticker", "quote"],
        push_data_types=["REALTIME"],
        topics=["events"],
        messages=["Qot_UpdateTicker"],
        notices=["kicked_out"],
    )
    assert _labels(metrics, "opend_kafka_pushes_received_total") == {
        (("subtype", "ticker"),),
        (("subtype", "quote"),),
    }
    assert _labels(metrics, "opend_kafka_records_produced_total") == {
        (("push_data_type", "REALTIME"), ("subtype", "ticker")),
        (("push_data_type", ""), ("subtype", "quote")),
    }
    delivered = _labels(metrics, "opend_kafka_records_delivered_total")
    assert delivered == {(("subtype", name),) for name in ("ticker", "quote", "events")}
    failures = _labels(metrics, "opend_kafka_delivery_failures_total")
    assert (("reason", "MSG_SIZE_TOO_LARGE"), ("subtype", "ticker")) in failures
    assert _labels(metrics, "opend_kafka_unknown_fields_total") == {
        (("message", "Qot_UpdateTicker"),)
    }
    assert _labels(metrics, "opend_kafka_notices_total") == {(("kind", "kicked_out"),)}


def test_build_info_carries_the_version(metrics: Metrics) -> None:
    """`build_info` is 1, with the version as its label."""
    assert metrics.registry.get_sample_value("opend_kafka_build_info", {"version": "1.2.3"}) == 1


def test_metrics_of_two_workers_do_not_meet(metrics: Metrics) -> None:
    """Each instance counts for itself."""
    metrics.bytes_received.inc(5)
    other = Metrics("1.2.3")
    assert other.registry.get_sample_value("opend_kafka_bytes_received_total") == 0

"""What the page and `/status` show, put together."""

from __future__ import annotations

import time
from typing import Any

from opend_kafka.admin.history import History
from opend_kafka.admin.status import Status, first_names
from opend_kafka.metrics import Metrics


def whole(status: Status, metrics: Metrics, history: History) -> dict[str, Any]:
    """Give all of it: `/status`."""
    return status.as_json() | {
        "now": time.time_ns() // 1_000_000,
        "counts": _counts(metrics),
        "history": history.as_json(),
    }


def for_page(status: Status, metrics: Metrics, history: History) -> dict[str, Any]:
    """Give what the page shows: of thousands of subscriptions only those in trouble, and few."""
    shown = whole(status, metrics, history)
    subscriptions = shown["subscriptions"]
    subscriptions["standing"] = len(subscriptions["standing"])
    refused = [f"{one}: {why}" for one, why in subscriptions["refused"].items()]
    for name, names in (
        ("refused", refused),
        ("short", subscriptions["short"]),
        ("stale", subscriptions["stale"]),
    ):
        subscriptions[name] = {"count": len(names), "first": first_names(names)}
    shown["not_ready"] = first_names(shown["not_ready"])
    return shown


def _counts(metrics: Metrics) -> dict[str, Any]:
    """Give the counts since the start."""
    return {
        "gaps": _by(metrics.gaps, "outcome"),
        "ticks_missing": _sum(metrics.ticks_missing),
        "ticks_repaired": _sum(metrics.ticks_repaired),
        "dead_letters": {
            reason: count for reason, count in _by(metrics.dead_letters, "reason").items() if count
        },
        "delivery_failures": _sum(metrics.delivery_failures),
        "checksum_failures": _sum(metrics.checksum_failures),
        "reconnects": _sum(metrics.reconnects),
        "backpressure_s": round(_values(metrics.backpressure_seconds)[0][1], 1),
        "buffered_records": _sum(metrics.buffered_records),
        "buffered_bytes": _sum(metrics.buffered_bytes),
        "brokers_up": _sum(metrics.kafka_broker_up),
    }


def _values(metric: Any) -> list[tuple[dict[str, str], float]]:
    return [
        (sample.labels, sample.value)
        for family in metric.collect()
        for sample in family.samples
        if not sample.name.endswith("_created")
    ]


def _by(metric: Any, label: str) -> dict[str, int]:
    return {labels[label]: int(value) for labels, value in _values(metric)}


def _sum(metric: Any) -> int:
    return int(sum(value for _, value in _values(metric)))

"""What the page and /status show, put together."""

from __future__ import annotations

import json

from opend_kafka.admin import view
from opend_kafka.admin.history import History
from opend_kafka.admin.status import SHOWN_NAMES, Status
from opend_kafka.metrics import Metrics


def test_counts_are_those_of_the_metrics() -> None:
    """What Prometheus counts, the page shows: sums, and by reason what is not 0."""
    metrics = Metrics("0")
    metrics.dead_letters.labels("malformed").inc(2)
    metrics.gaps.labels("repaired").inc()
    metrics.ticks_repaired.inc(7)
    metrics.delivery_failures.labels("ticker", "X").inc()
    metrics.delivery_failures.labels("quote", "Y").inc()
    metrics.buffered_bytes.set(512)
    counts = view.whole(Status(), metrics, History(metrics))["counts"]
    assert counts["dead_letters"] == {"malformed": 2}
    assert counts["gaps"] == {"repaired": 1, "unrepairable": 0, "disproved": 0}
    assert (counts["ticks_repaired"], counts["delivery_failures"]) == (7, 2)
    assert counts["buffered_bytes"] == 512


def test_page_gets_few_names_of_thousands() -> None:
    """What is sent every other second stays small; `/status` has all of it."""
    metrics = Metrics("0")
    names = [f"ticker of HK.{number:05}" for number in range(5000)]
    status = Status(
        standing=set(names), short=names, stale=names, refused=dict.fromkeys(names, "x")
    )
    whole = view.whole(status, metrics, History(metrics))
    page = view.for_page(status, metrics, History(metrics))
    assert len(whole["subscriptions"]["short"]) == 5000
    assert page["subscriptions"]["standing"] == 5000
    for name in ("refused", "short", "stale"):
        assert page["subscriptions"][name]["count"] == 5000
        assert len(page["subscriptions"][name]["first"]) == SHOWN_NAMES + 1
    assert len(json.dumps(page)) < 400_000


def test_both_fit_json() -> None:
    """Nothing but what JSON has is shown."""
    metrics = Metrics("0")
    for shown in (view.whole, view.for_page):
        made = shown(Status(), metrics, History(metrics))
        assert json.loads(json.dumps(made)).keys() == made.keys()

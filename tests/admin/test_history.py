"""The last minutes, as the page shows them."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from opend_kafka.admin.history import INTERVAL_S, POINTS, History
from opend_kafka.metrics import Hop, Metrics


class _Past:
    """A history of metrics that count what a test says, at a clock that it moves."""

    def __init__(self) -> None:
        self.metrics = Metrics("0")
        self.metrics.expect(["ticker"])
        self.history = History(self.metrics)
        self.now = 100.0
        self.look()

    def look(self, buffered_bytes: int = 0) -> None:
        self.history.look(self.now, buffered_bytes)
        self.now += INTERVAL_S

    @property
    def ticker(self) -> dict[str, object]:
        shown: dict[str, object] = self.history.as_json()["subtypes"]["ticker"]
        return shown


def test_rates_are_what_was_counted_between_two_looks() -> None:
    """Pushes and records a second, of the time that has really passed."""
    past = _Past()
    past.metrics.pushes_received.labels("ticker").inc(30)
    past.metrics.records_delivered.labels("ticker").inc(60)
    past.now += 1  # a look that comes late
    past.look()
    assert (past.ticker["pushes_per_s"], past.ticker["records_per_s"]) == (10, 20)


def test_first_look_makes_no_point() -> None:
    """A rate needs two looks: what was counted before the first one belongs to no time."""
    past = _Past()
    assert past.ticker["rates"] == []


def test_what_is_kept_is_bounded() -> None:
    """After any time the charts have so many points, the newest last."""
    past = _Past()
    for number in range(POINTS + 50):
        past.history.latency("ticker", 0.001)
        past.look(number)
    shown = past.history.as_json()
    assert {len(past.ticker[name]) for name in ("rates", "latencies")} == {POINTS}  # type: ignore[arg-type]
    assert (len(shown["buffered_bytes"]), shown["buffered_bytes"][-1]) == (POINTS, POINTS + 49)


def test_latency_is_that_of_the_last_half_minute() -> None:
    """Old samples go; where there is none left, nothing is shown in their place."""
    past = _Past()
    past.history.latency("ticker", 0.25)
    past.look()
    assert past.ticker["latency"] == {"p50_s": 0.25, "p99_s": 0.25}
    for _ in range(15):
        past.look()
    assert past.ticker["latency"] == {"p50_s": None, "p99_s": None}


def test_way_of_a_subtype_is_part_of_the_hop_to_kafka() -> None:
    """A subtype's sample is one of `worker_to_ack`; another hop's is its own alone."""
    past = _Past()
    past.history.latency("ticker", 0.5)
    past.history.latency(Hop.OPEND_TO_WORKER, 0.25)
    past.look()
    hops = past.history.as_json()["hops"]
    assert [hops[hop]["p50_s"] for hop in Hop] == [None, 0.25, 0.5]


@given(st.lists(st.floats(0, 100), min_size=1, max_size=2000))
def test_quantiles_are_samples_in_order(samples: list[float]) -> None:
    """Whatever is sampled, p50 and p99 are among it, and p99 is not the smaller."""
    past = _Past()
    for seconds in samples:
        past.history.latency(Hop.EXCHANGE_TO_OPEND, seconds)
    past.look()
    shown = past.history.as_json()["hops"][Hop.EXCHANGE_TO_OPEND]
    known = {round(one, 6) for one in samples}
    assert shown["p50_s"] <= shown["p99_s"]
    assert {shown["p50_s"], shown["p99_s"]} <= known


def test_history_fits_json() -> None:
    """What is shown holds only what JSON has."""
    past = _Past()
    past.look()
    shown = past.history.as_json()
    assert json.loads(json.dumps(shown)) == shown

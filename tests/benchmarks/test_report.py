"""The tables of the benchmark, and its headline."""

from __future__ import annotations

import json

import pytest

from benchmarks.growth import Row
from benchmarks.latency import Cell, Quantiles
from benchmarks.report import BEGIN, END, replaced, text, topics
from benchmarks.results import OnBrokers, Results
from benchmarks.stages import Cost
from benchmarks.throughput import Costs, Pair

MACHINE = {"processor": "Some CPU", "cores": "2", "memory": "8 GiB", "python": "3.11.7"}


def measured() -> Results:
    """Give results in which a tick costs us 2 µs, the bare loop 1, the SDK's way 300."""
    quick = Quantiles(0.1, 0.2, 0.3)
    slow = Quantiles(4.0, 8.0, 9.0)
    pair = Pair(Costs([2.0, 3.0, 1.5], [2.0] * 3), Costs([1.0] * 3, [1.0] * 3), 90_000_000)
    on = OnBrokers(
        ticks={20: pair},
        sdk=Costs([300.0], [300.0]),
        latency=[Cell(20, 10_000, 5, quick, slow, 0.1, 95_000_000, 0.4)],
    )
    return Results("make bench", MACHINE, {"embedded": on})


def test_headline_says_what_the_target_is_about() -> None:
    """The ratios are of records a core; latencies are those of the target's place in the grid."""
    headline = measured().as_json()
    assert headline["ratio_to_bare_produce"] == {"20": 0.5}
    assert headline["ratio_to_sdk_path"] == 150.0
    assert headline["p99_socket_to_ack_ms"] == 8.0
    assert headline["p99_socket_to_produce_ms"] == 0.2
    assert headline["rss_mb"] == 95.0


def test_headline_is_apache_kafkas_where_it_was_run() -> None:
    """The mock flatters."""
    results = measured()
    results.clusters["apache"] = OnBrokers(ticks={20: Pair(Costs([4.0]), Costs([1.0]))})
    assert results.as_json()["ratio_to_bare_produce"] == {"20": 0.25}


def test_results_are_json() -> None:
    """Everything that was measured can be written."""
    found = json.loads(json.dumps(measured().as_json()))
    assert found["measured"]["embedded"]["latency"][0]["to_ack"]["p99"] == 8.0


def test_page_says_machine_and_command() -> None:
    """Numbers without them say nothing."""
    first = text(measured()).splitlines()[0]
    assert first.startswith("`make bench`, 20")
    assert "2 × Some CPU" in first
    assert "python 3.11.7" in first


def test_page_says_what_was_reached_and_what_not() -> None:
    """Each target stands beside the number that was measured."""
    page = text(measured())
    assert "| ticks/s a core ÷ the bare loop's, 20 topics: at least 0.5 | 0.50, yes |" in page
    assert "| ticks/s a core ÷ the SDK's way: at least 50 | 150, yes |" in page


def test_page_shows_the_spread() -> None:
    """Beside a median stand the least and the most."""
    assert "| embedded | ticks: **ours** | 20 | 2.00 | 1.50–3.00 | 500,000 | 0.50 |" in text(
        measured()
    )


def test_page_leaves_out_what_was_not_measured() -> None:
    """No empty tables."""
    assert "### Growth" not in text(measured())


def test_page_shows_the_stages_of_both_engines() -> None:
    """What one of them does not have alone is left empty."""
    results = measured()
    both = "protobuf, record and Avro"
    results.clusters["embedded"].stages = {
        "compiled, 1 tick a push": {both: Cost(1.5, 4.0)},
        "plain, 1 tick a push": {"protobuf": Cost(4.0), both: Cost(50.0, 114.0)},
    }
    page = text(results)
    assert "| protobuf |  | 4.00 |" in page
    assert f"| {both} | 1.50, 4.0 | 50.00, 114.0 |" in page


def test_worker_that_does_not_keep_up_is_shown_as_such() -> None:
    """There are no latencies of what never came."""
    results = measured()
    results.clusters["embedded"].latency = [Cell(100, 50_000, 0, None, None, 1.0, 10**8, 0.4)]
    assert "| does not keep up | does not keep up |" in text(results)
    assert "p99_socket_to_ack_ms" not in results.as_json()


def test_page_of_topics_is_of_a_real_kafka() -> None:
    """The mock has no requests to count."""
    pair = Pair(Costs([8.0], [20.0]), Costs([4.0], [10.0]), 10**8, paced_cpu=0.25)
    row = Row("topics", 500, pair)
    embedded = Results("make bench", MACHINE, {"embedded": OnBrokers(growth=[row])})
    apache = Results("make bench", MACHINE, {"apache": OnBrokers(growth=[row])})
    assert topics(embedded) == ""
    assert topics(apache).endswith("| 500 | 50,000 | 100,000 | 8.00 | 4.00 | 25% | 100 |")


def test_tables_take_the_place_of_the_earlier_ones() -> None:
    """What people wrote around them stays."""
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert replaced(page, "new") == f"before\n{BEGIN}\nnew\n{END}\nafter\n"


def test_page_without_marks_is_refused() -> None:
    """Better than a table nowhere."""
    with pytest.raises(ValueError, match="lacks"):
        replaced("nothing", "new")

"""The check of queries finds what no worker shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.monitoring.queries import Shown, faults, parse

SHOWN: Shown = {"gaps_total": {"outcome": {"repaired", "lost"}}, "session_up": {}}


@pytest.mark.parametrize(
    "query",
    [
        "session_up == 0",
        'sum by (outcome) (rate(gaps_total{outcome=~"lost|repaired", job="w"}[5m])) > 0.5',
        "up == 0 and on (job) max_over_time(session_up[1h]) or absent(gaps_total)",
    ],
)
def test_query_of_what_is_there_has_no_fault(query: str) -> None:
    """Functions, operators, durations and Prometheus' own labels are no faults."""
    assert faults(query, SHOWN) == []


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ("sesion_up == 0", "no worker shows sesion_up"),
        ('gaps_total{reason="x"}', "gaps_total has no label reason"),
        ('gaps_total{outcome="x"}', "gaps_total has no outcome x"),
        ('gaps_total{outcome=~"lost|x"}', "gaps_total has no outcome x"),
        ("sum by (reason) (gaps_total)", "no label reason"),
    ],
)
def test_query_of_what_is_not_there_is_told(query: str, fault: str) -> None:
    """A metric, a label or a value that was misspelt is found."""
    assert fault in faults(query, SHOWN)


def test_query_that_is_none_is_told(tmp_path: Path) -> None:
    """Promtool refuses what is no PromQL."""
    with pytest.raises(AssertionError, match="parse error"):
        parse(["sum(rate(x[5m])"], tmp_path)

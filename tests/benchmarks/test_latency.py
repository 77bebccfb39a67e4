"""Quantiles of what was measured."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.latency import Quantiles, quantiles

MS = 1_000_000


def test_quantiles_of_a_thousand_values_are_values() -> None:
    """Half of all values are no greater than p50, 99 % no greater than p99."""
    assert quantiles(range(MS, 1001 * MS, MS)) == Quantiles(500.0, 990.0, 999.0)


def test_quantiles_of_one_value_are_it() -> None:
    """One tick is its own p99.9."""
    assert quantiles([3 * MS]) == Quantiles(3.0, 3.0, 3.0)


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=50))
def test_quantiles_rise_within_what_was_measured(spans: list[int]) -> None:
    """None lies outside of the values, nor below a smaller one."""
    found = quantiles(spans)
    assert min(spans) / MS <= found.p50 <= found.p99 <= found.p999 <= max(spans) / MS

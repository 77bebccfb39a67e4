"""The judge of the benchmark in CI."""

from __future__ import annotations

import pytest

from benchmarks.judge import better, fallen


def test_ratio_that_lost_less_than_a_quarter_has_not_fallen() -> None:
    """Noise is no regression."""
    assert fallen({"1": 0.6, "20": 0.5}, {"1": 0.46, "20": 0.38}) == []


def test_ratio_that_lost_more_than_a_quarter_is_named() -> None:
    """The complaint says of how many topics, what was, what is, and what is the least."""
    (complaint,) = fallen({"1": 0.6, "20": 0.5}, {"1": 0.6, "20": 0.37})
    assert complaint.startswith("20 topics: 0.370 of")
    assert "it was 0.500, and 0.375 is the least" in complaint


def test_ratio_that_was_not_measured_has_fallen() -> None:
    """A benchmark that measures less than it did does not pass for it."""
    assert len(fallen({"1": 0.6, "20": 0.5}, {"1": 0.6})) == 1


def test_ratio_that_rose_has_not_fallen() -> None:
    """To be faster is no failure."""
    assert fallen({"1": 0.6}, {"1": 0.9}) == []


@pytest.mark.parametrize(("one", "other"), [(0.4, 0.6), (0.6, 0.4)])
def test_better_of_two_measurements_counts(one: float, other: float) -> None:
    """A busy machine makes a ratio worse, never better."""
    assert better({"1": one}, {"1": other}) == {"1": 0.6}

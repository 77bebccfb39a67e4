"""What is to be reached."""

from __future__ import annotations

import pytest

from benchmarks.targets import TARGETS, Target


@pytest.mark.parametrize(("found", "reached"), [(0.49, False), (0.5, True), (0.7, True)])
def test_least_is_reached_from_its_bound_on(found: float, reached: bool) -> None:
    """Half of the bare loop is half of it."""
    target = Target("half", lambda headline: found, 0.5)
    assert target.reached({}) is reached


@pytest.mark.parametrize(("found", "reached"), [(9.9, True), (10.0, True), (10.1, False)])
def test_most_is_reached_up_to_its_bound(found: float, reached: bool) -> None:
    """Ten milliseconds are allowed."""
    target = Target("p99", lambda headline: found, 10, at_least=False)
    assert target.reached({}) is reached


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_what_was_not_measured_is_neither(target: Target) -> None:
    """A part of the benchmark says nothing of the rest."""
    assert target.reached({}) is None


def test_memory_counts_at_a_hundred_topics_only() -> None:
    """The target is about them."""
    (memory,) = (target for target in TARGETS if "memory" in target.name)
    at = {"rss_mb": 90.0, "rss_mb_at": {"topics": 20}}
    assert memory.reached(at) is None
    assert memory.reached(at | {"rss_mb_at": {"topics": 100}}) is True

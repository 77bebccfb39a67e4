"""The waits between attempts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from opend_kafka.backoff import Backoff

_SECONDS = st.floats(0.001, 1000)


def test_backoff_doubles_up_to_its_maximum() -> None:
    """The ceiling doubles with every attempt, and stays at the maximum."""
    backoff = Backoff(0.5, 3, draw=lambda: 1.0)
    assert [backoff.next_s() for _ in range(5)] == [0.5, 1, 2, 3, 3]


def test_backoff_begins_anew_after_a_reset() -> None:
    """A success brings the first ceiling back."""
    backoff = Backoff(0.5, 30, draw=lambda: 1.0)
    for _ in range(4):
        backoff.next_s()
    backoff.reset()
    assert backoff.next_s() == 0.5


def test_backoff_draws_anything_below_the_ceiling() -> None:
    """Full jitter: the draw decides from 0 to the ceiling."""
    draws = iter([0.0, 0.25, 0.5])
    backoff = Backoff(1, 30, draw=lambda: next(draws))
    assert [backoff.next_s() for _ in range(3)] == [0, 0.5, 2]


@given(initial_s=_SECONDS, factor=st.floats(1, 1000), attempts=st.integers(1, 50))
def test_backoff_never_waits_longer_than_its_maximum(
    initial_s: float, factor: float, attempts: int
) -> None:
    """Every delay is between 0 and the maximum, with Python's own draw too."""
    backoff = Backoff(initial_s, initial_s * factor)
    assert all(0 <= backoff.next_s() <= initial_s * factor for _ in range(attempts))

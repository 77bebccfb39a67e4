"""The rule that a market's sequences count up by one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from opend_kafka.continuity.steps import ENOUGH, Steps


def _sequence(second: int, low: int) -> int:
    return second << 32 | low


def _prove(steps: Steps, times: int, start: int = 0) -> None:
    for number in range(start, start + times):
        assert not steps.step(_sequence(number, number), _sequence(number + 1, number + 1))


def test_nothing_is_believed_at_first() -> None:
    """A large step is no loss in a market that has proved nothing."""
    assert not Steps().step(_sequence(1, 1), _sequence(2, 9))


def test_rule_is_believed_after_enough_steps() -> None:
    """Then a step above one is a loss."""
    steps = Steps()
    _prove(steps, ENOUGH)
    assert steps.believed
    assert steps.step(_sequence(90, 90), _sequence(91, 92))


def test_steps_within_one_second_prove_nothing() -> None:
    """A counter that begins anew with each second makes them, too."""
    steps = Steps()
    for low in range(1000):
        steps.step(_sequence(1, low), _sequence(1, low + 1))
    assert not steps.believed


def test_other_step_begins_the_proof_anew() -> None:
    """Enough means enough in turn."""
    steps = Steps()
    _prove(steps, ENOUGH - 1)
    steps.step(_sequence(90, 90), _sequence(91, 95))
    _prove(steps, ENOUGH - 1)
    assert not steps.believed


def test_rule_that_was_wrong_needs_twice_as_much() -> None:
    """Trust comes back more slowly."""
    steps = Steps()
    _prove(steps, ENOUGH)
    steps.was_wrong()
    _prove(steps, 2 * ENOUGH - 1)
    assert not steps.believed
    _prove(steps, 1)
    assert steps.believed


def test_smaller_sequence_of_a_new_day_is_no_loss() -> None:
    """The counter has begun anew: nothing is asked, and the rule proves itself again."""
    steps = Steps()
    _prove(steps, ENOUGH)
    assert not steps.step(_sequence(90, 90), _sequence(99_999, 1))
    assert not steps.believed


@given(st.integers(0, 2**31), st.integers(0, 2**30), st.integers(1, 2**30))
def test_ticks_between_two_sequences_are_counted(second: int, low: int, size: int) -> None:
    """As many as numbers lie between their low words."""
    steps = Steps()
    _prove(steps, ENOUGH)
    before, after = _sequence(second, low), _sequence(second + 1, low + size)
    assert steps.between(before, after) == size - 1


def test_ticks_between_are_unknown_where_the_rule_is_not_believed() -> None:
    """Nobody knows."""
    assert Steps().between(1, 5) is None


def test_ticks_between_are_unknown_where_an_end_is() -> None:
    """A gap without an end has no size."""
    steps = Steps()
    _prove(steps, ENOUGH)
    assert steps.between(1, None) is None
    assert steps.between(None, 1) is None


def test_ticks_between_are_unknown_across_a_new_beginning() -> None:
    """The counter began anew in between."""
    steps = Steps()
    _prove(steps, ENOUGH)
    assert steps.between(_sequence(1, 9), _sequence(2, 3)) is None

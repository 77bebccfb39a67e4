"""The table of the link's phases."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opend_kafka.opend.lifecycle import TABLE, Lifecycle, Phase, Signal


def _walk(*signals: Signal) -> Lifecycle:
    lifecycle = Lifecycle()
    for now, signal in enumerate(signals, start=1):
        lifecycle.on(signal, now)
    return lifecycle


UP = (Signal.CONNECTED, Signal.LOGGED_IN, Signal.READY, Signal.SETTLED)


def test_lifecycle_goes_up_to_live() -> None:
    """Connected, logged in, ready, settled: live."""
    assert _walk(*UP).phase is Phase.LIVE


def test_lifecycle_goes_through_degraded_when_the_login_is_lost() -> None:
    """A lost login degrades a live link; ready again, it subscribes anew."""
    lifecycle = _walk(*UP, Signal.LOGIN_LOST)
    assert lifecycle.phase is Phase.DEGRADED
    assert lifecycle.on(Signal.READY, 9) is Phase.SUBSCRIBING


@pytest.mark.parametrize("steps", range(len(UP) + 1))
def test_lifecycle_waits_after_a_failure_in_any_phase(steps: int) -> None:
    """Whatever fails, whenever: the next thing is another attempt."""
    lifecycle = _walk(*UP[:steps], Signal.FAILED)
    assert lifecycle.phase is Phase.WAITING
    assert lifecycle.on(Signal.RETRY, 9) is Phase.CONNECTING


@pytest.mark.parametrize("phase", Phase)
def test_table_lets_every_phase_stop(phase: Phase) -> None:
    """A worker can be stopped at any time."""
    assert TABLE[phase, Signal.STOP] is Phase.CLOSING


def test_table_reaches_every_phase() -> None:
    """No phase is there for nothing."""
    assert set(TABLE.values()) == set(Phase)


def test_table_never_leaves_closing() -> None:
    """What closes stays closed."""
    assert {after for (phase, _), after in TABLE.items() if phase is Phase.CLOSING} == {
        Phase.CLOSING
    }


def test_lifecycle_refuses_a_move_that_is_no_row() -> None:
    """A move that the table lacks is a fault of the program, told at once."""
    with pytest.raises(LookupError, match="no move from connecting on SETTLED"):
        _walk(Signal.SETTLED)


def test_lifecycle_knows_since_when() -> None:
    """The time is that of the move into the phase, not of the last signal."""
    lifecycle = _walk(Signal.CONNECTED, Signal.LOGGED_IN, Signal.NOT_READY)
    assert (lifecycle.phase, lifecycle.since) == (Phase.CHECKING, 2)


def test_lifecycle_tells_each_move() -> None:
    """Whoever shows the phase is told of every change, once."""
    told: list[Phase] = []
    lifecycle = Lifecycle(on_move=told.append)
    for signal in (Signal.CONNECTED, Signal.LOGGED_IN, Signal.NOT_READY, Signal.READY):
        lifecycle.on(signal, 0)
    assert told == [Phase.INITIALISING, Phase.CHECKING, Phase.SUBSCRIBING]


@given(st.lists(st.sampled_from(Signal)))
def test_lifecycle_moves_by_the_table_only(signals: list[Signal]) -> None:
    """In any order of signals it is where the table says, and nowhere else."""
    lifecycle, expected = Lifecycle(), Phase.CONNECTING
    for signal in signals:
        if (expected, signal) in TABLE:
            lifecycle.on(signal, 0)
            expected = TABLE[expected, signal]
        else:
            with pytest.raises(LookupError):
                lifecycle.on(signal, 0)
        assert lifecycle.phase is expected

"""Actions at times of the market."""

import pytest

from opend_kafka.simulator.agenda import NEVER_US, Agenda


def test_agenda_runs_in_order_of_time() -> None:
    """The earliest comes first; of the same time, the one that was entered first."""
    agenda, done = Agenda(), list[str]()
    for at_us, name in ((5, "b"), (3, "a"), (5, "c")):
        agenda.at(at_us, lambda name=name: done.append(name))  # type: ignore[misc]
    while agenda.next_us < NEVER_US:
        agenda.run_next()
    assert done == ["a", "b", "c"]


def test_agenda_without_entries_has_nothing_to_run() -> None:
    """Empty, its next time is never, and running it is a mistake."""
    assert Agenda().next_us == NEVER_US
    with pytest.raises(IndexError):
        Agenda().run_next()

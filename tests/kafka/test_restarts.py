"""How often a producer may be made anew."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from opend_kafka.kafka.restarts import RESTARTS, WITHIN_S, Held, Restarts


def test_restart_is_allowed_at_once_where_it_is_the_first() -> None:
    """The first one waits for nothing, and nor does one after a quiet minute."""
    restarts = Restarts()
    assert restarts.next_s(100.0) == 100.0
    assert restarts.next_s(100.0 + WITHIN_S) == 100.0 + WITHIN_S


def test_restarts_come_later_and_later_and_then_not_at_all() -> None:
    """Within a minute each one waits twice as long as the one before; the sixth is too many."""
    restarts = Restarts()
    assert [restarts.next_s(0.0) for _ in range(6)] == [0.0, 1.0, 2.0, 4.0, 8.0, None]


@given(st.lists(st.floats(0, 30), max_size=60))
def test_restarts_are_never_more_than_allowed_within_a_minute(waits: list[float]) -> None:
    """However they are asked for, no minute holds more than its number of them."""
    restarts, now_s = Restarts(), 0.0
    made: list[float] = []
    for wait in waits:
        now_s += wait
        at_s = restarts.next_s(now_s)
        if at_s is not None:
            now_s = at_s  # the next one is asked for after this one was made
            made.append(at_s)
    minutes = [sum(start <= at_s < start + WITHIN_S for at_s in made) for start in made]
    assert max(minutes, default=0) <= RESTARTS


def test_held_records_sort_by_their_numbers_alone() -> None:
    """What else they hold need not be comparable."""
    second = Held(2, "a", None, b"", 0, None)
    first = Held(1, "b", b"key", b"", 0, print)
    assert sorted([second, first]) == [first, second]

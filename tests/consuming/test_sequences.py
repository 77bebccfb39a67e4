"""What came of one security's ticks, each sequence once."""

from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from opend_kafka.consuming.sequences import TickLog


def _taken(*sequences: int, accounted: set[int] | None = None) -> TickLog:
    log = TickLog()
    log.accounted |= accounted or set()
    for serial, sequence in enumerate(sequences):
        log.take(sequence, "REALTIME", "PUSH", 1, serial, 0, 100 * serial)
    return log


@given(
    sequences=st.lists(st.integers(-5, 40), max_size=60),
    accounted=st.sets(st.integers(-5, 40), max_size=10),
)
def test_log_knows_each_sequence_once(sequences: list[int], accounted: set[int]) -> None:
    """Whatever order they come in, all are known, in order and once."""
    log = _taken(*sequences, accounted=accounted)
    assert list(log.known()) == sorted({*sequences, *accounted})
    assert log.unique == len(set(sequences))
    assert log.records - log.unique == sum(log.duplicates.values())


@given(sequences=st.lists(st.integers(0, 40), max_size=60))
def test_log_counts_who_comes_after_a_higher_one(sequences: list[int]) -> None:
    """Out of order is a first occurrence below one that came before."""
    late = 0
    for index, sequence in enumerate(sequences):
        earlier = sequences[:index]
        late += sequence not in earlier and any(one > sequence for one in earlier)
    assert sum(_taken(*sequences).out_of_order.values()) == late


def test_log_tells_what_came_next() -> None:
    """By time of receipt: the first tick at it or later, and who was there by then."""
    log = _taken(10, 20, 15, 30)
    assert (log.next_after(0), log.next_after(150), log.next_after(301)) == (10, 30, None)
    assert (log.received_by(15), log.received_by(30), log.received_by(5)) == (0, 300, 0)
    assert log.newest_us == 300


def test_log_of_many_ticks_is_small() -> None:
    """A hundred thousand ticks take less than 30 bytes each."""
    number = 100_000
    tracemalloc.start()
    try:
        log = TickLog()
        for one in range(number):
            log.take(one, "REALTIME", "PUSH", 1, one, 0, one)
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size < 30 * number


def test_log_remembers_a_bounded_number_of_skips() -> None:
    """A security whose sequences skip always is not remembered skip by skip."""
    log = TickLog()
    for one in range(12_000):
        log.take(3 * one, "REALTIME", "PUSH", 1, 1, one, one)
    assert (log.neighbours, log.skipped, len(log.skips)) == (11_999, 11_999, 10_000)


def test_log_ignores_places_of_repaired_ticks() -> None:
    """Of a reply that repaired, most rows are not wanted: their places say nothing."""
    log = TickLog()
    for index in (0, 5, 9):
        log.take(index, "REALTIME", "REPAIR", 1, 7, index, 1)
    assert log.holes == []

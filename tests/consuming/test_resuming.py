"""Ticks each once, also across restarts and rebalances of the consumer."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opend_kafka.consuming.resuming import ResumingDeduplicator
from opend_kafka.consuming.ticks import TickDeduplicator
from tests.consuming.samples import a_tick

TOPIC = "opend.ticker.HK.00700"


def _processed(
    deduplicator: ResumingDeduplicator, log: list[int], begin: int, end: int
) -> list[int]:
    """Read a part of a log of sequences; give those that are to be processed."""
    return [
        log[offset]
        for offset in range(begin, end)
        if deduplicator.is_new(a_tick(log[offset]), TOPIC, 0, offset)
    ]


def _in_runs(log: list[int], ends: Iterable[int], read_back: int, *, aborted: int = 0) -> list[int]:
    """Read a log in several lives of a consumer, each from where the last one had committed."""
    out: list[int] = []
    committed = 0
    for end in [*sorted(ends), len(log)]:
        life = ResumingDeduplicator(read_back)
        begin = life.assigned(TOPIC, 0, committed)
        # What is read past `end` is never committed: the next life processes it.
        _processed(life, log, begin, min(end + aborted, len(log)))
        life = ResumingDeduplicator(read_back)
        out += _processed(life, log, life.assigned(TOPIC, 0, committed), end)
        committed = end
    return out


@given(
    log=st.lists(st.integers(0, 12), max_size=40),
    ends=st.lists(st.integers(0, 40), max_size=4),
    aborted=st.integers(0, 5),
)
def test_restarts_change_nothing(log: list[int], ends: list[int], aborted: int) -> None:
    """Wherever a consumer was restarted, it processes what one that never was does."""
    ends = [min(end, len(log)) for end in ends]
    assert _in_runs(log, ends, read_back=100, aborted=aborted) == list(dict.fromkeys(log))


@given(log=st.lists(st.integers(0, 12), max_size=40), committed=st.integers(0, 40))
def test_restart_is_exact_within_what_is_read_back(log: list[int], committed: int) -> None:
    """A tick after the restart is new just when it is not among the last records before it."""
    committed = min(committed, len(log))
    life = ResumingDeduplicator(4)
    begin = life.assigned(TOPIC, 0, committed)
    expected = []
    known = set(log[max(0, committed - 4) : committed])
    for sequence in log[committed:]:
        if sequence not in known:
            expected.append(sequence)
            known.add(sequence)
    assert _processed(life, log, begin, len(log)) == expected


@pytest.mark.parametrize(
    ("committed", "first", "begin"),
    [(None, 0, 0), (None, 70, 70), (100, 0, 90), (5, 0, 0), (100, 95, 95), (100, 120, 120)],
)
def test_reading_begins_before_what_was_committed(
    committed: int | None, first: int, begin: int
) -> None:
    """So many records before it, as far as they are still there."""
    assert ResumingDeduplicator(10).assigned(TOPIC, 0, committed, first) == begin


def test_first_record_is_processed_where_retention_took_what_was_committed() -> None:
    """What is read only to be remembered is what was processed, and nothing else."""
    life = ResumingDeduplicator(10)
    life.assigned(TOPIC, 0, 100, 120)
    assert life.is_new(a_tick(1), TOPIC, 0, 120)


def test_partition_that_comes_back_begins_anew() -> None:
    """What another consumer had meanwhile, or was rolled back, is processed again."""
    life = ResumingDeduplicator(10)
    life.assigned(TOPIC, 0, None)
    assert life.is_new(a_tick(1), TOPIC, 0, 0)
    life.revoked(TOPIC, 0)
    life.revoked(TOPIC, 0)
    life.assigned(TOPIC, 0, None)
    assert life.is_new(a_tick(1), TOPIC, 0, 0)


def test_duplicates_are_counted_but_not_those_read_back() -> None:
    """The number is of what came again, not of what was read again."""
    life = ResumingDeduplicator(10, lambda: TickDeduplicator(100))
    log = [1, 2, 1, 2, 2]
    _processed(life, log, life.assigned(TOPIC, 0, 3), 5)
    assert life.duplicates == 2


def test_tick_of_a_partition_that_is_not_ours_is_refused() -> None:
    """It would be remembered where nobody told from where to go on."""
    with pytest.raises(KeyError):
        ResumingDeduplicator().is_new(a_tick(1), TOPIC, 0, 0)

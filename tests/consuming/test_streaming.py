"""The whole way of a tick through a consumer, without a Kafka client."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opend_kafka.consuming.decoding import Decoder
from opend_kafka.consuming.missing import MissingTicks
from opend_kafka.consuming.streaming import OrderedTick, TickStream
from opend_kafka.errors import RecordUndecodable
from tests.consuming.samples import RECEIVED, a_book, a_key, a_tick, single_object

TOPIC = "opend.ticker.HK.00700"
KEY = single_object("opend.SecurityKey", a_key())
VALUES = {sequence: single_object("opend.Ticker", a_tick(sequence)) for sequence in range(30)}
EVENTS = "opend.events"


def _event(before: int, after: int) -> bytes:
    return single_object(
        "opend.SessionEvent",
        {
            "kind": "GAP_UNREPAIRABLE",
            "time": RECEIVED,
            "worker": "w",
            "sequence_before": before,
            "sequence_after": after,
        },
    )


def _told(items: Any) -> list[int | str]:
    """Give sequences, and the bounds of gaps."""
    return [
        item.tick.sequence if isinstance(item, OrderedTick) else f"{item.before}-{item.after}"
        for item in items
    ]


def _life(log: list[int], committed: int, end: int, *, flushed: bool) -> tuple[list[Any], int]:
    """Let a new consumer read a log up to an offset; give what it processed, and committed."""
    stream = TickStream(Decoder(), delay_s=3)
    begin = stream.assigned(TOPIC, 0, committed)
    out: list[Any] = []
    for offset in range(begin, end):
        items = stream.take(TOPIC, 0, offset, KEY, VALUES[log[offset]], float(offset))
        out += _told(items)
        assert stream.offsets()[TOPIC, 0] >= committed
    if flushed:
        out += _told(stream.flush())
    return out, stream.offsets().get((TOPIC, 0), committed)


@given(log=st.permutations([*range(8), *range(8)]), stopped=st.integers(0, 16))
def test_consumer_that_flushes_before_it_ends_processes_each_tick_once(
    log: list[int], stopped: int
) -> None:
    """Wherever it is stopped and begun again."""
    first, committed = _life(log, 0, stopped, flushed=True)
    second, reached = _life(log, committed, len(log), flushed=True)
    assert (committed, reached) == (stopped, len(log))
    assert sorted(first + second) == list(range(8))


@given(log=st.permutations([*range(8), *range(8)]), killed=st.integers(0, 16))
def test_consumer_that_is_killed_loses_no_tick(log: list[int], killed: int) -> None:
    """What it held back is read again, because nothing above it was committed."""
    first, committed = _life(log, 0, killed, flushed=False)
    second, _ = _life(log, committed, len(log), flushed=True)
    assert set(first + second) == set(range(8))


def test_duplicates_are_dropped_and_the_others_ordered() -> None:
    """Within the delay."""
    out, _ = _life([2, 1, 2, 3, 1], 0, 5, flushed=True)
    assert out == [1, 2, 3]


def test_late_tick_is_marked() -> None:
    """It comes after one with a higher sequence."""
    stream = TickStream(Decoder(), delay_s=1)
    stream.assigned(TOPIC, 0, None)
    items = [
        item
        for offset, sequence in enumerate([2, 3, 1])
        for item in stream.take(TOPIC, 0, offset, KEY, VALUES[sequence], offset * 10.0)
    ]
    marked = [(item.tick.sequence, item.late) for item in items if isinstance(item, OrderedTick)]
    assert marked == [(2, False), (1, True), (3, False)]


def test_gap_is_told_before_the_tick_behind_it() -> None:
    """From the topic of events, whose partition needs no reading back."""
    stream = TickStream(Decoder(), delay_s=0)
    stream.assigned(TOPIC, 0, None)
    out: list[int | str] = []
    out += _told(stream.take(TOPIC, 0, 0, KEY, VALUES[1], 0.0))
    out += _told(stream.take(EVENTS, 0, 0, KEY, _event(1, 9), 0.0))
    out += _told(stream.take(TOPIC, 0, 1, KEY, VALUES[9], 0.0))
    out += _told(stream.take(TOPIC, 0, 2, KEY, VALUES[10], 0.0))
    assert out == [1, "1-9", 9, 10]


def test_gap_whose_event_comes_late_is_told_with_the_event() -> None:
    """Ticks from behind it have been processed: nobody may wait for another one."""
    stream = TickStream(Decoder(), delay_s=0)
    stream.assigned(TOPIC, 0, None)
    list(stream.take(TOPIC, 0, 0, KEY, VALUES[9], 0.0))
    (gap,) = stream.take(EVENTS, 0, 0, KEY, _event(1, 9), 0.0)
    assert isinstance(gap, MissingTicks)
    assert stream.offsets() == {(TOPIC, 0): 1, (EVENTS, 0): 1}


def test_tick_counts_as_processed_when_the_next_is_asked_for() -> None:
    """Where processing fails, its record is read again."""
    stream = TickStream(Decoder(), delay_s=0)
    stream.assigned(TOPIC, 0, None)
    items = stream.take(TOPIC, 0, 0, KEY, VALUES[1], 0.0)
    next(items)
    before = stream.offsets()
    assert list(items) == []
    assert (before, stream.offsets()) == ({(TOPIC, 0): 0}, {(TOPIC, 0): 1})


@pytest.mark.parametrize("value", [b"nonsense", None])
def test_foreign_record_is_told_and_does_not_hold_up(value: bytes | None) -> None:
    """Who goes on has its offset behind them."""
    stream = TickStream(Decoder())
    stream.assigned(TOPIC, 0, None)
    with pytest.raises(RecordUndecodable):
        list(stream.take(TOPIC, 0, 0, KEY, value, 0.0))
    assert stream.offsets() == {(TOPIC, 0): 1}


def test_records_of_other_schemas_are_passed_over() -> None:
    """A pattern may match the topics of books too."""
    stream = TickStream(Decoder())
    stream.assigned("opend.order-book.HK.00700", 0, None)
    book = single_object("opend.OrderBook", a_book())
    assert list(stream.take("opend.order-book.HK.00700", 0, 5, KEY, book, 0.0)) == []
    assert list(stream.offsets().values()) == [6]


def test_partition_that_is_gone_is_not_committed() -> None:
    """Its offsets are another consumer's matter, and so are the ticks that were held."""
    stream = TickStream(Decoder())
    stream.assigned(TOPIC, 0, None)
    list(stream.take(TOPIC, 0, 0, KEY, VALUES[1], 0.0))
    stream.revoked(TOPIC, 0)
    assert (_told(stream.flush()), stream.offsets()) == ([], {})


def test_duplicates_are_counted() -> None:
    """For a metric of one's own."""
    stream = TickStream(Decoder())
    stream.assigned(TOPIC, 0, None)
    for offset in range(3):
        list(stream.take(TOPIC, 0, offset, KEY, VALUES[1], 0.0))
    assert stream.duplicates == 2


def _taken(stream: TickStream, partition: int, *sequences: int) -> list[int | str]:
    """Let a stream read a partition from its beginning; give what it processes at once."""
    out: list[int | str] = []
    stream.assigned(TOPIC, partition, 0)
    for offset, sequence in enumerate(sequences):
        out += _told(stream.take(TOPIC, partition, offset, KEY, VALUES[sequence], 0.0))
    return out


def test_what_is_held_of_a_partition_goes_with_it() -> None:
    """Its next consumer reads it again, because it was not committed: here it never comes."""
    stream = TickStream(Decoder(), delay_s=3)
    assert _taken(stream, 0, 1, 2) + _taken(stream, 1, 11) == []
    assert stream.offsets()[TOPIC, 0] == 0
    stream.revoked(TOPIC, 0)
    assert _told(stream.due(9.0)) == [11]


def test_partition_is_flushed_alone() -> None:
    """Of what is kept, nothing is given on before its time."""
    stream = TickStream(Decoder(), delay_s=3)
    assert _taken(stream, 0, 2, 1) + _taken(stream, 1, 11) == []
    assert _told(stream.flush([(TOPIC, 0), (TOPIC, 7)])) == [1, 2]
    assert stream.offsets() == {(TOPIC, 0): 2, (TOPIC, 1): 0}


def test_partition_that_comes_back_has_no_late_ticks_for_that() -> None:
    """What was given on before it went is no reason to call what is read again late."""
    stream = TickStream(Decoder(), delay_s=3)
    _taken(stream, 0, 5, 6)
    assert _told(stream.flush()) == [5, 6]
    stream.revoked(TOPIC, 0)
    _taken(stream, 0, 1, 2)
    assert [item.late for item in stream.flush() if isinstance(item, OrderedTick)] == [False] * 2

"""Many securities at once: questions, watermarks, bounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opend_kafka.continuity.gap import Cause, Gap
from opend_kafka.continuity.tracker import ASKS_AT_ONCE, Tracker
from opend_kafka.opend.securities import Security
from tests.continuity.opend import KEY, SECURITY, Model

MANY = [Security("HK", f"{number:05}") for number in range(3 * ASKS_AT_ONCE)]


def _tracker(emitted: list[int], gaps: list[Gap] | None = None, **other: Any) -> Tracker[int]:
    def publish(watermark: object, on_delivered: Callable[[bool], None]) -> None:
        on_delivered(True)

    tracker: Tracker[int] = Tracker(
        emit=lambda record, on_delivered: emitted.append(record),
        on_gap=(gaps if gaps is not None else []).append,
        watermarks={},
        worker="test",
        clock=lambda: 0.0,
        now_us=lambda: 0,
        **{"publish": publish} | other,
    )
    tracker.watch(MANY)
    return tracker


def _make_up(one: int) -> int:
    return one


def test_few_questions_are_under_way_at_once() -> None:
    """OpenD is not flooded: the next are asked when some are answered."""
    tracker = _tracker([])
    tracker.subscribed(MANY)
    first = tracker.asks()
    assert len(first) == ASKS_AT_ONCE
    assert not tracker.asks()
    for security in first[:2]:
        tracker.replied(security, [], _make_up)
    assert len(tracker.asks()) == 2


def test_every_security_is_asked_about_once() -> None:
    """Each has its turn, and then nothing is open."""
    tracker = _tracker([])
    tracker.subscribed(MANY)
    asked = []
    while securities := tracker.asks():
        asked += securities
        for security in securities:
            tracker.replied(security, [], _make_up)
    assert asked == MANY
    assert not tracker.is_checking


def test_questions_of_a_link_that_ended_are_asked_again() -> None:
    """An answer cannot come any more; the next link asks anew."""
    tracker = _tracker([])
    tracker.subscribed(MANY[:1])
    assert tracker.asks() == MANY[:1]
    tracker.link_ended()
    assert not tracker.asks()
    tracker.subscribed(MANY[:1])
    assert tracker.asks() == MANY[:1]


def test_answer_that_nobody_waits_for_is_ignored() -> None:
    """It belongs to a link that has ended."""
    tracker = _tracker([])
    tracker.replied(MANY[0], [1], _make_up)
    assert tracker.is_checking


def test_too_many_held_bytes_are_let_go() -> None:
    """Memory has a bound: past it, the ticks go on in their order."""
    emitted: list[int] = []
    tracker = _tracker(emitted, max_held_bytes=1000)
    for number in range(11):
        stream = tracker.stream(MANY[0].market_number, MANY[0].code)
        assert stream is not None
        stream.take(number, number, 100)
    assert not emitted
    tracker.on_time()
    assert emitted == list(range(11))
    assert tracker.held_bytes == 0


def test_watermarks_are_written_a_part_at_a_time() -> None:
    """Many that are due at once do not hold the ticks up: each turn has its part of them."""
    written: list[object] = []

    def publish(watermark: object, on_delivered: Callable[[bool], None]) -> None:
        written.append(watermark)
        on_delivered(True)

    tracker = _tracker([], publish=publish)
    tracker.subscribed(MANY)
    while asked := tracker.asks():
        for security in asked:
            tracker.replied(security, [], _make_up)
    for security in MANY:
        stream = tracker.stream(security.market_number, security.code)
        assert stream is not None
        stream.take(1, 1, 100)
        stream.acknowledged(True)
    written.clear()
    turns = []
    for _ in range(4):
        tracker.write_watermarks(part=0.25)
        turns.append(len(written))
    assert turns == [6, 11, 15, 18]


def test_without_repair_what_may_be_missing_is_told(model: Model) -> None:
    """OpenD is not asked: every break is a gap of unknown size."""
    gaps: list[Gap] = []
    tracker = _tracker([], gaps, repairs=False)
    tracker.subscribed(MANY)
    assert not tracker.asks()
    stream = tracker.stream(MANY[0].market_number, MANY[0].code)
    assert stream is not None
    stream.take(5, 5, 1)
    tracker.suspect_all(Cause.DAMAGED)
    assert not tracker.asks()
    (gap,) = [gap for gap in gaps if gap.security == MANY[0]]
    assert (gap.before, gap.missing, gap.cause) == (5, None, Cause.DAMAGED)


def test_watermarks_are_written_once_an_interval(model: Model) -> None:
    """However many ticks, a security has one watermark a second."""
    model.wait(5.0)
    model.acknowledge(100)
    before = model.written_watermarks
    for _ in range(30):
        model.trade(1)
        model.acknowledge(100)
        model.wait(0.1)
    assert model.written_watermarks - before in (3, 4)


def test_unsubscribed_security_is_asked_about_no_more(model: Model) -> None:
    """Nothing is held for it, and nothing is asked."""
    model.tracker.unsubscribed([SECURITY])
    model.tracker.suspect_all(Cause.DAMAGED)
    assert not model.tracker.asks()


def test_unknown_security_has_no_stream(model: Model) -> None:
    """A push of something else is not the tracker's."""
    assert model.tracker.stream(KEY[0], "1") is None

"""What is missing, joined from events and ticks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opend_kafka.consuming.missing import GapTracker, MissingTicks
from opend_kafka.consuming.records import Ticker
from tests.consuming.samples import PROVENANCE, RECEIVED, a_key, a_tick


def _event(
    before: int | None, after: int | None, kind: str = "GAP_UNREPAIRABLE", **fields: Any
) -> dict[str, Any]:
    return {
        "kind": kind,
        "time": RECEIVED,
        "sequence_before": before,
        "sequence_after": after,
        "ticks_missing": None,
        "reason": "reconnected",
    } | fields


def _ranges(gaps: tuple[MissingTicks, ...]) -> list[tuple[int | None, int | None]]:
    return [(gap.before, gap.after) for gap in gaps]


def test_first_tick_behind_a_gap_tells_of_it() -> None:
    """Once, and neither the ticks before it nor those after."""
    tracker = GapTracker()
    assert tracker.take_event(a_key(), _event(10, 20, ticks_missing=9)) is None
    told = [_ranges(tracker.take_tick(a_tick(sequence))) for sequence in (9, 10, 20, 21)]
    assert told == [[], [], [(10, 20)], []]


def test_event_that_comes_after_the_tick_tells_itself() -> None:
    """The topic of events may be behind."""
    tracker = GapTracker()
    tracker.take_tick(a_tick(20))
    gap = tracker.take_event(a_key(), _event(10, 20, ticks_missing=9))
    assert gap == MissingTicks("HK", "00700", 10, 20, 9, "reconnected", RECEIVED)


@given(data=st.data())
def test_each_gap_is_told_once_in_any_order(data: st.DataObject) -> None:
    """However ticks and events are mixed, and though events come twice."""
    gaps = [(10, 20), (30, 40), (None, 5)]
    items: list[Any] = data.draw(st.permutations([*gaps, *gaps, 3, 7, 22, 45]))
    tracker = GapTracker()
    told = []
    for item in items:
        if isinstance(item, tuple):
            gap = tracker.take_event(a_key(), _event(*item))
            told += [(gap.before, gap.after)] if gap else []
        else:
            told += _ranges(tracker.take_tick(a_tick(item)))
    assert sorted(told, key=str) == sorted(gaps, key=str)


def test_missing_ranges_of_a_security_can_be_asked_for() -> None:
    """Those of others are left out, also where the codes are equal."""
    tracker = GapTracker()
    tracker.take_event(a_key(), _event(10, 20))
    tracker.take_event(a_key("US.00700"), _event(30, 40))
    assert _ranges(tracker.missing("HK", "00700")) == [(10, 20)]
    assert tracker.missing("HK", "09988") == ()


@pytest.mark.parametrize("kind", ["GAP_REPAIRED", "GAP_DISPROVED"])
def test_what_has_come_after_all_is_missing_no_more(kind: str) -> None:
    """Another worker may find what one had given up; what lies elsewhere stays missing."""
    tracker = GapTracker()
    for before, after in ((10, 20), (30, 40)):
        tracker.take_event(a_key(), _event(before, after))
    tracker.take_event(a_key(), _event(5, 25, kind))
    assert _ranges(tracker.missing("HK", "00700")) == [(30, 40)]
    assert _ranges(tracker.take_tick(a_tick(50))) == [(30, 40)]


def test_gap_without_an_end_is_behind_what_was_received_later() -> None:
    """Until then no tick is known to be behind it."""
    tracker = GapTracker()
    tracker.take_event(a_key(), _event(10, None))
    later = PROVENANCE | {"ingest_time": RECEIVED + timedelta(seconds=1)}
    earlier = PROVENANCE | {"ingest_time": RECEIVED - timedelta(seconds=1)}
    assert tracker.take_tick(a_tick(11, provenance=earlier)) == ()
    typed = Ticker.from_fields(a_tick(12, provenance=later))
    assert _ranges(tracker.take_tick(typed)) == [(10, None)]


def test_tick_that_kafka_did_not_take_is_missing() -> None:
    """DELIVERY_FAILED of a tick is a gap of one; of a book it is none."""
    tracker = GapTracker()
    failed = _event(6, 8, "DELIVERY_FAILED", ticks_missing=1)
    tracker.take_event(a_key(), failed)
    tracker.take_event(a_key(), _event(None, None, "DELIVERY_FAILED"))
    assert [gap.number for gap in tracker.missing("HK", "00700")] == [1]


@pytest.mark.parametrize(
    ("key", "kind"), [(None, "LINK_DOWN"), (a_key(), "STREAM_STALE"), (None, "GAP_UNREPAIRABLE")]
)
def test_other_events_say_nothing_of_ticks(key: dict[str, Any] | None, kind: str) -> None:
    """All events can be handed in."""
    tracker = GapTracker()
    assert tracker.take_event(key, _event(None, None, kind)) is None
    assert tracker.missing("HK", "00700") == ()


def test_memory_is_bounded() -> None:
    """Of more gaps than are remembered the oldest go."""
    tracker = GapTracker(remembered=2)
    for start in (0, 10, 20, 30):
        tracker.take_event(a_key(), _event(start, start + 5))
    assert _ranges(tracker.missing("HK", "00700")) == [(20, 25), (30, 35)]
    assert _ranges(tracker.take_tick(a_tick(99))) == [(20, 25), (30, 35)]

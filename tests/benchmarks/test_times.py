"""The two times of each record."""

from __future__ import annotations

from array import array
from pathlib import Path

from benchmarks.times import Notes


def test_notes_lie_by_topic_in_the_order_of_each(tmp_path: Path) -> None:
    """The n-th record of a topic is the n-th that is produced, and the n-th acknowledged."""
    notes = Notes()
    notes.begin({"a": 0, "b": 2}, 3)
    for topic in ("a", "b", "a"):
        notes.produced(topic)
    for topic in ("b", "a", "a"):
        notes.acknowledged(topic)
    notes.write(tmp_path / "times")
    times = array("q")
    times.frombytes((tmp_path / "times").read_bytes())
    produced, acknowledged = times[:3], times[3:]
    assert produced[0] <= produced[2] <= produced[1]
    assert acknowledged[2] <= acknowledged[0] <= acknowledged[1]


def test_topics_that_were_not_asked_for_are_not_followed() -> None:
    """Events and watermarks go to Kafka meanwhile, and have no place."""
    notes = Notes()
    notes.begin({"a": 0}, 1)
    assert not notes.follows("b.events")

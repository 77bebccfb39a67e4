"""Two times of each record: when it is handed to librdkafka, and when its acknowledgement is seen.

A record is known by its topic and its place in it: one topic's records keep their order, on the
way in and on the way out, so the n-th of them is the n-th that the feeder sent.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from confluent_kafka import Producer

_Report = Callable[[Any, Any], None]

#: What is not known yet.
_NEVER = 0


class Notes:
    """The times of a run, by place; CLOCK_MONOTONIC, nanoseconds, which all processes share."""

    def __init__(self) -> None:
        self._next_produced: dict[str, int] = {}
        self._next_acknowledged: dict[str, int] = {}
        self._produced = array("q")
        self._acknowledged = array("q")

    def begin(self, places: dict[str, int], records: int) -> None:
        """Follow the records to come: topic → the place of its first one, and how many in all."""
        self._next_produced = dict(places)
        self._next_acknowledged = dict(places)
        self._produced = array("q", [_NEVER]) * records
        self._acknowledged = array("q", [_NEVER]) * records

    def follows(self, topic: str) -> bool:
        """Tell whether a topic's records are followed."""
        return topic in self._next_produced

    def produced(self, topic: str) -> None:
        """Take note that the next record of a topic is handed over now."""
        place = self._next_produced[topic]
        self._next_produced[topic] = place + 1
        self._produced[place] = time.monotonic_ns()

    def acknowledged(self, topic: str) -> None:
        """Take note that the next record of a topic is acknowledged now."""
        place = self._next_acknowledged[topic]
        self._next_acknowledged[topic] = place + 1
        self._acknowledged[place] = time.monotonic_ns()

    def write(self, file: Path) -> None:
        """Write both, one behind the other."""
        with file.open("wb") as out:
            self._produced.tofile(out)
            self._acknowledged.tofile(out)


class NotedProducer(Producer):
    """librdkafka's producer, taking notes. It costs each record about a microsecond."""

    notes: ClassVar[Notes]

    def produce(  # type: ignore[override] # its stub has no `callback`, an alias of on_delivery
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | None = None,
        partition: int = -1,
        callback: _Report | None = None,
        on_delivery: _Report | None = None,
        timestamp: int = 0,
    ) -> None:
        """See `Producer.produce`."""
        report = callback or on_delivery
        if self.notes.follows(topic):
            self.notes.produced(topic)
            report = _noting(self.notes, topic, report)
        super().produce(topic, value, key, partition, on_delivery=report, timestamp=timestamp)


def _noting(notes: Notes, topic: str, report: _Report | None) -> _Report:
    def noted(error: Any, message: Any) -> None:
        notes.acknowledged(topic)
        if report is not None:
            report(error, message)

    return noted

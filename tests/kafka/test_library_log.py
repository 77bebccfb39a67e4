"""librdkafka's log lines, when it tries again and again."""

from __future__ import annotations

import logging

from opend_kafka.kafka.library_log import PERIOD_S, Seldom

LINE = "FAIL [opend-kafka#producer-2] [thrd:k:9093/1]: k:9093/1: refused (after %dms in state AUTH)"


class _Log:
    """A filter, its clock, and what it let pass."""

    def __init__(self) -> None:
        self.now = 0.0
        self._filter = Seldom(lambda: self.now)
        self.lines: list[str] = []

    def say(self, text: str, *arguments: object) -> None:
        record = logging.LogRecord("librdkafka", 40, "", 0, text, arguments, None)
        if self._filter.filter(record):
            self.lines.append(record.getMessage())


def test_attempts_are_said_once_a_period() -> None:
    """That one attempt took some milliseconds more makes no other line of it."""
    log = _Log()
    for milliseconds in range(500):
        log.say(LINE, milliseconds)
    assert log.lines == [LINE % 0]


def test_line_after_a_period_tells_how_many_were_held_back() -> None:
    """Whoever looks late learns that it went on all the time."""
    log = _Log()
    for milliseconds in range(500):
        log.say(LINE, milliseconds)
    log.now += PERIOD_S
    log.say(LINE, 7)
    assert log.lines[-1] == f"{LINE % 7} (499 like it were held back)"


def test_other_lines_pass() -> None:
    """Another broker's trouble is another line."""
    log = _Log()
    log.say(LINE, 1)
    log.say(LINE.replace("k:9093/1", "k:9093/2"), 1)
    assert len(log.lines) == 2


def test_what_is_remembered_has_a_limit() -> None:
    """However many lines differ, the oldest are forgotten."""
    log = _Log()
    for number in range(3000):
        log.say(f"topic t{number} is gone")
    assert len(log._filter._said) == 1000

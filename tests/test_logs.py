"""The log lines: JSON for machines, readable for people, the libraries' among them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

import pytest
import structlog
from confluent_kafka import Producer

from opend_kafka import logs
from opend_kafka.kafka.library_log import LIBRARY_LOGGER
from opend_kafka.kafka.properties import producer_properties


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """Give logging back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def _lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_json_line_carries_event_level_time_and_fields(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One event is one JSON object with what happened, how grave it is, when, and its fields."""
    logs.configure("info", "json")
    structlog.get_logger().warning("link_down", reason="link_lost", cause="港交所")
    (line,) = _lines(capsys)
    assert datetime.fromisoformat(line.pop("timestamp")).tzinfo is not None
    assert line == {
        "event": "link_down",
        "level": "warning",
        "reason": "link_lost",
        "cause": "港交所",
    }


def test_library_lines_go_the_same_way(capsys: pytest.CaptureFixture[str]) -> None:
    """Lines of librdkafka, which come through the standard library, are JSON of the same form."""
    logs.configure("info", "json")
    LIBRARY_LOGGER.error("FAIL [%s]", "broker")
    (line,) = _lines(capsys)
    assert (line["event"], line["level"]) == ("FAIL [broker]", "error")
    assert datetime.fromisoformat(line["timestamp"]).tzinfo is not None


@pytest.mark.parametrize("source", ["structlog", "library"])
def test_json_line_holds_a_traceback_as_text(
    capsys: pytest.CaptureFixture[str], source: str
) -> None:
    """An exception is shown as its traceback, not as the addresses of Python's objects."""
    logs.configure("info", "json")
    logger: Any = structlog.get_logger() if source == "structlog" else LIBRARY_LOGGER
    try:
        raise ValueError("boom")
    except ValueError:
        logger.exception("failed")
    (line,) = _lines(capsys)
    assert "ValueError: boom" in str(line.get("exception"))


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_lines_below_the_level_are_left_out(capsys: pytest.CaptureFixture[str], level: str) -> None:
    """Ours and the libraries' lines appear from the level on."""
    levels = ["debug", "info", "warning", "error"]
    logs.configure(level, "json")
    for name in levels:
        getattr(structlog.get_logger(), name)("ours")
        getattr(LIBRARY_LOGGER, name)("theirs")
    shown = levels[levels.index(level) :]
    assert [(line["event"], line["level"]) for line in _lines(capsys)] == [
        (event, name) for name in shown for event in ("ours", "theirs")
    ]


def test_console_line_is_readable(capsys: pytest.CaptureFixture[str]) -> None:
    """For people a line has the event and its fields as key=value, without JSON or colours."""
    logs.configure("info", "console")
    structlog.get_logger().info("live", standing=4)
    text = capsys.readouterr().err
    assert "live" in text
    assert "standing=4" in text
    assert not {"{", '"', "\x1b"} & set(text)


def test_auto_is_json_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal at stderr, `auto` writes JSON."""
    logs.configure("info", "auto")
    structlog.get_logger().info("live")
    assert [line["event"] for line in _lines(capsys)] == ["live"]


def test_configure_twice_writes_each_line_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Setting up again replaces the first set-up."""
    logs.configure("info", "json")
    logs.configure("info", "json")
    structlog.get_logger().info("once")
    assert len(_lines(capsys)) == 1


class _Clock:
    """Seconds that a test lets pass."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def _written(repeats: logs.Repeats, times: int = 1, **line: Any) -> list[dict[str, Any]]:
    """Log a line so often; give what is written of it."""
    written = []
    for _ in range(times):
        with suppress(structlog.DropEvent):
            written.append(dict(repeats(None, "warning", dict(line))))
    return written


@pytest.fixture
def clock() -> _Clock:
    """Give a clock that stands."""
    return _Clock()


@pytest.fixture
def repeats(clock: _Clock) -> logs.Repeats:
    """Give what lets three lines pass in ten seconds."""
    return logs.Repeats(clock, first=3, period_s=10)


def test_first_repeats_are_written_and_the_others_counted(
    repeats: logs.Repeats, clock: _Clock
) -> None:
    """Of a thousand lines three are written; once the period is over, the rest is a number."""
    assert len(_written(repeats, 1000, event="push_rejected", reason="malformed")) == 3
    assert list(repeats.due()) == []
    clock.now = 10
    assert list(repeats.due()) == [logs.HeldBack("warning", "push_rejected", "malformed", 997)]
    assert list(repeats.due()) == []


def test_each_event_and_reason_has_its_own_count(repeats: logs.Repeats) -> None:
    """What repeats hides nothing else."""
    _written(repeats, 10, event="push_rejected", reason="malformed")
    lines: list[dict[str, Any]] = [
        {"event": "push_rejected", "reason": "checksum"},
        {"event": "link_down"},
    ]
    for line in lines:
        assert _written(repeats, **line) == [line]


def test_lines_are_written_again_in_the_next_period(repeats: logs.Repeats, clock: _Clock) -> None:
    """Where nobody asks in between, the next line says how many were held back."""
    _written(repeats, 5, event="push_rejected")
    clock.now = 10
    assert _written(repeats, event="push_rejected") == [{"event": "push_rejected", "held_back": 2}]


def test_few_lines_are_never_counted(repeats: logs.Repeats, clock: _Clock) -> None:
    """What comes now and then is written each time, and nothing is said of it afterwards."""
    for second in range(0, 1000, 5):
        clock.now = second
        assert len(_written(repeats, event="gap_repaired")) == 1
        assert list(repeats.due()) == []


def test_all_that_was_held_back_is_told_at_the_end(repeats: logs.Repeats) -> None:
    """A worker that stops does not wait for the period's end."""
    _written(repeats, 4, event="push_rejected")
    assert [one.lines for one in repeats.due(at_once=True)] == [1]


def test_what_is_over_is_forgotten(repeats: logs.Repeats, clock: _Clock) -> None:
    """Whatever the reasons are, memory holds those of one period at most."""
    for number in range(100):
        clock.now = number * 10
        _written(repeats, 5, event="push_rejected", reason=str(number))
        assert len(list(repeats.due())) == (number > 0)


def test_count_is_written_as_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was held back is one line, as grave as what it counts."""
    logs.configure("info", "json")
    for _ in range(logs.FIRST_LINES + 5):
        structlog.get_logger().error("push_rejected", reason="malformed")
    logs.tell_repeats(at_once=True)
    *lines, last = _lines(capsys)
    assert len(lines) == logs.FIRST_LINES
    del last["timestamp"]
    assert last == {
        "event": "repeated",
        "level": "error",
        "of": "push_rejected",
        "reason": "malformed",
        "held_back": 5,
    }


@pytest.mark.parametrize(
    "name", ["password", "sasl.password", "ssl.key.password", "relay_token", "basic.auth.user.info"]
)
def test_secret_is_masked(capsys: pytest.CaptureFixture[str], name: str) -> None:
    """A field that is named as a secret shows none."""
    logs.configure("info", "json")
    structlog.get_logger().info("topics_ready", **{name: "hunter2"})
    (line,) = _lines(capsys)
    assert line[name] == "***"


def test_librdkafkas_lines_hold_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    """Even where everything is logged, and its whole configuration among it."""
    logs.configure("debug", "json")
    producer = Producer(
        producer_properties(
            "127.0.0.1:1",
            {
                "debug": "all",
                "security.protocol": "SASL_PLAINTEXT",
                "sasl.mechanism": "PLAIN",
                "sasl.username": "worker",
                "sasl.password": "hunter2",
            },
        )
    )
    written = ""
    while "sasl.password" not in written:
        producer.poll(0.05)
        written += capsys.readouterr().err
    assert "hunter2" not in written


def test_silence_drops_everything(capsys: pytest.CaptureFixture[str]) -> None:
    """After `silence` neither we nor the libraries write."""
    logs.silence()
    structlog.get_logger().error("ours")
    LIBRARY_LOGGER.error("theirs")
    assert capsys.readouterr() == ("", "")

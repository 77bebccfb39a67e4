"""The log lines: JSON for machines, readable for people, the libraries' among them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import structlog

from opend_kafka import logs
from opend_kafka.kafka.library_log import LIBRARY_LOGGER


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


def test_silence_drops_everything(capsys: pytest.CaptureFixture[str]) -> None:
    """After `silence` neither we nor the libraries write."""
    logs.silence()
    structlog.get_logger().error("ours")
    LIBRARY_LOGGER.error("theirs")
    assert capsys.readouterr() == ("", "")

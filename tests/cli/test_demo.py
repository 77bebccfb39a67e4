"""`opend-kafka demo`, as a newcomer runs it."""

from __future__ import annotations

import re
import signal

import pytest

from tests.cli.commands import run, running

_SUMMARY = re.compile(
    r"^([\d,]+) ticks and ([\d,]+) books of (\d+) securities went .* 0 duplicates dropped, "
    r"0 out of order\.$",
    re.MULTILINE,
)


@pytest.mark.parametrize("terminal", ["dumb", "xterm"])
def test_demo_ends_with_a_summary(terminal: str) -> None:
    """Without a terminal it says how it goes in lines, and at the end what came through."""
    ended = run("demo", "--seconds", "3", TERM=terminal)
    found = _SUMMARY.search(ended.stdout)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert found is not None, ended.stdout
    assert int(found[1].replace(",", "")) > 100
    assert found[3] == "10"


def test_demo_takes_rate_and_securities() -> None:
    """`--rate` is ticks a second over all, `--securities` how many trade."""
    ended = run("demo", "--seconds", "2", "--rate", "1000", "--securities", "25")
    found = _SUMMARY.search(ended.stdout)
    assert found is not None, ended.stdout
    assert int(found[1].replace(",", "")) > 1000
    assert found[3] == "25"


def test_demo_can_be_shown_in_ascii() -> None:
    """Where the locale has no line-drawing characters, it does without them."""
    ended = run("demo", "--seconds", "1", PYTHONIOENCODING="ascii")
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_demo_ends_with_ctrl_c(number: signal.Signals) -> None:
    """Without `--seconds` it goes on until a signal, and ends with 0."""
    with running("demo") as demo:
        demo.until("simulated OpenD")
        demo.signal(number)
        demo.until("out of order")
        assert demo.end() == 0


@pytest.mark.parametrize(
    "arguments", [["--seconds", "0"], ["--rate", "0"], ["--securities", "0"], ["--rate", "x"]]
)
def test_demo_refuses_impossible_numbers(arguments: list[str]) -> None:
    """A number out of range is bad usage, and named."""
    ended = run("demo", *arguments)
    assert (ended.returncode, arguments[0] in ended.stderr) == (2, True)

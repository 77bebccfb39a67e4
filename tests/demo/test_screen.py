"""The demo's picture, on terminals of every kind."""

from __future__ import annotations

import time
from datetime import timedelta
from io import StringIO

import pytest
from rich.console import Console

from opend_kafka.demo.board import Board
from opend_kafka.demo.screen import Screen
from tests.consuming.samples import RECEIVED, a_book, a_tick


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the consoles, not the terminal that the tests run on, decide."""
    for name in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.fixture
def board() -> Board:
    """Give a board on which three securities have traded."""
    board = Board()
    wall = RECEIVED + timedelta(milliseconds=40)
    for security in ("HK.00700", "SH.600519", "US.AAPL"):
        for sequence in (7_710_787_784_742_543_129, 7_710_787_784_742_543_130):
            board.take("opend.Ticker", a_tick(sequence, security), 0.0, wall)
        board.take("opend.OrderBook", a_book(security), 0.0, wall)
    board.take("opend.Ticker", a_tick(7_710_787_784_742_543_130), 0.0, wall)
    board.finish(0.0)
    return board


def _terminal_of(width: int, height: int) -> tuple[Console, StringIO]:
    out = StringIO()
    return Console(file=out, force_terminal=True, width=width, height=height), out


def _plain() -> tuple[Console, StringIO]:
    """Give a console that cannot redraw: a pipe."""
    out = StringIO()
    return Console(file=out, force_terminal=False, width=200), out


def _passing(monkeypatch: pytest.MonkeyPatch, *seconds: float) -> None:
    """Let the clock show these seconds, one after the other."""
    ticking = iter(seconds)
    monkeypatch.setattr(time, "monotonic", lambda: next(ticking))


def test_terminal_shows_every_security_and_its_figures(board: Board) -> None:
    """On a terminal there is a table: each security with price, sequence, duplicates, latency."""
    console, out = _terminal_of(120, 30)
    with Screen(console, seconds=None) as screen:
        screen.show(board)
    text = out.getvalue()
    for part in ("HK.00700", "SH.600519", "US.AAPL", "300.200", "7710787784742543130", "40.0"):
        assert part in text


def test_terminal_is_redrawn_in_place(board: Board) -> None:
    """The second picture replaces the first, by moving the cursor up."""
    console, out = _terminal_of(120, 30)
    with Screen(console, seconds=None) as screen:
        screen.show(board)
        first = out.getvalue()
        screen.show(board)
    assert "\x1b[1A" in out.getvalue()[len(first) :]


def test_terminal_says_how_long_it_goes_on(monkeypatch: pytest.MonkeyPatch, board: Board) -> None:
    """With `--seconds` the rest of the time counts down."""
    console, out = _terminal_of(120, 30)
    _passing(monkeypatch, 0.0, 4.0)
    with Screen(console, seconds=10) as screen:
        screen.show(board)
    assert "6 s left" in out.getvalue()


@pytest.mark.parametrize("width", [80, 100, 120])
def test_terminal_cuts_no_figure(board: Board, width: int) -> None:
    """From 80 columns on, every figure is shown whole."""
    console, out = _terminal_of(width, 30)
    with Screen(console, seconds=None) as screen:
        screen.show(board)
    assert "…" not in out.getvalue()


@pytest.mark.parametrize(("width", "height"), [(120, 5), (20, 5), (1, 1)])
def test_terminal_may_be_tiny(board: Board, width: int, height: int) -> None:
    """However small the terminal is, the picture is not higher than it."""
    console, out = _terminal_of(width, height)
    with Screen(console, seconds=None) as screen:
        screen.show(board)
        assert out.getvalue().count("\n") < max(2, height)


def test_terminal_counts_the_securities_that_do_not_fit(board: Board) -> None:
    """A table longer than the terminal ends with how many more there are."""
    console, out = _terminal_of(120, 10)
    with Screen(console, seconds=None) as screen:
        screen.show(board)
    assert "and 1 more" in out.getvalue()


@pytest.mark.parametrize("dumb", [True, False])
def test_plain_output_has_no_control_characters(
    monkeypatch: pytest.MonkeyPatch, board: Board, dumb: bool
) -> None:
    """A pipe, and a terminal with TERM=dumb, get lines of text and nothing else."""
    console, out = _plain()
    if dumb:
        monkeypatch.setenv("TERM", "dumb")
        console = Console(file=out, force_terminal=True, width=200)
    with Screen(console, seconds=1) as screen:
        screen.show(board)
        screen.summarise(board)
    assert {character for character in out.getvalue() if character < " "} == {"\n"}


def test_plain_output_says_how_it_goes_now_and_then(
    monkeypatch: pytest.MonkeyPatch, board: Board
) -> None:
    """Without a terminal there is a line every two seconds, however often it is shown."""
    console, out = _plain()
    _passing(monkeypatch, 0.0, 0.5, 1.9, 2.0, 2.5, 4.1)
    with Screen(console, seconds=None) as screen:
        for _ in range(5):
            screen.show(board)
    flow, *lines = out.getvalue().splitlines()
    assert "opend-kafka" in flow
    assert [line.split(" s ")[0].strip() for line in lines] == ["2.0", "4.1"]


def test_summary_says_what_came_through(monkeypatch: pytest.MonkeyPatch, board: Board) -> None:
    """At the end one sentence tells ticks, books, securities, seconds, duplicates, disorder."""
    console, out = _plain()
    _passing(monkeypatch, 0.0, 3.0)
    Screen(console, seconds=None).summarise(board)
    assert " ".join(out.getvalue().split()) == (
        "6 ticks and 3 books of 3 securities went from the simulated OpenD through Kafka to this "
        "consumer in 3.0 s: 1 duplicates dropped, 0 out of order."
    )


def test_empty_board_is_shown() -> None:
    """Before the first record there is a picture too."""
    console, out = _terminal_of(120, 30)
    with Screen(console, seconds=None) as screen:
        screen.show(Board())
    assert "0 ticks" in out.getvalue()

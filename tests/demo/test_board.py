"""The demo's figures."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opend_kafka.demo.board import Board
from tests.consuming.samples import RECEIVED, a_book, a_tick


def _take(board: Board, fields: dict[str, Any], now: float = 0.0) -> None:
    """Let a record arrive 40 ms after OpenD received it."""
    schema = "opend.Ticker" if "sequence" in fields else "opend.OrderBook"
    board.take(schema, fields, now, RECEIVED + timedelta(milliseconds=40))


def test_board_counts_each_tick_once() -> None:
    """A tick that comes again counts as a duplicate, not as a tick."""
    board = Board()
    for sequence in (1, 2, 2, 1, 3):
        _take(board, a_tick(sequence))
    board.finish(1.0)
    assert (board.ticks, board.duplicates, board.late) == (3, 2, 0)


@given(sequences=st.lists(st.integers(0, 20), max_size=40), pauses_s=st.lists(st.floats(0, 0.2)))
def test_board_loses_no_tick(sequences: list[int], pauses_s: list[float]) -> None:
    """Whatever the arrivals, ticks and duplicates together are what came."""
    board = Board()
    now = 0.0
    for number, sequence in enumerate(sequences):
        now += pauses_s[number % len(pauses_s)] if pauses_s else 0.0
        _take(board, a_tick(sequence), now)
    board.finish(now)
    assert (board.ticks, board.ticks + board.duplicates) == (len(set(sequences)), len(sequences))


def test_board_shows_the_last_tick_by_sequence() -> None:
    """Price and sequence are those of the newest tick, also where it came first."""
    board = Board()
    _take(board, a_tick(2, price=302.0))
    _take(board, a_tick(1, price=301.0))
    board.finish(1.0)
    line = board.lines["HK.00700"]
    assert (line.last_price, line.last_sequence) == (302.0, 2)


def test_board_holds_a_tick_until_it_is_due() -> None:
    """A tick counts once the time in which an earlier one could come has passed."""
    board = Board()
    _take(board, a_tick(1), now=0.0)
    board.settle(0.01)
    before = board.ticks
    board.settle(10.0)
    assert (before, board.ticks) == (0, 1)


def test_board_keeps_securities_apart() -> None:
    """Each security has a line, with its own figures."""
    board = Board()
    _take(board, a_tick(1, "HK.00700"))
    _take(board, a_tick(1, "US.AAPL"))
    _take(board, a_book("US.AAPL"))
    board.finish(1.0)
    figures = {name: (line.ticks, line.books) for name, line in board.lines.items()}
    assert figures == {"HK.00700": (1, 0), "US.AAPL": (1, 1)}


def test_board_shows_the_best_bid_and_ask() -> None:
    """A book's first levels are shown."""
    board = Board()
    _take(board, a_book())
    line = board.lines["HK.00700"]
    assert (line.bid, line.ask, board.books) == (300.2, 300.4, 1)


def test_board_shows_an_empty_side_as_nothing() -> None:
    """Where nobody bids there is no bid, not the one before."""
    board = Board()
    _take(board, a_book())
    _take(board, a_book(bids=[]))
    line = board.lines["HK.00700"]
    assert (line.bid, line.ask) == (None, 300.4)


def test_latency_is_the_median_since_opend_received_it() -> None:
    """Latency runs from OpenD's clock to the consumer's, in milliseconds."""
    board = Board()
    _take(board, a_tick(1))
    assert board.lines["HK.00700"].latency_ms() == pytest.approx(40)


def test_latency_leaves_out_ticks_without_a_time() -> None:
    """Cached ticks, whose time OpenD does not say, have no latency."""
    board = Board()
    _take(board, a_tick(1, recv_time=None))
    assert board.lines["HK.00700"].latency_ms() is None


def test_rate_is_of_the_last_seconds() -> None:
    """The rate counts what came lately, and falls to 0 when nothing comes."""
    board = Board()
    for sequence in range(30):
        _take(board, a_tick(sequence), now=sequence / 10)
    board.finish(2.9)
    line = board.lines["HK.00700"]
    assert line.rate(2.9) == pytest.approx(10, rel=0.1)
    assert line.rate(60.0) == 0

"""The demo on a terminal: a live table where the terminal can, a line now and then where not."""

from __future__ import annotations

import time

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from opend_kafka.demo.board import Board, Line

#: Seconds between two lines on a terminal that cannot redraw.
_LINE_EVERY_S = 2.0

#: Columns from which there is room for sequences, which have 19 digits.
_WIDE = 100


class Screen:
    """Shows a board. A context manager."""

    def __init__(self, console: Console, *, seconds: float | None) -> None:
        self._console = console
        self._seconds = seconds
        self._begun = time.monotonic()
        self._next_line = _LINE_EVERY_S
        redraws = console.is_terminal and not console.is_dumb_terminal
        self._live = Live(console=console, auto_refresh=False, screen=False) if redraws else None

    def __enter__(self) -> Screen:
        if self._live is not None:
            self._live.start()
        else:
            self._console.print(_flow(), highlight=False)
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, board: Board) -> None:
        """Show the board as it is now."""
        now = time.monotonic()
        passed_s = now - self._begun
        if self._live is not None:
            self._live.update(self._picture(board, now, passed_s), refresh=True)
        elif passed_s >= self._next_line:
            self._next_line += _LINE_EVERY_S
            self._console.print(_figures(board, now, passed_s), highlight=False)

    def summarise(self, board: Board) -> None:
        """Say, after the end, what came through."""
        passed_s = time.monotonic() - self._begun
        securities = len(board.lines)
        self._console.print(
            f"\n{board.ticks:,} ticks and {board.books:,} books of {securities} securities went "
            f"from the simulated OpenD through Kafka to this consumer in {passed_s:.1f} s: "
            f"{board.duplicates} duplicates dropped, {board.late} out of order.",
            highlight=False,
        )

    def _picture(self, board: Board, now: float, passed_s: float) -> RenderableType:
        left = "" if self._seconds is None else f", {max(0, self._seconds - passed_s):.0f} s left"
        foot = Text(_figures(board, now, passed_s) + left + "   (Ctrl-C ends it)", style="dim")
        # A table longer than the terminal cannot be redrawn in place.
        room = max(1, self._console.height - 8)
        return Group(
            Text(_flow(), style="dim"),
            _table(board, now, room, wide=self._console.width >= _WIDE),
            foot,
        )


def _flow() -> str:
    return "simulated OpenD ─TCP→ opend-kafka ─Avro→ embedded Kafka ─→ this consumer"


def _figures(board: Board, now: float, passed_s: float) -> str:
    rate = sum(line.rate(now) for line in board.lines.values())
    return (
        f"{passed_s:5.1f} s  {board.ticks:,} ticks  {rate:,.0f}/s  {board.books:,} books  "
        f"{board.duplicates} duplicates dropped"
    )


def _table(board: Board, now: float, room: int, *, wide: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("security", no_wrap=True)
    headings = ["ticks", "rate/s", "last", "dups", "bid", "ask", "ms"]
    for heading in [*headings, "sequence"] if wide else headings:
        table.add_column(heading, justify="right", no_wrap=True)
    lines = sorted(board.lines.items())
    for security, line in lines[:room]:
        table.add_row(security, *_cells(line, now)[: len(table.columns) - 1])
    if len(lines) > room:
        table.add_row(f"and {len(lines) - room} more")
    return table


def _cells(line: Line, now: float) -> tuple[str, ...]:
    return (
        f"{line.ticks:,}",
        f"{line.rate(now):,.0f}",
        _price(line.last_price),
        str(line.duplicates),
        _price(line.bid),
        _price(line.ask),
        "-" if (latency_ms := line.latency_ms()) is None else f"{latency_ms:.1f}",
        "-" if line.last_sequence is None else str(line.last_sequence),
    )


def _price(price: float | None) -> str:
    return "-" if price is None else f"{price:,.3f}"

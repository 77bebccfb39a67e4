"""Live rates under the rows of `tail`, on a terminal."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.text import Text

#: Seconds over which rates are told.
WINDOW_S = 5.0

#: Securities that are named: the busiest.
_NAMED = 4


class Rates:
    """Counts what was shown, by security; tells it by the second."""

    def __init__(self) -> None:
        self._arrivals: deque[tuple[float, Counter[str]]] = deque()
        self._recent: Counter[str] = Counter()
        self._began: float | None = None

    def add(self, securities: Iterable[str], now: float) -> None:
        """Count some records, by the securities that they are of; an empty name is none."""
        if self._began is None:
            self._began = now
        counted = Counter(securities)
        if counted:
            self._arrivals.append((now, counted))
            self._recent.update(counted)

    def text(self, now: float) -> str:
        """Give the line: records a second of the last seconds, of all and of the busiest."""
        while self._arrivals and self._arrivals[0][0] <= now - WINDOW_S:
            self._recent -= self._arrivals.popleft()[1]
        began = now if self._began is None else self._began
        # At the beginning the window is not full yet.
        seconds = min(max(now - began, 1.0), WINDOW_S)
        parts = [f"{self._recent.total() / seconds:,.1f} records/s"]
        parts += [
            f"{security} {number / seconds:,.1f}"
            for security, number in self._recent.most_common(_NAMED)
            if security
        ]
        return " · ".join(parts)


class RateLine:
    """Rows that scroll, and one line below them that stays; a context manager."""

    def __init__(self, console: Console) -> None:
        self._rates = Rates()
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> RateLine:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def show(self, rows: list[tuple[str, str]], now: float) -> None:
        """Print rows, each with its security, and the rates."""
        if rows:
            # One call for all: rich draws the line anew each time.
            text = Text("\n".join(row for _, row in rows))
            self._live.console.print(text, soft_wrap=True, highlight=False)
        self._rates.add((security for security, _ in rows), now)
        self._live.update(Text(self._rates.text(now), style="dim"), refresh=True)

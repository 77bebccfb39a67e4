"""The figures that the demo shows: what the consumer has read, by security. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median
from typing import Any

from opend_kafka.consuming.ticks import TickDeduplicator, TickOrderer

#: Seconds over which rates are counted.
_RATE_WINDOW_S = 3.0

#: Latencies kept a security: the median of these is shown.
_LATENCIES = 200


@dataclass(slots=True)
class Line:
    """One security's figures. Latencies are in milliseconds, from OpenD's clock to the consumer."""

    ticks: int = 0
    duplicates: int = 0
    last_price: float | None = None
    last_sequence: int | None = None
    bid: float | None = None
    ask: float | None = None
    books: int = 0
    arrivals: deque[tuple[float, int]] = field(default_factory=deque)
    latencies_ms: deque[float] = field(default_factory=lambda: deque(maxlen=_LATENCIES))

    def rate(self, now: float) -> float:
        """Ticks a second, over the last seconds."""
        while self.arrivals and self.arrivals[0][0] <= now - _RATE_WINDOW_S:
            self.arrivals.popleft()
        return sum(ticks for _, ticks in self.arrivals) / _RATE_WINDOW_S

    def latency_ms(self) -> float | None:
        """The median of the last latencies."""
        return median(self.latencies_ms) if self.latencies_ms else None


class Board:
    """Takes decoded records; keeps a line a security."""

    def __init__(self) -> None:
        self.lines: dict[str, Line] = {}
        self._deduplicator = TickDeduplicator()
        self._orderer: TickOrderer[dict[str, Any]] = TickOrderer()

    @property
    def ticks(self) -> int:
        """Ticks of all securities, each once."""
        return sum(line.ticks for line in self.lines.values())

    @property
    def books(self) -> int:
        """Books of all securities."""
        return sum(line.books for line in self.lines.values())

    @property
    def duplicates(self) -> int:
        """Ticks that came again and were dropped."""
        return sum(line.duplicates for line in self.lines.values())

    @property
    def late(self) -> int:
        """Ticks that came after a later one had been given on."""
        return self._orderer.late

    def take(self, schema: str, fields: dict[str, Any], now: float, wall: datetime) -> None:
        """Take one record.

        Args:
            schema: its schema's full name.
            fields: its fields.
            now: seconds of the monotonic clock.
            wall: the time of day, aware.
        """
        line = self._line(fields)
        if schema != "opend.Ticker":
            line.books += 1
            line.bid = fields["bids"][0]["price"] if fields["bids"] else None
            line.ask = fields["asks"][0]["price"] if fields["asks"] else None
        elif not self._deduplicator.is_new(fields):
            line.duplicates += 1
        else:
            if fields["recv_time"] is not None:
                line.latencies_ms.append((wall - fields["recv_time"]).total_seconds() * 1000)
            for tick, _ in self._orderer.take(fields, now):
                self._count(tick, now)

    def settle(self, now: float) -> None:
        """Count the ticks whose time of being held back is over."""
        for tick, _ in self._orderer.due(now):
            self._count(tick, now)

    def finish(self, now: float) -> None:
        """Count every tick that is held back."""
        for tick, _ in self._orderer.flush():
            self._count(tick, now)

    def _line(self, fields: dict[str, Any]) -> Line:
        return self.lines.setdefault(f"{fields['market']}.{fields['code']}", Line())

    def _count(self, tick: dict[str, Any], now: float) -> None:
        line = self._line(tick)
        line.ticks += 1
        line.last_price, line.last_sequence = tick["price"], tick["sequence"]
        if line.arrivals and line.arrivals[-1][0] == now:
            line.arrivals[-1] = (now, line.arrivals[-1][1] + 1)
        else:
            line.arrivals.append((now, 1))

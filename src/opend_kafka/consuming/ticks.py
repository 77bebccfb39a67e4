"""Ticks as a consumer wants them: each once, in order of sequence.

Both take ticks as decoded records' fields, and know them by (market, code, sequence).
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Iterator
from itertools import count
from typing import Any

Tick = dict[str, Any]
_Security = tuple[str, str]


def _security(tick: Tick) -> _Security:
    return tick["market"], tick["code"]


class TickDeduplicator:
    """Tells ticks that have come before. Exact for the last `window` ticks of each security.

    Args:
        window: sequences remembered a security. OpenD repeats at most 1000 ticks at once
            (Qot_GetTicker), so twice that and more holds any repetition.
    """

    def __init__(self, window: int = 4096) -> None:
        self._window = window
        self._seen: dict[_Security, OrderedDict[int, None]] = {}
        self.duplicates = 0

    def is_new(self, tick: Tick) -> bool:
        """Remember the tick; say whether it has come for the first time."""
        seen = self._seen.setdefault(_security(tick), OrderedDict())
        sequence = tick["sequence"]
        if sequence in seen:
            self.duplicates += 1
            return False
        seen[sequence] = None
        if len(seen) > self._window:
            seen.popitem(last=False)
        return True


class TickOrderer:
    """Holds ticks back a little, and gives them on by sequence within each security.

    A tick whose successors have been given on already is late: it is given on at once and
    counted, never dropped.

    Args:
        delay_s: how long a tick is held, in seconds of the `now` handed in.
    """

    def __init__(self, delay_s: float = 0.1) -> None:
        self._delay_s = delay_s
        self._held: list[tuple[float, int, _Security]] = []
        self._waiting: dict[_Security, list[tuple[int, int, Tick]]] = {}
        self._gone_ahead: set[int] = set()
        self._last: dict[_Security, int] = {}
        self._arrival = count()
        self.late = 0

    def take(self, tick: Tick, now: float) -> Iterator[Tick]:
        """Take one tick; yield those whose time has come."""
        security = _security(tick)
        if tick["sequence"] < self._last.get(security, -(2**63)):
            self.late += 1
            yield tick
        else:
            number = next(self._arrival)
            heapq.heappush(self._waiting.setdefault(security, []), (tick["sequence"], number, tick))
            heapq.heappush(self._held, (now + self._delay_s, number, security))
        yield from self.due(now)

    def due(self, now: float) -> Iterator[Tick]:
        """Yield the ticks whose time has come by `now`."""
        while self._held and self._held[0][0] <= now:
            yield from self._release(heapq.heappop(self._held))

    def flush(self) -> Iterator[Tick]:
        """Yield all that is held."""
        yield from self.due(float("inf"))

    def _release(self, held: tuple[float, int, _Security]) -> Iterator[Tick]:
        """Give on, in order, everything up to the tick whose time has come."""
        _, number, security = held
        if number in self._gone_ahead:
            self._gone_ahead.remove(number)
            return
        waiting = self._waiting[security]
        while True:
            sequence, released, tick = heapq.heappop(waiting)
            self._last[security] = sequence
            yield tick
            if released == number:
                return
            self._gone_ahead.add(released)

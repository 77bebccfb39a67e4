"""Ticks as a consumer wants them: each once, in order of sequence. Pure.

Both take ticks as decoded records' fields or as `records.Ticker`, and know them by
(market, code, sequence).
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any, Generic, TypeVar

from opend_kafka.consuming.records import Ticker

Tick = dict[str, Any]
AnyTick = TypeVar("AnyTick", bound=dict[str, Any] | Ticker)
_Security = tuple[str, str]


def identity(tick: Tick | Ticker) -> tuple[_Security, int]:
    """Give what a tick is known by: its security, as (market, code), and its sequence."""
    if isinstance(tick, dict):
        return (tick["market"], tick["code"]), tick["sequence"]
    return (tick.market, tick.code), tick.sequence


class TickDeduplicator:
    """Tells ticks that have come before. Exact for the last `window` ticks of each security.

    It holds about 100 bytes a tick remembered, so `window` × 100 bytes a security at most. To go
    on after a restart as if there had been none, see `resuming.ResumingDeduplicator`.

    Args:
        window: sequences remembered a security. OpenD repeats at most 1000 ticks at once
            (Qot_GetTicker), so twice that and more holds any repetition.
    """

    def __init__(self, window: int = 4096) -> None:
        self._window = window
        #: The same sequences twice: to find them, and by age.
        self._seen: dict[_Security, tuple[set[int], deque[int]]] = {}
        self.duplicates = 0

    def is_new(self, tick: Tick | Ticker) -> bool:
        """Remember the tick; say whether it has come for the first time."""
        security, sequence = identity(tick)
        remembered = self._seen.get(security)
        if remembered is None:
            remembered = self._seen[security] = set(), deque()
        seen, by_age = remembered
        if sequence in seen:
            self.duplicates += 1
            return False
        seen.add(sequence)
        by_age.append(sequence)
        if len(by_age) > self._window:
            seen.remove(by_age.popleft())
        return True

    def unique(self, ticks: Iterable[AnyTick]) -> Iterator[AnyTick]:
        """Yield those that have come for the first time."""
        return filter(self.is_new, ticks)

    def forget(self, market: str, code: str) -> None:
        """Forget a security that is traded no more: its memory is free again."""
        self._seen.pop((market, code), None)


class TickOrderer(Generic[AnyTick]):
    """Holds ticks back a little, and gives them on by sequence within each security.

    A tick comes out with a mark: True where its successors have been given on already. Such a late
    one is given on at once and counted, never dropped.

    Args:
        delay_s: how long a tick is held, in seconds of the `now` handed in. That may be a clock's,
            or the records' own `provenance.ingest_time`: then the same records come out in the
            same order whenever they are read.
    """

    def __init__(self, delay_s: float = 0.1) -> None:
        self._delay_s = delay_s
        self._held: list[tuple[float, int, _Security]] = []
        self._waiting: dict[_Security, list[tuple[int, int, AnyTick]]] = {}
        self._gone_ahead: set[int] = set()
        self._last: dict[_Security, int] = {}
        self._arrival = count()
        self.late = 0

    def take(self, tick: AnyTick, now: float) -> Iterator[tuple[AnyTick, bool]]:
        """Take one tick; yield those whose time has come, each with whether it is late."""
        security, sequence = identity(tick)
        if sequence < self._last.get(security, sequence):
            self.late += 1
            yield tick, True
        else:
            number = next(self._arrival)
            heapq.heappush(self._waiting.setdefault(security, []), (sequence, number, tick))
            heapq.heappush(self._held, (now + self._delay_s, number, security))
        yield from self.due(now)

    def due(self, now: float) -> Iterator[tuple[AnyTick, bool]]:
        """Yield the ticks whose time has come by `now`. None of them is late."""
        while self._held and self._held[0][0] <= now:
            yield from self._release(heapq.heappop(self._held))

    def flush(self) -> Iterator[tuple[AnyTick, bool]]:
        """Yield all that is held. None of them is late."""
        yield from self.due(float("inf"))

    def _release(self, held: tuple[float, int, _Security]) -> Iterator[tuple[AnyTick, bool]]:
        """Give on, in order, everything up to the tick whose time has come."""
        _, number, security = held
        if number in self._gone_ahead:
            self._gone_ahead.remove(number)
            return
        waiting = self._waiting[security]
        while True:
            sequence, released, tick = heapq.heappop(waiting)
            self._last[security] = sequence
            yield tick, False
            if released == number:
                return
            self._gone_ahead.add(released)

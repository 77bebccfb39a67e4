"""One security's random walk: its trades, one after another, and the last thousand of them.

The shape of a tick follows the samples in OpenD's documentation of 3011: which fields a market
fills, how long its time string is, how `sequence` counts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import NamedTuple, Protocol

from opend_kafka.opend.pb.Qot_Common_pb2 import (
    PushDataType_Cache,
    PushDataType_Realtime,
    Ticker,
    TickerDirection_Ask,
    TickerDirection_Bid,
    TickerDirection_Neutral,
    TickerType_Automatch,
    TickerType_InterNoneAutomatch,
    TickerType_OddLot,
)
from opend_kafka.opend.pb.Qot_Common_pb2 import Security as SecurityMessage
from opend_kafka.opend.securities import Security
from opend_kafka.simulator.venues import venue_of

#: Ticks. Qot_GetTicker (3010) gives no more of one security.
HISTORY = 1_000

#: Random numbers that a trade takes.
DRAWS = 3

#: Microseconds from a trade to its arrival at OpenD.
_TRAVEL_US = 1_500


class _Kind(NamedTuple):
    """A kind of trade, and how often it comes: the share of trades up to and with it."""

    share: float
    type: int
    sign: int


_KINDS_HK = (
    _Kind(0.96, TickerType_Automatch, ord(" ")),
    _Kind(0.98, TickerType_InterNoneAutomatch, ord("X")),
    _Kind(1.0, TickerType_OddLot, ord("D")),
)
_KINDS_ELSEWHERE = (
    _Kind(0.96, TickerType_Automatch, ord(" ")),
    _Kind(1.0, TickerType_OddLot, ord("I")),
)
_KINDS_WITHOUT_LOTS = (_Kind(1.0, TickerType_Automatch, ord(" ")),)


class Listed(Protocol):
    """One security, as requests ask for it."""

    @property
    def security(self) -> Security:
        """Which one."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def message(self) -> SecurityMessage:
        """Itself, as OpenD writes it."""

    def latest(self, count: int) -> Sequence[Ticker]:
        """Give the last ticks, oldest first. Do not change them."""


@dataclass(slots=True)
class Day:
    """What was traded since the market began: it has one day, however long it lasts."""

    open: float = 0.0
    high: float = 0.0
    low: float = 0.0
    volume: int = 0
    turnover: float = 0.0

    def add(self, tick: Ticker) -> None:
        """Take a trade."""
        price = tick.price
        if not self.volume:
            self.open = self.high = self.low = price
        elif price > self.high:
            self.high = price
        elif price < self.low:
            self.low = price
        self.volume += tick.volume
        self.turnover += tick.turnover


class Stock:
    """One security's price and ticks. `random` is drawn from DRAWS times a trade."""

    def __init__(self, security: Security, random: Random) -> None:
        self.security = security
        self.name = str(security)
        self.message = SecurityMessage(market=security.market_number, code=security.code)
        self.venue = venue_of(security)
        #: Mils, thousandths of the currency: whole numbers do not drift.
        self.mils = self.venue.on_grid(5_000 + int(random.random() * 595_000))
        self.prev_close = self.mils / 1_000
        self.day = Day()
        self.bid_started = False
        self.trade_count = 0
        self._kinds = self._kinds_of_trade()
        self._second = 0
        self._low = 1_000 + int(random.random() * 8_000) if self.venue.running_sequence else -1
        self._ticks: deque[Ticker] = deque(maxlen=HISTORY)

    def trade(self, at_us: int, random: Random) -> Ticker:
        """Make the next trade, at Unix time `at_us`, which never goes back."""
        move, size, chance = random.random(), random.random(), random.random()
        kind = next(kind for kind in self._kinds if chance < kind.share)
        if kind.type == TickerType_Automatch:
            self._walk(move)
        volume = self._volume(kind.type, size)
        venue = self.venue
        tick = Ticker(
            time=venue.time_text(at_us),
            sequence=self._sequence(at_us // 1_000_000),
            dir=self._direction(kind.type, move),
            price=self.mils / 1_000,
            volume=volume,
            turnover=self.mils * volume / 1_000,
            recvTime=(at_us + _TRAVEL_US) / 1_000_000,
            type=kind.type,
            typeSign=kind.sign,
            pushDataType=PushDataType_Realtime,
            timestamp=venue.timestamp(at_us),
        )
        self._ticks.append(tick)
        self.day.add(tick)
        self.trade_count += 1
        return tick

    def latest(self, count: int) -> list[Ticker]:
        """Give the last ticks, oldest first, as they were pushed. Do not change them."""
        return list(islice(self._ticks, max(0, len(self._ticks) - count), None))

    def cached(self, count: int) -> list[Ticker]:
        """Give the last ticks as OpenD pushes them on subscribing."""
        return as_cached(self.latest(count))

    def _kinds_of_trade(self) -> tuple[_Kind, ...]:
        if self.venue.lot == 1:
            return _KINDS_WITHOUT_LOTS
        return _KINDS_HK if self.security.market == "HK" else _KINDS_ELSEWHERE

    def _walk(self, move: float) -> None:
        """Go a tick down, or up, or stay."""
        self.bid_started = move >= 0.5
        if move < 0.25:
            self.mils = self.venue.down(self.mils)
        elif move >= 0.75:
            self.mils = self.venue.up(self.mils)

    def _volume(self, kind: int, size: float) -> int:
        """Give shares: whole lots, small ones more often; a part of one for an odd lot."""
        if kind == TickerType_OddLot:
            return 1 + int(size * (self.venue.lot - 1))
        return self.venue.lot * (1 + int(50 * size**4))

    def _direction(self, kind: int, move: float) -> int:
        if kind != TickerType_Automatch or 0.48 <= move < 0.5:
            return TickerDirection_Neutral
        return TickerDirection_Bid if self.bid_started else TickerDirection_Ask

    def _sequence(self, second: int) -> int:
        """Give the next sequence: the Unix second above, a count in the low 32 bits."""
        if not self.venue.running_sequence and second != self._second:
            self._low = -1
        self._second = second
        self._low += 1
        return second << 32 | self._low


def as_cached(ticks: Iterable[Ticker]) -> list[Ticker]:
    """Give ticks as OpenD pushes them on subscribing: PushDataType 3, recvTime 0."""
    copies = [_copy(tick) for tick in ticks]
    for tick in copies:
        tick.recvTime = 0.0
        tick.pushDataType = PushDataType_Cache
    return copies


def _copy(tick: Ticker) -> Ticker:
    copy = Ticker()
    copy.CopyFrom(tick)
    return copy

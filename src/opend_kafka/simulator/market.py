"""A market on a seeded random walk, in virtual time: no clock, no socket, no global state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from random import Random

from opend_kafka.opend.pb.Qot_Common_pb2 import Ticker
from opend_kafka.opend.securities import Security
from opend_kafka.simulator.stocks import DRAWS, Stock

#: Ticks a second over all securities: with more, two ticks would share a microsecond.
MAX_RATE = 1_000_000

#: Ticks that each security has before the market starts, a second apart.
EARLIER_TICKS = 5

_SECOND_US = 1_000_000

#: QotMarketState numbers (Qot_Common.proto of futu-api 10.11): while open, while closed.
_STOCKS = (5, 6)
_FUTURES = (15, 17)

#: GetGlobalState's field → the market whose state it gives, and how; some are not simulated.
STATES = {
    "marketHK": ("HK", _STOCKS),
    "marketUS": ("US", _STOCKS),
    "marketSH": ("SH", _STOCKS),
    "marketSZ": ("SZ", _STOCKS),
    "marketHKFuture": ("HK_FUTURE", _FUTURES),
    "marketUSFuture": ("", _FUTURES),
    "marketSGFuture": ("", _FUTURES),
    "marketJPFuture": ("", _FUTURES),
    "marketSG": ("SG", _STOCKS),
    "marketMY": ("MY", _STOCKS),
    "marketJP": ("JP", _STOCKS),
}


@dataclass(frozen=True, slots=True)
class Trade:
    """One tick of the market. `number` counts from 0, `at_us` is Unix time.

    Where a market is closed, the numbers of what would have been traded there are left out.
    """

    number: int
    at_us: int
    stock: Stock
    tick: Ticker

    @property
    def security(self) -> Security:
        """What was traded."""
        return self.stock.security


class Market:
    """The trades of some securities, one after another.

    Two markets made with the same arguments trade alike, whatever the steps in which they are
    advanced. All draws come from `Random.random()`, whose numbers Python keeps from version to
    version, unlike those of `choice` or `gauss`.
    """

    def __init__(
        self, securities: Sequence[Security], *, seed: int, rate: float, start_us: int
    ) -> None:
        """Make a market with a few ticks behind it, at its start.

        Args:
            securities: what is traded; each is as likely as any other.
            seed: decides prices, volumes, kinds of trade, and who trades when.
            rate: ticks a second over all securities.
            start_us: Unix time of tick 0, in microseconds.

        Raises:
            ValueError: there are no securities, or the rate is not in reach.
        """
        if not securities:
            raise ValueError("a market needs at least one security")
        if not 0 < rate <= MAX_RATE:
            raise ValueError(f"the rate must be above 0 and at most {MAX_RATE}, not {rate}")
        self.seed = seed
        self.start_us = start_us
        self.now_us = start_us
        self.trade_count = 0
        self._usual_rate = self._rate = rate
        self._factors: list[float] = []
        #: The tick from which times are counted, and its time.
        self._anchor = (0, start_us)
        self._closed: Counter[str | None] = Counter()
        self._random = Random(seed)
        self._stocks = {security: Stock(security, self._random) for security in securities}
        self._order = tuple(self._stocks.values())
        self._trade_earlier()

    @property
    def securities(self) -> tuple[Security, ...]:
        """What is traded here."""
        return tuple(self._stocks)

    def __contains__(self, security: Security) -> bool:
        return security in self._stocks

    def time_of(self, number: int) -> int:
        """Give the Unix time of tick `number`, in microseconds, at the present rate."""
        first, first_us = self._anchor
        return first_us + int((number - first) * _SECOND_US / self._rate)

    def advance(self, until_us: int) -> Iterator[Trade]:
        """Yield the trades before `until_us` that were not yielded yet, and set the clock to it.

        The clock goes with the trades: between two of them it shows the earlier one's time.
        """
        while (at_us := self.time_of(self.trade_count)) < until_us:
            trade = self._trade(at_us)
            if trade is not None:
                yield trade
        self.now_us = max(self.now_us, until_us)

    def stock(self, security: Security) -> Stock:
        """Give the state of one security. Raises KeyError where it is not traded here."""
        return self._stocks[security]

    def is_closed(self, market: str) -> bool:
        """Tell whether a market, `HK`, is closed."""
        return self._closed[market] > 0

    def market_states(self) -> dict[str, int]:
        """Give each market's QotMarketState number, by GetGlobalState's field."""
        return {field: states[self.is_closed(market)] for field, (market, states) in STATES.items()}

    def close(self, market: str | None) -> None:
        """Let nothing be traded on a market until it is opened as often as it was closed."""
        self._closed[market] += 1

    def open(self, market: str | None) -> None:
        """Let a market trade again."""
        self._closed -= Counter([market])

    def quicken(self, factor: float) -> None:
        """Trade so many times as fast from now on, with the factors that are already in force."""
        self._factors.append(factor)
        self._change_rate()

    def slow_down(self, factor: float) -> None:
        """Take one factor back."""
        self._factors.remove(factor)
        self._change_rate()

    def _change_rate(self) -> None:
        due_us = self.time_of(self.trade_count)
        self._rate = min(self._usual_rate * prod(self._factors), MAX_RATE)
        first_us = min(due_us, self.now_us + int(_SECOND_US / self._rate))
        self._anchor = (self.trade_count, first_us)

    def _trade(self, at_us: int) -> Trade | None:
        stock = self._order[int(self._random.random() * len(self._order))]
        if self._closed and stock.security.market in self._closed:
            self._miss_a_trade(at_us)
            return None
        tick = stock.trade(at_us, self._random)
        trade = Trade(self.trade_count, at_us, stock, tick)
        self.trade_count += 1
        self.now_us = at_us
        return trade

    def _miss_a_trade(self, at_us: int) -> None:
        """Let time and chance pass, so that the other stocks trade as they would have."""
        for _ in range(DRAWS):
            self._random.random()
        self.trade_count += 1
        self.now_us = at_us

    def _trade_earlier(self) -> None:
        """Give each security a few ticks from before the start: what OpenD has in its cache."""
        for seconds_before in range(EARLIER_TICKS, 0, -1):
            for stock in self._order:
                stock.trade(self.start_us - seconds_before * _SECOND_US, self._random)

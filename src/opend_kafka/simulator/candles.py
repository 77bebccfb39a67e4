"""K-lines and points of the intraday line, gathered from a stock's trades."""

from __future__ import annotations

from dataclasses import dataclass

from opend_kafka.opend.pb.Qot_Common_pb2 import KLine, Ticker, TimeShare
from opend_kafka.simulator.periods import Period, period_of
from opend_kafka.simulator.stocks import HISTORY, Stock


@dataclass(slots=True)
class Candle:
    """What was traded in one period. Prices are those of the ticks."""

    period: Period
    last_close: float
    open: float
    high: float
    low: float
    close: float
    volume: int = 0
    turnover: float = 0.0

    def add(self, tick: Ticker) -> None:
        """Take a trade of this period."""
        self.high = max(self.high, tick.price)
        self.low = min(self.low, tick.price)
        self.close = tick.price
        self.volume += tick.volume
        self.turnover += tick.turnover


class Candles:
    """One stock's candles of one period, one after another.

    It looks at the stock's trades when it is asked: of more than HISTORY of them since the last
    time, it knows the latest only.
    """

    def __init__(self, stock: Stock, kl_type: int) -> None:
        self._stock = stock
        self._kl_type = kl_type
        self._seen = 0
        self._finished: list[Candle] = []
        self._current: Candle | None = None

    def current(self) -> Candle:
        """Give the candle of the period of the latest trade. The stock has traded."""
        missed = min(self._stock.trade_count - self._seen, HISTORY)
        for tick in self._stock.latest(missed) if missed else ():
            self._add(tick)
        self._seen = self._stock.trade_count
        if self._current is None:
            raise ValueError(f"{self._stock.security} has not traded yet")
        return self._current

    def news(self) -> list[Candle]:
        """Give those that have ended since the last call, and the current one."""
        current = self.current()
        finished, self._finished = self._finished, []
        return [*finished, current]

    def _add(self, tick: Ticker) -> None:
        second, candle = int(tick.timestamp), self._current
        if candle is None or second >= candle.period.end_s:
            if candle is not None:
                self._finished.append(candle)
            last_close = candle.close if candle is not None else self._stock.prev_close
            period = period_of(self._kl_type, self._stock.venue.zone, second)
            price = tick.price
            candle = self._current = Candle(period, last_close, price, price, price, price)
        candle.add(tick)


def k_line(candle: Candle, stock: Stock) -> KLine:
    """Write a candle as OpenD does. The stock's earnings and shares are nobody's business."""
    named_s = candle.period.named_s
    return KLine(
        time=stock.venue.second_text(named_s),
        isBlank=False,
        highPrice=candle.high,
        openPrice=candle.open,
        lowPrice=candle.low,
        closePrice=candle.close,
        lastClosePrice=candle.last_close,
        volume=candle.volume,
        turnover=candle.turnover,
        changeRate=(candle.close / candle.last_close - 1) * 100,
        timestamp=float(named_s),
    )


def time_share(candle: Candle, stock: Stock) -> TimeShare:
    """Write a candle of one minute as a point of the intraday line: by the minute's begin."""
    start_s = candle.period.start_s
    text = stock.venue.second_text(start_s)
    return TimeShare(
        time=text,
        minute=int(text[11:13]) * 60 + int(text[14:16]),
        isBlank=False,
        price=candle.close,
        lastClosePrice=stock.prev_close,
        avgPrice=stock.day.turnover / stock.day.volume,
        volume=candle.volume,
        turnover=candle.turnover,
        timestamp=float(start_s),
    )

"""K-lines and points of the intraday line, gathered from trades."""

from __future__ import annotations

from random import Random

import pytest

from opend_kafka.opend.pb.Qot_Common_pb2 import KLType_1Min, KLType_Day
from opend_kafka.opend.securities import Security
from opend_kafka.simulator.candles import Candles, k_line, time_share
from opend_kafka.simulator.stocks import Stock

#: 2021-06-25 10:33:00 in Hong Kong.
MINUTE_US = 1_624_588_380_000_000
SECOND_US = 1_000_000


class Trading:
    """Tencent, and its candles of one minute."""

    def __init__(self) -> None:
        """Begin before the first trade."""
        self.random = Random(1)
        self.stock = Stock(Security("HK", "00700"), self.random)
        self.candles = Candles(self.stock, KLType_1Min)

    def trade(self, *seconds: int) -> None:
        """Trade at some seconds after the minute's begin."""
        for second in seconds:
            self.stock.trade(MINUTE_US + second * SECOND_US, self.random)


@pytest.fixture
def trading() -> Trading:
    """What trades."""
    return Trading()


def test_candle_is_what_its_ticks_come_to(trading: Trading) -> None:
    """Open, high, low, close, volume and turnover are those of the trades in the period."""
    trading.trade(*range(40))
    candle, ticks = trading.candles.current(), trading.stock.latest(40)
    prices = [tick.price for tick in ticks]
    assert (candle.open, candle.high, candle.low, candle.close) == (
        prices[0],
        max(prices),
        min(prices),
        prices[-1],
    )
    assert candle.volume == sum(tick.volume for tick in ticks)
    assert candle.turnover == pytest.approx(sum(tick.turnover for tick in ticks))


def test_candle_goes_on_from_where_it_was_asked(trading: Trading) -> None:
    """Asking between trades changes nothing of what the candle comes to."""
    trading.trade(1, 2)
    trading.candles.current()
    trading.trade(3)
    assert trading.candles.current() == Candles(trading.stock, KLType_1Min).current()


def test_candles_follow_each_other(trading: Trading) -> None:
    """A trade of the next minute ends a candle; the close is the next one's last close."""
    trading.trade(1, 59, 60)
    first, second = trading.candles.news()
    assert first.period.end_s == second.period.start_s
    assert second.last_close == first.close == trading.stock.latest(2)[0].price


def test_ended_candle_is_news_once(trading: Trading) -> None:
    """What has ended is told of once; the current candle each time."""
    trading.trade(1, 61)
    trading.candles.news()
    assert trading.candles.news() == [trading.candles.current()]


def test_candle_before_the_first_trade_is_an_error(trading: Trading) -> None:
    """Without a trade there is no candle."""
    with pytest.raises(ValueError, match=r"HK\.00700 has not traded yet"):
        trading.candles.current()


def test_k_line_is_written_as_in_opends_samples(trading: Trading) -> None:
    """A trade at 10:33 is in the K-line of 10:34, in a day in that of its date."""
    trading.trade(48)
    minute = k_line(trading.candles.current(), trading.stock)
    day = k_line(Candles(trading.stock, KLType_Day).current(), trading.stock)
    assert (minute.time, minute.timestamp) == ("2021-06-25 10:34:00", 1_624_588_440.0)
    assert day.time == "2021-06-25 00:00:00"


def test_time_share_is_of_its_minute(trading: Trading) -> None:
    """A trade at 10:33 is in the point of minute 633, with the day's average price."""
    trading.trade(48)
    point, (tick,) = (
        time_share(trading.candles.current(), trading.stock),
        trading.stock.latest(1),
    )
    assert (point.time, point.minute) == ("2021-06-25 10:33:00", 633)
    assert (point.price, point.volume) == (tick.price, tick.volume)
    assert point.avgPrice == pytest.approx(tick.price)

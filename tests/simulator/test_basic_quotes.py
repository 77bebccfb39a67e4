"""Simulated quotes."""

from __future__ import annotations

from random import Random

import pytest

from opend_kafka.opend.securities import Security
from opend_kafka.simulator.basic_quotes import basic_quote
from opend_kafka.simulator.stocks import Stock

START_US = 1_700_000_000_000_000


def traded(code: str, count: int = 50) -> Stock:
    """Give a stock after some trades."""
    random = Random(1)
    stock = Stock(Security.parse(code), random)
    for number in range(count):
        stock.trade(START_US + number * 100_000, random)
    return stock


def test_quote_is_what_the_day_comes_to() -> None:
    """Prices, volume and turnover are those of all trades so far."""
    stock = traded("HK.00700")
    quote, ticks = basic_quote(stock), stock.latest(50)
    prices = [tick.price for tick in ticks]
    assert (quote.openPrice, quote.highPrice, quote.lowPrice, quote.curPrice) == (
        prices[0],
        max(prices),
        min(prices),
        prices[-1],
    )
    assert quote.volume == sum(tick.volume for tick in ticks)
    assert quote.turnover == pytest.approx(sum(tick.turnover for tick in ticks))


def test_quote_is_as_old_as_the_last_trade() -> None:
    """Its time is that of the latest price."""
    stock = traded("US.AAPL")
    (tick,) = stock.latest(1)
    quote = basic_quote(stock)
    assert (quote.updateTime, quote.updateTimestamp) == (tick.time, tick.timestamp)


@pytest.mark.parametrize(
    ("code", "extras"),
    [
        ("HK.00700", set()),
        ("US.AAPL", {"preMarket", "overnight", "hpVolume"}),
        ("HK_FUTURE.HSImain", {"futureExData"}),
    ],
)
def test_quote_has_the_extras_of_its_market(code: str, extras: set[str]) -> None:
    """US has its other sessions, a future its own data."""
    names = {"preMarket", "afterMarket", "overnight", "hpVolume", "futureExData", "optionExData"}
    present = {field.name for field, _ in basic_quote(traded(code)).ListFields()}
    assert present & names == extras

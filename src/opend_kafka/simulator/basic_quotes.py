"""Basic quotes: what a stock's day comes to so far."""

from __future__ import annotations

from opend_kafka.opend.pb.Qot_Common_pb2 import (
    BasicQot,
    DarkStatus_None,
    FutureBasicQotExData,
    PreAfterMarketData,
    SecurityStatus_Normal,
)
from opend_kafka.simulator.stocks import Stock

#: When everything was listed: a date, and its midnight in Hong Kong.
_LISTED, _LISTED_S = "2004-06-16", 1_087_315_200.0

#: Shares of everything, for the turnover rate.
_SHARES = 1_000_000_000


def basic_quote(stock: Stock) -> BasicQot:
    """Make a quote as it stands after the stock's last trade. The stock has traded."""
    day, (tick,) = stock.day, stock.latest(1)
    quote = BasicQot(
        security=stock.message,
        name=stock.name,
        isSuspended=False,
        listTime=_LISTED,
        priceSpread=stock.venue.tick_size(stock.mils) / 1_000,
        updateTime=tick.time,
        highPrice=day.high,
        openPrice=day.open,
        lowPrice=day.low,
        curPrice=tick.price,
        lastClosePrice=stock.prev_close,
        volume=day.volume,
        turnover=day.turnover,
        turnoverRate=day.volume / _SHARES * 100,
        amplitude=(day.high - day.low) / stock.prev_close * 100,
        darkStatus=DarkStatus_None,
        listTimestamp=_LISTED_S,
        updateTimestamp=tick.timestamp,
        secStatus=SecurityStatus_Normal,
    )
    if stock.security.market == "US":
        quote.preMarket.CopyFrom(_before_the_day(stock))
        quote.overnight.price = stock.prev_close
        quote.hpVolume = day.volume + 0.5
    if stock.security.market == "HK_FUTURE":
        settled = FutureBasicQotExData(
            lastSettlePrice=stock.prev_close, position=day.volume, positionChange=day.volume
        )
        quote.futureExData.CopyFrom(settled)
    return quote


def _before_the_day(stock: Stock) -> PreAfterMarketData:
    return PreAfterMarketData(
        price=stock.day.open,
        highPrice=stock.day.open,
        lowPrice=stock.prev_close,
        volume=100,
        turnover=stock.day.open * 100,
        changeVal=stock.day.open - stock.prev_close,
        changeRate=(stock.day.open / stock.prev_close - 1) * 100,
        amplitude=abs(stock.day.open / stock.prev_close - 1) * 100,
    )

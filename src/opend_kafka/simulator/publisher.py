"""From the market's trades to pushes for the connections that take them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from opend_kafka.opend.pb.Qot_Common_pb2 import SubType_Basic, SubType_Ticker, Ticker
from opend_kafka.simulator.market import Market, Trade
from opend_kafka.simulator.pushes import Push, ticker_push
from opend_kafka.simulator.states import States
from opend_kafka.simulator.stocks import Stock
from opend_kafka.simulator.subscriptions import Feed, Subscriptions

#: Ticks in the push that follows a subscription. OpenD's samples show one; no limit is documented.
CACHED_TICKS = 50


class Publisher:
    """Makes the pushes of a market. It decides nothing about when, and sends nothing."""

    def __init__(
        self,
        market: Market,
        subscriptions: Subscriptions,
        *,
        ticks_per_push: int = 1,
        book_interval_us: int = 100_000,
    ) -> None:
        """Make a publisher.

        Args:
            market: whose trades.
            subscriptions: who takes what.
            ticks_per_push: how many ticks of one security a push may carry. With more than one,
                how ticks fall into pushes depends on the steps of `advance`; the ticks do not.
            book_interval_us: a security's book is pushed after a trade, at most once in this
                time; its K-lines, its intraday line and its brokers likewise, and the quotes of
                all that has traded together. It is the market's time, so that the same market
                gives the same books.
        """
        self._market = market
        self._subscriptions = subscriptions
        self._ticks_per_push = ticks_per_push
        self._book_interval_us = book_interval_us
        self._states = States(market, subscriptions)
        self._states_due_us: dict[Stock, int] = {}
        self._quotes_due_us = 0
        #: What has traded since the last push of quotes.
        self._unquoted: dict[Stock, None] = {}
        self._waiting: dict[Stock, list[Ticker]] = {}

    def advance(self, until_us: int) -> Iterator[Push]:
        """Yield what is to be pushed up to a time of the market, in order."""
        for trade in self._market.advance(until_us):
            if self._fills_a_push(trade):
                yield from self._flush(trade.stock)
            if trade.at_us >= self._states_due_us.get(trade.stock, 0):
                self._states_due_us[trade.stock] = trade.at_us + self._book_interval_us
                yield from self._states.of(trade.stock, trade.at_us)
            if self._takers(trade.stock, SubType_Basic):
                yield from self._quotes_after(trade)
        for stock in tuple(self._waiting):
            yield from self._flush(stock)

    def first_pushes(self, conn_id: int, feeds: Iterable[Feed]) -> Iterator[Push]:
        """Yield what is cached of some feeds, for a connection that has just asked for them."""
        feeds = tuple(feeds)
        for feed in feeds:
            if feed.subtype == SubType_Ticker:
                stock = self._market.stock(feed.security)
                yield ticker_push((conn_id,), stock, stock.cached(CACHED_TICKS))
        yield from self._states.cached(conn_id, feeds)

    def _fills_a_push(self, trade: Trade) -> bool:
        """Note a tick that is taken; True when it has enough company for a push."""
        if not self._takers(trade.stock, SubType_Ticker):
            return False
        waiting = self._waiting.setdefault(trade.stock, [])
        waiting.append(trade.tick)
        return len(waiting) >= self._ticks_per_push

    def _flush(self, stock: Stock) -> Iterator[Push]:
        ticks = self._waiting.pop(stock)
        takers = self._takers(stock, SubType_Ticker)
        if takers:
            yield ticker_push(tuple(takers), stock, ticks)

    def _quotes_after(self, trade: Trade) -> Iterator[Push]:
        self._unquoted[trade.stock] = None
        if trade.at_us >= self._quotes_due_us:
            self._quotes_due_us = trade.at_us + self._book_interval_us
            traded, self._unquoted = self._unquoted, {}
            yield from self._states.quotes(traded)

    def _takers(self, stock: Stock, subtype: int) -> Mapping[int, bool]:
        return self._subscriptions.takers(Feed(stock.security, subtype))

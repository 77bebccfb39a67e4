"""From the market's trades to pushes for the connections that take them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from opend_kafka.opend.pb.Qot_Common_pb2 import (
    SubType_OrderBook,
    SubType_OrderBook_Odd,
    SubType_Ticker,
    Ticker,
)
from opend_kafka.simulator.books import order_book
from opend_kafka.simulator.market import Market, Trade
from opend_kafka.simulator.pushes import Push, book_push, ticker_push
from opend_kafka.simulator.stocks import Stock
from opend_kafka.simulator.subscriptions import Feed, Subscriptions

#: Ticks in the push that follows a subscription. OpenD's samples show one; no limit is documented.
CACHED_TICKS = 50

#: SubType number of a book → is it the book of odd lots?
_BOOKS: dict[int, bool] = {SubType_OrderBook: False, SubType_OrderBook_Odd: True}

#: The SubType numbers that there is data for.
SERVED = frozenset({SubType_Ticker, *_BOOKS})


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
                time. It is the market's time, so that the same market gives the same books.
        """
        self._market = market
        self._subscriptions = subscriptions
        self._ticks_per_push = ticks_per_push
        self._book_interval_us = book_interval_us
        self._book_due_us: dict[Stock, int] = {}
        self._waiting: dict[Stock, list[Ticker]] = {}

    def advance(self, until_us: int) -> Iterator[Push]:
        """Yield what is to be pushed up to a time of the market, in order."""
        for trade in self._market.advance(until_us):
            if self._fills_a_push(trade):
                yield from self._flush(trade.stock)
            if trade.at_us >= self._book_due_us.get(trade.stock, 0):
                yield from self._books_after(trade)
        for stock in tuple(self._waiting):
            yield from self._flush(stock)

    def first_pushes(self, conn_id: int, feeds: Iterable[Feed]) -> Iterator[Push]:
        """Yield what is cached of some feeds, for a connection that has just asked for them."""
        takers = (conn_id,)
        for feed in feeds:
            stock = self._market.stock(feed.security)
            if feed.subtype == SubType_Ticker:
                yield ticker_push(takers, stock, stock.cached(CACHED_TICKS))
            else:
                detailed = self._subscriptions.takers(feed).get(conn_id, False)
                yield self._book(takers, stock, None, feed.subtype, detailed)

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

    def _books_after(self, trade: Trade) -> Iterator[Push]:
        self._book_due_us[trade.stock] = trade.at_us + self._book_interval_us
        for subtype in _BOOKS:
            takers = self._takers(trade.stock, subtype)
            for detailed in (False, True):
                conn_ids = tuple(conn for conn, wants in takers.items() if wants is detailed)
                if conn_ids:
                    yield self._book(conn_ids, trade.stock, trade.at_us, subtype, detailed)

    def _takers(self, stock: Stock, subtype: int) -> Mapping[int, bool]:
        return self._subscriptions.takers(Feed(stock.security, subtype))

    def _book(
        self,
        conn_ids: tuple[int, ...],
        stock: Stock,
        at_us: int | None,
        subtype: int,
        detailed: bool,
    ) -> Push:
        book = order_book(stock, self._market.seed, at_us, odd=_BOOKS[subtype], detailed=detailed)
        return book_push(conn_ids, stock, book)

"""What is pushed as a state: each push holds all there is to know, and the next one replaces it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

from opend_kafka.opend.pb import Qot_Common_pb2, Qot_UpdateKL_pb2, Qot_UpdateRT_pb2
from opend_kafka.opend.pb.Qot_Common_pb2 import (
    SubType_Basic,
    SubType_Broker,
    SubType_OrderBook,
    SubType_OrderBook_Odd,
    SubType_RT,
)
from opend_kafka.simulator.basic_quotes import basic_quote
from opend_kafka.simulator.books import order_book
from opend_kafka.simulator.broker_queues import broker_queues
from opend_kafka.simulator.candles import Candle, Candles, k_line, time_share
from opend_kafka.simulator.market import Market
from opend_kafka.simulator.periods import KL_TYPES
from opend_kafka.simulator.pushes import Push, book_push, quotes_push, state_push
from opend_kafka.simulator.stocks import Stock
from opend_kafka.simulator.subscriptions import Feed, Subscriptions

_Snapshot = Callable[[tuple[int, ...], Stock, int | None, bool], Push]
_Line = Callable[[tuple[int, ...], Stock, int | None], Iterator[Push]]


class States:
    """Makes them for those who take them. It decides nothing about when."""

    def __init__(self, market: Market, subscriptions: Subscriptions) -> None:
        self._market = market
        self._subscriptions = subscriptions
        self._candles: dict[tuple[Stock, int], Candles] = {}
        self._snapshots: dict[int, _Snapshot] = {
            SubType_OrderBook: partial(self._book, odd=False),
            SubType_OrderBook_Odd: partial(self._book, odd=True),
            SubType_Broker: self._brokers,
        }
        self._lines: dict[int, _Line] = {
            SubType_RT: self._minutes,
            **{subtype: partial(self._k_lines, subtype) for subtype in KL_TYPES},
        }

    def of(self, stock: Stock, at_us: int) -> Iterator[Push]:
        """Yield all that is taken of a stock, but its quote."""
        for subtype in self._subscriptions.taken(stock.security):
            takers = self._subscriptions.takers(Feed(stock.security, subtype))
            if subtype in self._lines:
                yield from self._lines[subtype](tuple(takers), stock, at_us)
            elif subtype in self._snapshots:
                for detailed in (False, True):
                    conn_ids = tuple(conn for conn, wants in takers.items() if wants is detailed)
                    if conn_ids:
                        yield self._snapshots[subtype](conn_ids, stock, at_us, detailed)

    def quotes(self, stocks: Iterable[Stock]) -> Iterator[Push]:
        """Yield the quotes of some stocks, all that a connection takes of them in one push."""
        taken: dict[int, list[Stock]] = {}
        for stock in stocks:
            for conn_id in self._subscriptions.takers(Feed(stock.security, SubType_Basic)):
                taken.setdefault(conn_id, []).append(stock)
        for conn_id, wanted in taken.items():
            yield quotes_push((conn_id,), [basic_quote(stock) for stock in wanted])

    def cached(self, conn_id: int, feeds: Iterable[Feed]) -> Iterator[Push]:
        """Yield what is known of some feeds; their quotes come together."""
        quoted = []
        for feed in feeds:
            stock = self._market.stock(feed.security)
            if feed.subtype == SubType_Basic:
                quoted.append(stock)
            elif feed.subtype in self._lines:
                yield from self._lines[feed.subtype]((conn_id,), stock, None)
            elif feed.subtype in self._snapshots:
                detailed = self._subscriptions.takers(feed).get(conn_id, False)
                yield self._snapshots[feed.subtype]((conn_id,), stock, None, detailed)
        if quoted:
            yield quotes_push((conn_id,), [basic_quote(stock) for stock in quoted])

    def _book(
        self,
        conn_ids: tuple[int, ...],
        stock: Stock,
        at_us: int | None,
        detailed: bool,
        *,
        odd: bool,
    ) -> Push:
        book = order_book(stock, self._market.seed, at_us, odd=odd, detailed=detailed)
        return book_push(conn_ids, stock, book)

    def _brokers(
        self, conn_ids: tuple[int, ...], stock: Stock, at_us: int | None, detailed: bool
    ) -> Push:
        queues = broker_queues(stock, self._market.seed, detailed=detailed)
        return state_push(conn_ids, stock, queues)

    def _minutes(
        self, conn_ids: tuple[int, ...], stock: Stock, at_us: int | None
    ) -> Iterator[Push]:
        candles = self._news(stock, SubType_RT, Qot_Common_pb2.KLType_1Min, at_us)
        points = [time_share(candle, stock) for candle in candles]
        s2c = Qot_UpdateRT_pb2.S2C(security=stock.message, name=stock.name, rtList=points)
        yield state_push(conn_ids, stock, s2c)

    def _k_lines(
        self, subtype: int, conn_ids: tuple[int, ...], stock: Stock, at_us: int | None
    ) -> Iterator[Push]:
        feed = Feed(stock.security, subtype)
        lines = [
            k_line(candle, stock) for candle in self._news(stock, subtype, KL_TYPES[subtype], at_us)
        ]
        for rehab_type, takers in self._by_rehab_type(conn_ids, feed).items():
            s2c = Qot_UpdateKL_pb2.S2C(
                rehabType=rehab_type,
                klType=KL_TYPES[subtype],
                security=stock.message,
                name=stock.name,
                klList=lines,
            )
            yield state_push(tuple(takers), stock, s2c)

    def _by_rehab_type(self, conn_ids: tuple[int, ...], feed: Feed) -> Mapping[int, list[int]]:
        """Sort connections by the adjustments that they take. Nothing here changes a price."""
        takers: dict[int, list[int]] = {}
        for conn_id in conn_ids:
            for rehab_type in self._subscriptions.rehab_types(conn_id, feed):
                takers.setdefault(rehab_type, []).append(conn_id)
        return takers

    def _news(self, stock: Stock, subtype: int, kl_type: int, at_us: int | None) -> list[Candle]:
        """Give what a push says: all that ended since the last one, and the current candle.

        A first push, without a time, is one connection's: it leaves what ended to the others.
        """
        candles = self._candles.get((stock, subtype))
        if candles is None:
            candles = self._candles[stock, subtype] = Candles(stock, kl_type)
            candles.news()
        return candles.news() if at_us is not None else [candles.current()]

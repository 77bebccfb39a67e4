"""Order books around a last price: a pure function of a stock's state and a seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

from opend_kafka.opend.pb.Qot_Common_pb2 import OrderBook, OrderBookDetail, OrderBookType_Odd
from opend_kafka.opend.pb.Qot_UpdateOrderBook_pb2 import S2C
from opend_kafka.simulator.stocks import Stock

#: Levels a side, as Hong Kong's L2 shows them.
DEPTH = 10

#: Order ids lie above 2**53, where a float can no longer tell neighbours apart.
_FIRST_ORDER_ID = 2**53 + 1


def order_book(
    stock: Stock, seed: int, at_us: int | None, *, odd: bool = False, detailed: bool = False
) -> S2C:
    """Make the book as it stands after the stock's last trade.

    After the same number of trades a stock has the same book, however often it is asked for.

    Args:
        stock: whose book.
        seed: the market's.
        at_us: when the server received the book; None, as on a cached book, leaves it empty.
        odd: make the book of odd lots.
        detailed: name the single orders of each level (Hong Kong SF).
    """
    random = Random(f"{seed}/{stock.security}/{stock.trade_count}/{odd}")
    venue, lot = stock.venue, 1 if odd else stock.venue.lot
    bid = venue.down(stock.mils) if stock.bid_started else stock.mils
    book = S2C(security=stock.message, name=stock.name)
    for mils in _levels(venue.up(bid), venue.up):
        book.orderBookAskList.append(_level(mils, lot, random, detailed=detailed))
    for mils in _levels(bid, venue.down):
        book.orderBookBidList.append(_level(mils, lot, random, detailed=detailed))
    if odd:
        book.orderBookType = OrderBookType_Odd
    _stamp(book, stock, at_us)
    return book


def _levels(best: int, step: Callable[[int], int]) -> Iterator[int]:
    """Yield the prices of one side, best first: fewer than DEPTH above the lowest price of all."""
    mils = best
    for _ in range(DEPTH):
        yield mils
        following = step(mils)
        if following == mils:
            return
        mils = following


def _level(mils: int, lot: int, random: Random, *, detailed: bool) -> OrderBook:
    orders = 1 + int(random.random() ** 2 * 40)
    volume = lot * orders * (1 + int(random.random() * 5))
    level = OrderBook(price=mils / 1_000, volume=volume, orederCount=orders)
    if detailed:
        level.detailList.extend(_orders(mils, volume, orders))
    return level


def _orders(mils: int, volume: int, orders: int) -> Iterator[OrderBookDetail]:
    """Yield the orders of a level; their volumes add up to its own."""
    for number in range(orders):
        order_id = _FIRST_ORDER_ID + mils * 1_000 + number
        yield OrderBookDetail(orderID=order_id, volume=volume // orders)


def _stamp(book: S2C, stock: Stock, at_us: int | None) -> None:
    """Fill the receiving times, which OpenD leaves empty or 0 where it does not know them."""
    known = at_us is not None and stock.venue.book_times
    text = stock.venue.exact_text(at_us) if known and at_us is not None else ""
    timestamp = at_us // 1_000 / 1_000 if known and at_us is not None else 0.0
    book.svrRecvTimeBid = book.svrRecvTimeAsk = text
    book.svrRecvTimeBidTimestamp = book.svrRecvTimeAskTimestamp = timestamp

"""What is pushed: the simulator's own messages, encoded before anything is measured."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from typing import Any

from opend_kafka.opend.frames import Frame, encode
from opend_kafka.opend.pb.Qot_Common_pb2 import Ticker
from opend_kafka.opend.pb.Qot_UpdateOrderBook_pb2 import S2C as BookMessage  # noqa: N811 - its use
from opend_kafka.opend.securities import Security
from opend_kafka.opend.subscriptions import Subtype
from opend_kafka.simulator.books import order_book
from opend_kafka.simulator.market import Market
from opend_kafka.simulator.pushes import Push, book_push, ticker_push

#: Ticks a second by the market's own clock: how often the second in their sequences changes.
_TICKS_A_SECOND = 10_000

#: Pushes that the simulator makes, at the least.
_POOL = 2_000

_NEVER_US = 1 << 62
_LOW_WORD = 0xFFFFFFFF

_FIRST_ORDER_ID = 2**53 + 1


@dataclass(frozen=True, slots=True)
class Shape:
    """What pushes look like.

    Attributes:
        securities: how many trade, each as often as any other.
        subtype: `ticker` or `order-book`. A book has 10 levels a side.
        ticks_a_push: ticks of one security in a push.
        orders: of a book: how many single orders its levels name in all.
    """

    securities: int = 1
    subtype: str = Subtype.TICKER
    ticks_a_push: int = 1
    orders: int = 0

    def as_arguments(self) -> dict[str, Any]:
        """Give what `Shape(**…)` takes, fit for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Prepared:
    """One push, ready to be sent: its bytes, whose it is (a number), and how many records."""

    frame: bytes
    security: int
    records: int


def securities(number: int) -> list[Security]:
    """Give so many Hong Kong securities: `HK.00001` and so on."""
    return [Security("HK", f"{one:05}") for one in range(1, number + 1)]


class Load:
    """An endless stream of pushes; the same shape, the same pushes, but for the time of day.

    The simulator makes some thousands of them. They come again and again, ticks under new
    sequences: the worker drops none as a duplicate, and misses none.

    Args:
        shape: what they look like.
        start_us: Unix time of the first.
    """

    def __init__(self, shape: Shape, start_us: int) -> None:
        self._shape = shape
        self._market = market(shape, start_us)
        self._second = start_us // 1_000_000
        #: The low word of the newest sequence, by security.
        self._low = {
            one: self._market.stock(one).latest(1)[0].sequence & _LOW_WORD
            for one in self._market.securities
        }
        self._serial = 0
        self._ticks = 0
        self._number = {one: number for number, one in enumerate(self._market.securities)}
        made = self._books() if shape.subtype == Subtype.ORDER_BOOK else self._ticker_pushes()
        self._pushes = cycle(list(islice(made, max(_POOL, 4 * shape.securities))))

    def take(self, records: int) -> list[Prepared]:
        """Give the next pushes: as many as have so many records, or a push more."""
        taken: list[Prepared] = []
        while records > 0:
            push = next(self._pushes)
            self._serial += 1
            count = len(push.ticks) or 1
            frame = self._renewed(push) if push.ticks else push.numbered(self._serial)
            taken.append(Prepared(frame, self._number[push.security], count))
            records -= count
        return taken

    def _renewed(self, push: Push) -> bytes:
        """Encode a push of ticks under the next sequences of its security."""
        response: Any = push.response
        for tick in response.s2c.tickerList:
            self._low[push.security] += 1
            tick.sequence = (
                self._second + self._ticks // _TICKS_A_SECOND << 32 | (self._low[push.security])
            )
            self._ticks += 1
        return encode(Frame(push.proto_id, self._serial, response.SerializeToString()))

    def _ticker_pushes(self) -> Iterator[Push]:
        waiting: defaultdict[Security, list[Ticker]] = defaultdict(list)
        for trade in self._market.advance(_NEVER_US):
            ticks = waiting[trade.security]
            ticks.append(trade.tick)
            if len(ticks) == self._shape.ticks_a_push:
                yield ticker_push((), trade.stock, ticks)
                del waiting[trade.security]

    def _books(self) -> Iterator[Push]:
        for trade in self._market.advance(_NEVER_US):
            book = order_book(trade.stock, self._market.seed, trade.at_us)
            _name_orders(book, self._shape.orders)
            yield book_push((), trade.stock, book)


def market(shape: Shape, start_us: int) -> Market:
    """Give a market that stands at its start."""
    return Market(securities(shape.securities), seed=1, rate=_TICKS_A_SECOND, start_us=start_us)


def now_us() -> int:
    """Give the Unix time in microseconds."""
    return time.time_ns() // 1000


def _name_orders(book: BookMessage, orders: int) -> None:
    """Spread single orders over the levels, best first on both sides."""
    levels = [
        level
        for pair in zip(book.orderBookAskList, book.orderBookBidList, strict=True)
        for level in pair
    ]
    for number in range(orders):
        detail = levels[number % len(levels)].detailList.add()
        detail.orderID, detail.volume = _FIRST_ORDER_ID + number, 100

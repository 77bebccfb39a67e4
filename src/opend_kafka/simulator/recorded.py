"""A recording as what a stand-in serves: what it has told so far of its securities. No clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from opend_kafka.errors import PushRejected
from opend_kafka.opend.messages import ProtoId, decode_push
from opend_kafka.opend.pb.Qot_Common_pb2 import BasicQot, SubType_Basic, SubType_Ticker, Ticker
from opend_kafka.opend.pb.Qot_Common_pb2 import Security as SecurityMessage
from opend_kafka.opend.securities import Security, market_name
from opend_kafka.opend.streams import streams_of
from opend_kafka.opend.subscriptions import Subtype
from opend_kafka.recording.pushes import RecordedPush
from opend_kafka.simulator.market import STATES
from opend_kafka.simulator.publisher import CACHED_TICKS
from opend_kafka.simulator.pushes import Push, quotes_push, ticker_push
from opend_kafka.simulator.raw_pushes import raw_push
from opend_kafka.simulator.stocks import HISTORY, as_cached
from opend_kafka.simulator.subscriptions import Feed, Subscriptions


class RecordedStock:
    """One security of a recording: its name, and the ticks that were played."""

    def __init__(self, security: Security) -> None:
        self.security = security
        self.name = str(security)
        self.message = SecurityMessage(market=security.market_number, code=security.code)
        self._ticks: deque[Ticker] = deque(maxlen=HISTORY)
        self._sequences: set[int] = set()

    def add(self, ticks: Iterable[Ticker]) -> None:
        """Take the ticks of a push, but those that came before."""
        for tick in ticks:
            if tick.sequence not in self._sequences:
                if len(self._ticks) == HISTORY:
                    self._sequences.discard(self._ticks[0].sequence)
                self._ticks.append(tick)
                self._sequences.add(tick.sequence)

    def latest(self, count: int) -> list[Ticker]:
        """Give the last ticks, in the order in which they came. Do not change them."""
        return list(islice(self._ticks, max(0, len(self._ticks) - count), None))


class RecordedMarket:
    """What a recording has told so far: a `Source`, and a `Cache`."""

    def __init__(self, securities: Iterable[Security], *, start_us: int) -> None:
        """Make one of which nothing was played yet.

        Args:
            securities: all that this OpenD knows.
            start_us: when the recording begins, in microseconds since 1970.
        """
        self.seed = start_us
        self.now_us = start_us
        self._stocks = {security: RecordedStock(security) for security in securities}
        self._states: Mapping[str, int] = {}
        #: The last push of each feed that is neither ticks nor a quote, and its s2c.
        self._states_pushed: dict[Feed, tuple[RecordedPush, Any]] = {}
        self._quotes: dict[Security, BasicQot] = {}

    def __contains__(self, security: Security) -> bool:
        return security in self._stocks

    def stock(self, security: Security) -> RecordedStock:
        """Give one security. Raises KeyError where it does not know it."""
        return self._stocks[security]

    def market_states(self) -> dict[str, int]:
        """Give each market's state as it was recorded; 0, NONE, where it was not."""
        return {field: self._states.get(market, 0) for field, (market, _) in STATES.items()}

    def take_states(self, states: Mapping[str, int]) -> None:
        """Take the states of markets, by their names."""
        self._states = states

    def take(self, push: RecordedPush, s2c: Any, feeds: Iterable[Feed]) -> None:
        """Take a push, what it says, and what it is of."""
        if push.proto_id == ProtoId.QOT_UPDATE_BASIC_QOT:
            self._quotes |= {_security(quote.security): quote for quote in s2c.basicQotList}
            return
        for feed in feeds:
            stock = self._stocks.get(feed.security)
            if stock is not None:
                stock.name = s2c.name or stock.name
                if feed.subtype == SubType_Ticker:
                    stock.add(s2c.tickerList)
                else:
                    self._states_pushed[feed] = push, s2c

    def first_pushes(self, conn_id: int, feeds: Iterable[Feed]) -> Iterator[Push]:
        """Yield what was played of some feeds; their quotes come together."""
        quotes: list[BasicQot] = []
        for feed in feeds:
            if feed.subtype == SubType_Ticker:
                stock = self._stocks[feed.security]
                ticks = as_cached(stock.latest(CACHED_TICKS))
                if ticks:
                    yield ticker_push((conn_id,), stock, ticks)
            elif feed.subtype == SubType_Basic and feed.security in self._quotes:
                quotes.append(self._quotes[feed.security])
            elif feed in self._states_pushed:
                yield raw_push((conn_id,), *self._states_pushed[feed])
        if quotes:
            yield quotes_push((conn_id,), quotes)


class RecordedPublisher:
    """Makes pushes of what was recorded, for those who take them."""

    def __init__(self, market: RecordedMarket, subscriptions: Subscriptions) -> None:
        self._market = market
        self._subscriptions = subscriptions

    def publish(self, push: RecordedPush) -> list[Push]:
        """Play a recorded push: give what it becomes; nothing where nobody takes it.

        One that cannot be read goes to everybody who takes anything: they are to make of it what
        was made of it when it was recorded.
        """
        self._market.now_us = max(self._market.now_us, push.received_us)
        try:
            s2c = decode_push(push.proto_id, push.body, push.format)
        except PushRejected:
            return self._to_all(push)
        feeds = [
            Feed(Security(market_name(one.market_number), one.code), Subtype(one.subtype).number)
            for one in streams_of(push.proto_id, s2c)
        ]
        if not feeds:
            return self._to_all(push, s2c)
        self._market.take(push, s2c, feeds)
        return [
            raw_push(conn_ids, push, s2c)
            if len(parts) == len(feeds)
            else quotes_push(conn_ids, [s2c.basicQotList[part] for part in parts])
            for parts, conn_ids in self._takers(feeds).items()
        ]

    def _to_all(self, push: RecordedPush, s2c: Any = None) -> list[Push]:
        conn_ids = self._subscriptions.all_takers()
        return [raw_push(conn_ids, push, s2c)] if conn_ids else []

    def _takers(self, feeds: list[Feed]) -> dict[tuple[int, ...], tuple[int, ...]]:
        """Give the connections that take anything of a push, by which parts of it they take."""
        taken: dict[int, tuple[int, ...]] = {}
        for part, feed in enumerate(feeds):
            for conn_id in self._subscriptions.takers(feed):
                taken[conn_id] = (*taken.get(conn_id, ()), part)
        takers: dict[tuple[int, ...], tuple[int, ...]] = {}
        for conn_id, parts in taken.items():
            takers[parts] = (*takers.get(parts, ()), conn_id)
        return takers


def _security(message: SecurityMessage) -> Security:
    return Security(market_name(message.market), message.code)

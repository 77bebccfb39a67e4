"""Between the publisher and the connections: withholds, holds back, repeats and damages pushes."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Generic, TypeVar, cast

from opend_kafka.opend.messages import ProtoId
from opend_kafka.opend.pb import Qot_UpdateBasicQot_pb2
from opend_kafka.opend.pb.Qot_Common_pb2 import (
    PushDataType_ByDisConn,
    SubType_Ticker,
    Ticker,
)
from opend_kafka.opend.pb.Qot_Common_pb2 import Security as SecurityMessage
from opend_kafka.opend.securities import Security, market_name
from opend_kafka.simulator.conditions import Conditions
from opend_kafka.simulator.market import Market
from opend_kafka.simulator.pushes import Push, quotes_push, ticker_push
from opend_kafka.simulator.subscriptions import Feed, Subscriptions

_What = TypeVar("_What")

#: Ticks of a security that OpenD pulls at most when its own link is back.
REPLAYED_TICKS = 50


class Orders(Generic[_What]):
    """What is to be done to the next pushes: first come, first served."""

    def __init__(self) -> None:
        self._orders: list[tuple[Security | None, list[_What]]] = []

    def __bool__(self) -> bool:
        return bool(self._orders)

    def add(self, what: _What, security: Security | None, count: int) -> None:
        """Order it for the next pushes of a security; None: whichever."""
        self._orders.append((security, [what] * count))

    def take(self, security: Security) -> _What | None:
        """Give what is to be done to a push of a security, once."""
        for order in self._orders:
            wanted, left = order
            if wanted is None or wanted == security:
                what = left.pop()
                if not left:
                    self._orders.remove(order)
                return what
        return None


@dataclass(slots=True)
class _Held:
    """A push that waits until so many have overtaken it."""

    push: Push
    overtaken_in: int


class Sieve:
    """One OpenD's. Without faults it is `idle`, and need not be asked."""

    def __init__(
        self, conditions: Conditions, market: Market, subscriptions: Subscriptions
    ) -> None:
        self._conditions = conditions
        self._market = market
        self._subscriptions = subscriptions
        self.damages: Orders[Callable[[Push], Push]] = Orders()
        self.duplicates: Orders[bool] = Orders()
        #: The value: how many pushes overtake.
        self.delays: Orders[int] = Orders()
        self._held: defaultdict[Security, list[_Held]] = defaultdict(list)
        #: The limits of the replays to come.
        self._replays: list[int] = []
        self._missed = _nothing_missed()

    @property
    def idle(self) -> bool:
        """Whether every push goes through as it is."""
        return not (
            self.damages
            or self.duplicates
            or self.delays
            or self._held
            or self._replays
            or self._conditions.silences
        )

    def through(self, push: Push) -> Iterator[Push]:
        """Yield what becomes of a push, now."""
        if self._replays:
            self._missed[push.security].extend(push.ticks)
        elif self._conditions.withholds(push.security):
            return
        elif push.ticks:
            yield from self._ticks(push)
        elif push.proto_id == ProtoId.QOT_UPDATE_BASIC_QOT:
            yield from self._quotes(push)
        else:
            yield push

    def begin_replay(self, limit: int) -> None:
        """Withhold all pushes from now on."""
        self._replays.append(limit)

    def end_replay(self, limit: int) -> Iterator[Push]:
        """Yield the latest of the ticks that were withheld, as ByDisConn, and withhold no more."""
        self._replays.remove(limit)
        if self._replays:
            return
        missed, self._missed = self._missed, _nothing_missed()
        for security, ticks in missed.items():
            takers = self._takers(security)
            if takers and ticks and limit and not self._conditions.withholds(security):
                latest = [_by_disconnection(tick) for tick in list(ticks)[-limit:]]
                yield ticker_push(takers, self._market.stock(security), latest)

    def _ticks(self, push: Push) -> Iterator[Push]:
        overtakers = self.delays.take(push.security)
        if overtakers is not None:
            self._held[push.security].append(_Held(push, overtakers))
            return
        damage = self.damages.take(push.security)
        yield push if damage is None else damage(push)
        if self.duplicates.take(push.security):
            yield push
        if push.security in self._held:
            yield from self._overtaken(push.security)

    def _quotes(self, push: Push) -> Iterator[Push]:
        """Yield the quotes that are not withheld: of many securities, some may be."""
        s2c = cast(Qot_UpdateBasicQot_pb2.Response, push.response).s2c
        quotes = [quote for quote in s2c.basicQotList if not self._withholds(quote.security)]
        if quotes:
            yield quotes_push(push.conn_ids, quotes)

    def _withholds(self, message: SecurityMessage) -> bool:
        return self._conditions.withholds(Security(market_name(message.market), message.code))

    def _overtaken(self, security: Security) -> Iterator[Push]:
        """Yield the pushes that enough others have overtaken by now, to those who still take it."""
        waiting = self._held.pop(security)
        for held in waiting:
            held.overtaken_in -= 1
            takers = set(self._takers(security))
            if held.overtaken_in:
                self._held[security].append(held)
            elif conn_ids := tuple(one for one in held.push.conn_ids if one in takers):
                yield replace(held.push, conn_ids=conn_ids)

    def _takers(self, security: Security) -> tuple[int, ...]:
        return tuple(self._subscriptions.takers(Feed(security, SubType_Ticker)))


def _nothing_missed() -> defaultdict[Security, deque[Ticker]]:
    return defaultdict(lambda: deque(maxlen=REPLAYED_TICKS))


def _by_disconnection(tick: Ticker) -> Ticker:
    copy = Ticker()
    copy.CopyFrom(tick)
    copy.pushDataType = PushDataType_ByDisConn
    return copy

"""The quote requests: subscribing, what is subscribed, the latest ticks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from typing import Any

from google.protobuf.message import Message

from opend_kafka.opend.pb import (
    Qot_Common_pb2,
    Qot_GetSubInfo_pb2,
    Qot_GetTicker_pb2,
    Qot_RegQotPush_pb2,
    Qot_Sub_pb2,
)
from opend_kafka.opend.pb.Qot_Common_pb2 import Security as SecurityMessage
from opend_kafka.opend.securities import Security, market_name
from opend_kafka.opend.subscriptions import Subtype
from opend_kafka.simulator.conditions import Conditions
from opend_kafka.simulator.source import Source
from opend_kafka.simulator.stocks import HISTORY
from opend_kafka.simulator.subscriptions import Feed, Refused, Subscriptions

_SUBTYPES = frozenset(subtype.number for subtype in Subtype)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a granted request leads to: its reply, and feeds whose cached data is pushed at once."""

    reply: Message
    first_feeds: tuple[Feed, ...] = ()


class Quotes:
    """Grants quote requests, or raises Refused and changes nothing."""

    def __init__(
        self, source: Source, subscriptions: Subscriptions, conditions: Conditions | None = None
    ) -> None:
        self._source = source
        self._subscriptions = subscriptions
        self._conditions = conditions or Conditions()

    def sub(self, conn_id: int, c2s: Qot_Sub_pb2.C2S) -> Outcome:
        """Qot_Sub (3001)."""
        done = Qot_Sub_pb2.Response(retType=0, retMsg="")
        if c2s.isUnsubAll:
            self._subscriptions.unsubscribe_all(conn_id)
            return Outcome(done)
        feeds = self._feeds(c2s)
        if not c2s.isSubOrUnSub:
            self._subscriptions.unsubscribe(conn_id, feeds)
            return Outcome(done)
        for feed in feeds:
            self._check_subscribable(feed.security)
        self._subscriptions.subscribe(conn_id, feeds, detailed=c2s.isSubOrderBookDetail)
        for feed in feeds:
            self._conditions.subscribed(feed.security)
        if not c2s.HasField("isRegOrUnRegPush"):
            return Outcome(done)
        rehab_types = c2s.regPushRehabTypeList
        first_feeds = self._switch_pushes(conn_id, feeds, c2s.isRegOrUnRegPush, rehab_types, c2s)
        return Outcome(done, first_feeds)

    def reg_push(self, conn_id: int, c2s: Qot_RegQotPush_pb2.C2S) -> Outcome:
        """Qot_RegQotPush (3002)."""
        feeds = self._feeds(c2s)
        first_feeds = self._switch_pushes(conn_id, feeds, c2s.isRegOrUnReg, c2s.rehabTypeList, c2s)
        return Outcome(Qot_RegQotPush_pb2.Response(retType=0, retMsg=""), first_feeds)

    def get_sub_info(self, conn_id: int, c2s: Qot_GetSubInfo_pb2.C2S) -> Outcome:
        """Qot_GetSubInfo (3003). The connection that asks comes first, also with nothing held."""
        others = self._subscriptions.conn_ids if c2s.isReqAllConn else ()
        s2c = Qot_GetSubInfo_pb2.S2C(
            connSubInfoList=[
                self._conn_sub_info(asked, is_own=asked == conn_id)
                for asked in dict.fromkeys((conn_id, *others))
            ],
            totalUsedQuota=self._subscriptions.used,
            remainQuota=self._subscriptions.remaining,
        )
        return Outcome(Qot_GetSubInfo_pb2.Response(retType=0, retMsg="", s2c=s2c))

    def get_ticker(self, conn_id: int, c2s: Qot_GetTicker_pb2.C2S) -> Outcome:
        """Qot_GetTicker (3010). Its ticks carry neither recvTime nor pushDataType."""
        feed = Feed(self._known(c2s.security), Qot_Common_pb2.SubType_Ticker)
        if feed not in self._subscriptions.held_by(conn_id):
            raise Refused(f"subscribe {feed.security} for Ticker before asking for its ticks")
        if not 0 < c2s.maxRetNum <= HISTORY:
            raise Refused(f"maxRetNum must be from 1 to {HISTORY}, not {c2s.maxRetNum}")
        stock = self._source.stock(feed.security)
        s2c = Qot_GetTicker_pb2.S2C(
            security=stock.message,
            name=stock.name,
            tickerList=stock.latest(c2s.maxRetNum),
        )
        for tick in s2c.tickerList:
            tick.ClearField("recvTime")
            tick.ClearField("pushDataType")
        return Outcome(Qot_GetTicker_pb2.Response(retType=0, retMsg="", s2c=s2c))

    def _switch_pushes(
        self,
        conn_id: int,
        feeds: tuple[Feed, ...],
        wanted: bool,
        rehab_types: Iterable[int],
        c2s: Any,
    ) -> tuple[Feed, ...]:
        """Start or stop pushes; give the feeds whose cached data follows."""
        if not wanted:
            self._subscriptions.stop_pushes(conn_id, feeds)
            return ()
        self._subscriptions.start_pushes(conn_id, feeds, rehab_types)
        return feeds if c2s.isFirstPush or not c2s.HasField("isFirstPush") else ()

    def _feeds(self, c2s: Any) -> tuple[Feed, ...]:
        """Read the feeds of a request: each security with each subtype."""
        if not c2s.securityList or not c2s.subTypeList:
            raise Refused("securityList and subTypeList must both have an entry")
        securities = [self._known(message) for message in c2s.securityList]
        subtypes = _served(c2s.subTypeList)
        return tuple(Feed(security, subtype) for security, subtype in product(securities, subtypes))

    def _known(self, message: SecurityMessage) -> Security:
        security = Security(market_name(message.market), message.code)
        if security not in self._source:
            raise Refused(f"unknown stock {security}")
        return security

    def _check_subscribable(self, security: Security) -> None:
        if self._conditions.unknown[security]:
            raise Refused(f"unknown stock {security}")
        if not self._conditions.may_subscribe(security.market):
            raise Refused(f"no quote right to subscribe {security}")

    def _conn_sub_info(self, conn_id: int, *, is_own: bool) -> Qot_Common_pb2.ConnSubInfo:
        held = self._subscriptions.held_by(conn_id)
        return Qot_Common_pb2.ConnSubInfo(
            subInfoList=[
                Qot_Common_pb2.SubInfo(
                    subType=subtype,
                    securityList=[
                        self._source.stock(feed.security).message
                        for feed in held
                        if feed.subtype == subtype
                    ],
                )
                for subtype in sorted({feed.subtype for feed in held})
            ],
            usedQuota=len(held),
            isOwnConnData=is_own,
        )


def _served(subtypes: Iterable[int]) -> list[int]:
    """Give the subtypes.

    Raises:
        Refused: one is unknown.
    """
    for subtype in subtypes:
        if subtype not in _SUBTYPES:
            raise Refused(f"unknown subType {subtype}")
    return list(subtypes)

"""Which streams a push is of: each security of it, and what is subscribed to get it. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from opend_kafka.opend.messages import ProtoId
from opend_kafka.opend.pb.Qot_Common_pb2 import KLType, OrderBookType_Odd
from opend_kafka.opend.subscriptions import Subtype


class Stream(NamedTuple):
    """One security's pushes of one subtype. A tuple: it is looked up for every push."""

    subtype: str
    market_number: int
    code: str


def _k_line(name: str) -> str:
    return f"k-{name.removeprefix('KLType_').removesuffix('in').lower()}"


#: KLType number → subtype.
_K_LINES = {number: Subtype(_k_line(name)) for name, number in KLType.items() if number}


def streams_of(proto_id: int, s2c: Any) -> list[Stream]:
    """Give the streams of a push, an element of it each; none where they are not known."""
    if proto_id == ProtoId.QOT_UPDATE_BASIC_QOT:
        return [_stream(Subtype.QUOTE, one.security) for one in s2c.basicQotList]
    subtype = _SUBTYPES.get(proto_id, _unknown)(s2c)
    return [] if subtype is None else [_stream(subtype, s2c.security)]


def _unknown(_s2c: Any) -> Subtype | None:
    return None


def _book(s2c: Any) -> Subtype:
    return Subtype.ORDER_BOOK_ODD if s2c.orderBookType == OrderBookType_Odd else Subtype.ORDER_BOOK


_SUBTYPES: dict[int, Callable[[Any], Subtype | None]] = {
    ProtoId.QOT_UPDATE_TICKER: lambda _s2c: Subtype.TICKER,
    ProtoId.QOT_UPDATE_ORDER_BOOK: _book,
    ProtoId.QOT_UPDATE_RT: lambda _s2c: Subtype.RT_DATA,
    ProtoId.QOT_UPDATE_BROKER: lambda _s2c: Subtype.BROKER,
    ProtoId.QOT_UPDATE_KL: lambda s2c: _K_LINES.get(s2c.klType),
}


def _stream(subtype: Subtype, security: Any) -> Stream:
    return Stream(subtype, security.market, security.code)

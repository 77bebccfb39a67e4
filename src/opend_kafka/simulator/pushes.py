"""Pushes: each encoded once, for however many connections take it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Any

from google.protobuf.message import Message

from opend_kafka.opend.ciphers import PacketCipher, Plain
from opend_kafka.opend.frames import PLAIN, BodyFormat, Frame, encode
from opend_kafka.opend.messages import ProtoId, encode_body, response_type
from opend_kafka.opend.pb import (
    Notify_pb2,
    Qot_UpdateBasicQot_pb2,
    Qot_UpdateBroker_pb2,
    Qot_UpdateKL_pb2,
    Qot_UpdateOrderBook_pb2,
    Qot_UpdateRT_pb2,
    Qot_UpdateTicker_pb2,
)
from opend_kafka.opend.pb.Qot_Common_pb2 import BasicQot, Ticker
from opend_kafka.opend.securities import Security
from opend_kafka.simulator.stocks import Listed

#: Where a frame keeps its serial: the only bytes that differ between the takers of a push.
_SERIAL = Struct("<I")
_SERIAL_AT = 8
_SERIAL_END = _SERIAL_AT + _SERIAL.size

#: A Notify is of OpenD itself, quotes are of several.
_NO_SECURITY = Security("", "")


@dataclass(frozen=True, slots=True)
class Push:
    """One push and who takes it. Ticks and books are at hand; of others there is the response.

    A push of quotes is of several securities, a Notify of none: their `security` is empty.
    """

    conn_ids: tuple[int, ...]
    security: Security
    proto_id: int
    response: Message
    frame: bytes
    ticks: Sequence[Ticker] = ()
    book: Qot_UpdateOrderBook_pb2.S2C | None = None
    #: What is wrong with it, on purpose: a fault's kind.
    damage: str | None = None

    def numbered(
        self,
        serial: int,
        cipher: PacketCipher = PLAIN,
        body_format: BodyFormat = BodyFormat.PROTOBUF,
    ) -> bytes:
        """Give the frame's bytes under a serial, as one connection takes them."""
        if body_format != BodyFormat.PROTOBUF or not isinstance(cipher, Plain):
            body = encode_body(self.response, body_format)
            frame = Frame(self.proto_id, serial & 0xFFFFFFFF, body, body_format)
            return encode(frame, cipher)
        serial_bytes = _SERIAL.pack(serial & 0xFFFFFFFF)
        return self.frame[:_SERIAL_AT] + serial_bytes + self.frame[_SERIAL_END:]


def ticker_push(conn_ids: tuple[int, ...], stock: Listed, ticks: Sequence[Ticker]) -> Push:
    """Make a push of ticks of one security (3011)."""
    # Filled in place: building the parts first costs twice as much, and this runs for every tick.
    response = Qot_UpdateTicker_pb2.Response(retType=0)
    response.s2c.security.CopyFrom(stock.message)
    response.s2c.name = stock.name
    response.s2c.tickerList.extend(ticks)
    frame = Frame(ProtoId.QOT_UPDATE_TICKER, 0, response.SerializeToString())
    return Push(conn_ids, stock.security, frame.proto_id, response, encode(frame), ticks=ticks)


def book_push(conn_ids: tuple[int, ...], stock: Listed, book: Qot_UpdateOrderBook_pb2.S2C) -> Push:
    """Make a push of a whole book (3013)."""
    response = Qot_UpdateOrderBook_pb2.Response(retType=0, s2c=book)
    frame = Frame(ProtoId.QOT_UPDATE_ORDER_BOOK, 0, response.SerializeToString())
    return Push(conn_ids, stock.security, frame.proto_id, response, encode(frame), book=book)


def quotes_push(conn_ids: tuple[int, ...], quotes: Sequence[BasicQot]) -> Push:
    """Make a push of the quotes of any number of securities (3005)."""
    return _push(conn_ids, _NO_SECURITY, Qot_UpdateBasicQot_pb2.S2C(basicQotList=quotes))


def state_push(conn_ids: tuple[int, ...], stock: Listed, s2c: Message) -> Push:
    """Make a push of K-lines (3007), of the intraday line (3009), of brokers (3015)."""
    return _push(conn_ids, stock.security, s2c)


def notify_push(conn_ids: tuple[int, ...], s2c: Notify_pb2.S2C) -> Push:
    """Make a push of what happened to OpenD itself (1003)."""
    return _push(conn_ids, _NO_SECURITY, s2c)


#: The class of an s2c → the push that carries it.
_PROTO_IDS: dict[type[Message], ProtoId] = {
    Notify_pb2.S2C: ProtoId.NOTIFY,
    Qot_UpdateBasicQot_pb2.S2C: ProtoId.QOT_UPDATE_BASIC_QOT,
    Qot_UpdateKL_pb2.S2C: ProtoId.QOT_UPDATE_KL,
    Qot_UpdateRT_pb2.S2C: ProtoId.QOT_UPDATE_RT,
    Qot_UpdateBroker_pb2.S2C: ProtoId.QOT_UPDATE_BROKER,
}


def _push(conn_ids: tuple[int, ...], security: Security, s2c: Message) -> Push:
    proto_id = _PROTO_IDS[type(s2c)]
    response: Any = response_type(proto_id)()
    response.retType = 0
    response.s2c.CopyFrom(s2c)
    frame = Frame(proto_id, 0, response.SerializeToString())
    return Push(conn_ids, security, proto_id, response, encode(frame))

"""Which message each proto_id carries, and how a body becomes one.

Bodies are protobuf, or JSON with OpenD's field names and 64-bit integers as strings. A reply and a
push are both `Response{retType, retMsg, errCode, s2c}`; only `s2c` differs.
"""

from __future__ import annotations

import json
from enum import IntEnum
from typing import Any, NamedTuple, Protocol, cast

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message

from opend_kafka.errors import MessageMalformed, PushEmpty, PushFailed, RequestRefused, UnknownPush
from opend_kafka.opend.frames import BodyFormat
from opend_kafka.opend.pb import (
    GetGlobalState_pb2,
    InitConnect_pb2,
    InitWebSocket_pb2,
    KeepAlive_pb2,
    Notify_pb2,
    Qot_GetSubInfo_pb2,
    Qot_GetTicker_pb2,
    Qot_RegQotPush_pb2,
    Qot_Sub_pb2,
    Qot_UpdateBasicQot_pb2,
    Qot_UpdateBroker_pb2,
    Qot_UpdateKL_pb2,
    Qot_UpdateOrderBook_pb2,
    Qot_UpdateRT_pb2,
    Qot_UpdateTicker_pb2,
)
from opend_kafka.opend.unknown_fields import (
    has_unknown_fields,
    unknown_in_json,
    unknown_in_message,
)


class ProtoId(IntEnum):
    """The messages that this package speaks, by their number in the frame header."""

    INIT_WEB_SOCKET = 1
    INIT_CONNECT = 1001
    GET_GLOBAL_STATE = 1002
    NOTIFY = 1003
    KEEP_ALIVE = 1004
    QOT_SUB = 3001
    QOT_REG_QOT_PUSH = 3002
    QOT_GET_SUB_INFO = 3003
    QOT_UPDATE_BASIC_QOT = 3005
    QOT_UPDATE_KL = 3007
    QOT_UPDATE_RT = 3009
    QOT_GET_TICKER = 3010
    QOT_UPDATE_TICKER = 3011
    QOT_UPDATE_ORDER_BOOK = 3013
    QOT_UPDATE_BROKER = 3015


class Response(Protocol):
    """What all replies and pushes have in common."""

    retType: int  # noqa: N815 - OpenD's own field name
    retMsg: str  # noqa: N815 - OpenD's own field name
    errCode: int  # noqa: N815 - OpenD's own field name
    s2c: Any


_REQUESTS: dict[int, type[Message]] = {
    ProtoId.INIT_WEB_SOCKET: InitWebSocket_pb2.Request,
    ProtoId.INIT_CONNECT: InitConnect_pb2.Request,
    ProtoId.GET_GLOBAL_STATE: GetGlobalState_pb2.Request,
    ProtoId.KEEP_ALIVE: KeepAlive_pb2.Request,
    ProtoId.QOT_SUB: Qot_Sub_pb2.Request,
    ProtoId.QOT_REG_QOT_PUSH: Qot_RegQotPush_pb2.Request,
    ProtoId.QOT_GET_SUB_INFO: Qot_GetSubInfo_pb2.Request,
    ProtoId.QOT_GET_TICKER: Qot_GetTicker_pb2.Request,
}
_PROTO_IDS = {request: ProtoId(proto_id) for proto_id, request in _REQUESTS.items()}
_REPLIES: dict[int, type[Message]] = {
    ProtoId.INIT_WEB_SOCKET: InitWebSocket_pb2.Response,
    ProtoId.INIT_CONNECT: InitConnect_pb2.Response,
    ProtoId.GET_GLOBAL_STATE: GetGlobalState_pb2.Response,
    ProtoId.KEEP_ALIVE: KeepAlive_pb2.Response,
    ProtoId.QOT_SUB: Qot_Sub_pb2.Response,
    ProtoId.QOT_REG_QOT_PUSH: Qot_RegQotPush_pb2.Response,
    ProtoId.QOT_GET_SUB_INFO: Qot_GetSubInfo_pb2.Response,
    ProtoId.QOT_GET_TICKER: Qot_GetTicker_pb2.Response,
}
_PUSHES: dict[int, type[Message]] = {
    ProtoId.NOTIFY: Notify_pb2.Response,
    ProtoId.QOT_UPDATE_BASIC_QOT: Qot_UpdateBasicQot_pb2.Response,
    ProtoId.QOT_UPDATE_KL: Qot_UpdateKL_pb2.Response,
    ProtoId.QOT_UPDATE_RT: Qot_UpdateRT_pb2.Response,
    ProtoId.QOT_UPDATE_TICKER: Qot_UpdateTicker_pb2.Response,
    ProtoId.QOT_UPDATE_ORDER_BOOK: Qot_UpdateOrderBook_pb2.Response,
    ProtoId.QOT_UPDATE_BROKER: Qot_UpdateBroker_pb2.Response,
}


def message_name(proto_id: int) -> str:
    """Give a name for people: `Qot_UpdateTicker (3011)`, or the bare number of an unknown one."""
    known = _PUSHES.get(proto_id) or _REPLIES.get(proto_id)
    if known is None:
        return f"proto_id {proto_id}"
    return f"{package_of(known)} ({proto_id})"


def package_of(message: type[Message]) -> str:
    """Give OpenD's own name of a message: `Qot_UpdateTicker`."""
    package: str = message.DESCRIPTOR.file.package
    return package.rpartition(".")[2]


def proto_id_of(request: Message) -> ProtoId:
    """Give the proto_id under which a request is sent."""
    return _PROTO_IDS[type(request)]


def response_type(proto_id: int) -> type[Message]:
    """Give the class of a reply or a push.

    Raises:
        UnknownPush: no message of this number is known.
    """
    known = _PUSHES.get(proto_id) or _REPLIES.get(proto_id)
    if known is None:
        raise UnknownPush(proto_id)
    return known


def decode_request(proto_id: int, body: bytes, body_format: int = BodyFormat.PROTOBUF) -> Any:
    """Read a request's body; give its `c2s`.

    Raises:
        UnknownPush: no request of this number is known.
        MessageMalformed: the body is not that request.
    """
    known = _REQUESTS.get(proto_id)
    if known is None:
        raise UnknownPush(proto_id)
    return cast(Any, _parse(known, proto_id, body, body_format)).c2s


def decode_reply(proto_id: int, body: bytes, body_format: int = BodyFormat.PROTOBUF) -> Any:
    """Read a reply's body; give its `s2c`.

    Raises:
        MessageMalformed: the body is not that reply.
        RequestRefused: its retType is not 0.
    """
    message = _parse(_REPLIES[proto_id], proto_id, body, body_format)
    response = cast(Response, message)
    if response.retType != 0:
        err_code = response.errCode if message.HasField("errCode") else None
        raise RequestRefused(message_name(proto_id), response.retType, err_code, response.retMsg)
    return response.s2c


def decode_push(proto_id: int, body: bytes, body_format: int = BodyFormat.PROTOBUF) -> Any:
    """Read a push's body; give its `s2c`.

    Raises:
        PushRejected: the number is unknown, the body is not that message, its retType is not 0,
            or it has no s2c.
    """
    return cast(Response, _push(proto_id, body, body_format)).s2c


class ReadPush(NamedTuple):
    """A push's `s2c`, and the fields that came with it and that this version does not know."""

    s2c: Any
    unknown_fields: tuple[str, ...]


def read_push(proto_id: int, body: bytes, body_format: int = BodyFormat.PROTOBUF) -> ReadPush:
    """As `decode_push`, with an eye on what a newer OpenD has added.

    Raises:
        PushRejected: see `decode_push`.
    """
    message = _push(proto_id, body, body_format)
    unknown: tuple[str, ...] = ()
    if body_format == BodyFormat.JSON:
        unknown = unknown_in_json(json.loads(body), message.DESCRIPTOR)
    elif has_unknown_fields(message, len(body)):
        unknown = unknown_in_message(type(message).FromString(body))
    return ReadPush(cast(Response, message).s2c, unknown)


def _push(proto_id: int, body: bytes, body_format: int) -> Message:
    push_type = _PUSHES.get(proto_id)
    if push_type is None:
        raise UnknownPush(proto_id)
    message = _parse(push_type, proto_id, body, body_format)
    response = cast(Response, message)
    if response.retType != 0:
        raise PushFailed(message_name(proto_id), response.retType, response.retMsg)
    if not message.HasField("s2c"):
        raise PushEmpty(message_name(proto_id))
    return message


def encode_body(message: Message, body_format: int) -> bytes:
    """Give a message's bytes in one of the two formats of `BodyFormat`."""
    if body_format == BodyFormat.JSON:
        return json_format.MessageToJson(
            message, preserving_proto_field_name=True, indent=None, ensure_ascii=False
        ).encode()
    return message.SerializeToString()


def _parse(message_type: type[Message], proto_id: int, body: bytes, body_format: int) -> Message:
    """Parse, and refuse a partial message: Python's protobuf (upb) lets one pass by itself."""
    message = message_type()
    try:
        if body_format == BodyFormat.JSON:
            json_format.Parse(body, message, ignore_unknown_fields=True)
        else:
            message.ParseFromString(body)
    except (DecodeError, json_format.ParseError, ValueError, RecursionError) as error:
        raise MessageMalformed(message_name(proto_id), str(error)) from None
    if not message.IsInitialized():
        missing = ", ".join(cast(Any, message).FindInitializationErrors()[:3])
        raise MessageMalformed(message_name(proto_id), f"required fields are missing: {missing}")
    return message

"""Pushes of any content, built from OpenD's own descriptors; and bytes that are hardly pushes."""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from hypothesis import strategies as st

from opend_kafka.opend.messages import response_type
from opend_kafka.records.tables import Kind
from tests.records.wire import DOUBLE, INT32, INT64, TEXT

#: Seconds that are times, beside all the doubles that are none.
_SECONDS = st.floats(1e9, 2e9)

_SCALARS = {
    FieldDescriptor.TYPE_BOOL: st.booleans(),
    FieldDescriptor.TYPE_INT32: st.integers(-1, 40) | INT32,
    FieldDescriptor.TYPE_INT64: INT64,
    FieldDescriptor.TYPE_DOUBLE: _SECONDS | DOUBLE,
    FieldDescriptor.TYPE_STRING: TEXT,
}


@st.composite
def pushes(draw: st.DrawFn, kind: Kind) -> bytes:
    """Give the body of a push that OpenD could send: every field in order or left out."""
    response: Any = response_type(kind.proto_id)(retType=0)
    _fill(draw, response.s2c)
    return bytes(response.SerializeToString())


def _fill(draw: st.DrawFn, message: Message) -> None:
    message.SetInParent()
    for field in message.DESCRIPTOR.fields:
        if field.is_repeated:
            for _ in range(draw(st.integers(0, 3))):
                _fill(draw, getattr(message, field.name).add())
        elif field.is_required or draw(st.booleans()):
            if field.message_type:
                _fill(draw, getattr(message, field.name))
            else:
                setattr(message, field.name, draw(_SCALARS[field.type]))


@st.composite
def damaged(draw: st.DrawFn, bodies: st.SearchStrategy[bytes]) -> bytes:
    """Give bytes that were a push before something happened to them."""
    body = bytearray(draw(bodies))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(body)))
        match draw(st.sampled_from(["set", "cut", "insert", "repeat"])):
            case "set" if at < len(body):
                body[at] = draw(st.integers(0, 255))
            case "cut":
                del body[at : at + draw(st.integers(1, 4))]
            case "insert":
                body[at:at] = draw(st.binary(min_size=1, max_size=4))
            case "repeat":
                end = draw(st.integers(at, len(body)))
                body[end:end] = body[at:end]
    return bytes(body)

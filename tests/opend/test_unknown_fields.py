"""Fields that a newer OpenD adds are found, wherever they are."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from opend_kafka.opend.messages import response_type
from opend_kafka.opend.pb import Qot_UpdateTicker_pb2
from opend_kafka.opend.unknown_fields import (
    NAMED,
    has_unknown_fields,
    unknown_in_json,
    unknown_in_message,
)
from tests.opend.vectors import VECTORS, Vector

PUSHES = [one for one in VECTORS if one.proto_id in range(3005, 3016) and one.proto_id != 3010]

#: Field 2000, a varint, of value 1: no message of OpenD has got so far.
NEW_FIELD = b"\x80\x7d\x01"


def parsed(vector: Vector, body: bytes | None = None) -> Any:
    """Give a push's response."""
    return response_type(vector.proto_id).FromString(vector.body if body is None else body)


def messages(message: Any, path: str = "") -> list[tuple[str, Any]]:
    """Give a message and all messages in it, each with the path of its fields."""
    found = [(path, message)]
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in value if field.is_repeated else [value]:
                found += messages(part, f"{path}{field.name}.")
    return found


@pytest.mark.parametrize("vector", PUSHES, ids=str)
def test_push_of_sdk_has_none(vector: Vector) -> None:
    """What the SDK packed has no field that we lack."""
    assert not has_unknown_fields(parsed(vector), len(vector.body))
    assert unknown_in_message(parsed(vector)) == ()


@pytest.mark.parametrize("vector", PUSHES, ids=str)
def test_new_field_is_found_wherever_it_is(vector: Vector) -> None:
    """At each message of a push, however deep, one more field is noticed and named."""
    for index, (path, _) in enumerate(messages(parsed(vector))):
        message = parsed(vector)
        messages(message)[index][1].MergeFromString(NEW_FIELD)
        body = message.SerializeToString()
        assert unknown_in_message(parsed(vector, body)) == (f"{path}2000",)
        assert has_unknown_fields(parsed(vector, body), len(body))


def test_fields_are_dropped_once_they_were_found() -> None:
    """What is read on has its own fields only."""
    body = PUSHES[0].body + NEW_FIELD
    message = parsed(PUSHES[0], body)
    assert has_unknown_fields(message, len(body))
    assert message == parsed(PUSHES[0])


@given(st.binary(max_size=60))
def test_any_bytes_that_are_a_message_are_judged_alike(tail: bytes) -> None:
    """Whatever a body holds: where fields are named, they were noticed first."""
    body = PUSHES[0].body + tail
    try:
        message = parsed(PUSHES[0], body)
    except DecodeError:
        return
    if message.IsInitialized() and unknown_in_message(message):
        assert has_unknown_fields(message, len(body))


def test_no_more_are_named_than_a_log_line_holds() -> None:
    """A message of nothing but new fields names the first of them."""
    message = Qot_UpdateTicker_pb2.S2C()
    for number in range(1000, 1000 + 2 * NAMED):
        message.MergeFromString(bytes([number << 3 & 0x7F | 0x80, number >> 4, 1]))
    assert unknown_in_message(message) == tuple(str(1000 + index) for index in range(NAMED))


@pytest.mark.parametrize("vector", PUSHES, ids=str)
def test_json_of_sdk_has_none(vector: Vector) -> None:
    """OpenD's names are all ours."""
    descriptor = response_type(vector.proto_id).DESCRIPTOR
    assert unknown_in_json(vector.message, descriptor) == ()


@pytest.mark.parametrize(
    ("value", "fields"),
    [
        ({"retType": 0, "newField": 1}, ("newField",)),
        (
            {"s2c": {"tickerList": [{"a": 1}, {"b": 1}, {"a": 2}]}},
            ("s2c.tickerList.a", "s2c.tickerList.b"),
        ),
        ({"s2c": {"security": {"market": 1, "venue": {"price": 1}}}}, ("s2c.security.venue",)),
        ({"s2c": None}, ()),
        ([], ()),
    ],
)
def test_new_name_in_json_is_found(value: Any, fields: tuple[str, ...]) -> None:
    """JSON has names: each that is new, once, and nothing below it."""
    assert unknown_in_json(value, Qot_UpdateTicker_pb2.Response.DESCRIPTOR) == fields

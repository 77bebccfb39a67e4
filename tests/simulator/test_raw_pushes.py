"""Pushes that were recorded, sent again."""

from __future__ import annotations

import json

import pytest

from opend_kafka.opend.ciphers import Encryption, packet_cipher
from opend_kafka.opend.frames import BodyFormat, Frame, FrameReader
from opend_kafka.opend.messages import decode_push, encode_body, response_type
from opend_kafka.opend.pb.Qot_Common_pb2 import SubType_Ticker
from opend_kafka.simulator.pushes import Push
from opend_kafka.simulator.raw_pushes import raw_push
from tests.simulator.recordings import recorded

(TICKS, *_) = recorded(SubType_Ticker)
S2C = decode_push(TICKS.proto_id, TICKS.body)
IN_JSON = encode_body(response_type(TICKS.proto_id).FromString(TICKS.body), BodyFormat.JSON)


def _frame(push: Push, body_format: BodyFormat = BodyFormat.PROTOBUF) -> Frame:
    (frame,) = FrameReader().receive(push.numbered(7, body_format=body_format))
    assert frame.intact
    return frame


def test_raw_push_has_the_body_that_was_recorded() -> None:
    """Byte for byte, also fields that this version does not know."""
    newer = TICKS._replace(body=TICKS.body + b"\xf8\x07\x01")
    frame = _frame(raw_push((1,), newer, decode_push(newer.proto_id, newer.body)))
    assert (frame.proto_id, frame.serial, frame.body) == (3011, 7, newer.body)


def test_raw_push_is_written_in_json_for_those_who_want_it() -> None:
    """A body of protobuf becomes the same message in JSON."""
    frame = _frame(raw_push((1,), TICKS, S2C), BodyFormat.JSON)
    assert frame.format == BodyFormat.JSON
    assert json.loads(frame.body) == json.loads(IN_JSON)


def test_raw_push_is_written_in_protobuf_for_those_who_want_it() -> None:
    """A body that was recorded in JSON becomes the same message in protobuf."""
    frame = _frame(raw_push((1,), TICKS._replace(format=1, body=IN_JSON), S2C))
    assert (frame.format, decode_push(frame.proto_id, frame.body)) == (0, S2C)


@pytest.mark.parametrize("proto_id", [3011, 3999])
@pytest.mark.parametrize("wanted", BodyFormat)
def test_raw_push_that_cannot_be_read_stays_as_it_is(proto_id: int, wanted: BodyFormat) -> None:
    """What is no message, or none that is known, is sent as it came, whoever takes it."""
    frame = _frame(raw_push((1,), TICKS._replace(proto_id=proto_id, body=b"\xff")), wanted)
    assert (frame.proto_id, frame.format, frame.body) == (proto_id, 0, b"\xff")


def test_raw_push_is_encrypted() -> None:
    """A connection that encrypts has its pushes encrypted."""
    cipher = packet_cipher(Encryption.AES_CBC, "k" * 16, "i" * 16)
    data = raw_push((1,), TICKS, S2C).numbered(7, cipher)
    (frame,) = FrameReader(lambda proto_id: cipher).receive(data)
    assert (frame.intact, frame.body) == (True, TICKS.body)

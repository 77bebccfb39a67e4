"""Which ticks a dead letter stands for."""

from __future__ import annotations

from typing import Any

import pytest

from opend_kafka.cli.letters import ticks_of
from opend_kafka.opend.frames import BodyFormat
from opend_kafka.opend.messages import encode_body
from opend_kafka.opend.pb import Qot_UpdateTicker_pb2
from opend_kafka.opend.pb.Qot_Common_pb2 import Ticker


def _push(*sequences: int) -> Qot_UpdateTicker_pb2.Response:
    ticks = [
        Ticker(
            time="",
            sequence=sequence,
            dir=1,
            price=1.0,
            volume=1,
            turnover=1.0,
            recvTime=0.0,
            type=1,
        )
        for sequence in sequences
    ]
    s2c = {"security": {"market": 1, "code": "00700"}, "tickerList": ticks}
    return Qot_UpdateTicker_pb2.Response(retType=0, s2c=s2c)


def _letter(**fields: Any) -> dict[str, Any]:
    return {
        "proto_id": 3011,
        "reason": "unmappable",
        "push_indexes": None,
        "body_format": "PROTOBUF",
        "body": _push(7, 8, 9).SerializeToString(),
    } | fields


@pytest.mark.parametrize("body_format", BodyFormat)
def test_letter_of_a_whole_push_holds_all_its_ticks(body_format: BodyFormat) -> None:
    """In either format, each tick's security and sequence are read."""
    body = encode_body(_push(7, 2**60), body_format)
    letter = _letter(body=body, body_format=body_format.name)
    assert list(ticks_of(letter)) == [("HK", "00700", 7), ("HK", "00700", 2**60)]


def test_letter_of_some_rows_holds_only_those() -> None:
    """The push's other rows became records: they are not accounted for here."""
    assert [tick[2] for tick in ticks_of(_letter(push_indexes=[0, 2]))] == [7, 9]


def test_letter_of_a_partial_message_holds_what_can_be_read() -> None:
    """A tick without a required field has its sequence all the same."""
    push = _push(7)
    push.s2c.tickerList[0].ClearField("price")
    letter = _letter(body=push.SerializePartialToString(), reason="malformed")
    assert list(ticks_of(letter)) == [("HK", "00700", 7)]


@pytest.mark.parametrize(
    "fields",
    [
        {"proto_id": 3013},
        {"reason": "checksum"},
        {"reason": "undecipherable"},
        {"reason": "unknown_fields", "push_indexes": []},
        {"body": b"\xff\xff"},
        {"body": b"{", "body_format": "JSON"},
        {"body": b""},
    ],
)
def test_letter_without_ticks_accounts_for_none(fields: dict[str, Any]) -> None:
    """Another message, a damaged body, none, and a push that became records hold no ticks."""
    assert list(ticks_of(_letter(**fields))) == []

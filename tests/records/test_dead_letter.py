"""Dead letters as records."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opend_kafka import schemas
from opend_kafka.consuming.decoding import Decoder
from opend_kafka.errors import PushRejected
from opend_kafka.opend.events import Push
from opend_kafka.opend.messages import ProtoId
from opend_kafka.records.dead_letter import LIMIT, SCHEMA, DeadLetter

PREFIX = schemas.SINGLE_OBJECT_MAGIC + schemas.fingerprint(SCHEMA)
TIME_US = 1_700_000_000_123_456
CONN_ID = 7
U32 = st.integers(0, 2**32 - 1)
TEXTS = st.none() | st.text(max_size=20)
PUSHES = st.builds(
    Push,
    st.integers(0, 2**64 - 1),
    U32.filter(lambda number: number != ProtoId.INIT_CONNECT),
    U32,
    st.binary(max_size=200),
    st.integers(0, 255),
)


def _letter(push: Push, detail: str = "", **fields: Any) -> DeadLetter:
    return DeadLetter(TIME_US, "w", push, "malformed", detail, **fields)


def _fields(letter: DeadLetter, limit: int = LIMIT) -> dict[str, Any]:
    return Decoder().decode(letter.encode(PREFIX, limit=limit)).fields


@given(
    PUSHES,
    st.none() | st.lists(st.integers(0, 999), max_size=5).map(tuple),
    TEXTS,
    TEXTS,
    TEXTS,
)
def test_letter_reads_back(
    push: Push,
    push_indexes: tuple[int, ...] | None,
    subtype: str | None,
    market: str | None,
    code: str | None,
) -> None:
    """What goes in comes out, to the last byte of the body."""
    letter = _letter(
        push, "why", push_indexes=push_indexes, subtype=subtype, market=market, code=code
    )
    fields = _fields(letter)
    del fields["message"]
    assert fields.pop("body_format") == {0: "PROTOBUF", 1: "JSON"}.get(push.format, "UNKNOWN")
    conn_id = int.from_bytes(push.conn_id.to_bytes(8), signed=True) or None
    assert fields == {
        "time": datetime.fromtimestamp(1_700_000_000, UTC).replace(microsecond=123456),
        "worker": "w",
        "reason": "malformed",
        "detail": "why",
        "conn_id": conn_id,
        "proto_id": push.proto_id,
        "push_serial": push.serial,
        "push_indexes": None if push_indexes is None else list(push_indexes),
        "subtype": subtype,
        "market": market,
        "code": code,
        "body_format_code": push.format,
        "body_length": len(push.body),
        "body": push.body,
    }


@pytest.mark.parametrize(
    ("proto_id", "message"),
    [(3011, "Qot_UpdateTicker"), (1003, "Notify"), (3003, "Qot_GetSubInfo"), (9999, None)],
)
def test_letter_names_its_message(proto_id: int, message: str | None) -> None:
    """The message is named as OpenD names it; an unknown number has no name."""
    assert _fields(_letter(Push(CONN_ID, proto_id, 1, b"")))["message"] == message


@given(st.integers(2_000, 20_000), st.integers(0, 30_000))
def test_letter_fits_its_limit_and_keeps_the_bodys_beginning(limit: int, length: int) -> None:
    """A body that is too long is cut at its end, no more than needed, and its length is told."""
    body = bytes(number % 251 for number in range(length))
    letter = _letter(Push(CONN_ID, 3013, 1, body), "why")
    fields = _fields(letter, limit)
    assert len(letter.encode(PREFIX, limit=limit)) <= limit
    assert body.startswith(fields["body"])
    assert fields["body_length"] == length
    assert len(fields["body"]) == length or len(fields["body"]) > limit - 500


def test_letter_with_the_longest_body_fits() -> None:
    """Sixteen megabytes of rows that all were refused are still one record that Kafka takes."""
    push = Push(CONN_ID, 3011, 1, bytes(16 * 1024 * 1024))
    letter = _letter(push, "字" * 100_000, push_indexes=tuple(range(400_000)))
    assert len(letter.encode(PREFIX)) <= LIMIT


def test_letter_never_holds_a_connections_key() -> None:
    """Of InitConnect, whose reply carries the key, only the size is told."""
    fields = _fields(_letter(Push(CONN_ID, ProtoId.INIT_CONNECT, 1, b"connAESKey")))
    assert (fields["body"], fields["body_length"]) == (b"", 10)


def test_letter_takes_a_text_that_utf_8_cannot_carry() -> None:
    """Half a character, as JSON can hold it, is written in another way."""
    fields = _fields(_letter(Push(CONN_ID, 3011, 1, b""), "\ud800", code="\udfff"))
    assert (fields["detail"], fields["code"]) == ("\\ud800", "\\udfff")


def test_reasons_are_those_of_the_schema() -> None:
    """The schema explains every reason that there is."""
    (doc,) = (one["doc"] for one in schemas.load(SCHEMA)["fields"] if one["name"] == "reason")
    missing = [e.reason for e in PushRejected.__subclasses__() if f"{e.reason}: " not in doc]
    assert missing == []

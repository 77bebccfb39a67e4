"""Records from bytes, in both wire formats."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opend_kafka import schemas
from opend_kafka.consuming.decoding import Decoder, Record
from opend_kafka.errors import RecordUndecodable, RegistryUnreachable
from tests.consuming.samples import a_book, a_key, a_tick, avro, confluent, single_object

SAMPLES: list[tuple[str, dict[str, Any]]] = [
    ("opend.SecurityKey", a_key()),
    ("opend.Ticker", a_tick(7_710_787_784_742_543_129)),
    ("opend.Ticker", a_tick(-1, push_data_type=None, push_data_type_code=None, recv_time=None)),
    ("opend.OrderBook", a_book()),
    ("opend.OrderBook", a_book(asks=[], bids=[])),
]
_NAMES = [schema for schema, _ in SAMPLES]


def _registry(schema_id: int) -> str:
    """Stand in for a registry that holds our schemas under the ids 1, 2, 3."""
    known = {1: "opend.SecurityKey", 2: "opend.Ticker", 3: "opend.OrderBook"}
    if schema_id not in known:
        raise RecordUndecodable(f"the registry has no schema {schema_id}")
    return schemas.text(known[schema_id])


@pytest.mark.parametrize(("schema", "fields"), SAMPLES, ids=_NAMES)
def test_single_object_round_trips(schema: str, fields: dict[str, Any]) -> None:
    """What is written with a fingerprint is read back, without any registry."""
    assert Decoder().decode(single_object(schema, fields)) == Record(schema, fields)


@pytest.mark.parametrize(("schema", "fields"), SAMPLES, ids=_NAMES)
def test_confluent_format_round_trips(schema: str, fields: dict[str, Any]) -> None:
    """What is written with a registry's id is read back with the registry's schema."""
    schema_id = {"opend.SecurityKey": 1, "opend.Ticker": 2, "opend.OrderBook": 3}[schema]
    decoded = Decoder(_registry).decode(confluent(schema_id, schema, fields))
    assert decoded == Record(schema, fields)


def test_unwrap_gives_the_schema_and_the_body() -> None:
    """Who has a schema of their own to read by gets the writer's, and the bytes behind it."""
    schema, body = Decoder(_registry).unwrap(confluent(1, "opend.SecurityKey", a_key()))
    assert (schema["name"], body) == ("opend.SecurityKey", avro("opend.SecurityKey", a_key()))


def test_registry_is_asked_once_for_an_id() -> None:
    """A schema that was fetched is kept."""
    asked: list[int] = []

    def registry(schema_id: int) -> str:
        asked.append(schema_id)
        return _registry(schema_id)

    decoder = Decoder(registry)
    for sequence in range(3):
        decoder.decode(confluent(2, "opend.Ticker", a_tick(sequence)))
    assert asked == [2]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"", "the bytes begin with nothing", id="empty"),
        pytest.param(b"{}", "the bytes begin with 7b7d: neither Confluent's", id="JSON"),
        pytest.param(b"\x00\x00\x00", "the bytes begin with 0000", id="short id"),
        pytest.param(b"\xc3\x01\x00\x00", "no schema of this version", id="short fingerprint"),
        pytest.param(
            b"\xc3\x01" + bytes(8),
            "no schema of this version has the fingerprint 0000000000000000",
            id="unknown fingerprint",
        ),
        pytest.param(
            b"\x00\x00\x00\x00\x09", "the registry has no schema 9", id="unknown id"
        ),
    ],
)  # fmt: skip
def test_decode_refuses_what_is_no_record(data: bytes, expected: str) -> None:
    """Bytes in neither format, or of a schema that is not to be had, are refused with why."""
    with pytest.raises(RecordUndecodable) as refused:
        Decoder(_registry).decode(data)
    assert str(refused.value).startswith(expected)


def test_decode_asks_for_a_registry_where_a_record_needs_one() -> None:
    """A record with a schema id and no registry is refused with what to give."""
    with pytest.raises(RecordUndecodable, match=r"schema id 2 of a registry; give the registry"):
        Decoder().decode(confluent(2, "opend.Ticker", a_tick(1)))


@pytest.mark.parametrize(("schema", "fields"), SAMPLES, ids=_NAMES)
def test_decode_refuses_every_truncation(schema: str, fields: dict[str, Any]) -> None:
    """A record cut anywhere is refused, never half read."""
    data = single_object(schema, fields)
    decoder = Decoder()
    for length in range(len(data)):
        with pytest.raises(RecordUndecodable):
            decoder.decode(data[:length])


def test_decode_passes_on_that_the_registry_is_away() -> None:
    """A registry that does not answer is no fault of the record."""

    def registry(schema_id: int) -> str:
        raise RegistryUnreachable("http://localhost:1", "refused")

    with pytest.raises(RegistryUnreachable):
        Decoder(registry).decode(confluent(2, "opend.Ticker", a_tick(1)))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('syntax = "proto3";', id="Protobuf"),
        pytest.param('{"type": "object"}', id="JSON Schema"),
        pytest.param("", id="nothing"),
    ],
)
def test_decode_refuses_a_schema_that_is_not_avro(text: str) -> None:
    """A foreign record, whose registered schema is no Avro, is refused as any other."""
    with pytest.raises(RecordUndecodable):
        Decoder(lambda schema_id: text).decode(b"\x00\x00\x00\x00\x01\x02a")


def test_decode_refuses_a_schema_that_is_no_record() -> None:
    """A foreign key, whose schema is a bare string, is refused as no record."""
    with pytest.raises(RecordUndecodable):
        Decoder(lambda schema_id: '"string"').decode(b"\x00\x00\x00\x00\x01\x02a")


def test_decode_reads_with_the_writers_schema() -> None:
    """A record of a later version, with one more field, is read as it was written."""
    later = json.loads(schemas.text("opend.SecurityKey"))
    later["fields"].append({"name": "extra", "type": "int"})
    data = b"\x00\x00\x00\x00\x01" + avro("opend.SecurityKey", a_key()) + b"\x02"
    decoded = Decoder(lambda schema_id: json.dumps(later)).decode(data)
    assert decoded.fields == a_key() | {"extra": 1}


def test_learned_schema_of_another_version_is_read_without_a_registry() -> None:
    """Its records are known by their fingerprint, beside those of this version."""
    later = json.loads(schemas.text("opend.SecurityKey"))
    later["fields"].append({"name": "extra", "type": "int"})
    prefix = b"\xc3\x01" + schemas.fingerprint_of(schemas.parse(json.dumps(later)))
    data = prefix + avro("opend.SecurityKey", a_key()) + b"\x02"
    decoder = Decoder()
    decoder.learn(json.dumps(later))
    decoded = [
        decoder.decode(one).fields for one in (data, single_object("opend.SecurityKey", a_key()))
    ]
    assert decoded == [a_key() | {"extra": 1}, a_key()]


def test_schema_that_is_no_record_is_not_learned() -> None:
    """What is given by mistake is refused at once, and not with the first record."""
    with pytest.raises(RecordUndecodable, match="the schema given is no Avro record"):
        Decoder().learn('{"type": "int"}')


_PREFIXES = [b"", b"\x00\x00\x00\x00\x02", b"\x00\x00\x00\x00\x03"] + [
    single_object(schema, fields)[:10] for schema, fields in SAMPLES
]


@given(prefix=st.sampled_from(_PREFIXES), rest=st.binary())
def test_decode_reads_or_refuses_any_bytes(prefix: bytes, rest: bytes) -> None:
    """Any bytes are a record or RecordUndecodable."""
    with suppress(RecordUndecodable):
        record = Decoder(_registry).decode(prefix + rest)
        assert record.schema in (schemas.KEY, *schemas.VALUES)

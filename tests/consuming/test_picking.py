"""Fields picked out of records are those that fastavro reads."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opend_kafka import schemas
from opend_kafka.consuming.decoding import Decoder
from opend_kafka.consuming.picking import FieldPicker
from opend_kafka.errors import RecordUndecodable
from tests.consuming.samples import PROVENANCE, a_book, a_tick, confluent, single_object

FIELDS = ("code", "sequence", "push_data_type", "event_time", "provenance.ingest_time")

_LONGS = st.integers(-(2**63), 2**63 - 1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIMES = st.none() | st.integers(0, 2**50).map(lambda us: _EPOCH + timedelta(microseconds=us))


@pytest.fixture
def picker() -> FieldPicker:
    """Give a picker of a tick's fields that has no registry."""
    return FieldPicker(Decoder(), "opend.Ticker", FIELDS)


@given(
    sequence=_LONGS,
    code=st.text(max_size=80),
    name=st.none() | st.text(max_size=200),
    kind=st.sampled_from([None, "UNKNOWN", "REALTIME", "BYDISCONN", "CACHE"]),
    event_time=_TIMES,
    conn_id=_LONGS,
)
def test_picker_reads_what_fastavro_reads(
    sequence: int,
    code: str,
    name: str | None,
    kind: str | None,
    event_time: datetime | None,
    conn_id: int,
) -> None:
    """Whatever stands in the fields around them, those picked are the record's."""
    tick = a_tick(
        sequence,
        code=code,
        name=name,
        push_data_type=kind,
        event_time=event_time,
        provenance=PROVENANCE | {"conn_id": conn_id},
    )
    data = single_object("opend.Ticker", tick)
    picked = FieldPicker(Decoder(), "opend.Ticker", FIELDS).pick(data)
    ingest_us = (tick["provenance"]["ingest_time"] - _EPOCH) // timedelta(microseconds=1)
    event_us = event_time and (event_time - _EPOCH) // timedelta(microseconds=1)
    assert picked == [code, sequence, kind, event_us, ingest_us]


@given(data=st.binary(max_size=200), cut=st.integers(0, 200))
def test_any_bytes_are_a_record_or_a_documented_error(data: bytes, cut: int) -> None:
    """Bytes that are none, and records cut short, raise RecordUndecodable and nothing else."""
    picker = FieldPicker(Decoder(), "opend.Ticker", FIELDS)
    whole = single_object("opend.Ticker", a_tick(7))
    for bad in (data, whole[:10] + data, whole[:cut]):
        if bad != whole:
            try:
                assert len(picker.pick(bad)) == len(FIELDS)
            except RecordUndecodable:
                continue


def test_picker_refuses_bytes_beyond_the_record(picker: FieldPicker) -> None:
    """What has more bytes than its schema says is no such record."""
    with pytest.raises(RecordUndecodable, match=r"no opend\.Ticker"):
        picker.pick(single_object("opend.Ticker", a_tick(7)) + b"\0")


def test_picker_refuses_another_record(picker: FieldPicker) -> None:
    """A book among ticks is named."""
    with pytest.raises(RecordUndecodable, match=r"is a opend\.OrderBook, no opend\.Ticker"):
        picker.pick(single_object("opend.OrderBook", a_book()))


def _with_field(field: dict[str, Any]) -> str:
    schema = json.loads(schemas.text("opend.Ticker"))
    schema["fields"].insert(3, field)
    return json.dumps(schema)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ({"type": "array", "items": "string"}, ["a", "b"]),
        (["null", "string", "long"], 5),
        (["string", "null"], None),
        ({"type": "map", "values": "long"}, {"a": 1}),
        (["null", {"type": "record", "name": "x", "fields": []}], None),
        (
            [
                "null",
                {
                    "type": "record",
                    "name": "y",
                    "fields": [{"name": "z", "type": ["null", "long"]}],
                },
            ],
            {"z": None},
        ),
        (["null", "opend.Ticker"], None),
        ("boolean", True),
        ("float", 0.5),
        ("bytes", b"\xff"),
    ],
)
def test_picker_reads_schemas_of_other_versions(kind: Any, value: Any) -> None:
    """A field of any type that another version has does not stand in the way."""
    text = _with_field({"name": "newer", "type": kind})
    out = BytesIO()
    fastavro.schemaless_writer(out, schemas.parse(text), a_tick(7) | {"newer": value})
    picker = FieldPicker(Decoder(lambda _: text), "opend.Ticker", ("market", "sequence"))
    assert picker.pick(b"\0\0\0\0\x01" + out.getvalue()) == ["HK", 7]


def test_picker_gives_none_for_a_field_that_the_schema_lacks() -> None:
    """A version without a field has None in its place."""
    text = schemas.text("opend.Ticker")
    picker = FieldPicker(Decoder(lambda _: text), "opend.Ticker", ("sequence", "absent", "no.no"))
    assert picker.pick(confluent(1, "opend.Ticker", a_tick(7))) == [7, None, None]


def test_picker_gives_fields_as_asked_for_whatever_the_schemas_order() -> None:
    """A version with its fields in another order gives the same."""
    schema = json.loads(schemas.text("opend.Ticker"))
    schema["fields"].reverse()
    text = json.dumps(schema)
    out = BytesIO()
    fastavro.schemaless_writer(out, schemas.parse(text), a_tick(7))
    picker = FieldPicker(Decoder(lambda _: text), "opend.Ticker", ("market", "sequence"))
    assert picker.pick(b"\0\0\0\0\x01" + out.getvalue()) == ["HK", 7]

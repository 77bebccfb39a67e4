"""Watermarks as records."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opend_kafka import schemas
from opend_kafka.consuming.decoding import Decoder
from opend_kafka.errors import RecordUndecodable
from opend_kafka.opend.securities import Security
from opend_kafka.records.watermark import SCHEMA, Block, Watermark, decode

LONGS = st.integers(-(2**63), 2**63 - 1)
#: Until the end of year 9999, the last that a datetime can say.
TIMES = st.integers(0, 253_402_300_799_999_999)
BLOCKS = st.builds(Block, LONGS, st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1))
WATERMARKS = st.builds(
    Watermark,
    st.builds(Security, st.text(), st.text()),
    st.none() | LONGS,
    st.lists(BLOCKS, max_size=16).map(tuple),
    TIMES,
    st.text(),
)
TENCENT = Watermark(Security("HK", "00700"), 7, (Block(3, 2, 10),), 1_700_000_000_123_456, "w")


@given(WATERMARKS)
def test_watermark_reads_back(watermark: Watermark) -> None:
    """What goes in comes out."""
    assert decode(watermark.encode()) == watermark


def test_watermark_reads_back_through_the_schema_that_a_registry_keeps() -> None:
    """The writer's schema, as parsed from the registry's text, resolves to this version's."""
    writer = schemas.parse(schemas.text(SCHEMA))
    assert decode(TENCENT.encode(), writer) == TENCENT


def test_watermark_reads_back_from_a_newer_schema() -> None:
    """A field that a newer version writes is passed over."""
    newer = schemas.parse(schemas.text(SCHEMA))
    newer["fields"].append({"name": "newer", "type": "string"})
    assert decode(TENCENT.encode() + b"\x02x", newer) == TENCENT


def test_watermark_stands_behind_its_prefix() -> None:
    """A consumer's decoder takes it for what it is."""
    prefix = schemas.SINGLE_OBJECT_MAGIC + schemas.fingerprint(SCHEMA)
    record = Decoder().decode(TENCENT.encode(prefix))
    assert (record.schema, record.fields["sequence"]) == (SCHEMA, 7)


@given(st.binary())
def test_any_bytes_are_a_watermark_or_undecodable(body: bytes) -> None:
    """Bytes read, or are refused with the one error; nothing else happens."""
    with suppress(RecordUndecodable):
        assert isinstance(decode(body), Watermark)


def test_record_of_another_kind_is_undecodable_in_one_line() -> None:
    """A schema that does not resolve is named, and not shown whole."""
    with pytest.raises(RecordUndecodable, match=r"written as opend\.SecurityKey$"):
        decode(b"\x04HK\x02x", schemas.load(schemas.KEY))

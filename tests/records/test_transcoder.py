"""The compiled engine against the plain one: the same bytes, or a refusal."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opend_kafka.errors import PushRejected
from opend_kafka.opend.messages import read_push, response_type
from opend_kafka.records.engine import Provenance, RecordEncoder
from opend_kafka.records.kinds import KINDS
from opend_kafka.records.programs import program
from opend_kafka.records.tables import Kind
from opend_kafka.records.ticker import TICKER
from tests.compiled import compiled as compiled_module
from tests.records.pushes import damaged, pushes
from tests.records.wire import PROVENANCE

PREFIX = b"\x00\x00\x00\x00\x07"
PUSHED = PROVENANCE.map(lambda one: Provenance(one.conn_id, one.push_serial, one.ingest_time_us))

ENCODERS = {kind.proto_id: RecordEncoder(kind) for kind in KINDS}
TRANSCODERS = {
    kind.proto_id: compiled_module("opend_kafka.records.transcoder").Transcoder(program(kind))
    for kind in KINDS
}

Rows = list[tuple[Any, ...]]

by_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.schema)


def plain(kind: Kind, body: bytes, provenance: Provenance) -> Rows | None:
    """Give the plain engine's rows; None where it rejects any, or finds what it does not know."""
    encoder = ENCODERS[kind.proto_id]
    try:
        s2c, unknown_fields = read_push(kind.proto_id, body)
        if unknown_fields:
            return None
        return [
            (
                row.subtype,
                row.market_number,
                row.code,
                row.push_data_type,
                row.sequence,
                encoder.encode(s2c, row, index, provenance, PREFIX),
            )
            for index, row in enumerate(encoder.rows(s2c))
        ]
    except PushRejected:
        return None


def compiled(kind: Kind, body: bytes, provenance: Provenance) -> Rows | None:
    """Give the compiled engine's rows; None where it refuses."""
    rows: Rows | None = TRANSCODERS[kind.proto_id].transcode(body, PREFIX, provenance)
    return rows


@by_kind
@settings(max_examples=60)
@given(st.data())
def test_ordinary_push_becomes_the_plain_engines_bytes(kind: Kind, data: st.DataObject) -> None:
    """Whatever OpenD may put into a push, none is refused but what the plain engine rejects."""
    body, provenance = data.draw(pushes(kind)), data.draw(PUSHED)
    assert compiled(kind, body, provenance) == (plain(kind, body, provenance) or None)


@by_kind
@settings(max_examples=120)
@given(st.data())
def test_damaged_push_becomes_the_plain_engines_bytes_or_is_refused(
    kind: Kind, data: st.DataObject
) -> None:
    """No bytes, however broken, become another record than the plain engine's."""
    body, provenance = data.draw(damaged(pushes(kind))), data.draw(PUSHED)
    rows = compiled(kind, body, provenance)
    assert rows is None or rows == plain(kind, body, provenance)


@by_kind
@given(st.binary(max_size=64))
def test_any_bytes_are_read_within_their_end(kind: Kind, body: bytes) -> None:
    """Bytes that were never a push are refused, or are what the plain engine makes of them."""
    provenance = Provenance(1, 2, 3)
    rows = compiled(kind, body, provenance)
    assert rows is None or rows == plain(kind, body, provenance)


@by_kind
@settings(max_examples=60)
@given(st.data())
def test_event_time_is_the_plain_engines_or_refused(kind: Kind, data: st.DataObject) -> None:
    """A record's own time is the same; where a text has to be read for it, it is refused."""
    body = data.draw(pushes(kind))
    ingest_us = data.draw(st.integers(10**15, 2 * 10**15))
    provenance = Provenance(1, 2, ingest_us)
    if compiled(kind, body, provenance) is None:
        return
    encoder = ENCODERS[kind.proto_id]
    s2c = read_push(kind.proto_id, body).s2c
    for index, row in enumerate(encoder.rows(s2c)):
        own = TRANSCODERS[kind.proto_id].event_time_ms(index, ingest_us)
        assert own in (-1, encoder.event_time_ms(s2c, row, ingest_us))


def _ticks(rows: int, code: str) -> bytes:
    push: Any = response_type(TICKER.proto_id)(retType=0)
    push.s2c.security.market, push.s2c.security.code = 1, code
    for number in range(rows):
        push.s2c.tickerList.add(
            time="", sequence=number, dir=1, price=1, volume=1, turnover=1, timestamp=1.7e9
        )
    return bytes(push.SerializeToString())


@pytest.mark.parametrize(
    ("rows", "code", "refused"),
    [
        (4096, "A", False),
        (4097, "A", True),
        (1, "A" * 200, False),
        (1, "A" * 300, True),
    ],
)
def test_push_larger_than_any_is_refused(rows: int, code: str, refused: bool) -> None:
    """What a host may have kept in memory has an end: its rows, and the names of securities."""
    made = compiled(TICKER, _ticks(rows, code), Provenance(1, 2, 3))
    assert made is None if refused else made is not None and len(made) == rows


@pytest.mark.parametrize(
    "start",
    [
        b"\x88\x80\x80\x80\x80\x80\x00\x00\x22\x2c",
        b"\x08\x80\x80\x80\x80\x80\x00\x22\x2c",
        b"\x08\x00\x22\xac\x80\x80\x80\x80\x80\x00",
        b"\x08\x00\x08\x00\x22\x2c",
    ],
    ids=["tag", "value", "length", "twice"],
)
def test_push_not_as_protobuf_writes_it_is_refused(start: bytes) -> None:
    """What protobuf's readers may see in two ways is for the plain engine."""
    usual, rest = b"\x08\x00\x22\x2c", _ticks(1, "A")[4:]
    assert compiled(TICKER, usual + rest, Provenance(1, 2, 3))
    assert compiled(TICKER, start + rest, Provenance(1, 2, 3)) is None

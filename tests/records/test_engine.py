"""What the engine does for every table: provenance, times, refusals, and tables that do not fit."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from opend_kafka import schemas
from opend_kafka.consuming.decoding import Decoder
from opend_kafka.errors import RecordUnmappable
from opend_kafka.opend.messages import ProtoId, decode_push
from opend_kafka.opend.pb import Qot_UpdateOrderBook_pb2, Qot_UpdateTicker_pb2
from opend_kafka.opend.pb.Qot_Common_pb2 import Security
from opend_kafka.records.engine import Provenance, RecordEncoder
from opend_kafka.records.order_book import ORDER_BOOK
from opend_kafka.records.tables import Each, Field, Kind, Micros, One
from opend_kafka.records.ticker import TICKER
from tests.records.wire import DOUBLE, read

ENCODER = RecordEncoder(TICKER)
FIRST = Provenance(conn_id=1, push_serial=2, ingest_time_us=3)


def push(*, code: str = "00700", time: str = "t", **changes: Any) -> Qot_UpdateTicker_pb2.S2C:
    """Give a push of one tick that has only what it must, and the changes."""
    s2c = Qot_UpdateTicker_pb2.S2C(security=Security(market=1, code=code), name="name")
    s2c.tickerList.add(sequence=1, dir=1, price=1, volume=1, turnover=1, time=time, **changes)
    return s2c


def encode(
    s2c: Qot_UpdateTicker_pb2.S2C,
    *,
    provenance: Provenance = FIRST,
    push_index: int = 0,
    prefix: bytes = b"",
) -> bytes:
    """Give the bytes of the only record of a push."""
    (row,) = ENCODER.rows(s2c)
    return ENCODER.encode(s2c, row, push_index, provenance, prefix)


def read_provenance(**fields: Any) -> dict[str, Any]:
    """Give the provenance of a record that was made with this one."""
    provenance = replace(FIRST, **fields)
    got: dict[str, Any] = read("opend.Ticker", encode(push(), provenance=provenance))["provenance"]
    return got


# Provenance and prefix


@pytest.mark.parametrize(
    ("on_the_wire", "in_the_record"),
    [
        (0, 0),
        (6825335709542277011, 6825335709542277011),
        (2**63 - 1, 2**63 - 1),
        (2**63, -(2**63)),
        (2**64 - 1, -1),
    ],
)
def test_conn_id_is_kept_as_twos_complement(on_the_wire: int, in_the_record: int) -> None:
    """OpenD's uint64 stands in Avro's long with the same 64 bits."""
    assert read_provenance(conn_id=on_the_wire)["conn_id"] == in_the_record


def test_push_serial_is_kept_over_its_whole_range() -> None:
    """A serial is a u32: Avro's int would be too small for it."""
    assert read_provenance(push_serial=2**32 - 1)["push_serial"] == 2**32 - 1


def test_ingest_time_is_kept() -> None:
    """The ingest time is the worker's, to the microsecond."""
    assert read_provenance(ingest_time_us=1_700_000_000_000_001)["ingest_time"] == (
        1_700_000_000_000_001
    )


@pytest.mark.parametrize("origin", ["PUSH", "REPAIR"])
def test_origin_is_kept(origin: str) -> None:
    """A record says whether it was pushed or repaired."""
    assert read_provenance(origin=origin)["origin"] == origin


def test_origin_is_push_where_nothing_is_said() -> None:
    """What is not repaired was pushed."""
    assert FIRST.origin == "PUSH"


def test_push_index_is_kept() -> None:
    """A record knows its place in its push."""
    got = read("opend.Ticker", encode(push(), push_index=999))
    assert got["provenance"]["push_index"] == 999


def test_prefix_stands_before_the_record() -> None:
    """The bytes of the wire format come first, unchanged, and the record follows."""
    assert encode(push(), prefix=b"\x00\x00\x00\x01\x02") == b"\x00\x00\x00\x01\x02" + encode(
        push()
    )


# Times


def event_time(seconds: float) -> int | None:
    """Give the record's event_time of a timestamp on the wire."""
    got: int | None = read("opend.Ticker", encode(push(timestamp=seconds)))["event_time"]
    return got


@given(st.integers(1, 4_102_444_800_000_000))  # until 2100
@example(4_270_887_172)  # cut off instead of rounded, it would lose one
@example(1_624_588_428_173_763)
def test_time_is_exact_to_the_microsecond(micros: int) -> None:
    """A time of this century that has whole microseconds keeps them all."""
    assert event_time(micros / 1_000_000) == micros


@pytest.mark.parametrize(
    "seconds",
    [0.0, -0.0, float("nan"), float("inf"), float("-inf"), 1e300, -1e300, 2.0**63],
)
def test_time_that_is_none_is_null(seconds: float) -> None:
    """Zero, NaN, infinity and numbers that are no date are no time: null."""
    assert event_time(seconds) is None


@given(DOUBLE)
@example(1e12)  # milliseconds, taken for seconds
@example(-1e12)
@example(253_402_300_800.0)  # the first second of the year 10000
@example(-62_135_596_801.0)  # the last one before the year 1
def test_record_with_any_time_can_be_read(seconds: float) -> None:
    """Our own consumer reads every record that the engine makes: no date is out of its range."""
    prefix = schemas.SINGLE_OBJECT_MAGIC + schemas.fingerprint("opend.Ticker")
    record = Decoder().decode(encode(push(timestamp=seconds, recvTime=seconds), prefix=prefix))
    assert record.fields["recv_time"] == record.fields["event_time"]


def test_time_is_read_as_utc() -> None:
    """A consumer gets an aware datetime in UTC, to the microsecond."""
    prefix = schemas.SINGLE_OBJECT_MAGIC + schemas.fingerprint("opend.Ticker")
    record = Decoder().decode(encode(push(timestamp=1_624_588_428.173763), prefix=prefix))
    assert record.fields["event_time"] == datetime(2021, 6, 25, 2, 33, 48, 173763, tzinfo=UTC)


# Refusals


def spoilt(s2c: Qot_UpdateTicker_pb2.S2C) -> Qot_UpdateTicker_pb2.S2C:
    """Give a push, as read from the wire, in which "SPOIL" is no UTF-8."""
    response = Qot_UpdateTicker_pb2.Response(retType=0, s2c=s2c)
    body = response.SerializeToString().replace(b"SPOIL", b"SP\xffIL")
    got: Qot_UpdateTicker_pb2.S2C = decode_push(ProtoId.QOT_UPDATE_TICKER, body)
    return got


def named(name: str) -> Qot_UpdateTicker_pb2.S2C:
    """Give a push of a security with that name."""
    s2c = push()
    s2c.name = name
    return s2c


@pytest.mark.parametrize(
    "s2c", [push(code="SPOIL"), push(time="SPOIL"), named("SPOIL")], ids=["code", "time", "name"]
)
def test_text_that_is_no_utf8_is_unmappable(s2c: Qot_UpdateTicker_pb2.S2C) -> None:
    """A string that has no place in Avro is refused, not mangled."""
    with pytest.raises(RecordUnmappable) as caught:
        encode(spoilt(s2c))
    assert caught.value.schema == "opend.Ticker"


def test_text_that_is_no_utf8_in_book_is_unmappable() -> None:
    """Books are judged as ticks are."""
    s2c = Qot_UpdateOrderBook_pb2.S2C(security=Security(market=1, code="1"), svrRecvTimeBid="SPOIL")
    body = Qot_UpdateOrderBook_pb2.Response(retType=0, s2c=s2c).SerializeToString()
    received = decode_push(ProtoId.QOT_UPDATE_ORDER_BOOK, body.replace(b"SPOIL", b"SP\xffIL"))
    encoder = RecordEncoder(ORDER_BOOK)
    (row,) = encoder.rows(received)
    with pytest.raises(RecordUnmappable):
        encoder.encode(received, row, 0, FIRST)


# Tables that do not fit


def with_field(field: Field) -> Kind:
    """Give the ticker's table with another first field."""
    return replace(TICKER, fields=(field, *TICKER.fields[1:]))


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        (replace(TICKER, fields=TICKER.fields[:-1]), "the table of opend.Ticker is not its schema"),
        (replace(TICKER, fields=TICKER.fields[::-1]), "is not its schema"),
        (with_field(Field("market", "s2c.security.nope")), "Security has no field nope"),
        (with_field(Field("market", "row.nope")), "Ticker has no field nope"),
        (with_field(Field("market", "s2c.tickerList")), "tickerList is repeated"),
        (with_field(Field("market", "s2c.tickerList", Micros())), "tickerList is repeated"),
        (with_field(Field("market", "s2c.name", Each(()))), "does not convert a single value"),
        (with_field(Field("market", "s2c.name", One(()))), "name is no message"),
        (with_field(Field("market", "s2c.tickerList", One(()))), "tickerList is repeated"),
    ],
)
def test_table_that_does_not_fit_is_refused(kind: Kind, fault: str) -> None:
    """A mistake in a table is found when its encoder is built, before any push has come."""
    with pytest.raises(ValueError, match=fault):
        RecordEncoder(kind)

"""Ticks become records that hold all that OpenD sent, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opend_kafka.opend.messages import ProtoId, decode_push
from opend_kafka.opend.pb import Qot_UpdateTicker_pb2
from opend_kafka.opend.pb.Qot_Common_pb2 import Security
from opend_kafka.opend.subscriptions import Subtype
from opend_kafka.records.engine import Provenance, RecordEncoder
from opend_kafka.records.ticker import TICKER
from tests.opend.vectors import vector
from tests.records.wire import (
    DOUBLE,
    INT32,
    INT64,
    MARKET,
    PROVENANCE,
    TEXT,
    Double,
    Time,
    maybe,
    present,
    provenance_record,
    read,
    symbol,
)

ENCODER = RecordEncoder(TICKER)
PROVENANCE_OF_TESTS = Provenance(conn_id=7, push_serial=9, ingest_time_us=1_624_588_428_200_000)

TICKS = st.fixed_dictionaries(
    {
        "time": TEXT,
        "sequence": INT64,
        "dir": INT32 | st.integers(-1, 4),
        "price": DOUBLE,
        "volume": INT64,
        "turnover": DOUBLE,
        "recvTime": maybe(DOUBLE),
        "type": maybe(INT32 | st.integers(-1, 33)),
        "typeSign": maybe(INT32),
        "pushDataType": maybe(INT32 | st.integers(-1, 4)),
        "timestamp": maybe(DOUBLE),
        "hpVolume": maybe(DOUBLE),
    }
)


def push(**changes: Any) -> Qot_UpdateTicker_pb2.S2C:
    """Give a push of one tick that has only what it must, and the changes."""
    s2c = Qot_UpdateTicker_pb2.S2C(security=Security(market=1, code="00700"))
    tick = {"time": "t", "sequence": 1, "dir": 1, "price": 1.0, "volume": 1, "turnover": 1.0}
    s2c.tickerList.add(**{**tick, **changes})
    return s2c


def records(s2c: Qot_UpdateTicker_pb2.S2C) -> list[dict[str, Any]]:
    """Give the records of a push, as a consumer reads them."""
    return [
        read("opend.Ticker", ENCODER.encode(s2c, row, index, PROVENANCE_OF_TESTS))
        for index, row in enumerate(ENCODER.rows(s2c))
    ]


def record(**changes: Any) -> dict[str, Any]:
    """Give the record of a push of one tick."""
    (only,) = records(push(**changes))
    return only


def records_of_vector(name: str) -> list[dict[str, Any]]:
    """Give the records of one of the SDK's frames."""
    return records(decode_push(ProtoId.QOT_UPDATE_TICKER, vector(name).body))


def test_tick_of_sdk_is_kept_field_by_field() -> None:
    """A real-time tick, packed by the SDK, gives a record with every field of it."""
    assert records_of_vector("ticker_realtime_hk") == [
        {
            "market": "HK",
            "code": "00700",
            "name": "TENCENT",
            "sequence": 6977554167720056556,
            "push_data_type": "REALTIME",
            "push_data_type_code": 1,
            "time": "2021-06-25 10:33:48",
            "event_time": 1_624_588_428_000_000,
            "price": 587.0,
            "volume": 100,
            "turnover": 58700.0,
            "ticker_direction": "SELL",
            "ticker_direction_code": 2,
            "type": "AUTO_MATCH",
            "type_code": 1,
            "type_sign": 32,
            "hp_volume": None,
            "recv_time": 1_624_588_428_173_763,
            "provenance": {
                "origin": "PUSH",
                "conn_id": 7,
                "push_serial": 9,
                "push_index": 0,
                "ingest_time": 1_624_588_428_200_000,
            },
        }
    ]


def test_cached_tick_of_sdk_has_no_times_of_zero() -> None:
    """A cached tick, whose recvTime is 0, has no receive time; a name that is absent is null."""
    (tick,) = records_of_vector("ticker_cache_hk")
    assert (tick["recv_time"], tick["name"], tick["push_data_type"]) == (None, None, "CACHE")


def test_push_of_three_ticks_gives_three_records_in_order() -> None:
    """Each element of tickerList becomes a record, with its place in the push."""
    sent = vector("ticker_bydisconn_three").message["s2c"]["tickerList"]
    assert [
        (str(tick["sequence"]), tick["push_data_type"], tick["provenance"]["push_index"])
        for tick in records_of_vector("ticker_bydisconn_three")
    ] == [(tick["sequence"], "BYDISCONN", index) for index, tick in enumerate(sent)]


def test_tick_of_newer_type_keeps_its_number() -> None:
    """A type that is newer than the table is UNKNOWN, and its number is kept."""
    sent = vector("ticker_unknown_type").message["s2c"]["tickerList"][0]["type"]
    (tick,) = records_of_vector("ticker_unknown_type")
    assert (tick["type"], tick["type_code"]) == ("UNKNOWN", sent)


def test_us_odd_lot_of_sdk_keeps_its_type() -> None:
    """An off-market print is a record like others: consumers see its type."""
    (tick,) = records_of_vector("ticker_cache_us_odd_lot")
    assert (tick["market"], tick["type"], tick["type_code"]) == ("US", "ODD_LOT", 6)


@pytest.mark.parametrize(
    "name",
    [
        "name",
        "push_data_type",
        "push_data_type_code",
        "event_time",
        "type",
        "type_code",
        "type_sign",
        "hp_volume",
        "recv_time",
    ],
)
def test_absent_field_is_null(name: str) -> None:
    """What OpenD did not send is null, never a made-up zero."""
    assert record()[name] is None


@pytest.mark.parametrize(
    ("field", "name"), [("typeSign", "type_sign"), ("type", "type_code"), ("hpVolume", "hp_volume")]
)
def test_zero_that_was_sent_is_zero(field: str, name: str) -> None:
    """A zero on the wire is a zero in the record: it was sent."""
    assert record(**{field: 0})[name] == 0


def test_enum_number_zero_is_unknown_with_its_code() -> None:
    """The number 0, which the SDK calls N/A, is UNKNOWN, and was sent."""
    tick = record(dir=0, type=0, pushDataType=0)
    assert (tick["ticker_direction"], tick["type"], tick["push_data_type"]) == ("UNKNOWN",) * 3
    assert (tick["ticker_direction_code"], tick["type_code"], tick["push_data_type_code"]) == (
        0,
        0,
        0,
    )


@pytest.mark.parametrize("time", ["2021-06-25 05:25:44.116", "10:33:47", "", " x "])
def test_time_string_is_kept_as_it_came(time: str) -> None:
    """OpenD's own string is kept, whatever its form."""
    assert record(time=time)["time"] == time


@pytest.mark.parametrize("sequence", [2**63 - 1, -(2**63), 2**53 + 1])
def test_sequence_is_intact(sequence: int) -> None:
    """No sequence goes through a float."""
    assert record(sequence=sequence)["sequence"] == sequence


def test_row_tells_what_routing_needs() -> None:
    """A row has its subtype, the security as numbers and text, and how it came."""
    (row,) = ENCODER.rows(push(pushDataType=2))
    assert (row.subtype, row.market_number, row.code, row.push_data_type) == (
        Subtype.TICKER,
        1,
        "00700",
        "BYDISCONN",
    )


def test_row_without_push_data_type_has_empty_one() -> None:
    """A label for metrics is a string always."""
    (row,) = ENCODER.rows(push())
    assert row.push_data_type == ""


def test_push_without_ticks_gives_no_records() -> None:
    """An empty tickerList is nothing to write."""
    assert records(Qot_UpdateTicker_pb2.S2C(security=Security(market=1, code="1"))) == []


@given(MARKET, TEXT, maybe(TEXT), st.lists(TICKS, max_size=3), PROVENANCE)
def test_any_push_is_kept_field_by_field(
    market: tuple[int, str],
    code: str,
    name: str | None,
    ticks: list[dict[str, Any]],
    provenance: Provenance,
) -> None:
    """Whatever OpenD sends, each record holds exactly that: same numbers, same text, nulls."""
    s2c = Qot_UpdateTicker_pb2.S2C(
        security=Security(market=market[0], code=code), **present(name=name)
    )
    for tick in ticks:
        s2c.tickerList.add(**present(**tick))
    received = Qot_UpdateTicker_pb2.S2C.FromString(s2c.SerializeToString())
    got = [
        read("opend.Ticker", ENCODER.encode(received, row, index, provenance))
        for index, row in enumerate(ENCODER.rows(received))
    ]
    assert got == [
        {
            "market": market[1],
            "code": code,
            "name": name,
            "sequence": tick["sequence"],
            "push_data_type": symbol("opend.PushDataType", tick["pushDataType"]),
            "push_data_type_code": tick["pushDataType"],
            "time": tick["time"],
            "event_time": Time(tick["timestamp"]),
            "price": Double(tick["price"]),
            "volume": tick["volume"],
            "turnover": Double(tick["turnover"]),
            "ticker_direction": symbol("opend.TickerDirect", tick["dir"]),
            "ticker_direction_code": tick["dir"],
            "type": symbol("opend.TickerType", tick["type"]),
            "type_code": tick["type"],
            "type_sign": tick["typeSign"],
            "hp_volume": Double(tick["hpVolume"]),
            "recv_time": Time(tick["recvTime"]),
            "provenance": provenance_record(provenance, index),
        }
        for index, tick in enumerate(ticks)
    ]

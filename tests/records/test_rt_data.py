"""Points of the intraday line become records that hold all that OpenD sent."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from opend_kafka.opend.messages import ProtoId, decode_push
from opend_kafka.opend.pb.Qot_Common_pb2 import Security, TimeShare
from opend_kafka.opend.pb.Qot_UpdateRT_pb2 import S2C
from opend_kafka.opend.subscriptions import Subtype
from opend_kafka.records.engine import Provenance, RecordEncoder
from opend_kafka.records.rt_data import RT_DATA
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
    whole,
)

ENCODER = RecordEncoder(RT_DATA)
RECEIVED = Provenance(conn_id=7, push_serial=9, ingest_time_us=1_624_588_440_200_000)

POINTS = st.fixed_dictionaries(
    {
        "time": TEXT,
        "minute": INT32,
        "isBlank": st.booleans(),
        **{
            name: maybe(DOUBLE)
            for name in (
                "price",
                "lastClosePrice",
                "avgPrice",
                "turnover",
                "timestamp",
                "hpVolume",
            )
        },
        "volume": maybe(INT64),
    }
)


def expected(s2c: dict[str, Any], point: dict[str, Any], market: str) -> dict[str, Any]:
    """Give what a consumer must read of one point, but for its provenance."""
    return {
        "market": market,
        "code": s2c["security"]["code"],
        "name": s2c.get("name"),
        "time": point["time"],
        "time_at": Time(point.get("timestamp")),
        "opened_mins": point["minute"],
        "is_blank": point["isBlank"],
        "cur_price": Double(point.get("price")),
        "last_close": Double(point.get("lastClosePrice")),
        "avg_price": Double(point.get("avgPrice")),
        "volume": whole(point.get("volume")),
        "turnover": Double(point.get("turnover")),
        "hp_volume": Double(point.get("hpVolume")),
    }


def records(s2c: S2C, provenance: Provenance = RECEIVED) -> list[dict[str, Any]]:
    """Give the records of a push, as a consumer reads them."""
    return [
        read("opend.RtData", ENCODER.encode(s2c, row, index, provenance))
        for index, row in enumerate(ENCODER.rows(s2c))
    ]


def test_points_of_sdk_are_kept() -> None:
    """Each point that the SDK packed gives a record with each of its values, in order."""
    sent = vector("rt_two_points").message["s2c"]
    got = records(decode_push(ProtoId.QOT_UPDATE_RT, vector("rt_two_points").body))
    for record in got:
        del record["provenance"]
    assert got == [expected(sent, point, "HK") for point in sent["rtList"]]


@given(maybe(TEXT), MARKET, st.lists(POINTS), PROVENANCE)
def test_any_point_is_kept(
    name: str | None,
    market: tuple[int, str],
    points: list[dict[str, Any]],
    provenance: Provenance,
) -> None:
    """Whatever OpenD sends, each point is a record of its own with all of it, and no more."""
    s2c = S2C(
        **present(name=name),
        security=Security(market=market[0], code="00700"),
        rtList=[TimeShare(**present(**point)) for point in points],
    )
    sent = {"name": name, "security": {"code": "00700"}}
    assert records(s2c, provenance) == [
        {**expected(sent, point, market[1]), "provenance": provenance_record(provenance, index)}
        for index, point in enumerate(points)
    ]


def test_point_is_of_its_subtype() -> None:
    """3009 is what `rt-data` subscribes."""
    s2c = decode_push(ProtoId.QOT_UPDATE_RT, vector("rt_two_points").body)
    assert {row.subtype for row in ENCODER.rows(s2c)} == {Subtype.RT_DATA}

"""K-lines become records that hold all that OpenD sent, under the subtype of their period."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opend_kafka.errors import RecordUnmappable
from opend_kafka.opend.messages import ProtoId, decode_push
from opend_kafka.opend.pb.Qot_Common_pb2 import KLine, KLType, Security, SubType
from opend_kafka.opend.pb.Qot_UpdateKL_pb2 import S2C
from opend_kafka.opend.subscriptions import Subtype
from opend_kafka.records.engine import Provenance, RecordEncoder
from opend_kafka.records.k_line import K_LINE
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
    whole,
)

ENCODER = RecordEncoder(K_LINE)
RECEIVED = Provenance(conn_id=7, push_serial=9, ingest_time_us=1_624_588_440_200_000)

KL_TYPE_NUMBERS = st.integers(1, 15)
K_LINES = st.fixed_dictionaries(
    {
        "time": TEXT,
        "isBlank": st.booleans(),
        **{
            name: maybe(DOUBLE)
            for name in (
                "highPrice",
                "openPrice",
                "lowPrice",
                "closePrice",
                "lastClosePrice",
                "turnover",
                "turnoverRate",
                "pe",
                "changeRate",
                "timestamp",
                "hpVolume",
            )
        },
        "volume": maybe(INT64),
    }
)


def expected(s2c: dict[str, Any], line: dict[str, Any], market: str) -> dict[str, Any]:
    """Give what a consumer must read of one K-line, but for its provenance."""
    return {
        "market": market,
        "code": s2c["security"]["code"],
        "name": s2c.get("name"),
        "rehab_type": symbol("opend.AuType", place(s2c["rehabType"])),
        "rehab_type_code": s2c["rehabType"],
        "k_type": symbol("opend.KLType", s2c["klType"]),
        "k_type_code": s2c["klType"],
        "time_key": line["time"],
        "time_key_at": Time(line.get("timestamp")),
        "is_blank": line["isBlank"],
        "open": Double(line.get("openPrice")),
        "close": Double(line.get("closePrice")),
        "high": Double(line.get("highPrice")),
        "low": Double(line.get("lowPrice")),
        "last_close": Double(line.get("lastClosePrice")),
        "volume": whole(line.get("volume")),
        "turnover": Double(line.get("turnover")),
        "turnover_rate": Double(line.get("turnoverRate")),
        "pe_ratio": Double(line.get("pe")),
        "change_rate": Double(line.get("changeRate")),
        "hp_volume": Double(line.get("hpVolume")),
    }


def place(number: int) -> int:
    """Give the place in the schema: number 0 has a symbol too, behind UNKNOWN."""
    return number + 1 if number >= 0 else -1


def records(s2c: S2C, provenance: Provenance = RECEIVED) -> list[dict[str, Any]]:
    """Give the records of a push, as a consumer reads them."""
    return [
        read("opend.KLine", ENCODER.encode(s2c, row, index, provenance))
        for index, row in enumerate(ENCODER.rows(s2c))
    ]


@pytest.mark.parametrize(
    ("name", "market"), [("kl_1min", "HK"), ("kl_day_blank_point", "US")], ids=str
)
def test_k_line_of_sdk_is_kept(name: str, market: str) -> None:
    """A K-line that the SDK packed gives a record with each of its values."""
    sent = vector(name).message["s2c"]
    (got,) = records(decode_push(ProtoId.QOT_UPDATE_KL, vector(name).body))
    del got["provenance"]
    assert got == expected(sent, sent["klList"][0], market)


@given(
    KL_TYPE_NUMBERS, INT32 | st.integers(-1, 3), maybe(TEXT), MARKET, st.lists(K_LINES), PROVENANCE
)
def test_any_k_line_is_kept(
    kl_type: int,
    rehab_type: int,
    name: str | None,
    market: tuple[int, str],
    lines: list[dict[str, Any]],
    provenance: Provenance,
) -> None:
    """Whatever OpenD sends, each K-line is a record of its own with all of it, and no more."""
    head = present(rehabType=rehab_type, klType=kl_type, name=name)
    s2c = S2C(
        **head,
        security=Security(market=market[0], code="00700"),
        klList=[KLine(**present(**line)) for line in lines],
    )
    sent = {**head, "security": {"code": "00700"}}
    assert records(s2c, provenance) == [
        {**expected(sent, line, market[1]), "provenance": provenance_record(provenance, index)}
        for index, line in enumerate(lines)
    ]


def push(kl_type: int) -> S2C:
    """Give a push of one blank K-line."""
    return S2C(
        rehabType=0,
        klType=kl_type,
        security=Security(market=1, code="00700"),
        klList=[KLine(time="t", isBlank=True)],
    )


def test_each_period_is_the_subtype_that_subscribes_it() -> None:
    """KLType and SubType number the same periods differently: OpenD's names join them."""
    for name, kl_type in KLType.items():
        if kl_type:
            (row,) = ENCODER.rows(push(kl_type))
            period = name.removeprefix("KLType_").replace("Quarter", "Qurater")
            assert row.subtype.number == SubType.Value(f"SubType_KL_{period}")


def test_every_k_line_that_can_be_subscribed_has_its_period() -> None:
    """No K-line subtype is without a KLType."""
    assert set(K_LINE.subtype.all) == {subtype for subtype in Subtype if subtype.is_k_line}


@pytest.mark.parametrize("kl_type", [0, 16, -1])
def test_period_newer_than_the_table_is_unmappable(kl_type: int) -> None:
    """K-lines of a period that nobody can have subscribed belong to no topic, and say so."""
    with pytest.raises(RecordUnmappable, match=f"klType {kl_type} is of no subtype"):
        ENCODER.rows(push(kl_type))

"""Quotes become records that hold all that OpenD sent: a security each."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opend_kafka.opend.messages import ProtoId, decode_push
from opend_kafka.opend.pb import Qot_Common_pb2
from opend_kafka.opend.pb.Qot_UpdateBasicQot_pb2 import S2C
from opend_kafka.opend.subscriptions import Subtype
from opend_kafka.records.engine import Provenance, RecordEncoder
from opend_kafka.records.quote import QUOTE
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

ENCODER = RecordEncoder(QUOTE)
RECEIVED = Provenance(conn_id=7, push_serial=9, ingest_time_us=1_624_588_440_200_000)
MARKETS = {1: "HK", 11: "US"}

SMALL = INT32 | st.integers(-1, 23)


def message(*, double: str = "", optional: str = "", **others: Any) -> Any:
    """Give messages with doubles that must be there, doubles that may, and the others."""
    return st.fixed_dictionaries(
        {
            **dict.fromkeys(double.split(), DOUBLE),
            **dict.fromkeys(optional.split(), maybe(DOUBLE)),
            **others,
        }
    )


OPTIONS = message(
    double="strikePrice impliedVolatility premium delta gamma vega theta rho",
    optional="contractSizeFloat contractNominalValue ownerLotMultiplier contractMultiplier",
    contractSize=INT32,
    openInterest=INT32,
    netOpenInterest=maybe(INT32),
    expiryDateDistance=maybe(INT32),
    optionAreaType=maybe(SMALL),
    indexOptionType=maybe(SMALL),
)
SESSIONS = message(
    optional="price highPrice lowPrice turnover changeVal changeRate amplitude",
    volume=maybe(INT64),
)
FUTURES = message(
    double="lastSettlePrice",
    position=INT32,
    positionChange=INT32,
    expiryDateDistance=maybe(INT32),
)
WARRANTS = message(double="premium", optional="delta impliedVolatility")
QUOTES = message(
    double="priceSpread highPrice openPrice lowPrice curPrice lastClosePrice turnover "
    "turnoverRate amplitude",
    optional="listTimestamp updateTimestamp hpVolume",
    security=st.fixed_dictionaries({"market": MARKET.map(lambda one: one[0]), "code": TEXT}),
    name=maybe(TEXT),
    isSuspended=st.booleans(),
    listTime=TEXT,
    updateTime=TEXT,
    volume=INT64,
    darkStatus=maybe(SMALL),
    secStatus=maybe(SMALL),
    optionExData=maybe(OPTIONS),
    futureExData=maybe(FUTURES),
    warrantExData=maybe(WARRANTS),
    preMarket=maybe(SESSIONS),
    afterMarket=maybe(SESSIONS),
    overnight=maybe(SESSIONS),
)


def expected(quote: dict[str, Any], market: str) -> dict[str, Any]:
    """Give what a consumer must read of one quote, but for its provenance."""
    dark_status = quote.get("darkStatus")
    return {
        "market": market,
        "code": quote["security"]["code"],
        "name": quote.get("name"),
        "suspension": quote["isSuspended"],
        "listing_date": quote["listTime"],
        "listing_date_at": Time(quote.get("listTimestamp")),
        "price_spread": Double(quote["priceSpread"]),
        "update_time": quote["updateTime"],
        "update_time_at": Time(quote.get("updateTimestamp")),
        "high_price": Double(quote["highPrice"]),
        "open_price": Double(quote["openPrice"]),
        "low_price": Double(quote["lowPrice"]),
        "last_price": Double(quote["curPrice"]),
        "prev_close_price": Double(quote["lastClosePrice"]),
        "volume": whole(quote["volume"]),
        "turnover": Double(quote["turnover"]),
        "turnover_rate": Double(quote["turnoverRate"]),
        "amplitude": Double(quote["amplitude"]),
        # Its number 0 has a symbol too, behind UNKNOWN.
        "dark_status": symbol(
            "opend.DarkStatus", None if dark_status is None else max(dark_status, -2) + 1
        ),
        "dark_status_code": dark_status,
        "sec_status": symbol("opend.SecurityStatus", quote.get("secStatus")),
        "sec_status_code": quote.get("secStatus"),
        "option_ex_data": option(quote.get("optionExData")),
        "future_ex_data": future(quote.get("futureExData")),
        "warrant_ex_data": warrant(quote.get("warrantExData")),
        "pre_market": session(quote.get("preMarket")),
        "after_market": session(quote.get("afterMarket")),
        "overnight": session(quote.get("overnight")),
        "hp_volume": Double(quote.get("hpVolume")),
    }


def option(data: dict[str, Any] | None) -> dict[str, Any] | None:
    """Give what a consumer must read of an option's own data."""
    if data is None:
        return None
    return {
        "strike_price": Double(data["strikePrice"]),
        "contract_size": data["contractSize"],
        "contract_size_float": Double(data.get("contractSizeFloat")),
        "open_interest": data["openInterest"],
        "implied_volatility": Double(data["impliedVolatility"]),
        "premium": Double(data["premium"]),
        "delta": Double(data["delta"]),
        "gamma": Double(data["gamma"]),
        "vega": Double(data["vega"]),
        "theta": Double(data["theta"]),
        "rho": Double(data["rho"]),
        "net_open_interest": data.get("netOpenInterest"),
        "expiry_date_distance": data.get("expiryDateDistance"),
        "contract_nominal_value": Double(data.get("contractNominalValue")),
        "owner_lot_multiplier": Double(data.get("ownerLotMultiplier")),
        "option_area_type": symbol("opend.OptionAreaType", data.get("optionAreaType")),
        "option_area_type_code": data.get("optionAreaType"),
        "contract_multiplier": Double(data.get("contractMultiplier")),
        "index_option_type": symbol("opend.IndexOptionType", data.get("indexOptionType")),
        "index_option_type_code": data.get("indexOptionType"),
    }


def future(data: dict[str, Any] | None) -> dict[str, Any] | None:
    """Give what a consumer must read of a future's own data."""
    if data is None:
        return None
    return {
        "last_settle_price": Double(data["lastSettlePrice"]),
        "position": data["position"],
        "position_change": data["positionChange"],
        "expiry_date_distance": data.get("expiryDateDistance"),
    }


def warrant(data: dict[str, Any] | None) -> dict[str, Any] | None:
    """Give what a consumer must read of a warrant's own data."""
    if data is None:
        return None
    return {
        "delta": Double(data.get("delta")),
        "implied_volatility": Double(data.get("impliedVolatility")),
        "premium": Double(data["premium"]),
    }


def session(data: dict[str, Any] | None) -> dict[str, Any] | None:
    """Give what a consumer must read of a session outside the regular hours."""
    if data is None:
        return None
    return {
        "price": Double(data.get("price")),
        "high_price": Double(data.get("highPrice")),
        "low_price": Double(data.get("lowPrice")),
        "volume": whole(data.get("volume")),
        "turnover": Double(data.get("turnover")),
        "change_val": Double(data.get("changeVal")),
        "change_rate": Double(data.get("changeRate")),
        "amplitude": Double(data.get("amplitude")),
    }


def records(s2c: S2C, provenance: Provenance = RECEIVED) -> list[dict[str, Any]]:
    """Give the records of a push, as a consumer reads them."""
    return [
        read("opend.Quote", ENCODER.encode(s2c, row, index, provenance))
        for index, row in enumerate(ENCODER.rows(s2c))
    ]


@pytest.mark.parametrize("name", ["basic_qot_two_securities", "basic_qot_option"])
def test_quotes_of_sdk_are_kept(name: str) -> None:
    """Each security that the SDK packed into a push gives a record with each of its values."""
    sent = vector(name).message["s2c"]["basicQotList"]
    got = records(decode_push(ProtoId.QOT_UPDATE_BASIC_QOT, vector(name).body))
    for record in got:
        del record["provenance"]
    assert got == [expected(quote, MARKETS[quote["security"]["market"]]) for quote in sent]


def test_each_quote_is_of_its_own_security() -> None:
    """The rows of a push are of the securities in them, as many as there are."""
    s2c = decode_push(ProtoId.QOT_UPDATE_BASIC_QOT, vector("basic_qot_two_securities").body)
    rows = ENCODER.rows(s2c)
    assert [(row.subtype, row.market_number, row.code) for row in rows] == [
        (Subtype.QUOTE, 1, "00700"),
        (Subtype.QUOTE, 11, "AAPL"),
    ]


def test_session_that_is_there_and_empty_is_no_null() -> None:
    """A session without a value is a record of nulls; an absent one is null."""
    s2c = decode_push(ProtoId.QOT_UPDATE_BASIC_QOT, vector("basic_qot_option").body)
    s2c.basicQotList[0].overnight.SetInParent()
    (got,) = records(s2c)
    assert got["overnight"] == dict.fromkeys(got["overnight"], None)
    assert got["pre_market"] is None


def build(quote: dict[str, Any]) -> Qot_Common_pb2.BasicQot:
    """Give a quote with what is there of it."""
    parts: dict[str, Any] = {
        name: present(**value) if isinstance(value, dict) else value
        for name, value in present(**quote).items()
    }
    return Qot_Common_pb2.BasicQot(**parts)


@given(st.lists(QUOTES, max_size=3), PROVENANCE)
def test_any_quote_is_kept(quotes: list[dict[str, Any]], provenance: Provenance) -> None:
    """Whatever OpenD sends, each security is a record with all of it, in order, and no more."""
    s2c = S2C(basicQotList=[build(quote) for quote in quotes])
    names = {1: "HK", 2: "HK_FUTURE", 11: "US", 21: "SH", 91: "CC", 0: "0", 111: "111"}
    assert records(s2c, provenance) == [
        {
            **expected(quote, names[quote["security"]["market"]]),
            "provenance": provenance_record(provenance, index),
        }
        for index, quote in enumerate(quotes)
    ]

"""Books become records that hold all that OpenD sent, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opend_kafka.opend.messages import ProtoId, decode_push
from opend_kafka.opend.pb import Qot_UpdateOrderBook_pb2
from opend_kafka.opend.pb.Qot_Common_pb2 import OrderBook, OrderBookDetail, Security
from opend_kafka.opend.subscriptions import Subtype
from opend_kafka.records.engine import Provenance, RecordEncoder
from opend_kafka.records.order_book import ORDER_BOOK
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
)

ENCODER = RecordEncoder(ORDER_BOOK)
PROVENANCE_OF_TESTS = Provenance(conn_id=7, push_serial=9, ingest_time_us=1_624_588_428_200_000)

LEVELS = st.lists(
    st.fixed_dictionaries(
        {
            "price": DOUBLE,
            "volume": INT64,
            "orederCount": INT32,
            "detailList": st.lists(st.tuples(INT64, INT64), max_size=3),
            "hpVolume": maybe(DOUBLE),
        }
    ),
    max_size=3,
)
BOOKS = st.fixed_dictionaries(
    {
        "name": maybe(TEXT),
        "svrRecvTimeBid": maybe(TEXT),
        "svrRecvTimeBidTimestamp": maybe(DOUBLE),
        "svrRecvTimeAsk": maybe(TEXT),
        "svrRecvTimeAskTimestamp": maybe(DOUBLE),
        "orderBookType": maybe(INT32 | st.integers(-1, 2)),
    }
)


def push(**changes: Any) -> Qot_UpdateOrderBook_pb2.S2C:
    """Give a push of a book that has only what it must, and the changes."""
    return Qot_UpdateOrderBook_pb2.S2C(security=Security(market=1, code="00700"), **changes)


def record(s2c: Qot_UpdateOrderBook_pb2.S2C) -> dict[str, Any]:
    """Give the record of a push, as a consumer reads it."""
    (row,) = ENCODER.rows(s2c)
    return read("opend.OrderBook", ENCODER.encode(s2c, row, 0, PROVENANCE_OF_TESTS))


def of_vector(name: str) -> Qot_UpdateOrderBook_pb2.S2C:
    """Give the message in one of the SDK's frames."""
    s2c: Qot_UpdateOrderBook_pb2.S2C = decode_push(ProtoId.QOT_UPDATE_ORDER_BOOK, vector(name).body)
    return s2c


def levels_of_vector(name: str, side: str) -> list[dict[str, Any]]:
    """Give what a consumer must read of one side of an SDK frame's message."""
    return [
        {
            "price": level["price"],
            "volume": int(level["volume"]),
            "order_count": level["orederCount"],
            "hp_volume": level.get("hpVolume"),
            "details": [
                {"order_id": int(detail["orderID"]), "volume": int(detail["volume"])}
                for detail in level.get("detailList", [])
            ],
        }
        for level in vector(name).message["s2c"].get(side, [])
    ]


@pytest.mark.parametrize(
    "name",
    ["order_book_hk_10_levels", "order_book_hk_ask_only_with_details", "order_book_hk_odd_lot"],
)
def test_book_of_sdk_keeps_all_its_levels(name: str) -> None:
    """A book that the SDK packed gives a record with all levels of both sides, in order."""
    book = record(of_vector(name))
    assert book["asks"] == levels_of_vector(name, "orderBookAskList")
    assert book["bids"] == levels_of_vector(name, "orderBookBidList")


def test_book_of_sdk_keeps_its_head() -> None:
    """The security, the name and the times of a book are those of the message."""
    sent = vector("order_book_hk_10_levels").message["s2c"]
    book = record(of_vector("order_book_hk_10_levels"))
    assert {name: book[name] for name in book if name not in ("asks", "bids", "provenance")} == {
        "market": "HK",
        "code": "00700",
        "name": sent.get("name"),
        "order_book_type": None,
        "order_book_type_code": sent.get("orderBookType"),
        "svr_recv_time_bid": sent.get("svrRecvTimeBid"),
        "svr_recv_time_bid_at": Time(sent.get("svrRecvTimeBidTimestamp")),
        "svr_recv_time_ask": sent.get("svrRecvTimeAsk"),
        "svr_recv_time_ask_at": Time(sent.get("svrRecvTimeAskTimestamp")),
    }


def test_empty_side_is_empty_list() -> None:
    """A side without orders is legitimate: an empty array."""
    book = record(of_vector("order_book_hk_ask_only_with_details"))
    assert book["bids"] == []
    assert book["asks"] != []


def test_book_of_nothing_has_two_empty_sides() -> None:
    """A book without any order is a record too."""
    book = record(push())
    assert (book["asks"], book["bids"]) == ([], [])


@pytest.mark.parametrize(
    "name",
    [
        "name",
        "order_book_type",
        "order_book_type_code",
        "svr_recv_time_bid",
        "svr_recv_time_bid_at",
        "svr_recv_time_ask",
        "svr_recv_time_ask_at",
    ],
)
def test_absent_field_is_null(name: str) -> None:
    """What OpenD did not send is null, never a made-up zero."""
    assert record(push())[name] is None


def test_absent_hp_volume_of_level_is_null() -> None:
    """A level without hpVolume has none, beside its volume."""
    level = OrderBook(price=1, volume=2, orederCount=3)
    assert record(push(orderBookAskList=[level]))["asks"] == [
        {"price": 1.0, "volume": 2, "order_count": 3, "hp_volume": None, "details": []}
    ]


def test_empty_time_string_is_kept() -> None:
    """An empty svrRecvTime is normal: it was sent."""
    book = record(push(svrRecvTimeBid="", svrRecvTimeAsk=""))
    assert (book["svr_recv_time_bid"], book["svr_recv_time_ask"]) == ("", "")


def test_zero_time_is_null() -> None:
    """A timestamp of 0 is no time."""
    book = record(push(svrRecvTimeBidTimestamp=0.0, svrRecvTimeAskTimestamp=0.0))
    assert (book["svr_recv_time_bid_at"], book["svr_recv_time_ask_at"]) == (None, None)


@pytest.mark.parametrize("order_id", [2**63 - 1, -(2**63), 2**53 + 1, 0])
def test_order_id_is_intact(order_id: int) -> None:
    """No order id goes through a float."""
    level = OrderBook(
        price=1,
        volume=1,
        orederCount=1,
        detailList=[OrderBookDetail(orderID=order_id, volume=5)],
    )
    (bid,) = record(push(orderBookBidList=[level]))["bids"]
    assert bid["details"] == [{"order_id": order_id, "volume": 5}]


@pytest.mark.parametrize(
    ("number", "symbol", "subtype"),
    [
        (None, None, Subtype.ORDER_BOOK),
        (0, "NORMAL", Subtype.ORDER_BOOK),
        (1, "ODD", Subtype.ORDER_BOOK_ODD),
        (2, "UNKNOWN", Subtype.ORDER_BOOK),
        (-1, "UNKNOWN", Subtype.ORDER_BOOK),
    ],
)
def test_type_of_book_decides_subtype(
    number: int | None, symbol: str | None, subtype: Subtype
) -> None:
    """Odd lots are a subtype of their own; an absent type is a normal book, and stays null."""
    s2c = push(**present(orderBookType=number))
    (row,) = ENCODER.rows(s2c)
    book = record(s2c)
    assert (row.subtype, book["order_book_type"], book["order_book_type_code"]) == (
        subtype,
        symbol,
        number,
    )


def test_odd_lot_book_of_sdk_is_of_odd_subtype() -> None:
    """The SDK's odd-lot book goes where odd-lot books go."""
    (row,) = ENCODER.rows(of_vector("order_book_hk_odd_lot"))
    assert row.subtype is Subtype.ORDER_BOOK_ODD


def test_row_tells_what_routing_needs() -> None:
    """A row has the security as numbers and text; a book has no push data type."""
    (row,) = ENCODER.rows(push())
    assert (row.market_number, row.code, row.push_data_type) == (1, "00700", "")


def levels_sent(levels: list[dict[str, Any]]) -> list[OrderBook]:
    """Give one side as OpenD sends it."""
    return [
        OrderBook(
            **present(
                **{
                    **level,
                    "detailList": [
                        OrderBookDetail(orderID=order_id, volume=volume)
                        for order_id, volume in level["detailList"]
                    ],
                }
            )
        )
        for level in levels
    ]


def levels_expected(levels: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give one side as a consumer must read it."""
    return [
        {
            "price": Double(level["price"]),
            "volume": level["volume"],
            "order_count": level["orederCount"],
            "hp_volume": Double(level["hpVolume"]),
            "details": [
                {"order_id": order_id, "volume": volume} for order_id, volume in level["detailList"]
            ],
        }
        for level in levels
    ]


@given(MARKET, TEXT, BOOKS, LEVELS, LEVELS, PROVENANCE)
def test_any_book_is_kept_field_by_field(
    market: tuple[int, str],
    code: str,
    book: dict[str, Any],
    asks: list[dict[str, Any]],
    bids: list[dict[str, Any]],
    provenance: Provenance,
) -> None:
    """Whatever OpenD sends, the record holds exactly that: same numbers, same text, nulls."""
    s2c = Qot_UpdateOrderBook_pb2.S2C(
        security=Security(market=market[0], code=code),
        orderBookAskList=levels_sent(asks),
        orderBookBidList=levels_sent(bids),
        **present(**book),
    )
    received = Qot_UpdateOrderBook_pb2.S2C.FromString(s2c.SerializeToString())
    (row,) = ENCODER.rows(received)
    number = book["orderBookType"]
    known: dict[int | None, str | None] = {None: None, 0: "NORMAL", 1: "ODD"}
    assert read("opend.OrderBook", ENCODER.encode(received, row, 0, provenance)) == {
        "market": market[1],
        "code": code,
        "name": book["name"],
        "order_book_type": known.get(number, "UNKNOWN"),
        "order_book_type_code": number,
        "asks": levels_expected(asks),
        "bids": levels_expected(bids),
        "svr_recv_time_bid": book["svrRecvTimeBid"],
        "svr_recv_time_bid_at": Time(book["svrRecvTimeBidTimestamp"]),
        "svr_recv_time_ask": book["svrRecvTimeAsk"],
        "svr_recv_time_ask_at": Time(book["svrRecvTimeAskTimestamp"]),
        "provenance": provenance_record(provenance, 0),
    }

"""Records to test consumers with, and their bytes as the worker writes them."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import fastavro

from opend_kafka import schemas

#: When the samples were received.
RECEIVED = datetime(2024, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)

PROVENANCE = {
    "origin": "PUSH",
    "conn_id": 1,
    "push_serial": 2,
    "push_index": 0,
    "ingest_time": RECEIVED,
}


def a_tick(sequence: int, security: str = "HK.00700", **fields: Any) -> dict[str, Any]:
    """Give the fields of an opend.Ticker."""
    market, code = security.split(".", 1)
    return {
        "market": market,
        "code": code,
        "name": "騰訊控股",
        "sequence": sequence,
        "push_data_type": "REALTIME",
        "push_data_type_code": 1,
        "time": "2024-01-02 11:04:05",
        "event_time": RECEIVED,
        "price": 300.2,
        "volume": 100,
        "turnover": 30020.0,
        "ticker_direction": "BUY",
        "ticker_direction_code": 1,
        "type": "AUTO_MATCH",
        "type_code": 1,
        "type_sign": None,
        "hp_volume": None,
        "recv_time": RECEIVED,
        "provenance": PROVENANCE,
    } | fields


def a_book(security: str = "HK.00700", **fields: Any) -> dict[str, Any]:
    """Give the fields of an opend.OrderBook with a level on each side."""
    market, code = security.split(".", 1)
    level: dict[str, Any] = {"volume": 500, "order_count": 2, "hp_volume": None, "details": []}
    return {
        "market": market,
        "code": code,
        "name": None,
        "order_book_type": "NORMAL",
        "order_book_type_code": 0,
        "asks": [{"price": 300.4} | level],
        "bids": [{"price": 300.2} | level],
        "svr_recv_time_bid": None,
        "svr_recv_time_bid_at": None,
        "svr_recv_time_ask": None,
        "svr_recv_time_ask_at": None,
        "provenance": PROVENANCE,
    } | fields


def a_key(security: str = "HK.00700") -> dict[str, Any]:
    """Give the fields of an opend.SecurityKey."""
    market, code = security.split(".", 1)
    return {"market": market, "code": code}


def avro(schema: str, fields: dict[str, Any]) -> bytes:
    """Give a record's Avro bytes, without a wire format."""
    out = BytesIO()
    fastavro.schemaless_writer(out, schemas.load(schema), fields)
    return out.getvalue()


def single_object(schema: str, fields: dict[str, Any]) -> bytes:
    """Give a record in Avro's single-object encoding."""
    return b"\xc3\x01" + schemas.fingerprint(schema) + avro(schema, fields)


def confluent(schema_id: int, schema: str, fields: dict[str, Any]) -> bytes:
    """Give a record in Confluent's wire format."""
    return b"\x00" + schema_id.to_bytes(4, "big") + avro(schema, fields)

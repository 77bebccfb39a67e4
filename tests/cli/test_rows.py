"""Records as rows for people."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from opend_kafka import schemas
from opend_kafka.cli.rows import _ROWS, row_of, security_of
from opend_kafka.consuming.decoding import Decoder
from opend_kafka.opend.messages import decode_push
from opend_kafka.records.engine import Provenance, RecordEncoder
from opend_kafka.records.kinds import KINDS
from tests.consuming.samples import a_book, a_key
from tests.opend.vectors import vector

DECODER = Decoder()
NOW = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)


def rows(name: str) -> list[str]:
    """Give the rows of a push of the SDK's, as `tail` has its records; spaces are one each."""
    push = vector(name)
    (kind,) = (kind for kind in KINDS if kind.proto_id == push.proto_id)
    encoder, s2c = RecordEncoder(kind), decode_push(push.proto_id, push.body)
    prefix = schemas.SINGLE_OBJECT_MAGIC + schemas.fingerprint(kind.schema)
    values = [
        encoder.encode(s2c, row, index, Provenance(1, 2, 3), prefix)
        for index, row in enumerate(encoder.rows(s2c))
    ]
    return [shown(kind.schema, DECODER.decode(value).fields) for value in values]


def shown(schema: str, value: dict[str, Any], key: dict[str, Any] | None = None) -> str:
    """Give a record's row; spaces are one each."""
    row = row_of({"schema": schema, "key": key, "value": value})
    assert row is not None
    return " ".join(row.split())


@pytest.mark.parametrize(
    ("push", "expected"),
    [
        (
            "ticker_realtime_hk",
            ["HK.00700 2021-06-25 10:33:48 587.0 100 SELL REALTIME 6977554167720056556"],
        ),
        ("order_book_hk_odd_lot", ["HK.00700 bid 587.0 × 7 ask 587.5 × 20 odd lots"]),
        ("order_book_hk_ask_only_with_details", ["HK.00700 bid - ask 587.5 × 200"]),
        (
            "basic_qot_two_securities",
            [
                f"{code} 2021-06-25 10:33:48 last 587.0 open 585.0 high 590.0 low 584.5 "
                "volume 4561200"
                for code in ("HK.00700", "US.AAPL")
            ],
        ),
        (
            "kl_1min",
            [
                "HK.00700 2021-06-25 10:34:00 K_1M open 587.0 high 587.5 low 586.5 close 587.0 "
                "volume 35200"
            ],
        ),
        ("kl_day_blank_point", ["US.AAPL 2021-06-25 00:00:00 K_DAY blank QFQ"]),
        (
            "rt_two_points",
            [
                "HK.00700 2021-06-25 10:33:00 price 587.0 average 586.9 volume 12000",
                "HK.00700 2021-06-25 10:34:00 price 587.5 average 586.95 volume 8000",
            ],
        ),
        ("broker_queue", ["HK.00700 bid 1799 耀才 ask 8575 高盛, 5465 HSBC"]),
    ],
)
def test_push_has_rows(push: str, expected: list[str]) -> None:
    """Each record of a push is a row, with its security, its time and what matters of its kind."""
    assert rows(push) == expected


def test_quote_says_what_is_out_of_the_ordinary() -> None:
    """A status other than NORMAL, and a suspension, stand at the end."""
    value = {
        "market": "HK",
        "code": "00700",
        "update_time": "",
        "last_price": 1.0,
        "open_price": 1.0,
        "high_price": 1.0,
        "low_price": 1.0,
        "volume": 0,
        "sec_status": "SUSPENDED",
        "suspension": True,
    }
    assert shown("opend.Quote", value).endswith("volume 0 SUSPENDED suspended")


def test_average_is_cut_to_its_column() -> None:
    """It has as many digits as a double; the others stay as they are."""
    value = a_key() | {"time": "", "is_blank": False, "cur_price": 84.9, "volume": 2900}
    row = shown("opend.RtData", value | {"avg_price": 84.8948275862069})
    assert row == "HK.00700 price 84.9 average 84.894828 volume 2900"


def test_long_queue_of_brokers_is_counted() -> None:
    """Three of a side are named."""
    entries = [{"broker_id": number, "broker_name": ""} for number in range(5)]
    value = {"market": "HK", "code": "1", "bids": entries, "asks": []}
    assert shown("opend.Broker", value) == "HK.1 bid 0, 1, 2, 2 more ask -"


def _event(**fields: Any) -> dict[str, Any]:
    names = [field["name"] for field in schemas.load("opend.SessionEvent")["fields"]]
    return dict.fromkeys(names) | {"kind": "LIVE", "time": NOW, "worker": "w"} | fields


def test_event_of_a_link_has_a_row() -> None:
    """Its time, its kind, and the words for people; what is null is left out."""
    assert shown("opend.SessionEvent", _event(detail="logged in")) == (
        "2024-01-02T03:04:05+00:00 LIVE logged in"
    )


def test_event_of_a_gap_has_a_row() -> None:
    """Its security, by the key, and the sequences around it."""
    event = _event(
        kind="GAP_UNREPAIRABLE",
        subtype="ticker",
        reason="link_lost",
        sequence_before=5,
        sequence_after=9,
        ticks_missing=0,
    )
    assert shown("opend.SessionEvent", event, a_key()) == (
        "2024-01-02T03:04:05+00:00 GAP_UNREPAIRABLE HK.00700 ticker link_lost "
        "after 5 before 9 missing 0"
    )


@pytest.mark.parametrize(("sequence", "expected"), [(7, "7"), (None, "-")])
def test_watermark_has_a_row(sequence: int | None, expected: str) -> None:
    """Its security, its time, and how far the ticks are in Kafka."""
    value = a_key() | {"sequence": sequence, "blocks": [], "time": NOW, "worker": "w"}
    assert shown("opend.Watermark", value) == (
        f"HK.00700 2024-01-02T03:04:05+00:00 sequence {expected}"
    )


def test_every_value_has_a_row() -> None:
    """No record of ours is shown as JSON in a table."""
    assert set(_ROWS) == set(schemas.VALUES)


@pytest.mark.parametrize("value", [{}, a_key() | {"time": None}])
def test_record_that_another_version_wrote_otherwise_has_no_row(value: dict[str, Any]) -> None:
    """Where a column is missing or null, all of the record is shown, and nothing breaks."""
    assert row_of({"schema": "opend.Ticker", "key": None, "value": value}) is None


def test_record_that_is_not_ours_has_no_row() -> None:
    """It is for the caller to show in another way."""
    assert row_of({"schema": "other.Record", "key": None, "value": {}}) is None


def test_columns_stand_below_each_other() -> None:
    """Securities and prices of any usual length move nothing."""
    lines = [
        {"schema": "opend.OrderBook", "key": None, "value": a_book(code)}
        for code in ("HK.00700", "US.AAPL210115C")
    ]
    assert len({(row_of(line) or "").index("ask") for line in lines}) == 1


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [(None, a_key("US.AAPL"), "US.AAPL"), (a_key(), {"kind": "LIVE"}, "HK.00700"), (None, {}, "")],
)
def test_security_is_of_the_value_or_else_of_the_key(
    key: dict[str, Any] | None, value: dict[str, Any], expected: str
) -> None:
    """Events have it in their key, if at all."""
    assert security_of({"schema": "x", "key": key, "value": value}) == expected

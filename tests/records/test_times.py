"""When something happened: from seconds, from a text of local time, or from nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opend_kafka.opend.pb import (
    Qot_UpdateBasicQot_pb2,
    Qot_UpdateBroker_pb2,
    Qot_UpdateKL_pb2,
    Qot_UpdateOrderBook_pb2,
    Qot_UpdateRT_pb2,
    Qot_UpdateTicker_pb2,
)
from opend_kafka.opend.securities import MARKETS
from opend_kafka.opend.zones import zone_of
from opend_kafka.records.broker import BROKER
from opend_kafka.records.k_line import K_LINE
from opend_kafka.records.kinds import KINDS
from opend_kafka.records.order_book import ORDER_BOOK
from opend_kafka.records.quote import QUOTE
from opend_kafka.records.rt_data import RT_DATA
from opend_kafka.records.tables import Kind, Micros, Moment
from opend_kafka.records.ticker import TICKER
from opend_kafka.records.times import event_time, local_ms

HK, US, FX = 1, 11, 81

#: 2021-06-25 02:33:48.116 UTC, 10:33:48.116 in Hong Kong; a text of another hour, 11:00:00.
TOLD_S, TOLD_MS = 1_624_588_428.116, 1_624_588_428_116
TEXT, TEXT_MS = "2021-06-25 11:00:00", 1_624_590_000_000
#: Later than both.
RECEIVED_US = 1_624_600_000_000_000


def utc_us(text: str) -> int:
    """Give the microseconds since 1970 of a time in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


# Texts


@pytest.mark.parametrize(
    ("text", "market", "expected"),
    [
        ("2021-06-25 10:33:48", HK, "2021-06-25 02:33:48.000"),
        ("2025-04-07 05:25:44.116", US, "2025-04-07 09:25:44.116"),
        ("2025-01-07 05:25:44.1", US, "2025-01-07 10:25:44.100"),
        ("2025-01-07 05:25:44.123987", US, "2025-01-07 10:25:44.123"),
        ("2025-01-07", US, "2025-01-07 05:00:00.000"),
    ],
)
def test_text_is_read_in_the_zone_of_its_market(text: str, market: int, expected: str) -> None:
    """With or without a fraction, of whatever length; a date is its midnight."""
    exact = datetime.fromisoformat(expected).replace(tzinfo=UTC)
    assert local_ms(text, market, RECEIVED_US) == round(exact.timestamp() * 1000)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10:33:48",
        "2021-06-31 10:33:48",
        "2021-06-25 10:33:48.",
        "2021-06-25 10:33:48.1x",
        "2021-06-25 10:33:48.-1",
        "2021-06-25 10:33:48+08:00",
        "0001-01-01 00:00:00",
        "yesterday",
    ],
)
def test_text_that_is_no_local_time_says_nothing(text: str) -> None:
    """What cannot be read for certain is not guessed at."""
    told = local_ms(text, HK, RECEIVED_US)
    assert told is None or told < 0


@pytest.mark.parametrize("market", [FX, 111], ids=["no-zone-documented", "newer-than-the-table"])
def test_text_of_a_market_without_a_zone_says_nothing(market: int) -> None:
    """Its time could be any zone's."""
    assert local_ms(TEXT, market, RECEIVED_US) is None


# Clocks that are turned


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        ("2026-11-01 05:30:01", "2026-11-01 05:30:00"),
        ("2026-11-01 06:29:59", "2026-11-01 06:30:00"),
        ("2026-11-01 06:30:01", "2026-11-01 06:30:00"),
        ("2026-11-03 00:00:00", "2026-11-01 06:30:00"),
    ],
    ids=["the-first", "the-second-by-a-slow-clock", "the-second", "days-later"],
)
def test_hour_that_comes_twice_is_the_one_nearer_to_its_receipt(
    received: str, expected: str
) -> None:
    """In autumn 01:30 of New York is twice, an hour apart: what is live is the one just now."""
    told = local_ms("2026-11-01 01:30:00", US, utc_us(received))
    assert told == utc_us(expected) // 1000


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        ("2026-03-08 06:30:01", "2026-03-08 06:30:00"),
        ("2026-03-08 07:30:01", "2026-03-08 07:30:00"),
        ("2026-03-09 00:00:00", "2026-03-08 07:30:00"),
    ],
    ids=["of-a-clock-turned-too-early", "of-a-clock-not-turned-yet", "a-day-later"],
)
def test_hour_that_is_left_out_is_the_one_nearer_to_its_receipt(
    received: str, expected: str
) -> None:
    """In spring 02:30 of New York is never: by the offset of before, or else of after."""
    told = local_ms("2026-03-08 02:30:00", US, utc_us(received))
    assert told == utc_us(expected) // 1000


@given(
    st.sampled_from([number for number, name in MARKETS.items() if zone_of(name)]),
    st.integers(946_684_800, 4_102_444_800)  # 2000 to 2100
    | st.integers(utc_us("2026-11-01 04:00") // 1_000_000, utc_us("2026-11-01 08:00") // 1_000_000)
    | st.integers(utc_us("2026-04-04 13:00") // 1_000_000, utc_us("2026-04-04 18:00") // 1_000_000),
    st.integers(0, 999),
    st.integers(-1700, 1700),
)
def test_local_time_of_what_is_live_is_read_back_exactly(
    market: int, second: int, ms: int, late_s: int
) -> None:
    """Also around the changes of clocks, up to half an hour after it happened, or before."""
    zone = zone_of(MARKETS[market])
    text = f"{datetime.fromtimestamp(second, zone):%Y-%m-%d %H:%M:%S}.{ms:03}"
    assert local_ms(text, market, (second + late_s) * 1_000_000) == second * 1000 + ms


# Event times


def told(kind: Kind, s2c: Any, received_us: int = RECEIVED_US) -> int:
    """Give the event time of the only row of a push from Hong Kong."""
    row = getattr(s2c, kind.rows)[0] if kind.rows else s2c
    return event_time(kind)(s2c, row, HK, received_us)


def push(kind: Kind, seconds: float, text: str) -> Any:
    """Give a push whose one row tells its time so; nothing else is read."""
    match kind:
        case _ if kind is TICKER:
            s2c: Any = Qot_UpdateTicker_pb2.S2C(tickerList=[{"timestamp": seconds, "time": text}])
        case _ if kind is K_LINE:
            s2c = Qot_UpdateKL_pb2.S2C(klList=[{"timestamp": seconds, "time": text}])
        case _ if kind is RT_DATA:
            s2c = Qot_UpdateRT_pb2.S2C(rtList=[{"timestamp": seconds, "time": text}])
        case _ if kind is QUOTE:
            row = {"updateTimestamp": seconds, "updateTime": text}
            s2c = Qot_UpdateBasicQot_pb2.S2C(basicQotList=[row])
        case _:
            s2c = Qot_UpdateOrderBook_pb2.S2C(svrRecvTimeAskTimestamp=seconds, svrRecvTimeAsk=text)
    return s2c


TIMED = [TICKER, QUOTE, K_LINE, RT_DATA, ORDER_BOOK]


@pytest.mark.parametrize("kind", TIMED, ids=lambda kind: kind.schema)
@pytest.mark.parametrize(
    ("seconds", "text", "expected"),
    [
        (TOLD_S, TEXT, TOLD_MS),
        (0, TEXT, TEXT_MS),
        (float("nan"), TEXT, TEXT_MS),
        (TOLD_S * 1000, TEXT, TEXT_MS),
        (0, "", RECEIVED_US // 1000),
        (-1, TEXT, RECEIVED_US // 1000),
        (RECEIVED_US / 1e6 + 60, TEXT, RECEIVED_US // 1000),
        (0, "2021-06-25 23:00:00", RECEIVED_US // 1000),
    ],
    ids=[
        "seconds-come-first",
        "zero-is-none",
        "nan-is-none",
        "milliseconds-are-none",
        "nothing-told",
        "before-1970",
        "seconds-after-the-receipt",
        "text-after-the-receipt",
    ],
)
def test_event_time_is_what_opend_tells(
    kind: Kind, seconds: float, text: str, expected: int
) -> None:
    """Seconds before the text; the ingest time where neither is there or can be."""
    assert told(kind, push(kind, seconds, text)) == expected


def test_event_time_of_a_book_is_that_of_its_later_side() -> None:
    """A book is as new as the newer of its sides."""
    s2c = Qot_UpdateOrderBook_pb2.S2C(svrRecvTimeBidTimestamp=TOLD_S, svrRecvTimeAsk=TEXT)
    assert told(ORDER_BOOK, s2c) == TEXT_MS
    s2c = Qot_UpdateOrderBook_pb2.S2C(svrRecvTimeBid=TEXT, svrRecvTimeAskTimestamp=TOLD_S)
    assert told(ORDER_BOOK, s2c) == TEXT_MS


def test_event_time_of_a_queue_of_brokers_is_its_ingest_time() -> None:
    """OpenD tells no time of it."""
    assert told(BROKER, Qot_UpdateBroker_pb2.S2C()) == RECEIVED_US // 1000


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.schema)
def test_event_time_can_be_told_from_the_record_too(kind: Kind) -> None:
    """Each of its sources is a field of the record: seconds as a timestamp, texts as they are."""
    sources = {(field.source, field.conversion) for field in kind.fields}
    for moment in kind.event_time:
        assert {(moment.timestamp, Micros()), (moment.text, None)} <= sources


def test_event_time_from_nowhere_is_refused() -> None:
    """A mistake in a table is found when its kind is made ready."""
    kind = replace(TICKER, event_time=(Moment("row.timestamp", "row.nope"),))
    with pytest.raises(ValueError, match=r"opend\.Ticker .* row\.nope"):
        event_time(kind)

"""The periods of K-lines."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opend_kafka.opend.pb import Qot_Common_pb2
from opend_kafka.opend.subscriptions import Subtype
from opend_kafka.simulator.periods import KL_TYPES, period_of

HONG_KONG = ZoneInfo("Asia/Hong_Kong")
NEW_YORK = ZoneInfo("America/New_York")

#: Friday, 2021-06-25 10:33:48 in Hong Kong.
SECOND = 1_624_588_428


def local(second: int, zone: ZoneInfo = HONG_KONG) -> str:
    """Give a Unix second as a market writes it."""
    return datetime.fromtimestamp(second, UTC).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


@pytest.mark.parametrize(
    ("unit", "start", "end", "named"),
    [
        ("1Min", "2021-06-25 10:33:00", "2021-06-25 10:34:00", "2021-06-25 10:34:00"),
        ("15Min", "2021-06-25 10:30:00", "2021-06-25 10:45:00", "2021-06-25 10:45:00"),
        ("240Min", "2021-06-25 08:00:00", "2021-06-25 12:00:00", "2021-06-25 12:00:00"),
        ("Day", "2021-06-25 00:00:00", "2021-06-26 00:00:00", "2021-06-25 00:00:00"),
        ("Week", "2021-06-21 00:00:00", "2021-06-28 00:00:00", "2021-06-21 00:00:00"),
        ("Month", "2021-06-01 00:00:00", "2021-07-01 00:00:00", "2021-06-01 00:00:00"),
        ("Quarter", "2021-04-01 00:00:00", "2021-07-01 00:00:00", "2021-04-01 00:00:00"),
        ("Year", "2021-01-01 00:00:00", "2022-01-01 00:00:00", "2021-01-01 00:00:00"),
    ],
)
def test_period_is_that_of_the_markets_time(unit: str, start: str, end: str, named: str) -> None:
    """Minutes count from midnight and are named by their end, days by their date."""
    period = period_of(Qot_Common_pb2.KLType.Value(f"KLType_{unit}"), HONG_KONG, SECOND)
    assert [local(second) for second in period] == [start, end, named]


@given(
    st.sampled_from(sorted(KL_TYPES.values())),
    st.sampled_from([HONG_KONG, NEW_YORK]),
    st.integers(0, 4_000_000_000),
)
def test_period_has_its_second_in_it(kl_type: int, zone: ZoneInfo, second: int) -> None:
    """Every second is in its period, from the first one on up to before the end."""
    period = period_of(kl_type, zone, second)
    assert period.start_s <= second < period.end_s


@given(st.sampled_from(sorted(KL_TYPES.values())), st.integers(0, 4_000_000_000))
def test_period_is_followed_by_the_next_one(kl_type: int, second: int) -> None:
    """Where one ends the next begins, without a gap and without an overlap."""
    period = period_of(kl_type, HONG_KONG, second)
    assert period_of(kl_type, HONG_KONG, period.end_s).start_s == period.end_s
    assert period_of(kl_type, HONG_KONG, period.end_s - 1) == period


def test_every_k_line_has_its_two_numbers() -> None:
    """Each SubType of a K-line has a KLType of its own."""
    assert set(KL_TYPES) == {subtype.number for subtype in Subtype if subtype.is_k_line}
    assert len(set(KL_TYPES.values())) == len(KL_TYPES)

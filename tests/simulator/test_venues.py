"""The simulated markets' habits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opend_kafka.opend.securities import MARKETS, Security
from opend_kafka.simulator.venues import venue_of

#: 2021-06-25 02:33:47.123456 UTC.
AT_US = 1_624_588_427_123_456

securities = st.sampled_from([Security(market, "X") for market in MARKETS.values()])


@pytest.mark.parametrize(
    ("market", "text"),
    [
        ("HK", "2021-06-25 10:33:47"),
        ("SZ", "2021-06-25 10:33:47"),
        ("US", "2021-06-24 22:33:47.123"),
    ],
)
def test_venue_writes_the_time_as_the_market_does(market: str, text: str) -> None:
    """Times are local; Hong Kong and China write whole seconds, the US milliseconds."""
    assert venue_of(Security(market, "X")).time_text(AT_US) == text


@pytest.mark.parametrize(("market", "timestamp"), [("HK", 1624588427.0), ("US", 1624588427.123)])
def test_venue_gives_the_timestamp_as_exactly_as_the_text(market: str, timestamp: float) -> None:
    """The timestamp says no more than the time string."""
    assert venue_of(Security(market, "X")).timestamp(AT_US) == timestamp


@given(securities, st.integers(1, 3_000_000))
def test_venue_steps_down_to_where_it_came_from(security: Security, mils: int) -> None:
    """A step up and a step down end where they began, also where the tick size changes."""
    venue = venue_of(security)
    price = venue.on_grid(mils)
    assert venue.down(venue.up(price)) == price


@given(securities, st.integers(0, 3_000_000))
def test_venue_has_no_price_of_nothing(security: Security, mils: int) -> None:
    """The lowest price is one tick."""
    assert venue_of(security).on_grid(mils) > 0

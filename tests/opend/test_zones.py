"""The time zones of markets."""

from __future__ import annotations

import pytest

from opend_kafka.opend.securities import MARKETS
from opend_kafka.opend.zones import zone_of

#: Of these OpenD's documentation says nothing.
UNKNOWN = {"FX", "CC", "EC"}


@pytest.mark.parametrize(
    ("market", "zone"),
    [("HK", "Asia/Hong_Kong"), ("SH", "Asia/Shanghai"), ("US", "America/New_York")],
)
def test_market_has_the_zone_that_opend_documents(market: str, zone: str) -> None:
    """Hong Kong and A-shares are told in Beijing's time, the US in that of its East."""
    assert str(zone_of(market)) == zone


def test_every_market_has_a_zone_or_is_known_to_have_none() -> None:
    """A market that joins the table has to be thought of here."""
    assert {market for market in MARKETS.values() if zone_of(market) is None} == UNKNOWN


def test_market_newer_than_the_table_has_no_zone() -> None:
    """Its name is its number, and nobody knows where it is."""
    assert zone_of("111") is None

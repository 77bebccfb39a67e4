"""The time zones of markets: OpenD's texts of times are local, and name no zone."""

from __future__ import annotations

from functools import cache
from zoneinfo import ZoneInfo

#: Market → the zone of its texts. Documented are Beijing's time for Hong Kong and A-shares, and
#: the US East's (OpenD's Qot_Common, `time`); the others are the zones of their exchanges. Of FX,
#: CC (crypto) and EC nothing is known.
_ZONES = {
    "HK": "Asia/Hong_Kong",
    "HK_FUTURE": "Asia/Hong_Kong",
    "US": "America/New_York",
    "SH": "Asia/Shanghai",
    "SZ": "Asia/Shanghai",
    "SG": "Asia/Singapore",
    "JP": "Asia/Tokyo",
    "AU": "Australia/Sydney",
    "MY": "Asia/Kuala_Lumpur",
    "CA": "America/Toronto",
}


@cache
def zone_of(market: str) -> ZoneInfo | None:
    """Give the zone of a market, by the SDK's name of it; None where it is not known."""
    name = _ZONES.get(market)
    return None if name is None else ZoneInfo(name)

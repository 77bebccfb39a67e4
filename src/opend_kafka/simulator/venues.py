"""What differs between the simulated markets: zone, lot, tick sizes, clock, sequence numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from opend_kafka.opend.securities import Security
from opend_kafka.opend.zones import zone_of

#: (below this price, the tick size): both in mils, thousandths of the currency.
Spreads = tuple[tuple[int, int], ...]

#: HKEX's spread table up to 2,000 dollars, in the form it had in 2021. Above that, the last row.
_HONG_KONG: Spreads = (
    (250, 1),
    (500, 5),
    (10_000, 10),
    (20_000, 20),
    (100_000, 50),
    (200_000, 100),
    (500_000, 200),
    (1_000_000, 500),
    (2_000_000, 1_000),
)
_CENTS: Spreads = ((1, 10),)


@dataclass(frozen=True, slots=True)
class Venue:
    """One market's habits."""

    zone: ZoneInfo
    lot: int
    spreads: Spreads = _CENTS
    #: True: time strings and `timestamp` have milliseconds. False: whole seconds.
    milliseconds: bool = True
    #: True: the low word of `sequence` counts on. False: it restarts at 0 with each second.
    running_sequence: bool = False
    #: OpenD gives svrRecvTime of a book for Hong Kong only (its documentation of 3013).
    book_times: bool = False

    def tick_size(self, mils: int) -> int:
        """Give the smallest price step at a price, in mils."""
        for below, size in self.spreads:
            if mils < below:
                return size
        return self.spreads[-1][1]

    def on_grid(self, mils: int) -> int:
        """Give the nearest price at or below `mils` that can be traded at, and is above 0."""
        size = self.tick_size(mils)
        return max(mils - mils % size, size)

    def up(self, mils: int) -> int:
        """Give the next price above one on the grid."""
        return mils + self.tick_size(mils)

    def down(self, mils: int) -> int:
        """Give the next price below one on the grid; the lowest price itself when it is that."""
        return self.on_grid(mils - 1)

    def timestamp(self, at_us: int) -> float:
        """Give seconds since 1970, as exact as this market's ticks tell it."""
        return at_us // 1_000 / 1_000 if self.milliseconds else float(at_us // 1_000_000)

    def time_text(self, at_us: int) -> str:
        """Give the market's local time as its ticks write it."""
        return self.exact_text(at_us) if self.milliseconds else self.second_text(at_us // 1_000_000)

    def exact_text(self, at_us: int) -> str:
        """Give the market's local time with milliseconds."""
        return f"{self.second_text(at_us // 1_000_000)}.{at_us // 1_000 % 1_000:03}"

    def second_text(self, second: int) -> str:
        """Give the market's local time of a Unix second."""
        return _second_text(self.zone, second)


@lru_cache(maxsize=256)
def _second_text(zone: ZoneInfo, second: int) -> str:
    return datetime.fromtimestamp(second, zone).strftime("%Y-%m-%d %H:%M:%S")


def _zone(market: str) -> ZoneInfo:
    return zone_of(market) or ZoneInfo("UTC")


_CHINA = Venue(_zone("SH"), lot=100, milliseconds=False, running_sequence=True)
_VENUES = {
    "HK": Venue(
        _zone("HK"),
        lot=100,
        spreads=_HONG_KONG,
        milliseconds=False,
        running_sequence=True,
        book_times=True,
    ),
    "HK_FUTURE": Venue(_zone("HK_FUTURE"), lot=1),
    "US": Venue(_zone("US"), lot=100),
    "SH": _CHINA,
    "SZ": _CHINA,
    "SG": Venue(_zone("SG"), lot=100),
    "JP": Venue(_zone("JP"), lot=100),
    "AU": Venue(_zone("AU"), lot=1),
    "MY": Venue(_zone("MY"), lot=100),
    "CA": Venue(_zone("CA"), lot=100),
}
_ELSEWHERE = Venue(ZoneInfo("UTC"), lot=1)


def venue_of(security: Security) -> Venue:
    """Give the habits of the market that a security trades in."""
    return _VENUES.get(security.market, _ELSEWHERE)

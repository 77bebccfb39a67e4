"""What the worker knows of itself, for those who look after it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

#: Seconds for which records may wait for Kafka before the worker counts as not ready.
ACKNOWLEDGED_WITHIN_S = 5.0

#: So many of the newest events, and of the newest gaps, are shown.
LAST_EVENTS = 50
LAST_GAPS = 20

#: So many names of subscriptions of a kind are shown on the page; `/status` has them all.
SHOWN_NAMES = 6


@dataclass(slots=True)
class Status:
    """What the worker knows of itself: what the admin endpoint shows.

    `since_us` says since when the session is live, or is not; `phase_since_us` when it came to
    where it is. `traded` are the markets of what is wanted; `wanted` and `standing_by_subtype` are
    numbers of subscriptions. `quota` is what all connections of OpenD use, and what is left; None
    before OpenD has said it. Times are microseconds since 1970. `changes` goes up when something
    has happened that should be seen at once.
    """

    session: str = "connecting"
    since_us: int = 0
    phase_since_us: int = 0
    cause: str = ""
    conn_id: int = 0
    server_version: int = 0
    version: str = ""
    worker: str = ""
    opend: str = ""
    max_buffered_bytes: int = 0
    was_live: bool = False
    traded: tuple[str, ...] = ()
    wanted: Mapping[str, int] = field(default_factory=dict)
    standing: set[str] = field(default_factory=set)
    standing_by_subtype: Mapping[str, int] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    short: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    markets: dict[str, str] = field(default_factory=dict)
    quota: tuple[int, int] | None = None
    reading: bool = True
    delivery_failures: int = 0
    unacknowledged_s: float = 0.0
    events: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=LAST_EVENTS))
    gaps: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=LAST_GAPS))
    changes: int = 0

    def moved(self, session: str, now_us: int) -> None:
        """Take the session's new phase."""
        if "live" in (session, self.session):
            self.since_us = now_us
        self.session, self.phase_since_us = session, now_us
        self.was_live |= session == "live"
        self.changes += 1

    def happened(self, event: dict[str, Any]) -> None:
        """Keep an event for the page."""
        self.events.appendleft(event)
        self.changes += 1

    def gap_ended(self, gap: dict[str, Any]) -> None:
        """Keep a gap for the page."""
        self.gaps.appendleft(gap)
        self.changes += 1

    def reasons_not_ready(self) -> list[str]:
        """Say what keeps the worker from being ready; empty when nothing does."""
        reasons = []
        if self.session != "live":
            reasons.append(f"OpenD: {self.session}" + (f" ({self.cause})" if self.cause else ""))
        reasons += [f"{one} was refused: {why}" for one, why in self.refused.items()]
        if self.short:
            reasons.append(f"the quota has no room for {', '.join(first_names(self.short))}")
        if not self.reading:
            reasons.append("Kafka does not take records as fast as OpenD sends them")
        if self.unacknowledged_s > ACKNOWLEDGED_WITHIN_S:
            reasons.append(f"Kafka has acknowledged nothing for {self.unacknowledged_s:.0f} s")
        if self.delivery_failures:
            reasons.append(f"Kafka did not take {self.delivery_failures} records")
        return reasons

    def as_json(self) -> dict[str, Any]:
        """Give it as what JSON can hold."""
        return {
            "version": self.version,
            "worker": self.worker,
            "opend": self.opend,
            "session": self.session,
            "since": self.since_us // 1000,
            "phase_since": self.phase_since_us // 1000,
            "was_live": self.was_live,
            "cause": self.cause,
            "conn_id": str(self.conn_id),
            "server_version": self.server_version,
            "subscriptions": {
                "standing": sorted(self.standing),
                "refused": self.refused,
                "short": self.short,
                "stale": self.stale,
                "by_subtype": self._by_subtype(),
            },
            "quota": None if self.quota is None else dict(zip(_QUOTA, self.quota, strict=True)),
            "markets": self.markets,
            "traded": self.traded,
            "reading": self.reading,
            "delivery_failures": self.delivery_failures,
            "unacknowledged_s": round(self.unacknowledged_s, 3),
            "max_buffered_bytes": self.max_buffered_bytes,
            "events": list(self.events),
            "gaps": list(self.gaps),
            "not_ready": self.reasons_not_ready(),
        }

    def _by_subtype(self) -> dict[str, dict[str, int]]:
        return {
            name: {
                "wanted": self.wanted.get(name, 0),
                "standing": self.standing_by_subtype.get(name, 0),
            }
            for name in sorted({*self.wanted, *self.standing_by_subtype})
        }


_QUOTA = ("used", "remaining")


def first_names(names: Iterable[str]) -> list[str]:
    """Give the first `SHOWN_NAMES`, and how many more there are."""
    every = list(names)
    more = len(every) - SHOWN_NAMES
    return [*every[:SHOWN_NAMES], f"and {more} more"] if more > 0 else every

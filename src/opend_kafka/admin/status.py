"""What the worker knows of itself, for those who look after it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

#: Seconds for which records may wait for Kafka before the worker counts as not ready.
ACKNOWLEDGED_WITHIN_S = 5.0


@dataclass(slots=True)
class Status:
    """What the worker knows of itself: what the admin endpoint shows."""

    session: str = "connecting"
    cause: str = ""
    conn_id: int = 0
    standing: set[str] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)
    short: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    markets: dict[str, str] = field(default_factory=dict)
    reading: bool = True
    delivery_failures: int = 0
    unacknowledged_s: float = 0.0

    def reasons_not_ready(self) -> list[str]:
        """Say what keeps the worker from being ready; empty when nothing does."""
        reasons = []
        if self.session != "live":
            reasons.append(f"OpenD: {self.session}" + (f" ({self.cause})" if self.cause else ""))
        reasons += [f"{one} was refused: {why}" for one, why in self.refused.items()]
        if self.short:
            reasons.append(f"the quota has no room for {', '.join(self.short)}")
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
            "session": self.session,
            "cause": self.cause,
            "conn_id": str(self.conn_id),
            "subscriptions": {
                "standing": sorted(self.standing),
                "refused": self.refused,
                "short": self.short,
                "stale": self.stale,
            },
            "markets": self.markets,
            "reading": self.reading,
            "delivery_failures": self.delivery_failures,
            "unacknowledged_s": round(self.unacknowledged_s, 3),
            "not_ready": self.reasons_not_ready(),
        }

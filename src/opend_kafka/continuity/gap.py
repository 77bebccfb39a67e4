"""What came of a check: ticks were missing, or seemed to be. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from opend_kafka.opend.securities import Security


class Cause(StrEnum):
    """Why ticks may be missing."""

    STARTED = "started"
    RECONNECTED = "reconnected"
    LOGIN_LOST = "login_lost"
    RESUBSCRIBED = "resubscribed"
    BYDISCONN = "bydisconn"
    DAMAGED = "damaged"
    BACKPRESSURE = "backpressure"
    SEQUENCE_STEP = "sequence_step"


class Outcome(StrEnum):
    """How it ended."""

    REPAIRED = "repaired"
    UNREPAIRABLE = "unrepairable"
    DISPROVED = "disproved"


@dataclass(frozen=True, slots=True)
class Gap:
    """Ticks of one security that did not come as pushes, and how that ended.

    What was missing lies strictly between `before` and `after`: the sequences of the last tick
    before it and of the first after it, as far as known. `missing` ticks stay missing: 0 for a gap
    that was repaired, None where nobody knows. `repaired` ticks were produced from what OpenD
    still had.
    """

    security: Security
    cause: Cause
    before: int | None
    after: int | None
    missing: int | None
    repaired: int
    why: str = ""

    @property
    def outcome(self) -> Outcome:
        """Repaired: all of it was got back. Disproved: the sequences had stepped over nothing."""
        if self.missing != 0:
            return Outcome.UNREPAIRABLE
        return Outcome.REPAIRED if self.repaired else Outcome.DISPROVED

"""What happened to the link, as records: opend.SessionEvent."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from io import BytesIO

import fastavro

from opend_kafka import schemas
from opend_kafka.opend.subscriptions import Subscription
from opend_kafka.records.engine import signed

SCHEMA = "opend.SessionEvent"


class EventKind(StrEnum):
    """opend.SessionEventKind."""

    LOGGED_IN = "LOGGED_IN"
    NOT_READY = "NOT_READY"
    LIVE = "LIVE"
    LINK_DOWN = "LINK_DOWN"
    SUBSCRIPTION_REFUSED = "SUBSCRIPTION_REFUSED"
    SUBSCRIPTION_LOST = "SUBSCRIPTION_LOST"
    QUOTA_SHORT = "QUOTA_SHORT"
    KICKED_OUT = "KICKED_OUT"
    LOGIN_FAILED = "LOGIN_FAILED"
    LOGIN_LOST = "LOGIN_LOST"
    LOGIN_RESTORED = "LOGIN_RESTORED"
    FORCED_LOGOUT = "FORCED_LOGOUT"
    PROGRAM_STATUS = "PROGRAM_STATUS"
    QUOTE_RIGHT_CHANGED = "QUOTE_RIGHT_CHANGED"
    QUOTA_CHANGED = "QUOTA_CHANGED"
    NOTICE = "NOTICE"
    FRAME_DAMAGED = "FRAME_DAMAGED"
    BACKPRESSURE_BEGAN = "BACKPRESSURE_BEGAN"
    BACKPRESSURE_ENDED = "BACKPRESSURE_ENDED"
    DELIVERY_FAILED = "DELIVERY_FAILED"
    PRODUCER_RESTARTED = "PRODUCER_RESTARTED"
    STREAM_STALE = "STREAM_STALE"
    MARKET_STATE_CHANGED = "MARKET_STATE_CHANGED"
    GAP_REPAIRED = "GAP_REPAIRED"
    GAP_UNREPAIRABLE = "GAP_UNREPAIRABLE"
    GAP_DISPROVED = "GAP_DISPROVED"
    STOPPED = "STOPPED"


@dataclass(frozen=True, slots=True)
class GapBounds:
    """A gap as its event tells it: the sequences around it, and what became of the ticks in it."""

    sequence_before: int | None
    sequence_after: int | None
    ticks_missing: int | None
    ticks_repaired: int


_NO_GAP = dict.fromkeys(field.name for field in fields(GapBounds))


@dataclass(frozen=True, slots=True)
class SessionEvent:
    """One event. `time_us` is microseconds since 1970; `conn_id` OpenD's uint64, 0 for none."""

    kind: EventKind
    time_us: int
    worker: str
    conn_id: int = 0
    reason: str | None = None
    detail: str | None = None
    subscription: Subscription | None = None
    gap: GapBounds | None = None

    def encode(self, prefix: bytes = b"") -> bytes:
        """Give the record's bytes behind the wire format's prefix."""
        out = BytesIO()
        out.write(prefix)
        record = {
            "kind": self.kind.value,
            "time": self.time_us,
            "worker": self.worker,
            "conn_id": signed(self.conn_id) if self.conn_id else None,
            "reason": self.reason,
            "detail": self.detail,
            "subtype": str(self.subscription.subtype) if self.subscription else None,
            **(asdict(self.gap) if self.gap else _NO_GAP),
        }
        fastavro.schemaless_writer(out, schemas.load(SCHEMA), record)
        return out.getvalue()

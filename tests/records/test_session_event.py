"""Session events as records."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opend_kafka import schemas
from opend_kafka.consuming.decoding import Decoder
from opend_kafka.opend.securities import Security
from opend_kafka.opend.subscriptions import Subscription, Subtype
from opend_kafka.records.session_event import SCHEMA, EventKind, GapBounds, SessionEvent

PREFIX = schemas.SINGLE_OBJECT_MAGIC + schemas.fingerprint(SCHEMA)
TIME_US = 1_700_000_000_123_456
SEQUENCES = st.none() | st.integers(-(2**63), 2**63 - 1)
COUNTS = st.none() | st.integers(0, 2**63 - 1)
TICKER = Subscription(Security("HK", "00700"), Subtype.TICKER)


def test_kinds_are_those_of_the_schema() -> None:
    """Every kind has its symbol, and every symbol but UNKNOWN its kind."""
    assert {kind.value for kind in EventKind} == set(
        schemas.load("opend.SessionEventKind")["symbols"]
    ) - {"UNKNOWN"}


@given(
    st.sampled_from(EventKind),
    st.text(),
    st.integers(0, 2**64 - 1),
    st.none() | st.text(),
    st.none() | st.text(),
    st.sampled_from([None, TICKER]),
    st.none() | st.builds(GapBounds, SEQUENCES, SEQUENCES, COUNTS, st.integers(0, 2**63 - 1)),
)
def test_event_reads_back(
    kind: EventKind,
    worker: str,
    conn_id: int,
    reason: str | None,
    detail: str | None,
    subscription: Subscription | None,
    gap: GapBounds | None,
) -> None:
    """What goes in comes out; no connection is null, and so is no gap."""
    event = SessionEvent(kind, TIME_US, worker, conn_id, reason, detail, subscription, gap)
    fields = Decoder().decode(event.encode(PREFIX)).fields
    assert fields == {
        "kind": kind.value,
        "time": datetime.fromtimestamp(1_700_000_000, UTC).replace(microsecond=123456),
        "worker": worker,
        "conn_id": None if not conn_id else int.from_bytes(conn_id.to_bytes(8), signed=True),
        "reason": reason,
        "detail": detail,
        "subtype": "ticker" if subscription else None,
        "sequence_before": gap.sequence_before if gap else None,
        "sequence_after": gap.sequence_after if gap else None,
        "ticks_missing": gap.ticks_missing if gap else None,
        "ticks_repaired": gap.ticks_repaired if gap else None,
    }


@pytest.mark.parametrize("kind", EventKind)
def test_event_of_every_kind_can_be_written(kind: EventKind) -> None:
    """No kind is missing from the schema."""
    assert Decoder().decode(SessionEvent(kind, 0, "").encode(PREFIX)).fields["kind"] == kind

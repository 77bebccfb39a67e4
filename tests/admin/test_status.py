"""What the worker says of itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

from opend_kafka.admin.status import Status


def test_status_is_ready_when_nothing_is_wrong() -> None:
    """A live session, standing subscriptions and a Kafka that keeps up leave no reason."""
    status = Status(session="live", standing={"ticker of HK.00700"})
    assert status.reasons_not_ready() == []


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"session": "connecting"}, "OpenD: connecting"),
        (
            {"session": "waiting", "cause": "no OpenD answers"},
            "OpenD: waiting (no OpenD answers)",
        ),
        (
            {"refused": {"ticker of HK.00700": "no right"}},
            "ticker of HK.00700 was refused: no right",
        ),
        ({"short": ["ticker of US.AAPL"]}, "the quota has no room for ticker of US.AAPL"),
        ({"reading": False}, "Kafka does not take records as fast as OpenD sends them"),
        ({"unacknowledged_s": 5.5}, "Kafka has acknowledged nothing for 6 s"),
        ({"delivery_failures": 2}, "Kafka did not take 2 records"),
    ],
)
def test_status_names_what_keeps_it_from_being_ready(wrong: dict[str, Any], reason: str) -> None:
    """Each thing that is wrong is a reason of its own, in words."""
    parts: dict[str, Any] = {"session": "live"}
    assert Status(**parts | wrong).reasons_not_ready() == [reason]


def test_status_names_every_reason() -> None:
    """Several things that are wrong are several reasons."""
    status = Status(refused={"a": "x", "b": "y"}, reading=False)
    assert len(status.reasons_not_ready()) == 4


def test_status_fits_json() -> None:
    """What is shown holds only what JSON has; 64-bit ids are text, which JavaScript keeps whole."""
    status = Status(
        session="live",
        conn_id=2**63,
        standing={"ticker of US.AAPL", "ticker of HK.00700"},
        refused={"order-book of HK.00700": "no right"},
        markets={"HK": "REST"},
    )
    assert json.loads(json.dumps(status.as_json())) == {
        "session": "live",
        "cause": "",
        "conn_id": "9223372036854775808",
        "subscriptions": {
            "standing": ["ticker of HK.00700", "ticker of US.AAPL"],
            "refused": {"order-book of HK.00700": "no right"},
            "short": [],
            "stale": [],
        },
        "markets": {"HK": "REST"},
        "reading": True,
        "delivery_failures": 0,
        "unacknowledged_s": 0.0,
        "not_ready": ["order-book of HK.00700 was refused: no right"],
    }

"""What the worker says of itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

from opend_kafka.admin.status import LAST_EVENTS, LAST_GAPS, SHOWN_NAMES, Status, first_names


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
        since_us=1_700_000_000_123_456,
        conn_id=2**63,
        wanted={"ticker": 2, "order-book": 1},
        standing={"ticker of US.AAPL", "ticker of HK.00700"},
        standing_by_subtype={"ticker": 2},
        refused={"order-book of HK.00700": "no right"},
        markets={"HK": "REST"},
        quota=(2, 98),
    )
    shown = json.loads(json.dumps(status.as_json()))
    assert (shown["conn_id"], shown["since"]) == ("9223372036854775808", 1_700_000_000_123)
    assert shown["quota"] == {"used": 2, "remaining": 98}
    assert shown["subscriptions"] == {
        "standing": ["ticker of HK.00700", "ticker of US.AAPL"],
        "refused": {"order-book of HK.00700": "no right"},
        "short": [],
        "stale": [],
        "by_subtype": {
            "order-book": {"wanted": 1, "standing": 0},
            "ticker": {"wanted": 2, "standing": 2},
        },
    }
    assert shown["not_ready"] == ["order-book of HK.00700 was refused: no right"]


def test_quota_is_null_until_opend_has_told_it() -> None:
    """Nobody takes a quota that is not known for one that is used up."""
    assert Status().as_json()["quota"] is None


def test_phase_is_shown_with_its_beginning() -> None:
    """A move is seen with its time, and since when the session is not live any more."""
    status = Status()
    status.moved("live", 5_000_000)
    assert status.as_json()["since"] == 5000
    status.moved("waiting", 9_000_000)
    status.moved("connecting", 11_000_000)
    shown = status.as_json()
    assert (shown["session"], shown["was_live"]) == ("connecting", True)
    assert (shown["since"], shown["phase_since"]) == (9000, 11000)


def test_newest_events_and_gaps_are_kept() -> None:
    """They are bounded, and the newest stands first."""
    status = Status()
    for number in range(1000):
        status.happened({"number": number})
        status.gap_ended({"number": number})
    shown = status.as_json()
    assert [one["number"] for one in shown["events"]] == [*range(999, 999 - LAST_EVENTS, -1)]
    assert [one["number"] for one in shown["gaps"]] == [*range(999, 999 - LAST_GAPS, -1)]


def test_whatever_should_be_seen_at_once_changes_the_number_of_changes() -> None:
    """A phase, an event and a gap each count as a change."""
    status = Status()
    status.moved("live", 0)
    status.happened({})
    status.gap_ended({})
    assert status.changes == 3


@pytest.mark.parametrize(
    ("number", "last"),
    [(0, None), (SHOWN_NAMES, f"s{SHOWN_NAMES - 1}"), (500, f"and {500 - SHOWN_NAMES} more")],
)
def test_long_lists_of_names_are_cut(number: int, last: str | None) -> None:
    """The page gets the first names and how many more there are."""
    shown = first_names(f"s{index}" for index in range(number))
    assert len(shown) == min(number, SHOWN_NAMES + 1)
    assert (shown[-1] if shown else None) == last

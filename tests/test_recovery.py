"""The judge of the survival test is judged."""

from __future__ import annotations

import asyncio

import pytest

from opend_kafka.simulator.faults import KINDS
from tests.recovery import (
    MET_BY_A_NEW_LINK,
    UNFELT,
    USED_UP,
    Limits,
    LoopClock,
    Trial,
    WatchedStatus,
    lived_s,
    slow,
    table,
)

LIMITS = Limits(
    max_backoff_s=0.5,
    request_timeout_s=1,
    silence_s=30,
    check_interval_s=2,
    retry_refused_s=60,
    sub_info_interval_s=20,
)


def test_recovery_begins_when_the_obstacle_is_gone() -> None:
    """What a restart lasts is not held against the worker."""
    assert Trial("restart", began_at=10, gone_at=12, whole_at=12.5).recovery_s(LIMITS) == 0.5


@pytest.mark.parametrize(
    ("kind", "noticed_after_s"),
    [
        ("reset", 0),
        ("no_reply", 1),
        ("forced_logout", 2),
        ("not_ready", 2),
        ("quota", 20),
        ("half_open", 21),
        ("refuse_code", 60),
    ],
)
def test_recovery_begins_when_the_worker_can_know(kind: str, noticed_after_s: float) -> None:
    """The configured limit of a kind's detection comes before its recovery."""
    trial = Trial(kind, began_at=10, gone_at=10, whole_at=10.25 + noticed_after_s)
    assert trial.recovery_s(LIMITS) == 0.25


def test_silence_notices_a_half_open_link_where_little_is_asked() -> None:
    """The earlier of both limits counts."""
    limits = Limits(
        max_backoff_s=0.5,
        request_timeout_s=1,
        silence_s=3,
        check_interval_s=2,
        retry_refused_s=60,
        sub_info_interval_s=20,
    )
    assert limits.noticed_after_s("half_open") == 3


def test_session_that_stayed_whole_needed_no_recovery() -> None:
    """Nor does one that was whole before its recovery was due."""
    assert Trial("split", began_at=10, gone_at=12, whole_at=10).recovery_s(LIMITS) == 0


def test_slow_gives_what_took_backoff_and_round_trip_or_longer() -> None:
    """The limit itself is too long."""
    quick = Trial("reset", began_at=0, gone_at=0, whole_at=1.25)
    late = Trial("reset", began_at=0, gone_at=0, whole_at=1.5)
    assert slow([quick, late], LIMITS) == [late]


def test_table_shows_the_worst_of_each_kind_the_slowest_first() -> None:
    """A line a kind: its name, how many there were, and the worst times."""
    trials = [
        Trial("cut", began_at=0, gone_at=0, whole_at=0.25),
        Trial("restart", began_at=0, gone_at=1, whole_at=1.125),
        Trial("restart", began_at=0, gone_at=1, whole_at=3.5),
    ]
    _, _, first, second = table(trials, LIMITS).splitlines()
    assert first.split() == ["restart", "2", "2.500", "s", "1.000", "s", "3.500", "s"]
    assert second.split() == ["cut", "1", "0.250", "s", "0.000", "s", "0.250", "s"]


@pytest.mark.parametrize(
    ("elapsed_s", "busy_s", "expected_s"),
    [
        pytest.param(0.0101, 0.0001, 0.0101, id="idle"),
        pytest.param(0.5, 0.49, 0.5, id="busy with its own work"),
        pytest.param(0.5, 0.03, 0.05, id="without a processor"),
    ],
)
def test_loop_lives_through_its_work_and_its_waits(
    elapsed_s: float, busy_s: float, expected_s: float
) -> None:
    """Only the wait for a processor is left out."""
    assert lived_s(elapsed_s, busy_s) == pytest.approx(expected_s)


def test_every_kind_that_is_named_is_one() -> None:
    """The simulator has the kinds that the judge speaks of, and none is met and unfelt at once."""
    assert set(KINDS) >= UNFELT | MET_BY_A_NEW_LINK
    assert USED_UP <= MET_BY_A_NEW_LINK
    assert not UNFELT & MET_BY_A_NEW_LINK


def test_status_is_whole_when_live_with_all_that_is_wanted() -> None:
    """It notes when it became so last."""
    times = iter([1.0, 2.0, 3.0])
    status = WatchedStatus(1, lambda: next(times))
    status.session = "initialising"
    status.session = "live"
    assert not status.whole
    status.standing = {"HK.00700 ticker"}
    assert status.whole
    status.standing = set()
    status.standing = {"HK.00700 ticker"}
    assert (status.linked_at, status.whole_at) == (1.0, 3.0)


async def test_status_wakes_who_waits() -> None:
    """A change is looked at when it happens."""
    status = WatchedStatus(0, LoopClock())
    waiting = asyncio.create_task(status.until(lambda: status.whole))
    await asyncio.sleep(0)
    status.session = "live"
    async with asyncio.timeout(10):
        await waiting

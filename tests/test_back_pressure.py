"""Holding back from OpenD."""

from __future__ import annotations

import asyncio

from opend_kafka.admin.status import Status
from opend_kafka.back_pressure import BackPressure
from opend_kafka.metrics import Metrics
from opend_kafka.opend.securities import Security
from opend_kafka.records.session_event import EventKind, SessionEvent
from opend_kafka.reporter import Reporter
from tests.sinks import KeptRecords
from tests.trackers import tracker

HK = Security("HK", "00700")
HANGS_S = 10


class _Gate:
    """A gate of 100 bytes, and what is told."""

    def __init__(self) -> None:
        self.buffered = 0
        self.events: list[SessionEvent] = []
        self.tracker = tracker(KeptRecords(), [HK])
        reporter = Reporter(
            Status(), Metrics("0"), self.events.append, worker="w", now_us=lambda: 0
        )
        self.back_pressure = BackPressure(lambda: self.buffered, 100, reporter, self.tracker)

    @property
    def told(self) -> list[EventKind]:
        return [event.kind for event in self.events]


async def test_gate_is_open_below_the_limit() -> None:
    """Nothing is told, nothing is asked."""
    gate = _Gate()
    gate.buffered = 99
    async with asyncio.timeout(HANGS_S):
        await gate.back_pressure.gate()
    assert gate.told == []
    assert not gate.tracker.is_checking


async def test_gate_is_shut_until_a_part_has_gone() -> None:
    """It does not open at the limit: it would be shut again at once."""
    gate = _Gate()
    gate.buffered = 100
    waiting = asyncio.create_task(gate.back_pressure.gate())
    async with asyncio.timeout(HANGS_S):
        while not gate.told:
            await asyncio.sleep(0)
        gate.buffered = 81
        done, _ = await asyncio.wait([waiting], timeout=0.05)
        assert not done
        gate.buffered = 80
        await waiting
    assert gate.told == [EventKind.BACKPRESSURE_BEGAN, EventKind.BACKPRESSURE_ENDED]


async def test_what_opend_may_have_dropped_meanwhile_is_asked_for() -> None:
    """Nobody read: every ticker is looked into."""
    gate = _Gate()
    gate.buffered = 100
    waiting = asyncio.create_task(gate.back_pressure.gate())
    async with asyncio.timeout(HANGS_S):
        while not gate.told:
            await asyncio.sleep(0)
        gate.buffered = 0
        await waiting
    assert gate.tracker.asks() == [HK]


async def test_link_that_breaks_meanwhile_opens_it() -> None:
    """Back pressure has ended as far as this link goes, and it is told."""
    gate = _Gate()
    gate.buffered = 100
    waiting = asyncio.create_task(gate.back_pressure.gate())
    async with asyncio.timeout(HANGS_S):
        while not gate.told:
            await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    assert gate.told[-1] is EventKind.BACKPRESSURE_ENDED

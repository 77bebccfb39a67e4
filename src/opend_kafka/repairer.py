"""Asks OpenD for what the tracker wants to know, and keeps the tracker's time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import structlog
from google.protobuf.message import Message

from opend_kafka.continuity.gap import Cause
from opend_kafka.continuity.tracker import Tracker
from opend_kafka.errors import LinkLost, RequestRefused
from opend_kafka.opend.events import Event, FrameDamaged, Reply, Subscribed, Unsubscribed
from opend_kafka.opend.messages import ProtoId
from opend_kafka.opend.pb import Qot_GetTicker_pb2
from opend_kafka.opend.securities import Security
from opend_kafka.opend.subscriptions import Subscription, Subtype
from opend_kafka.pipeline import Pipeline

log = structlog.get_logger()

#: Seconds between two looks at the tracker: a small part of its limits.
LOOK_S = 0.02

#: The part of the watermarks that is written at a look: ticks wait no longer than for that, and
#: all can be written in 0.4 s.
WATERMARKS_PART = 0.05


class Repairer:
    """Joins the tracker with OpenD.

    Args:
        tracker: decides.
        pipeline: makes records of OpenD's answers.
        ask: sends a request over the link of now, and waits for the reply.
        max_ticks: how many ticks OpenD is asked for, 1,000 at most.
    """

    def __init__(
        self,
        tracker: Tracker[Any],
        pipeline: Pipeline,
        ask: Callable[[Message], Awaitable[Reply]],
        *,
        max_ticks: int,
    ) -> None:
        self._tracker = tracker
        self._pipeline = pipeline
        self._ask = ask
        self._max_ticks = max_ticks
        self._asking: set[asyncio.Task[None]] = set()

    def on_event(self, event: Event) -> None:
        """Take what a session says."""
        match event:
            case Subscribed(subscriptions):
                self._tracker.subscribed(tickers(subscriptions))
            case Unsubscribed(subscriptions):
                self._tracker.unsubscribed(tickers(subscriptions))
            case FrameDamaged(push, _) if push.proto_id == ProtoId.QOT_UPDATE_TICKER:
                self._tracker.suspect_all(Cause.DAMAGED)

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        try:
            while True:
                self.look()
                await asyncio.sleep(LOOK_S)
        finally:
            for task in self._asking:
                task.cancel()

    def look(self) -> None:
        """Do what is due: judge, ask, write watermarks."""
        self._tracker.on_time()
        for security in self._tracker.asks():
            task = asyncio.create_task(self._repair(security))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)
        self._tracker.write_watermarks(part=WATERMARKS_PART)

    async def _repair(self, security: Security) -> None:
        request = Qot_GetTicker_pb2.Request()
        request.c2s.security.market = security.market_number
        request.c2s.security.code = security.code
        request.c2s.maxRetNum = self._max_ticks
        try:
            reply = await self._ask(request)
        except RequestRefused as error:
            log.warning("repair_refused", security=str(security), cause=str(error))
            self._tracker.refused(security, str(error))
        except LinkLost:
            return  # the next link asks anew
        else:
            self._pipeline.repair(security, reply)


def tickers(subscriptions: Iterable[Subscription]) -> list[Security]:
    """Give the securities whose ticks are among the subscriptions."""
    return [one.security for one in subscriptions if one.subtype is Subtype.TICKER]

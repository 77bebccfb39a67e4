"""Keeps watch over the streams: who is stale is subscribed again, and everybody is told."""

from __future__ import annotations

import asyncio
import time

from opend_kafka.opend import staleness
from opend_kafka.opend.events import Event, MarketStates, Subscribed
from opend_kafka.opend.lifecycle import Lifecycle, Phase
from opend_kafka.opend.reconciler import Reconciler
from opend_kafka.opend.staleness import Staleness
from opend_kafka.reporter import Reporter


class StreamWatch:
    """Hands on what `Staleness` has to know, and what it finds.

    Args:
        streams: also told of each push, by the pipeline.
        reconciler: subscribes again.
        lifecycle: streams are watched while it is live.
        reporter: told what is found; its status says whether the worker reads.
    """

    def __init__(
        self,
        streams: Staleness,
        reconciler: Reconciler,
        lifecycle: Lifecycle,
        reporter: Reporter,
    ) -> None:
        self._streams = streams
        self._reconciler = reconciler
        self._lifecycle = lifecycle
        self._reporter = reporter

    def on_event(self, event: Event) -> None:
        """Take what a session says."""
        match event:
            case MarketStates(states):
                self._streams.market_states(states, time.monotonic())
            case Subscribed(subscriptions):
                self._streams.subscribed(subscriptions, time.monotonic())

    def stand(self) -> None:
        """Look at what stands: call it when that may have changed."""
        live = self._lifecycle.phase is Phase.LIVE
        self._streams.stand(self._reconciler.standing if live else (), time.monotonic())

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await asyncio.sleep(staleness.LOOK_S)
            self.look(time.monotonic())

    def look(self, now: float) -> None:
        """Have those that are stale subscribed again, and tell of them."""
        if self._lifecycle.phase is not Phase.LIVE:
            self._streams.stand((), now)
        findings = self._streams.look(now, listening=self._reporter.reading)
        if findings.resubscribe:
            self._reconciler.resubscribe(findings.resubscribe, now)
        self._reporter.streams_found(findings)
        self._reporter.show_stale(self._streams.stale)

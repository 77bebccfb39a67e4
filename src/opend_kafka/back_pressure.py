"""Holding back from OpenD while Kafka is slow or gone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from opend_kafka.continuity.gap import Cause
from opend_kafka.continuity.tracker import Tracker
from opend_kafka.reporter import Reporter

#: Reading resumes when this part of the limit is left.
RESUME_PART = 0.8

#: Seconds between two looks.
LOOK_S = 0.01


class BackPressure:
    """A gate that is shut while too much waits for Kafka.

    Args:
        buffered_bytes: what waits now.
        limit: kafka.max_buffered_bytes.
        reporter: told when it is shut, and when it opens.
        tracker: told then, too: OpenD may have dropped pushes that nobody read.
    """

    def __init__(
        self,
        buffered_bytes: Callable[[], int],
        limit: int,
        reporter: Reporter,
        tracker: Tracker[Any],
    ) -> None:
        self._buffered_bytes = buffered_bytes
        self._limit = limit
        self._reporter = reporter
        self._tracker = tracker

    async def gate(self) -> None:
        """Pass at once, or when enough has gone."""
        if self._buffered_bytes() < self._limit:
            return
        self._reporter.backpressure_began(self._buffered_bytes())
        since = counted = time.monotonic()
        try:
            while self._buffered_bytes() > self._limit * RESUME_PART:
                await asyncio.sleep(LOOK_S)
                counted, before = time.monotonic(), counted
                self._reporter.backpressure_lasts(counted - before)
        finally:
            # Also where the link breaks meanwhile: the next one begins with reading.
            self._tracker.suspect_all(Cause.BACKPRESSURE)
            self._reporter.backpressure_ended(time.monotonic() - since)

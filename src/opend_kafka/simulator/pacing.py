"""Lets a market's time pass with a clock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine

import structlog

from opend_kafka.simulator.market import Market

#: Seconds between two looks at the clock: what a tick waits at most before it is pushed.
PULSE_S = 0.005

#: Microseconds of the market that are pushed before requests get their turn again.
STEP_US = 50_000

#: Microseconds behind the clock from which the machine counts as too slow for the rate.
LATE_US = 1_000_000

_log = structlog.get_logger()


def follow_the_clock(
    market: Market,
    advance_to: Callable[[int], None],
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Coroutine[None, None, None]:
    """Advance a market for ever, from where it stands, as fast as the clock's seconds pass.

    They pass from this call on, also while the coroutine waits for its first turn. A delay is
    made up for: the ticks and their times are the same, they only come later.
    """
    return _follow(market, advance_to, clock, sleep, clock())


async def _follow(
    market: Market,
    advance_to: Callable[[int], None],
    clock: Callable[[], float],
    sleep: Callable[[float], Awaitable[None]],
    begun_s: float,
) -> None:
    begun_us, was_late = market.now_us, False
    while True:
        due_us = begun_us + int((clock() - begun_s) * 1_000_000)
        until_us = min(due_us, market.now_us + STEP_US)
        advance_to(until_us)
        late = due_us - until_us > LATE_US
        if late and not was_late:
            _log.warning("market_late", behind_s=(due_us - until_us) / 1_000_000)
        was_late = late
        await sleep(PULSE_S if until_us == due_us else 0)

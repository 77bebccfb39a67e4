"""Workers in this process, for tests of the whole way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from opend_kafka.worker import Worker

#: Seconds after which something on this machine hangs.
HANGS_S = 30


@asynccontextmanager
async def running(
    worker: Worker, *, within_s: float = HANGS_S
) -> AsyncIterator[asyncio.Task[None]]:
    """Run a worker; at the end stop it, and raise what it raised."""
    stop = asyncio.Event()
    task = asyncio.create_task(worker.run(stop))
    try:
        yield task
    finally:
        stop.set()
        async with asyncio.timeout(within_s):
            await asyncio.wait([task])
    task.result()


async def until(
    condition: Callable[[], Any],
    task: asyncio.Task[None] | None = None,
    *,
    within_s: float = HANGS_S,
) -> None:
    """Let the loop turn until the condition holds; fail with the task if it fails."""
    async with asyncio.timeout(within_s):
        while not condition():
            if task is not None and task.done():
                task.result()
            await asyncio.sleep(0.005)

"""Signals: the first one stops in good order, the second at once."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import click

#: What a shell reports for a command that SIGINT ended.
INTERRUPTED = 130


def run_until_stopped(
    body: Callable[[asyncio.Event], Awaitable[None]],
    *,
    on_hangup: Callable[[], Coroutine[Any, Any, None]] | None = None,
) -> None:
    """Run `body`; set its event at the first SIGTERM or SIGINT, abandon it at the second.

    SIGHUP runs `on_hangup`, where there is one, beside it.

    Raises:
        click.exceptions.Exit: with 130, where it was abandoned.
    """
    if not asyncio.run(_run(body, on_hangup)):
        click.echo("opend-kafka: stopped at once; what was not delivered yet may be lost", err=True)
        raise SystemExit(INTERRUPTED)


async def _run(
    body: Callable[[asyncio.Event], Awaitable[None]],
    on_hangup: Callable[[], Coroutine[Any, Any, None]] | None,
) -> bool:
    """Give True where the body came to its own end."""
    stop = asyncio.Event()
    task = asyncio.ensure_future(body(stop))

    def on_signal() -> None:
        if stop.is_set():
            task.cancel()
        else:
            stop.set()
            if sys.stderr.isatty():  # a person can press it again; elsewhere stderr is a log
                click.echo("opend-kafka: stopping; once more to stop at once", err=True)

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    if on_hangup is not None:
        beside: set[asyncio.Task[None]] = set()
        loop.add_signal_handler(signal.SIGHUP, lambda: beside.add(loop.create_task(on_hangup())))
    try:
        await task
    except asyncio.CancelledError:
        return False
    return True

"""One connection driven by one session: reads, ticks, and sends, until either fails."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from google.protobuf.message import Message

from opend_kafka.errors import LinkLost
from opend_kafka.opend.events import Event, Push, Replied, Reply
from opend_kafka.opend.session import Session
from opend_kafka.transport.connection import Connection

#: Seconds. A request or a wish may move the next deadline nearer meanwhile, by no more than this.
_LONGEST_NAP_S = 0.5


async def _open_gate() -> None:
    """Hold nothing back."""


class Link:
    """Joins a `Connection` and a `Session`; hands every event to `handle`.

    Args:
        connection: taken over; `run` closes it.
        session: fresh.
        handle: called with each event, in order, from the event loop. What it raises ends `run`.
        gate: awaited before each read: while it waits, the worker does not read from OpenD, and
            OpenD's silence is not held against it.
        after_read: called after each read's events: the place to serve what they have filled.
    """

    def __init__(
        self,
        connection: Connection,
        session: Session,
        handle: Callable[[Event], None],
        *,
        gate: Callable[[], Awaitable[None]] = _open_gate,
        after_read: Callable[[], None] = lambda: None,
    ) -> None:
        self._connection = connection
        self._session = session
        self._handle = handle
        self._gate = gate
        self._after_read = after_read
        self._reading = True
        self._ended = False
        self._replies: dict[int, asyncio.Future[Any]] = {}

    async def run(self) -> None:
        """Drive the session until the link fails or the task is cancelled.

        Raises:
            OpenDError: why the link ended.
        """
        self._session.open(time.monotonic())
        self._flush()
        tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._tick())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self._ended = True
            await _end(tasks)
            self._fail_replies()
            await self._connection.close()

    async def ask(self, request: Message) -> Reply:
        """Send a request and wait for its reply.

        Raises:
            RequestRefused: OpenD said no.
            LinkLost: the link ended first.
        """
        if self._ended:
            raise LinkLost("the link to OpenD has ended")
        serial = self._session.request(request, time.monotonic())
        reply = self._replies[serial] = asyncio.get_running_loop().create_future()
        self._flush()
        return Reply(self._session.conn_id, serial, await reply)

    async def _read(self) -> None:
        while True:
            self._reading = False
            await self._gate()
            self._reading = True
            data = await self._connection.receive()
            if not data:
                self._session.end()
            news = False
            for event in self._session.receive(data, time.monotonic()):
                news |= not isinstance(event, Push)
                self._dispatch(event)
            if news:  # what it asks for may be due at once
                self._tick_session()
            self._after_read()
            self._flush()

    async def _tick(self) -> None:
        while True:
            nap_s = self._session.next_deadline() - time.monotonic()
            await asyncio.sleep(min(max(nap_s, 0), _LONGEST_NAP_S))
            self._tick_session()
            self._flush()

    def _tick_session(self) -> None:
        self._session.tick(time.monotonic(), unix_time=int(time.time()), reading=self._reading)

    def _dispatch(self, event: Event) -> None:
        if isinstance(event, Replied):
            self._settle(event)
        else:
            self._handle(event)

    def _settle(self, reply: Replied) -> None:
        waiting = self._replies.pop(reply.serial, None)
        if waiting is None or waiting.done():
            return
        if reply.refused is not None:
            waiting.set_exception(reply.refused)
        else:
            waiting.set_result(reply.s2c)

    def _fail_replies(self) -> None:
        for waiting in self._replies.values():
            if not waiting.done():
                waiting.set_exception(LinkLost("the link to OpenD ended before the reply"))

    def _flush(self) -> None:
        for message in self._session.messages_to_send():
            self._connection.send(message)


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    for task in tasks:
        # Its own failure was raised already, or it is the second failure of the same link.
        with suppress(asyncio.CancelledError, Exception):
            await task

"""Keeps a link to OpenD: makes it, drives it, and makes the next one, for ever."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from google.protobuf.message import Message

from opend_kafka.backoff import Backoff
from opend_kafka.errors import LinkLost, OpenDError
from opend_kafka.opend.events import Event, Live, Reply
from opend_kafka.opend.lifecycle import Lifecycle, Signal
from opend_kafka.opend.session import Session
from opend_kafka.transport.connection import Connection
from opend_kafka.transport.link import Link


class Keeper:
    """Makes link after link. Every failure ends in the next attempt.

    Args:
        connect: makes a connection, or raises OpenDError.
        new_session: makes the session for it; nothing of an older one is in it.
        lifecycle: moved as the links come and go.
        backoff: between the end of one and the next attempt; reset when a link is live.
        on_event: as for `Link`.
        on_down: told why a link ended or could not be made.
        gate, after_read: as for `Link`.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        new_session: Callable[[], Session],
        lifecycle: Lifecycle,
        backoff: Backoff,
        *,
        on_event: Callable[[Event], None],
        on_down: Callable[[OpenDError], None],
        gate: Callable[[], Awaitable[None]],
        after_read: Callable[[], None],
    ) -> None:
        self._connect = connect
        self._new_session = new_session
        self._lifecycle = lifecycle
        self._backoff = backoff
        self._on_event = on_event
        self._on_down = on_down
        self._gate = gate
        self._after_read = after_read
        self._current: Link | None = None

    async def ask(self, request: Message) -> Reply:
        """Ask OpenD over the link of now.

        Raises:
            RequestRefused: OpenD said no.
            LinkLost: there is no link, or it ended first.
        """
        if self._current is None:
            raise LinkLost("there is no link to OpenD")
        return await self._current.ask(request)

    async def run(self) -> None:
        """Keep linked until cancelled."""
        while True:
            try:
                await self._link()
            except OpenDError as error:
                self._lifecycle.on(Signal.FAILED, time.monotonic())
                self._on_down(error)
            await asyncio.sleep(self._backoff.next_s())
            self._lifecycle.on(Signal.RETRY, time.monotonic())

    async def _link(self) -> None:
        link = Link(
            await self._connect(),
            self._new_session(),
            self._handle,
            gate=self._gate,
            after_read=self._after_read,
        )
        self._current = link
        try:
            await link.run()
        finally:
            self._current = None

    def _handle(self, event: Event) -> None:
        if isinstance(event, Live):
            self._backoff.reset()
        self._on_event(event)

"""A way to a service that can be shut: what comes is refused, what is open is cut."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from tests.clusters.processes import LOOPBACK, ReservedPort

_READ_SIZE = 1 << 16


class Door:
    """Carries TCP connections to a port of this machine, while it is open; a context manager."""

    def __init__(self, port: int) -> None:
        """Make one that is shut, in front of a port."""
        self._inner = port
        self._outer = ReservedPort()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        """Where it is, as host:port."""
        return self._outer.address

    async def __aenter__(self) -> Door:
        """Open it."""
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Shut it for good."""
        self.shut()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._outer.__exit__()

    async def open(self) -> None:
        """Let connections through."""
        self._server = await asyncio.start_server(
            self._pass, LOOPBACK, self._outer.number, reuse_address=True
        )

    def shut(self) -> None:
        """Refuse connections, and cut those that there are."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in self._tasks:
            task.cancel()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            inner_reader, inner_writer = await asyncio.open_connection(LOOPBACK, self._inner)
            ways = [_carry(reader, inner_writer), _carry(inner_reader, writer)]
            both = [asyncio.create_task(way) for way in ways]
            try:
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way_task in both:
                    way_task.cancel()
                inner_writer.transport.abort()
        except (OSError, asyncio.CancelledError):
            pass  # it is shut, or there is nobody behind it
        finally:
            writer.transport.abort()
            self._tasks.discard(task)


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(_READ_SIZE):
            writer.write(data)
            await writer.drain()

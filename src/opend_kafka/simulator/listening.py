"""The port of a simulated OpenD: opened, shut while it restarts, opened again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

#: Seconds between two attempts to have the port back.
_AGAIN_S = 0.05


class Listener:
    """Listens for connections, when told to."""

    def __init__(self, host: str, port: int, connection: Callable[[], asyncio.Protocol]) -> None:
        """Make one that does nothing yet. Port 0 takes any that is free, see `port`."""
        self.host = host
        self.port = port
        self._connection = connection
        self._server: asyncio.Server | None = None
        self._reopening: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Listen. Raises OSError where the port is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connection, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def shut(self) -> None:
        """Listen no more; the connections stay."""
        if self._reopening is not None:
            self._reopening.cancel()
            self._reopening = None
        if self._server is not None:
            self._server.close()
            self._server = None

    def reopen(self) -> None:
        """Listen on the same port again, as soon as it can be had; see `opened`."""
        self._reopening = asyncio.create_task(self._open_again(), name="simulator-listening")

    async def opened(self) -> None:
        """Wait for a reopening that is under way."""
        if self._reopening is not None:
            await asyncio.wait([self._reopening])

    async def _open_again(self) -> None:
        while True:
            with suppress(OSError):  # another may hold the port for a while
                return await self.open()
            await asyncio.sleep(_AGAIN_S)

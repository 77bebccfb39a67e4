"""The other end of a connection, in memory and over TCP, and a fake `Connection`."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from opend_kafka.transport.connection import Connection
from opend_kafka.transport.tcp import connect

#: Seconds; longer than anything here takes, so that what hangs fails.
PATIENCE_S = 5


class Peer(Protocol):
    """What stands in OpenD's place."""

    async def receive(self) -> bytes:
        """Wait for bytes; give b"" once the worker has closed."""
        ...

    def send(self, data: bytes) -> None:
        """Send bytes."""
        ...

    def close(self) -> None:
        """End the stream in both directions."""
        ...


class Pipe:
    """One direction of a connection in memory."""

    def __init__(self) -> None:
        """Begin with nothing in it."""
        self._data = b""
        self._ended = False
        self._changed = asyncio.Event()

    def put(self, data: bytes) -> None:
        """Add bytes; after the end they go nowhere."""
        if not self._ended:
            self._data += data
            self._changed.set()

    def end(self) -> None:
        """Add the end."""
        self._ended = True
        self._changed.set()

    async def get(self) -> bytes:
        """Wait for all that is there; b"" at the end."""
        await self._changed.wait()
        data, self._data = self._data, b""
        if not self._ended:
            self._changed.clear()
        return data


class MemoryConnection:
    """A `Connection` without a network."""

    def __init__(self, inbound: Pipe, outbound: Pipe) -> None:
        """Join two pipes."""
        self._inbound = inbound
        self._outbound = outbound
        self.receives = 0

    async def receive(self) -> bytes:
        """See `Connection.receive`."""
        self.receives += 1
        return await self._inbound.get()

    def send(self, data: bytes) -> None:
        """See `Connection.send`."""
        self._outbound.put(data)

    async def close(self) -> None:
        """See `Connection.close`."""
        self._inbound.end()
        self._outbound.end()


class MemoryPeer:
    """A `Peer` without a network."""

    def __init__(self, inbound: Pipe, outbound: Pipe) -> None:
        """Join two pipes."""
        self._inbound = inbound
        self._outbound = outbound

    async def receive(self) -> bytes:
        """See `Peer.receive`."""
        return await self._inbound.get()

    def send(self, data: bytes) -> None:
        """See `Peer.send`."""
        self._outbound.put(data)

    def close(self) -> None:
        """See `Peer.close`."""
        self._inbound.end()
        self._outbound.end()


class TcpPeer:
    """A `Peer` at the other end of a TCP connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take over what a server has accepted."""
        self._reader = reader
        self._writer = writer

    async def receive(self) -> bytes:
        """See `Peer.receive`."""
        return await self._reader.read(65536)

    def send(self, data: bytes) -> None:
        """See `Peer.send`."""
        self._writer.write(data)

    def close(self) -> None:
        """See `Peer.close`."""
        self._writer.close()

    def abort(self) -> None:
        """Close at once, in whatever state it is."""
        self._writer.transport.abort()

    def reset(self) -> None:
        """Break the connection: the worker's end gets a reset, not an end."""
        raw = self._writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


def in_memory() -> tuple[MemoryConnection, MemoryPeer]:
    """Give a connection and its other end."""
    there, back = Pipe(), Pipe()
    return MemoryConnection(back, there), MemoryPeer(there, back)


@asynccontextmanager
async def over_tcp() -> AsyncIterator[tuple[Connection, TcpPeer]]:
    """Give a connection over loopback and its other end; both are closed afterwards."""
    accepted: asyncio.Future[TcpPeer] = asyncio.get_running_loop().create_future()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.set_result(TcpPeer(reader, writer))

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        connection = await connect(*server.sockets[0].getsockname(), timeout_s=PATIENCE_S)
        peer = await accepted
        try:
            yield connection, peer
        finally:
            peer.abort()
            await connection.close()

"""OpenD over TCP: asyncio's streams behind the seam."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

from opend_kafka.errors import LinkLost, OpenDUnreachable, system_words

#: Bytes the kernel holds for us. Books with details are large, and a burst must find room while
#: the worker is busy with the last one.
RECEIVE_BUFFER = 1024 * 1024

#: Bytes taken from the socket at once.
_READ_SIZE = 256 * 1024

#: Bytes asyncio holds before it stops reading, twice over.
_STREAM_LIMIT = 1024 * 1024


class TcpConnection:
    """A `Connection` over TCP."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def receive(self) -> bytes:
        """See `Connection.receive`."""
        try:
            return await self._reader.read(_READ_SIZE)
        except OSError as error:
            raise LinkLost(f"the connection to OpenD broke: {system_words(error)}") from None

    def send(self, data: bytes) -> None:
        """See `Connection.send`."""
        self._writer.write(data)

    async def close(self) -> None:
        """See `Connection.close`."""
        self._writer.close()
        if self._writer.transport.get_write_buffer_size():
            self._writer.transport.abort()  # a peer that does not read would keep us here
        with suppress(OSError):
            await self._writer.wait_closed()


async def connect(host: str, port: int, *, timeout_s: float) -> TcpConnection:
    """Connect to OpenD's API port.

    Raises:
        OpenDUnreachable: the name is unknown, or nothing answers there within `timeout_s`.
    """
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(host, port, limit=_STREAM_LIMIT)
    except TimeoutError:
        raise OpenDUnreachable(host, port, f"no answer within {timeout_s:g} s") from None
    except OSError as error:
        raise OpenDUnreachable(host, port, system_words(error)) from None
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return TcpConnection(reader, writer)

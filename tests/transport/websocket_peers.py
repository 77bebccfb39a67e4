"""The other end of a WebSocket connection: a server on loopback."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from aiohttp import WSMsgType, web

from opend_kafka.transport import websocket
from opend_kafka.transport.connection import Connection
from opend_kafka.transport.websocket import WebSocketConnection, connect
from tests.transport.peers import PATIENCE_S


@asynccontextmanager
async def listening(
    handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[int]:
    """Serve HTTP on loopback; give the port."""
    runner = web.ServerRunner(web.Server(handler), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@asynccontextmanager
async def peer(
    tls: ssl.SSLContext | None = None, *, autoping: bool = True
) -> AsyncIterator[tuple[int, asyncio.Queue[web.WebSocketResponse]]]:
    """Serve WebSocket; give the port, and where each connection comes in."""
    accepted: asyncio.Queue[web.WebSocketResponse] = asyncio.Queue()
    done = asyncio.Event()

    async def handle(request: web.BaseRequest) -> web.WebSocketResponse:
        response = web.WebSocketResponse(autoping=autoping, timeout=0.1)
        await response.prepare(request)
        accepted.put_nowait(response)
        await done.wait()
        return response

    async with listening(handle, tls) as port:
        try:
            yield port, accepted
        finally:
            done.set()


async def plainly(
    port: int, *, ping_interval_s: float = websocket.PING_INTERVAL_S
) -> WebSocketConnection:
    """Connect without TLS."""
    return await connect(
        "127.0.0.1",
        port,
        ssl=False,
        ca_file=None,
        timeout_s=PATIENCE_S,
        ping_interval_s=ping_interval_s,
    )


def hang_up(opend: web.WebSocketResponse) -> None:
    """Cut the connection below the WebSocket."""
    raw = opend.get_extra_info("socket")
    if raw is not None:
        with suppress(OSError):
            raw.shutdown(socket.SHUT_RDWR)


class WebSocketPeer:
    """A `Peer` at the other end of a WebSocket: each `send` is one message."""

    def __init__(self, response: web.WebSocketResponse) -> None:
        """Take over what a server has accepted."""
        self._response = response
        self._outgoing: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._writing = asyncio.create_task(self._write())

    async def receive(self) -> bytes:
        """See `Peer.receive`."""
        message = await self._response.receive()
        return message.data if message.type is WSMsgType.BINARY else b""

    def send(self, data: bytes) -> None:
        """See `Peer.send`."""
        self._outgoing.put_nowait(data)

    def close(self) -> None:
        """See `Peer.close`."""
        self._outgoing.put_nowait(None)

    async def abort(self) -> None:
        """Close at once, in whatever state it is."""
        self._writing.cancel()
        with suppress(asyncio.CancelledError):
            await self._writing
        hang_up(self._response)

    async def _write(self) -> None:
        while (data := await self._outgoing.get()) is not None:
            await self._response.send_bytes(data)
        await self._response.close()


@asynccontextmanager
async def over_websocket() -> AsyncIterator[tuple[Connection, WebSocketPeer]]:
    """Give a connection over loopback and its other end; both are closed afterwards."""
    async with peer() as (port, accepted):
        connection = await plainly(port)
        other = WebSocketPeer(await accepted.get())
        try:
            yield connection, other
        finally:
            await other.abort()
            await connection.close()

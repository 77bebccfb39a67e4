"""OpenD over WebSocket: aiohttp's client behind the seam. One message is one packet."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from ssl import SSLContext, SSLError, create_default_context
from typing import Literal

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorError,
    ClientConnectorSSLError,
    ClientError,
    ClientSession,
    ClientTimeout,
    ClientWebSocketResponse,
    ClientWSTimeout,
    TCPConnector,
    ThreadedResolver,
    WebSocketError,
    WSCloseCode,
    WSMessage,
    WSMsgType,
    WSServerHandshakeError,
)
from yarl import URL

from opend_kafka.errors import (
    ConfigurationError,
    LinkLost,
    OpenDUnreachable,
    ProtocolViolation,
    system_words,
)
from opend_kafka.opend.packets import MAX_MESSAGE
from opend_kafka.transport.tcp import RECEIVE_BUFFER

#: Seconds between two pings. This transport has no KeepAlive, and a quiet market says nothing:
#: the WebSocket's own ping takes its place, as often as OpenD asks for KeepAlive elsewhere.
PING_INTERVAL_S = 10.0

#: Pings in a row without one message or pong, after which the link counts as dead.
SILENT_PINGS = 3

#: Messages that may wait to be sent. All that a session ever asks at once is some dozens; more,
#: and OpenD has stopped reading.
SEND_LIMIT = 1024

#: Seconds for what still goes out and for the closing handshake, before the connection is cut.
_CLOSE_S = 1.0

#: How a server says that it ends the connection for no fault of anybody's.
_ORDINARY_CLOSES = (WSCloseCode.OK, WSCloseCode.GOING_AWAY, None, 0, 1005)

_SSL_HINT = "opend.websocket.ssl must be what OpenD is set to"


class WebSocketConnection:
    """A `Connection` over WebSocket: each `send` is one message, so is what `receive` gives."""

    def __init__(
        self,
        session: ClientSession,
        websocket: ClientWebSocketResponse[Literal[True]],
        *,
        ping_interval_s: float = PING_INTERVAL_S,
    ) -> None:
        """Take over an open WebSocket, and the session that it was opened by."""
        self._session = session
        self._websocket = websocket
        self._socket = websocket.get_extra_info("socket")
        self._ping_interval_s = ping_interval_s
        self._outgoing: asyncio.Queue[Callable[[], Awaitable[None]] | None] = asyncio.Queue()
        self._lost: str | None = None
        self._closed = False
        self._reading = False
        self._unanswered = 0
        self._writer = asyncio.create_task(self._write())
        self._watch = asyncio.create_task(self._ping())

    async def receive(self) -> bytes:
        """See `Connection.receive`: one whole message.

        Raises:
            LinkLost: the connection broke, or answers no ping.
            ProtocolViolation: what came is not a binary message.
        """
        while True:
            self._reading = True
            try:
                message = await self._websocket.receive()
            finally:
                self._reading = False
            self._unanswered = 0
            if message.type is WSMsgType.BINARY and message.data:
                data: bytes = message.data
                return data
            if message.type is WSMsgType.PING:
                self._queue(partial(self._websocket.pong, message.data))
            elif message.type is not WSMsgType.PONG:
                return self._end(message)

    def send(self, data: bytes) -> None:
        """See `Connection.send`: one whole message."""
        self._queue(partial(self._websocket.send_bytes, data))

    async def close(self) -> None:
        """See `Connection.close`."""
        if self._closed:
            return
        self._closed = True
        self._watch.cancel()
        self._outgoing.put_nowait(None)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_S):
                    await self._writer
                    await self._websocket.close()
        finally:
            self._writer.cancel()
            self._cut()
            await self._session.close()
            await self._gone()

    async def _gone(self) -> None:
        """Wait for the socket to close: aiohttp waits for no transport that it has let go of."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                while self._socket.fileno() != -1:
                    await asyncio.sleep(0.001)

    def _end(self, message: WSMessage) -> bytes:
        """Give the end, or raise why it came."""
        if self._lost is not None:
            raise LinkLost(self._lost)
        if message.type is WSMsgType.BINARY:
            raise ProtocolViolation("OpenD sent an empty WebSocket message")
        if message.type is WSMsgType.TEXT:
            raise ProtocolViolation("OpenD sent a text message where its relay sends binary ones")
        if message.type is WSMsgType.ERROR:
            raise _translated(message.data)
        if self._closed:
            return b""
        code = self._websocket.close_code
        if code == WSCloseCode.ABNORMAL_CLOSURE:
            raise LinkLost("the connection to OpenD broke: it ended without a closing handshake")
        if code not in _ORDINARY_CLOSES:
            raise LinkLost(
                f"OpenD closed the connection with code {code} {message.extra or ''}".rstrip()
            )
        return b""

    def _queue(self, send: Callable[[], Awaitable[None]]) -> None:
        if self._closed or self._lost is not None:
            return
        if self._outgoing.qsize() >= SEND_LIMIT:
            self._lose(f"OpenD does not read: {SEND_LIMIT} messages wait to be sent")
            return
        self._outgoing.put_nowait(send)

    async def _write(self) -> None:
        """Send what is queued, in order, until the end is queued or the connection breaks."""
        while (send := await self._outgoing.get()) is not None:
            try:
                await send()
            except (ClientError, OSError):
                return  # `receive` tells why

    async def _ping(self) -> None:
        """Ping, and judge the silence; while nobody reads, silence says nothing."""
        while True:
            await asyncio.sleep(self._ping_interval_s)
            if not self._reading:
                self._unanswered = 0
            elif self._unanswered >= SILENT_PINGS:
                silent_s = self._ping_interval_s * SILENT_PINGS
                self._lose(f"OpenD has sent nothing for {silent_s:g} s, not even a pong")
                return
            self._unanswered += 1
            self._queue(self._websocket.ping)

    def _lose(self, cause: str) -> None:
        """Cut the connection, so that whoever waits in `receive` hears the cause."""
        self._lost = cause
        self._cut()

    def _cut(self) -> None:
        """Shut the socket down; asyncio's transport then ends, whatever waits in it."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)


def _translated(error: Exception) -> Exception:
    if not isinstance(error, WebSocketError):
        return LinkLost(f"the connection to OpenD broke: {error}")
    if error.code == WSCloseCode.MESSAGE_TOO_BIG:
        return ProtocolViolation(f"OpenD sent a WebSocket message of more than {MAX_MESSAGE} bytes")
    return ProtocolViolation(f"OpenD does not keep to the WebSocket protocol: {error}")


async def connect(
    host: str,
    port: int,
    *,
    ssl: bool,
    ca_file: Path | None,
    timeout_s: float,
    ping_interval_s: float = PING_INTERVAL_S,
) -> WebSocketConnection:
    """Connect to OpenD's WebSocket port.

    Args:
        host: with `ssl`, the certificate must be for this name.
        port: OpenD's own default is 33333.
        ssl: whether OpenD has a certificate set, and so speaks TLS.
        ca_file: in PEM, whom to trust in place of the system's authorities: the authority that
            signed OpenD's certificate, or that certificate where it signs itself.
        timeout_s: for all of it, TLS and the WebSocket's handshake too.
        ping_interval_s: see `PING_INTERVAL_S`.

    Raises:
        OpenDUnreachable: the name is unknown, nothing answers there within `timeout_s`, what
            answers is no WebSocket server, or its certificate is not to be trusted.
        ConfigurationError: `ca_file` cannot be used.
    """
    context = _tls(ca_file) if ssl else None
    # By getaddrinfo, so that names resolve as they do over TCP; aiohttp prefers aiodns if it can.
    connector = TCPConnector(resolver=ThreadedResolver(), socket_factory=_socket)
    session = ClientSession(connector=connector, timeout=ClientTimeout(total=None))
    try:
        async with asyncio.timeout(timeout_s):
            websocket = await session.ws_connect(
                URL.build(scheme="wss" if ssl else "ws", host=host, port=port, path="/"),
                ssl=context or True,
                autoping=False,
                max_msg_size=MAX_MESSAGE + 1,  # aiohttp refuses the limit itself, too
                timeout=ClientWSTimeout(ws_close=_CLOSE_S),
            )
    except (TimeoutError, ClientError, ValueError, OSError) as error:
        await session.close()
        raise OpenDUnreachable(host, port, _cause(error, timeout_s)) from None
    except BaseException:
        await session.close()
        raise
    return WebSocketConnection(session, websocket, ping_interval_s=ping_interval_s)


def _tls(ca_file: Path | None) -> SSLContext:
    try:
        return create_default_context(cafile=ca_file)
    except SSLError:
        cause = "it holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)"
    except OSError as error:
        cause = system_words(error)
    raise ConfigurationError(f"opend.websocket.ca_file: {ca_file}: {cause}")


def _socket(address: tuple[int, int, int, str, object]) -> socket.socket:
    """Make the socket with the same buffer as over TCP; aiohttp sets TCP_NODELAY itself."""
    family, kind, proto, _, _ = address
    raw = socket.socket(family, kind, proto)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    return raw


def _cause(error: Exception, timeout_s: float) -> str:
    """Say what kept a connection from being made. The more special error first."""
    match error:
        case TimeoutError():
            return f"no answer within {timeout_s:g} s"
        case ClientConnectorCertificateError():
            why = getattr(error.certificate_error, "verify_message", "it is invalid")
            return (
                f"its certificate is not to be trusted: {why}; opend.websocket.ca_file must hold "
                "whoever signed it, and it must be for the name in opend.host"
            )
        case ClientConnectorSSLError():
            reason = str(error.os_error.reason).replace("_", " ").lower()
            return f"TLS fails: {reason}; {_SSL_HINT}"
        case WSServerHandshakeError():
            return (
                f"what answers is no WebSocket server: HTTP status {error.status}; "
                "opend.port must be OpenD's WebSocket port"
            )
        case ClientConnectorError():
            # One that hangs up instead of speaking TLS leaves no words.
            return system_words(error.os_error) or f"it closed the connection; {_SSL_HINT}"
        case ClientError():
            return (
                "what answers does not speak WebSocket; "
                f"opend.port must be OpenD's WebSocket port, and {_SSL_HINT}"
            )
        case OSError():
            return system_words(error)
        case _:
            return "the name is not one of a host"

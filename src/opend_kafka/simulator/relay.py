"""OpenD's WebSocket relay: a server in front of the simulator's TCP port, one to one.

Each client that logs in gets a TCP connection of its own, with InitConnect and KeepAlive done for
it. Requests go through with the section for a serial; replies come back under their section, and
pushes under section 0, which no client counts with. What OpenD's own relay answers to a wrong key
is nothing: the client sees a time-out.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from ssl import SSLContext

import structlog
from aiohttp import WSMsgType, web
from google.protobuf.message import DecodeError, Message

from opend_kafka.errors import OpenDError
from opend_kafka.opend.ciphers import Encryption, PacketCipher, packet_cipher
from opend_kafka.opend.frames import PLAIN, Frame, FrameReader, encode
from opend_kafka.opend.messages import ProtoId, decode_reply, proto_id_of
from opend_kafka.opend.packets import (
    MAX_MESSAGE,
    Command,
    Packet,
    RelayError,
    decode_request,
    encode_reply,
    password_digest,
)
from opend_kafka.opend.pb import InitConnect_pb2, InitWebSocket_pb2, KeepAlive_pb2

#: KeepAlive goes out at this part of the interval that InitConnect's reply names.
_KEEP_ALIVE_PART = 0.8

#: Bytes taken from OpenD at once.
_READ_SIZE = 256 * 1024

#: Seconds for a client's closing handshake.
_CLOSE_S = 1.0

#: The section of every push.
_NO_SECTION = 0

_log = structlog.get_logger()


class Upstream:
    """The relay's TCP connection to OpenD, for one client."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rsa: PacketCipher | None
    ) -> None:
        """Take over an open connection; `log_in` comes next."""
        self._stream = reader
        self._writer = writer
        self._rsa = rsa or PLAIN
        self._encryption = Encryption.AES_CBC if rsa else Encryption.NONE
        self._cipher: PacketCipher = PLAIN
        # One for both loops below: what comes right behind InitConnect's reply is not lost.
        self._inbound = self._received()
        self._serial = 0
        self._sections: dict[tuple[int, int], int] = {}
        self._keep_alive_s = 0.0
        self.conn_id = 0

    async def log_in(self) -> None:
        """Do InitConnect.

        Raises:
            OpenDError: OpenD refuses, or is none.
        """
        request = InitConnect_pb2.Request()
        request.c2s.clientVer = 1011
        request.c2s.clientID = "websocket-relay"
        request.c2s.recvNotify = True
        request.c2s.packetEncAlgo = self._encryption.number
        self._ask(request)
        async for frame in self._inbound:
            if frame.proto_id == ProtoId.INIT_CONNECT:
                s2c = decode_reply(frame.proto_id, frame.body)
                self._cipher = packet_cipher(self._encryption, s2c.connAESKey, s2c.aesCBCiv)
                self.conn_id = s2c.connID
                self._keep_alive_s = s2c.keepAliveInterval * _KEEP_ALIVE_PART
                return
        raise ConnectionResetError("OpenD closed the connection before InitConnect's reply")

    def forward(self, packet: Packet) -> None:
        """Hand on a request; its reply will carry its section."""
        serial = self._send(packet.cmd, packet.body)
        self._sections[packet.cmd, serial] = packet.section

    async def packets(self) -> AsyncIterator[Packet]:
        """Yield replies and pushes until OpenD ends the connection."""
        async for frame in self._inbound:
            if frame.proto_id == ProtoId.KEEP_ALIVE and not self._is_reply(frame):
                continue  # the answer to our own
            section = self._sections.pop((frame.proto_id, frame.serial), _NO_SECTION)
            yield Packet(frame.proto_id, section, frame.body)

    async def keep_alive(self) -> None:
        """Tell OpenD, for ever, that this connection lives."""
        while True:
            await asyncio.sleep(self._keep_alive_s)
            request = KeepAlive_pb2.Request()
            request.c2s.time = int(time.time())
            self._ask(request)

    def drop(self) -> None:
        """Cut the connection."""
        self._writer.transport.abort()

    def _is_reply(self, frame: Frame) -> bool:
        return (frame.proto_id, frame.serial) in self._sections

    def _ask(self, request: Message) -> None:
        self._send(proto_id_of(request), request.SerializeToString())

    def _send(self, proto_id: int, body: bytes) -> int:
        self._serial += 1
        self._writer.write(encode(Frame(proto_id, self._serial, body), self._cipher_of(proto_id)))
        return self._serial

    async def _received(self) -> AsyncIterator[Frame]:
        reader = FrameReader(self._cipher_of)
        with suppress(ConnectionError):
            while data := await self._stream.read(_READ_SIZE):
                for frame in reader.receive(data):
                    yield frame

    def _cipher_of(self, proto_id: int) -> PacketCipher:
        return self._rsa if proto_id == ProtoId.INIT_CONNECT else self._cipher


class _Client:
    """One client of the relay: waits for its login, then carries its packets both ways."""

    def __init__(self, relay: Relay, websocket: web.WebSocketResponse) -> None:
        self._relay = relay
        self._websocket = websocket
        self._upstream: Upstream | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def serve(self) -> None:
        """Answer until the client goes."""
        try:
            async for message in self._websocket:
                if message.type is not WSMsgType.BINARY:
                    break
                await self._receive(decode_request(message.data))
        except (OpenDError, DecodeError) as error:
            _log.warning("relay_client_dropped", reason=str(error))
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self.drop_opend()
            await self.hang_up()

    def drop_opend(self) -> None:
        """Cut this client's connection to OpenD, if it has one."""
        if self._upstream is not None:
            self._upstream.drop()

    async def hang_up(self) -> None:
        """End the client's own connection."""
        await self._websocket.close()

    async def _receive(self, packet: Packet) -> None:
        if packet.cmd == Command.LOGIN:
            await self._log_in(packet)
        elif self._upstream is not None:
            self._upstream.forward(packet)
        elif self._tasks:
            await self._answer(packet, error=RelayError.DISCONNECTED, message="opend disconnected")

    async def _log_in(self, packet: Packet) -> None:
        request = InitWebSocket_pb2.Request.FromString(packet.body)
        if not self._relay.accepts(request.c2s.websocketKey):
            _log.warning("relay_login_ignored", reason="the key is not the one that is set")
            return
        try:
            self._upstream = await self._relay.connect_upstream()
        except (OSError, OpenDError) as error:
            _log.warning("relay_login_failed", reason=str(error))
            await self._answer(packet, error=RelayError.DISCONNECTED, message="no opend")
            return
        s2c = InitWebSocket_pb2.S2C(serverTime=int(time.time()), connID=self._upstream.conn_id)
        response = InitWebSocket_pb2.Response(retType=0, retMsg="", s2c=s2c)
        await self._answer(packet, response.SerializeToString())
        self._tasks.append(asyncio.create_task(self._carry(self._upstream)))
        self._tasks.append(asyncio.create_task(self._upstream.keep_alive()))

    async def _answer(
        self, to: Packet, body: bytes = b"", *, error: int = 0, message: str = ""
    ) -> None:
        await self._send(Packet(to.cmd, to.section, body, error, message))

    async def _carry(self, upstream: Upstream) -> None:
        """Carry what OpenD sends, and then say that OpenD is gone; the client stays connected."""
        try:
            async for packet in upstream.packets():
                await self._send(packet)
        finally:
            self._upstream = None
            upstream.drop()
        _log.info("relay_lost_opend", conn_id=upstream.conn_id)
        await self._send(Packet(Command.OPEND_LOST, _NO_SECTION, b""))

    async def _send(self, packet: Packet) -> None:
        # A client that is gone is noticed where it is read from.
        with suppress(ConnectionError):
            await self._websocket.send_bytes(encode_reply(packet))


class Relay:
    """A WebSocket server for any number of clients at once."""

    def __init__(
        self,
        opend_host: str,
        opend_port: int,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        key: str | None = None,
        ssl_context: SSLContext | None = None,
        rsa: PacketCipher | None = None,
    ) -> None:
        """Make a relay that does nothing yet.

        Args:
            opend_host: where the simulator listens, or any OpenD.
            opend_port: its TCP port.
            host: the address to listen on.
            port: the port; 0 takes any that is free, see `port`.
            key: what clients must log in with; None lets everybody in.
            ssl_context: with a certificate: serve `wss://`.
            rsa: the cipher of InitConnect, where that OpenD has a key.
        """
        self._opend = (opend_host, opend_port)
        self._host = host
        self._port = port
        self._digest = None if key is None else password_digest(key)
        self._ssl_context = ssl_context
        self._rsa = rsa
        self._clients: set[_Client] = set()
        self._runner: web.AppRunner | None = None

    @property
    def port(self) -> int:
        """The port it listens on; after `start` a real one."""
        return self._port

    async def start(self) -> None:
        """Listen. Raises OSError where the port is taken."""
        app = web.Application()
        app.router.add_get("/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_CLOSE_S)
        await self._runner.setup()
        await web.TCPSite(
            self._runner, self._host, self._port, ssl_context=self._ssl_context
        ).start()
        self._port = self._runner.addresses[0][1]
        _log.info("relay_listening", host=self._host, port=self._port)

    async def close(self) -> None:
        """Hang up on every client, and stop listening."""
        await self.drop_clients()
        if self._runner is not None:
            await self._runner.cleanup()

    async def __aenter__(self) -> Relay:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.close()

    def drop_opend(self) -> None:
        """Cut every client's connection to OpenD, as OpenD's end does; the clients are told."""
        for client in self._clients:
            client.drop_opend()

    async def drop_clients(self) -> None:
        """End every client's connection. It goes on listening."""
        await asyncio.gather(*(client.hang_up() for client in tuple(self._clients)))

    def accepts(self, digest: str) -> bool:
        """Say whether a client may log in with this."""
        return self._digest is None or digest == self._digest

    async def connect_upstream(self) -> Upstream:
        """Connect to OpenD and log in there.

        Raises:
            OSError, OpenDError: it is not there, or refuses.
        """
        upstream = Upstream(*await asyncio.open_connection(*self._opend), self._rsa)
        try:
            await upstream.log_in()
        except BaseException:
            upstream.drop()
            raise
        return upstream

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        websocket = web.WebSocketResponse(
            max_msg_size=MAX_MESSAGE, compress=False, timeout=_CLOSE_S
        )
        await websocket.prepare(request)
        client = _Client(self, websocket)
        self._clients.add(client)
        try:
            await client.serve()
        finally:
            self._clients.discard(client)
        return websocket


@asynccontextmanager
async def relaying(
    opend_host: str,
    opend_port: int,
    *,
    port: int | None,
    key: str | None = None,
    rsa: PacketCipher | None = None,
) -> AsyncIterator[None]:
    """Have a relay beside an OpenD stand-in, on the same address; none where `port` is None.

    Raises:
        OSError: the port is taken.
    """
    if port is None:
        yield
        return
    async with Relay(opend_host, opend_port, host=opend_host, port=port, key=key, rsa=rsa):
        yield

"""One client's connection: frames in, replies and pushes out, a bound on what waits unsent."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from struct import pack
from typing import cast

import structlog

from opend_kafka.errors import LinkLost, ProtocolViolation
from opend_kafka.opend import frames
from opend_kafka.opend.ciphers import PacketCipher
from opend_kafka.opend.messages import ProtoId, message_name
from opend_kafka.simulator.desk import Desk, Visitor
from opend_kafka.simulator.lines import Line, Packet
from opend_kafka.simulator.pushes import Push

#: Close at once, with a RST: struct linger{l_onoff, l_linger}.
_NO_LINGERING = pack("ii", 1, 0)

_log = structlog.get_logger()


class Connection(asyncio.Protocol):
    """A client. `on_push` is told of each push that was handed to the network for it."""

    def __init__(
        self,
        desk: Desk,
        clients: dict[int, Connection],
        *,
        write_limit: int,
        on_push: Callable[[int, Push], None],
        rsa: PacketCipher = frames.PLAIN,
    ) -> None:
        """Make one that enters itself in `clients`, by its connection id, and takes itself out.

        `write_limit` is in bytes: a client that leaves more unread is dropped. `rsa` is the cipher
        of InitConnect.
        """
        self._desk = desk
        self._clients = clients
        self._write_limit = write_limit
        self._on_push = on_push
        self._rsa = rsa
        self._reader = frames.FrameReader(self._cipher_of)
        self._outgoing: list[bytes] = []
        self._line: Line | None = None
        self._serial = 0
        self._transport: asyncio.Transport
        self.visitor: Visitor
        self._writable = asyncio.Event()
        self._writable.set()
        self.closed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a seat at the desk."""
        self._transport = cast(asyncio.Transport, transport)
        self.visitor = self._desk.open()
        self._clients[self.visitor.conn_id] = self
        peer = transport.get_extra_info("peername")
        _log.info("client_connected", conn_id=self.visitor.conn_id, peer=peer)

    def data_received(self, data: bytes) -> None:
        """Answer each request; close on bytes that no client of OpenD sends."""
        try:
            for frame in self._reader.receive(data):
                self._receive(frame)
        except ProtocolViolation as violation:
            self.flush()
            self.drop(str(violation))
        self.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give up the seat, and with it the subscriptions."""
        self._clients.pop(self.visitor.conn_id, None)
        self._desk.close(self.visitor)
        _log.info("client_disconnected", conn_id=self.visitor.conn_id, cause=self._cause(exc))
        self._writable.set()
        self.closed.set()

    @property
    def unsent_bytes(self) -> int:
        """What the network has not taken yet."""
        return self._transport.get_write_buffer_size()

    def pause_writing(self) -> None:
        """Note that the client reads more slowly than it is written to."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Note that the client has caught up."""
        self._writable.set()

    def push(self, push: Push) -> None:
        """Queue a push under this connection's next serial; `flush` sends."""
        if self._transport.is_closing():
            return
        self._serial += 1
        data = self._encoded(push)
        if self._line is None:
            self._outgoing.append(data)
            self._on_push(self.visitor.conn_id, push)
        else:
            self._line.take(Packet(data, push))

    def flush(self) -> None:
        """Hand what is queued to the network; drop the client when too much waits there."""
        if not self._outgoing or self._transport.is_closing():
            self._outgoing.clear()
        else:
            self._transport.write(b"".join(self._outgoing))
            self._outgoing.clear()
        if self._line is not None or self._transport.get_write_buffer_size() > self._write_limit:
            self._check_limit()

    def lay(self, line: Line) -> None:
        """Send through a line from now on, in place of the one that may be there."""
        if self._line is not None and self._line.final:
            return
        self.flush()
        if self._line is not None:
            self._line.end()
        self._line = line

    def lift(self, line: Line) -> None:
        """Take a line away, if it is still there; what it holds is sent."""
        if self._line is line:
            line.end()
            self._line = None

    def hand_over(self, *packets: Packet) -> None:
        """Hand packets of a line to the network, and tell of their pushes."""
        if self._transport.is_closing():
            return
        self._transport.write(b"".join(packet.data for packet in packets))
        for packet in packets:
            if packet.push is not None:
                self._on_push(self.visitor.conn_id, packet.push)

    def stop_reading(self) -> None:
        """Leave what the client sends where it is, its hanging up too."""
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def reset(self) -> None:
        """End the connection with a TCP RST."""
        if self._transport.is_closing():
            return
        end = self._transport.get_extra_info("socket")
        if end is not None:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGERING)
        self.drop("reset")

    def drop(self, reason: str) -> None:
        """End the connection at once; what waits unsent is lost."""
        _log.warning("client_dropped", conn_id=self.visitor.conn_id, reason=reason)
        self._transport.abort()

    def close(self) -> None:
        """End the connection, after what the client still takes; a client that does not is cut."""
        self.flush()
        if self._line is not None:
            self._line.end()
        if self._writable.is_set():
            self._transport.close()
        else:
            self._transport.abort()

    async def writable(self) -> None:
        """Wait until the client has read nearly all, or is gone."""
        await self._writable.wait()
        while self._line is not None and self._line.busy and not self.closed.is_set():
            await asyncio.sleep(0)

    def _receive(self, frame: frames.Frame) -> None:
        if not frame.intact:
            _log.warning("request_skipped", conn_id=self.visitor.conn_id, reason="bad SHA-1")
            if frame.proto_id == ProtoId.INIT_CONNECT:
                self.drop("InitConnect cannot be decrypted")
            return
        if self._desk.ignores(frame):
            _log.info(
                "request_unanswered",
                conn_id=self.visitor.conn_id,
                request=message_name(frame.proto_id),
            )
            return
        answer = self._desk.answer(self.visitor, frame)
        if answer.refusal is not None:
            _log.info(
                "request_refused",
                conn_id=self.visitor.conn_id,
                request=message_name(frame.proto_id),
                reason=answer.refusal,
            )
        cipher = self._cipher_of(answer.reply.proto_id)
        data = frames.encode(answer.reply, cipher)
        if self._line is None:
            self._outgoing.append(data)
        else:
            self._line.take(Packet(data, None))
        for push in answer.pushes:
            self.push(push)

    def _check_limit(self) -> None:
        held = self._line.held_bytes if self._line is not None else 0
        waiting = held + self._transport.get_write_buffer_size()
        if waiting > self._write_limit and not self._transport.is_closing():
            self.drop(f"{waiting} bytes wait for a client that does not read")

    def _encoded(self, push: Push) -> bytes:
        return push.numbered(self._serial, self.visitor.cipher, self.visitor.push_format)

    def _cipher_of(self, proto_id: int) -> PacketCipher:
        return self._rsa if proto_id == ProtoId.INIT_CONNECT else self.visitor.cipher

    def _cause(self, exc: Exception | None) -> str:
        """Say why the connection ended."""
        try:
            self._reader.end()
        except LinkLost as lost:
            return str(lost)
        return str(exc) if exc else "closed"

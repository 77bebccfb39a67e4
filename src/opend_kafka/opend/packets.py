r"""Packets: what a WebSocket message of OpenD's relay holds. No socket, no clock.

Every binary message is one packet, big-endian, and nothing is encrypted or summed:

    offset  field      client → relay      relay → client
    0       sign[8]    b"ft-v1.0\0"        the same
    8       u32        cmd                 cmd
    12      u64        section             section
    20      i32        the body            error, 0 for none
    24      [20]                           error message, filled up with zeros
    44                                     the body

A cmd is a proto_id, or one of the relay's own: see `Command`. Requests count sections up, a reply
echoes its request's. The layout and the numbers are those of the official JavaScript SDK 10.11.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from hashlib import md5
from struct import Struct
from typing import Any

from opend_kafka.errors import FrameTooLarge, LinkLost, PacketMalformed
from opend_kafka.opend.frames import MAX_BODY, Frame
from opend_kafka.opend.pb import InitWebSocket_pb2

SIGN = b"ft-v1.0"
REQUEST_HEADER = Struct(">8sIQ")
REPLY_HEADER = Struct(">8sIQi20s")

#: Bytes of the largest message: the largest body behind its header.
MAX_MESSAGE = MAX_BODY + REPLY_HEADER.size

#: Bytes of the field in the header.
_ERROR_MESSAGE_SIZE = 20

#: Common.RetType: what OpenD itself would answer.
_RET_FAILED = -1
_RET_TIMED_OUT = -100


class Command(IntEnum):
    """The relay's own commands. Numbers up to 100 are kept for them."""

    LOGIN = 1
    OPEND_LOST = 2


class RelayError(IntEnum):
    """The numbers in a packet's error field that are known."""

    TIMED_OUT = 1
    OPEND_TIMED_OUT = 2
    DISCONNECTED = 3


#: What each says, and as which RetType the session is to see it.
_MEANINGS: dict[int, tuple[int, str]] = {
    RelayError.TIMED_OUT: (_RET_TIMED_OUT, "OpenD did not answer its relay in time"),
    RelayError.OPEND_TIMED_OUT: (_RET_TIMED_OUT, "OpenD's own server did not answer in time"),
}


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet. `error` and `error_message` exist on the way from the relay only."""

    cmd: int
    section: int
    body: bytes
    error: int = 0
    error_message: str = ""

    def __repr__(self) -> str:
        error = f", error {self.error} {self.error_message}".rstrip() if self.error else ""
        return f"Packet({self.cmd}, section {self.section}, {len(self.body)} bytes{error})"


def password_digest(key: str) -> str:
    """Give what logs in with this key: its MD5 in hex; no key stays none."""
    return md5(key.encode(), usedforsecurity=False).hexdigest() if key else ""


def encode_request(packet: Packet) -> bytes:
    """Give the bytes of a client's packet."""
    return REQUEST_HEADER.pack(SIGN, packet.cmd, packet.section) + packet.body


def decode_request(data: bytes) -> Packet:
    """Read a client's packet.

    Raises:
        PacketMalformed: it is none.
        FrameTooLarge: its body is longer than the limit.
    """
    sign, cmd, section = _header(REQUEST_HEADER, data)
    return Packet(cmd, section, _body(REQUEST_HEADER, data, sign, cmd))


def encode_reply(packet: Packet) -> bytes:
    """Give the bytes of a relay's packet; an error message too long for its field is cut."""
    message = packet.error_message.encode()[:_ERROR_MESSAGE_SIZE]
    whole = message.decode(errors="ignore").encode()  # without the half of a character
    return REPLY_HEADER.pack(SIGN, packet.cmd, packet.section, packet.error, whole) + packet.body


def decode_reply(data: bytes) -> Packet:
    """Read a relay's packet: a reply, or a push.

    Raises:
        PacketMalformed: it is none.
        FrameTooLarge: its body is longer than the limit.
    """
    sign, cmd, section, error, message = _header(REPLY_HEADER, data)
    body = _body(REPLY_HEADER, data, sign, cmd)
    return Packet(cmd, section, body, error, message.rstrip(b"\0").decode(errors="replace"))


def _header(header: Struct, data: bytes) -> tuple[Any, ...]:
    if len(data) < header.size:
        raise PacketMalformed(f"it has {len(data)} bytes, and its header alone has {header.size}")
    return header.unpack_from(data)


def _body(header: Struct, data: bytes, sign: bytes, cmd: int) -> bytes:
    # The SDK looks for the seven letters only.
    if not sign.startswith(SIGN):
        raise PacketMalformed(
            f"it begins with the bytes {sign.hex(' ')} instead of {SIGN.decode()}"
        )
    length = len(data) - header.size
    if length > MAX_BODY:
        raise FrameTooLarge(cmd, length, MAX_BODY)
    return data[header.size :]


class WebSocketWire:
    """Frames to WebSocket messages and back: what `frames.encode` and `FrameReader` are for TCP.

    A frame's serial is the packet's section. There is nothing to cut or to join: each message is
    one frame, so nothing is kept from one to the next.
    """

    def encode(self, frame: Frame) -> bytes:
        """Give the one message that carries this frame."""
        return encode_request(Packet(frame.proto_id, frame.serial, frame.body))

    def receive(self, data: bytes) -> Iterator[Frame]:
        """Yield the frame of one whole message.

        A packet with an error is yielded as the refusal that OpenD itself would have answered: a
        Response with a retType that is not 0, and the relay's number as its errCode.

        Raises:
            PacketMalformed, FrameTooLarge: it is no packet.
            LinkLost: the relay says that it has no OpenD any more.
        """
        packet = decode_reply(data)
        if packet.cmd == Command.OPEND_LOST or packet.error == RelayError.DISCONNECTED:
            raise LinkLost("the relay has lost OpenD")
        body = _refusal(packet) if packet.error else packet.body
        yield Frame(packet.cmd, packet.section, body)

    def end(self) -> None:
        """Say that no more messages come. None can have been cut."""


def _refusal(packet: Packet) -> bytes:
    """Give the body of a reply that fits every request: only s2c differs among them."""
    ret_type, meaning = _MEANINGS.get(packet.error, (_RET_FAILED, "OpenD's relay reports an error"))
    said = f" ({packet.error_message})" if packet.error_message else ""
    response = InitWebSocket_pb2.Response(
        retType=ret_type, retMsg=f"{meaning}{said}", errCode=packet.error
    )
    return response.SerializeToString()

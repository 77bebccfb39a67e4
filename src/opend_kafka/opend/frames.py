"""Frames: the 44-byte header and its body, to bytes and back. No socket, no clock.

The layout is in `opend-protocol` terms `<2sIBBII20s8s`: magic b"FT", proto_id, body format,
version, serial, body length, SHA-1 of the body, eight zeros; little-endian, packed. The length is
that of the bytes on the wire; the SHA-1 is of the body before encryption.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha1
from struct import Struct

from opend_kafka.errors import (
    BadMagic,
    BodyUndecipherable,
    ChecksumWrong,
    FrameTooLarge,
    LinkLost,
    PacketUndecipherable,
)
from opend_kafka.opend.ciphers import PacketCipher, Plain

MAGIC = b"FT"
HEADER = Struct("<2sIBBII20s8s")
VERSION = 0

#: What can be wrong with a frame whose length is good.
Damage = type[ChecksumWrong] | type[BodyUndecipherable]

#: Gives the cipher of a proto_id's bodies: InitConnect has one of its own.
CipherOf = Callable[[int], PacketCipher]

#: Bytes. The largest body we know of, a book of 2 × 1000 orders or a reply with 1000 ticks, has
#: about 150 kB; a header that announces a hundred times that is not a header.
MAX_BODY = 16 * 1024 * 1024


#: No encryption.
PLAIN = Plain()


class BodyFormat(IntEnum):
    """The header's format byte."""

    PROTOBUF = 0
    JSON = 1


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame, its body in the clear.

    `damage` says what is wrong with it: ChecksumWrong where the header's SHA-1 is not that of the
    body, BodyUndecipherable where the body cannot be decrypted, and is still as it came.
    """

    proto_id: int
    serial: int
    body: bytes
    format: int = BodyFormat.PROTOBUF
    damage: Damage | None = None

    @property
    def intact(self) -> bool:
        """Whether the body is the one that was sent."""
        return self.damage is None

    def __repr__(self) -> str:
        return f"Frame({self.proto_id}, serial {self.serial}, {len(self.body)} bytes)"


def encode(frame: Frame, cipher: PacketCipher = PLAIN) -> bytes:
    """Give the frame's bytes."""
    digest = sha1(frame.body, usedforsecurity=False).digest()
    body = cipher.encrypt(frame.body)
    header = HEADER.pack(
        MAGIC,
        frame.proto_id,
        frame.format,
        VERSION,
        frame.serial,
        len(body),
        digest,
        bytes(8),
    )
    return header + body


def _open(data: bytes, digest: bytes, cipher: PacketCipher) -> tuple[bytes, Damage | None]:
    """Give the body, and what is wrong with it."""
    try:
        body = cipher.decrypt(data)
    except PacketUndecipherable:
        return data, BodyUndecipherable
    return body, None if sha1(body, usedforsecurity=False).digest() == digest else ChecksumWrong


class FrameReader:
    """Cuts one connection's byte stream into frames, however the network split or joined it.

    It belongs to one connection: what is left of a cut frame goes with it.
    """

    def __init__(
        self, cipher_of: CipherOf = lambda proto_id: PLAIN, *, max_body: int = MAX_BODY
    ) -> None:
        self._cipher_of = cipher_of
        self._max_body = max_body
        self._rest = b""

    def receive(self, data: bytes) -> Iterator[Frame]:
        """Yield the frames that `data` completes. Take them all before the next call.

        A cipher is asked for frame by frame, so that InitConnect's reply can bring the next one's.
        A frame whose SHA-1 does not match is yielded with its `damage`: its length was good, so
        the frames behind it are too.

        Raises:
            BadMagic, FrameTooLarge: the stream cannot be followed further. The frames before the
                fault have been yielded.
        """
        data = self._rest + data if self._rest else data
        offset, end = 0, len(data)
        try:
            while end - offset >= HEADER.size:
                magic, proto_id, fmt, _, serial, body_len, digest, _ = HEADER.unpack_from(
                    data, offset
                )
                if magic != MAGIC:
                    raise BadMagic(magic)
                if body_len > self._max_body:
                    raise FrameTooLarge(proto_id, body_len, self._max_body)
                start = offset + HEADER.size
                if end - start < body_len:
                    break
                sealed = data[start : start + body_len]
                offset = start + body_len
                body, damage = _open(sealed, digest, self._cipher_of(proto_id))
                yield Frame(proto_id, serial, body, fmt, damage)
        finally:
            self._rest = data[offset:]

    def end(self) -> None:
        """Say that no more bytes come.

        Raises:
            LinkLost: the stream ended inside a frame.
        """
        if self._rest:
            raise LinkLost(f"the connection ended inside a frame, {len(self._rest)} bytes into it")

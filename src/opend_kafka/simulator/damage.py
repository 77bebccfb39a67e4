"""Pushes that a client cannot use: what went wrong with them is wrong on purpose."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from opend_kafka.opend.ciphers import PacketCipher
from opend_kafka.opend.frames import PLAIN, BodyFormat, Frame, encode
from opend_kafka.opend.messages import response_type
from opend_kafka.simulator.pushes import Push

#: Where a frame keeps the first byte of its SHA-1.
_SHA1_AT = 16

#: No protobuf, since the first number never ends; no JSON either.
GARBAGE = b"\xff" * 32


@dataclass(frozen=True, slots=True)
class MisdigestedPush(Push):
    """A push whose digest is of something else."""

    def numbered(
        self,
        serial: int,
        cipher: PacketCipher = PLAIN,
        body_format: BodyFormat = BodyFormat.PROTOBUF,
    ) -> bytes:
        """Give the frame with one bit of its SHA-1 turned."""
        data = bytearray(Push.numbered(self, serial, cipher, body_format))
        data[_SHA1_AT] ^= 1
        return bytes(data)


@dataclass(frozen=True, slots=True)
class GarbledPush(Push):
    """A push whose body is no message."""

    def numbered(
        self,
        serial: int,
        cipher: PacketCipher = PLAIN,
        body_format: BodyFormat = BodyFormat.PROTOBUF,
    ) -> bytes:
        """Give garbage in a frame without fault."""
        return encode(Frame(self.proto_id, serial & 0xFFFFFFFF, GARBAGE, body_format), cipher)


def misdigested(push: Push) -> Push:
    """Give a push a wrong SHA-1."""
    return MisdigestedPush(**_parts(push) | {"damage": "bad_sha1"})


def garbled(push: Push) -> Push:
    """Give a push a body that is no message."""
    return GarbledPush(**_parts(push) | {"damage": "bad_body"})


def failed(push: Push) -> Push:
    """Make a push say that it failed, and nothing else."""
    response = response_type(push.proto_id)(retType=-1, retMsg="as the scenario asks")
    frame = encode(Frame(push.proto_id, 0, response.SerializeToString()))
    return Push(
        **_parts(push) | {"response": response, "frame": frame, "damage": "push_error"},
    )


def _parts(push: Push) -> dict[str, Any]:
    return {field.name: getattr(push, field.name) for field in fields(Push)}

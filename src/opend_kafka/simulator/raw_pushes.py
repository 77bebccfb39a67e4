"""Pushes that were recorded, sent again with the body that they had."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from opend_kafka.errors import UnknownPush
from opend_kafka.opend.ciphers import PacketCipher
from opend_kafka.opend.frames import PLAIN, BodyFormat, Frame, encode
from opend_kafka.opend.messages import encode_body, response_type
from opend_kafka.opend.pb import Notify_pb2
from opend_kafka.opend.securities import Security
from opend_kafka.recording.pushes import RecordedPush
from opend_kafka.simulator.pushes import Push

_NO_SECURITY = Security("", "")


@dataclass(frozen=True, slots=True)
class RawPush(Push):
    """A push with the body that was recorded, as it is for those who want its format.

    `readable` is False where the body is no message of its number, or says that it failed: it
    cannot be written in another format either.
    """

    body: bytes = b""
    body_format: int = BodyFormat.PROTOBUF
    readable: bool = True

    def numbered(
        self,
        serial: int,
        cipher: PacketCipher = PLAIN,
        body_format: BodyFormat = BodyFormat.PROTOBUF,
    ) -> bytes:
        """Give the frame's bytes under a serial, as one connection takes them."""
        body, written_in = self.body, self.body_format
        if self.readable and written_in != body_format:
            body, written_in = encode_body(self.response, body_format), body_format
        return encode(Frame(self.proto_id, serial & 0xFFFFFFFF, body, written_in), cipher)


def raw_push(conn_ids: tuple[int, ...], push: RecordedPush, s2c: Any = None) -> Push:
    """Make a push of a recorded one; `s2c` is None where it cannot be read."""
    response: Any = _response(push.proto_id)
    if s2c is not None:
        response.retType = 0
        response.s2c.CopyFrom(s2c)
    return RawPush(
        conn_ids,
        _NO_SECURITY,
        push.proto_id,
        response,
        b"",
        body=push.body,
        body_format=push.format,
        readable=s2c is not None,
    )


def _response(proto_id: int) -> Any:
    try:
        return response_type(proto_id)()
    except UnknownPush:
        return Notify_pb2.Response()  # nobody reads it

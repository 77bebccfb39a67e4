"""What OpenD sent and cannot become records, as records: opend.DeadLetter."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Any

import fastavro

from opend_kafka import schemas
from opend_kafka.errors import UnknownPush
from opend_kafka.opend.events import Push
from opend_kafka.opend.frames import BodyFormat
from opend_kafka.opend.messages import ProtoId, package_of, response_type
from opend_kafka.records.engine import signed

SCHEMA = "opend.DeadLetter"

#: Bytes. librdkafka's message.max.bytes is 1,000,000, a topic's max.message.bytes 1,048,588.
LIMIT = 1_000_000

#: Bytes of it that stay free for what Kafka puts around a record.
_FRAMING = 200

#: Characters of the text for people; rows that are named.
_DETAIL, _INDEXES = 500, 1000


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One push, or some rows of it, and why there are no records of it.

    `time_us` is microseconds since 1970. `push_indexes` are the rows' places in the push; None
    where it could not be read at all. `subtype`, `market` and `code` are those of all the rows.
    """

    time_us: int
    worker: str
    push: Push
    reason: str
    detail: str
    push_indexes: tuple[int, ...] | None = None
    subtype: str | None = None
    market: str | None = None
    code: str | None = None

    def encode(self, prefix: bytes = b"", *, limit: int = LIMIT) -> bytes:
        """Give the record's bytes behind the wire format's prefix, cut to what Kafka takes.

        Args:
            prefix: of the wire format.
            limit: the largest record, in bytes. Only the body is cut for it.
        """
        # InitConnect's reply holds the key of the connection, which is written nowhere.
        body = b"" if self.push.proto_id == ProtoId.INIT_CONNECT else self.push.body
        # What is far too long need not be written to see that it is.
        data = self._written(prefix, body[:limit])
        excess = len(data) - (limit - _FRAMING)
        if excess > 0:
            data = self._written(prefix, body[: max(0, min(len(body), limit) - excess)])
        return data

    def _written(self, prefix: bytes, body: bytes) -> bytes:
        out = BytesIO()
        out.write(prefix)
        fastavro.schemaless_writer(out, schemas.load(SCHEMA), self._fields() | {"body": body})
        return out.getvalue()

    def _fields(self) -> dict[str, Any]:
        push, indexes = self.push, self.push_indexes
        return {
            "time": self.time_us,
            "worker": self.worker,
            "reason": self.reason,
            "detail": _encodable(self.detail)[:_DETAIL],
            "conn_id": signed(push.conn_id) if push.conn_id else None,
            "proto_id": push.proto_id,
            "message": _message(push.proto_id),
            "push_serial": push.serial,
            "push_indexes": None if indexes is None else list(indexes[:_INDEXES]),
            "subtype": self.subtype,
            "market": self.market,
            "code": None if self.code is None else _encodable(self.code),
            "body_format": _FORMATS.get(push.format, "UNKNOWN"),
            "body_format_code": push.format,
            "body_length": len(push.body),
        }


_FORMATS = {int(one): one.name for one in BodyFormat}


def _encodable(text: str) -> str:
    """Give a text that UTF-8 can carry: JSON can hold halves of characters."""
    return text.encode(errors="backslashreplace").decode()


def _message(proto_id: int) -> str | None:
    try:
        return package_of(response_type(proto_id))
    except UnknownPush:
        return None

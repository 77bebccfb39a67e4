"""How far a security's ticks are in Kafka, as records: opend.Watermark."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import fastavro
from fastavro.read import SchemaResolutionError

from opend_kafka import schemas
from opend_kafka.errors import RecordUndecodable
from opend_kafka.opend.securities import Security

SCHEMA = "opend.Watermark"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Block:
    """Which ticks of a range of sequences were delivered.

    `first` is the range's lowest sequence, `count` how many different ones were delivered, and
    `checksum` their sum modulo 2^63.
    """

    first: int
    count: int
    checksum: int


@dataclass(frozen=True, slots=True)
class Watermark:
    """How far one security's ticks are delivered.

    `sequence` is the highest one; None: nothing was delivered yet when the watch over it began.
    The `blocks` come oldest first; each ends where the next one begins, the last at `sequence`.
    `time_us` is microseconds since 1970, by the clock of `worker`.
    """

    security: Security
    sequence: int | None
    blocks: tuple[Block, ...]
    time_us: int
    worker: str

    def encode(self, prefix: bytes = b"") -> bytes:
        """Give the record's bytes behind the wire format's prefix."""
        out = BytesIO()
        out.write(prefix)
        record = {
            "market": self.security.market,
            "code": self.security.code,
            "sequence": self.sequence,
            "blocks": [
                {"first": one.first, "count": one.count, "checksum": one.checksum}
                for one in self.blocks
            ],
            "time": self.time_us,
            "worker": self.worker,
        }
        fastavro.schemaless_writer(out, schemas.load(SCHEMA), record)
        return out.getvalue()


def decode(body: bytes, writer: dict[str, Any] | None = None) -> Watermark:
    """Read a record's Avro bytes, without the wire format's prefix.

    Args:
        body: the bytes.
        writer: the schema that they were written with; this version's where it is left out.

    Raises:
        RecordUndecodable: they do not fit that schema, or that schema is of something else.
    """
    reader = schemas.load(SCHEMA)
    try:
        fields: Any = fastavro.schemaless_reader(BytesIO(body), writer or reader, reader)
    except SchemaResolutionError:  # its own text holds both schemas, whole
        raise RecordUndecodable(
            f"the bytes are no {SCHEMA}: they were written as {(writer or reader)['name']}"
        ) from None
    except (EOFError, ValueError, IndexError, OverflowError) as error:
        raise RecordUndecodable(
            f"the bytes are no {SCHEMA}: {error or 'they end too early'}"
        ) from None
    return Watermark(
        Security(fields["market"], fields["code"]),
        fields["sequence"],
        tuple(Block(**block) for block in fields["blocks"]),
        (fields["time"] - _EPOCH) // _MICROSECOND,
        fields["worker"],
    )

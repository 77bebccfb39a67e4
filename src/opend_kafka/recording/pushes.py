"""Raw pushes to the content of a block and back. No file, no clock.

Columns first, then the bodies: what is alike in all pushes lies together, and compresses to nearly
nothing. Little-endian, `n` of each: time as int64, connection as uint64, proto_id as uint32, serial
as uint64, body format as uint8, length of the body as uint32. Time and serial are differences from
the push before, modulo 2^64; the first time is the difference from `first_us` of the header, the
first serial from 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct, calcsize
from typing import NamedTuple

from opend_kafka.errors import BlockMalformed
from opend_kafka.recording.blocks import BlockHeader, BlockKind, encode_block

_MASK = 2**64 - 1
_COLUMNS = "qQIQBI"
#: Bytes of the columns, a push.
ROW_SIZE = sum(calcsize(f"<{column}") for column in _COLUMNS)


class RecordedPush(NamedTuple):
    """A push as OpenD sent it, and when it came: microseconds since 1970, by the wall clock."""

    received_us: int
    conn_id: int
    proto_id: int
    serial: int
    format: int
    body: bytes


def encode_pushes(pushes: Sequence[RecordedPush]) -> bytes:
    """Give the block of some pushes, at least one."""
    times, conn_ids, proto_ids, serials, formats, bodies = zip(*pushes, strict=True)
    first_us, last_us = times[0], times[-1]
    columns = _columns(len(pushes)).pack(
        *(after - before for before, after in zip((first_us, *times), times, strict=False)),
        *conn_ids,
        *proto_ids,
        *((after - before) & _MASK for before, after in zip((0, *serials), serials, strict=False)),
        *formats,
        *map(len, bodies),
    )
    content = b"".join((columns, *bodies))
    return encode_block(
        BlockKind.PUSHES, content, records=len(pushes), first_us=first_us, last_us=last_us
    )


def decode_pushes(header: BlockHeader, content: bytes) -> list[RecordedPush]:
    """Read the pushes of a block.

    Raises:
        BlockMalformed: the columns and the bodies are not as long as they must be.
    """
    count = header.records
    if not 0 < count * ROW_SIZE <= len(content):
        raise BlockMalformed("its columns are cut")
    values = _columns(count).unpack_from(content)
    times, conn_ids, proto_ids, serials, formats, lengths = (
        values[start : start + count] for start in range(0, len(values), count)
    )
    if count * ROW_SIZE + sum(lengths) != len(content):
        raise BlockMalformed("its bodies are not as long as its columns say")
    pushes = []
    at_us, serial, start = header.first_us, 0, count * ROW_SIZE
    for index, length in enumerate(lengths):
        at_us += times[index]
        serial = serial + serials[index] & _MASK
        body = content[start : start + length]
        start += length
        pushes.append(
            RecordedPush(at_us, conn_ids[index], proto_ids[index], serial, formats[index], body)
        )
    return pushes


def _columns(count: int) -> Struct:
    return Struct("<" + "".join(f"{count}{column}" for column in _COLUMNS))

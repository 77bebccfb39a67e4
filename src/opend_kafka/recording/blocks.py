"""Blocks: what a recording is made of, to bytes and back. No file, no clock.

The layout is `HEADER`, little-endian and packed: magic, version, kind, a reserved 0, records,
length of the content, length as it is stored, times of the first and the last record (microseconds
since 1970), CRC-32 of what is stored, CRC-32 of the header before it. What is stored of a NOTE is
its JSON; of PUSHES one Zstandard frame. docs/recording.md says the same for other readers.

The two checksums let a reader know what is whole without anything else of the file; the magic lets
it find the next block behind what is not.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from struct import Struct
from typing import Any
from zlib import crc32

from opend_kafka.errors import BlockMalformed

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

#: As PNG's: no text begins with it, and what was copied as text has lost it.
MAGIC = b"\x93OKREC\r\n"
HEADER = Struct("<8sBBHIIIqqII")
VERSION = 1

#: Bytes of a block's content. Writers cut at a mebibyte; one body has 16 MiB at most.
MAX_CONTENT = 64 * 1024 * 1024

#: Zstandard's own default: twice the effort saves some percent only.
_LEVEL = 3

_CHECKSUM = Struct("<I")


class BlockKind(IntEnum):
    """What a block holds. A reader leaves out what it does not know."""

    NOTE = 0
    PUSHES = 1


@dataclass(frozen=True, slots=True)
class BlockHeader:
    """A block's header, known to be whole. `kind` may be newer than `BlockKind`."""

    version: int
    kind: int
    records: int
    content_length: int
    stored_length: int
    first_us: int
    last_us: int
    checksum: int

    @property
    def size(self) -> int:
        """The bytes of the whole block."""
        return HEADER.size + self.stored_length


def encode_block(
    kind: BlockKind, content: bytes, *, records: int, first_us: int, last_us: int
) -> bytes:
    """Give a block's bytes."""
    stored = zstd.compress(content, level=_LEVEL) if kind is BlockKind.PUSHES else content
    header = HEADER.pack(
        MAGIC,
        VERSION,
        kind,
        0,
        records,
        len(content),
        len(stored),
        first_us,
        last_us,
        crc32(stored),
        0,
    )
    header = header[: -_CHECKSUM.size]
    return header + _CHECKSUM.pack(crc32(header)) + stored


def encode_note(values: Mapping[str, Any], at_us: int) -> bytes:
    """Give the block of a note."""
    content = json.dumps(values, ensure_ascii=False).encode()
    return encode_block(BlockKind.NOTE, content, records=1, first_us=at_us, last_us=at_us)


def decode_header(data: bytes) -> BlockHeader | None:
    """Read a block's header; give None where it is not one, or not whole.

    The header of a newer version is given as well, whatever the rest of it means there.
    """
    if len(data) < HEADER.size or not data.startswith(MAGIC):
        return None
    *fields, header_checksum = HEADER.unpack_from(data)
    if crc32(data[: HEADER.size - _CHECKSUM.size]) != header_checksum:
        return None
    _, version, kind, _, *rest = fields
    header = BlockHeader(version, kind, *rest)
    return header if max(header.content_length, header.stored_length) <= MAX_CONTENT else None


def decode_content(header: BlockHeader, stored: bytes) -> bytes:
    """Give a block's content from what is stored.

    Raises:
        BlockMalformed: it is not what was written.
    """
    if crc32(stored) != header.checksum or len(stored) != header.stored_length:
        raise BlockMalformed("its checksum is wrong")
    content = stored
    if header.kind == BlockKind.PUSHES:
        try:
            content = zstd.ZstdDecompressor().decompress(stored, header.content_length + 1)
        except (zstd.ZstdError, EOFError) as error:
            raise BlockMalformed(f"it cannot be decompressed ({error})") from None
    if len(content) != header.content_length:
        raise BlockMalformed("its content is not as long as its header says")
    return content


def decode_note(content: bytes) -> dict[str, Any]:
    """Read a note.

    Raises:
        BlockMalformed: it is not a JSON object.
    """
    try:
        values = json.loads(content)
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise BlockMalformed("its note is no JSON object")
    return values

"""A recording's bytes to what was recorded, and to what is wrong with them. No clock.

Whatever bytes they are: each record is given as it was written, or the damage that holds it is.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, BinaryIO

from opend_kafka.errors import BlockMalformed
from opend_kafka.recording.blocks import (
    HEADER,
    MAGIC,
    VERSION,
    BlockHeader,
    BlockKind,
    decode_content,
    decode_header,
    decode_note,
)
from opend_kafka.recording.pushes import RecordedPush, decode_pushes

#: Bytes that are searched at once for the next block.
_STRIDE = 1024 * 1024

_NO_BLOCK = "they are no whole block"


@dataclass(frozen=True, slots=True)
class Note:
    """What was noted between pushes. `values["note"]` names its kind."""

    at_us: int
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes of the file that are left out, and why.

    `unfinished` where they are the begin of a last block: the writer was killed, or still writes.
    """

    offset: int
    length: int
    cause: str
    unfinished: bool = False

    def __str__(self) -> str:
        if self.unfinished:
            return f"the last {self.length} bytes are an unfinished block and are left out"
        return f"{self.length} bytes from byte {self.offset} on are left out: {self.cause}"


Item = RecordedPush | Note | Damage


def read(file: BinaryIO) -> Iterator[Item]:
    """Yield all that is in a recording, in its order. The file must be seekable."""
    size, offset = file.seek(0, os.SEEK_END), 0
    while offset < size:
        header, cause = _whole(file, offset, size), _NO_BLOCK
        items: list[Item] = []
        if header is not None:
            try:
                items = _items(header, _at(file, offset + HEADER.size, header.stored_length))
            except BlockMalformed as malformed:
                # Its length is not to be trusted either: two files may have been joined there.
                header, cause = None, str(malformed)
        if header is None:
            damage = _damage(file, offset, size, cause)
            yield damage
            offset += damage.length
        else:
            yield from items
            offset += header.size


@dataclass(frozen=True, slots=True)
class Outline:
    """How many pushes a recording has, when the first and the last came, its notes, its version.

    The version is the highest of its blocks.
    """

    pushes: int = 0
    first_us: int = 0
    last_us: int = 0
    notes: tuple[Note, ...] = ()
    version: int = VERSION


def outline(file: BinaryIO) -> Outline:
    """Go through the headers of a recording, without a look at its pushes: they may be damaged."""
    size, offset = file.seek(0, os.SEEK_END), 0
    pushes: list[BlockHeader] = []
    notes: list[Item] = []
    version = VERSION
    while offset < size:
        header = _whole(file, offset, size)
        if header is None:
            offset = _next_block(file, offset + 1, size)
            continue
        version = max(version, header.version)
        if header.kind == BlockKind.PUSHES:
            pushes.append(header)
        else:
            with suppress(BlockMalformed):
                notes += _items(header, _at(file, offset + HEADER.size, header.stored_length))
        offset += header.size
    return Outline(
        sum(header.records for header in pushes),
        pushes[0].first_us if pushes else 0,
        pushes[-1].last_us if pushes else 0,
        tuple(note for note in notes if isinstance(note, Note)),
        version,
    )


def _whole(file: BinaryIO, offset: int, size: int) -> BlockHeader | None:
    """Give the header of a block that ends within the file."""
    header = decode_header(_at(file, offset, HEADER.size))
    return header if header is not None and offset + header.size <= size else None


def _items(header: BlockHeader, stored: bytes) -> list[Item]:
    if header.version != VERSION:
        raise BlockMalformed(f"their format is {header.version}; this version reads {VERSION}")
    content = decode_content(header, stored)
    if header.kind == BlockKind.PUSHES:
        return [*decode_pushes(header, content)]
    if header.kind == BlockKind.NOTE:
        return [Note(header.first_us, decode_note(content))]
    return []


def _damage(file: BinaryIO, offset: int, size: int, cause: str) -> Damage:
    """Judge what does not begin a whole block, up to the next one."""
    following = _next_block(file, offset + 1, size)
    begin = _at(file, offset, HEADER.size)
    header = decode_header(begin)
    cut = len(begin) < HEADER.size and begin[: len(MAGIC)] == MAGIC[: len(begin)]
    longer = header is not None and offset + header.size > size
    return Damage(offset, following - offset, cause, following == size and (cut or longer))


def _next_block(file: BinaryIO, start: int, size: int) -> int:
    """Give where the next whole header begins; the end of the file where there is none."""
    while start < size:
        data = _at(file, start, _STRIDE + len(MAGIC) - 1)
        found = data.find(MAGIC)
        while found >= 0:
            if decode_header(_at(file, start + found, HEADER.size)) is not None:
                return start + found
            found = data.find(MAGIC, found + 1)
        start += _STRIDE
    return size


def _at(file: BinaryIO, offset: int, length: int) -> bytes:
    file.seek(offset)
    return file.read(length)

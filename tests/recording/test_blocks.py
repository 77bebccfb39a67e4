"""Blocks, to bytes and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opend_kafka.errors import BlockMalformed
from opend_kafka.recording.blocks import (
    HEADER,
    MAX_CONTENT,
    BlockKind,
    decode_content,
    decode_header,
    decode_note,
    encode_block,
    encode_note,
)
from tests.recording.samples import START_US

CONTENT = b"what is stored " * 10
kinds = st.sampled_from(BlockKind)


def _block(kind: BlockKind, content: bytes) -> bytes:
    return encode_block(kind, content, records=3, first_us=START_US, last_us=START_US + 5)


@given(kinds, st.binary(max_size=500))
def test_block_comes_back(kind: BlockKind, content: bytes) -> None:
    """A header tells kind, records, times and lengths; the content is the same again."""
    data = _block(kind, content)
    header = decode_header(data)
    assert header is not None
    assert (header.kind, header.records, header.size) == (kind, 3, len(data))
    assert (header.first_us, header.last_us) == (START_US, START_US + 5)
    assert decode_content(header, data[HEADER.size :]) == content


@given(kinds, st.data())
def test_block_shows_every_flipped_bit(kind: BlockKind, data: st.DataObject) -> None:
    """Whatever bit of a block is turned, the header or the content is refused."""
    block = bytearray(_block(kind, CONTENT))
    place = data.draw(st.integers(0, len(block) * 8 - 1))
    block[place // 8] ^= 1 << place % 8
    header = decode_header(bytes(block))
    if header is not None:
        with pytest.raises(BlockMalformed):
            decode_content(header, bytes(block[HEADER.size :]))


@given(st.binary(max_size=100))
def test_header_is_none_of_other_bytes(data: bytes) -> None:
    """What is no header is None, and raises nothing."""
    assert decode_header(data) is None


def test_header_is_none_where_the_content_would_fill_the_memory() -> None:
    """A length beyond what writers write is not believed, though its checksum is right."""
    data = encode_block(
        BlockKind.PUSHES, bytes(MAX_CONTENT + 1), records=1, first_us=START_US, last_us=START_US
    )
    assert decode_header(data) is None


def test_pushes_are_stored_compressed() -> None:
    """What repeats itself takes less room than it has."""
    assert len(_block(BlockKind.PUSHES, CONTENT * 100)) < len(CONTENT) * 2


def test_notes_can_be_read_by_eye() -> None:
    """A note's JSON stands in the file as it is: `head` shows what a recording is of."""
    assert b'{"note": "start", "name": "\xe8\x85\xbe\xe8\xae\xaf"}' in encode_note(
        {"note": "start", "name": "腾讯"}, START_US
    )


def test_note_comes_back() -> None:
    """A note is a block with its JSON and its time."""
    data = encode_note({"note": "end", "pushes": 7}, START_US)
    header = decode_header(data)
    assert header is not None
    assert header.first_us == START_US
    assert decode_note(decode_content(header, data[HEADER.size :])) == {"note": "end", "pushes": 7}


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b"\xff"])
def test_note_that_is_no_object_is_refused(content: bytes) -> None:
    """A note is a JSON object."""
    with pytest.raises(BlockMalformed, match="no JSON object"):
        decode_note(content)

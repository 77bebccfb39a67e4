"""Recordings, whole and otherwise."""

from __future__ import annotations

from io import BytesIO
from itertools import accumulate, chain
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from opend_kafka.recording import reading
from opend_kafka.recording.blocks import HEADER, MAGIC, BlockKind, encode_block
from opend_kafka.recording.pushes import RecordedPush
from opend_kafka.recording.reading import Damage, Item, Outline, outline, read
from tests.recording.samples import NOTE, START_US, a_push, batches, written

#: Some blocks, for tests that break one of them.
BATCHES = [[a_push(0)], [a_push(1), a_push(2)], [a_push(3)]]
BLOCKS = written(BATCHES)
WHOLE = b"".join(BLOCKS)
#: Where each block ends.
ENDS = list(accumulate(map(len, BLOCKS)))


def _read(data: bytes) -> list[Item]:
    return list(read(BytesIO(data)))


def _items_of(batches: list[list[RecordedPush]]) -> list[list[Item]]:
    """Give what each block of `written` holds."""
    return [[NOTE], *(list[Item](batch) for batch in batches)]


def _damages(items: list[Item]) -> list[Damage]:
    return [item for item in items if isinstance(item, Damage)]


@given(batches)
def test_recording_comes_back(some: list[list[RecordedPush]]) -> None:
    """What was written is read, in its order, and nothing is wrong with it."""
    assert _read(b"".join(written(some))) == [NOTE, *chain.from_iterable(some)]


@given(batches, st.data())
def test_every_truncation_gives_a_prefix(
    some: list[list[RecordedPush]], data: st.DataObject
) -> None:
    """Of a file that ends anywhere, all whole blocks are read, and the rest is told exactly."""
    blocks = written(some)
    whole = b"".join(blocks)
    length = data.draw(st.integers(0, len(whole) - 1))
    ends = [end for end in accumulate(map(len, blocks)) if end <= length]
    expected = list(chain.from_iterable(_items_of(some)[: len(ends)]))
    items = _read(whole[:length])
    left_out = length - max(ends, default=0)
    assert items[: len(expected)] == expected
    assert [(one.length, one.unfinished) for one in _damages(items)] == (
        [(left_out, True)] if left_out else []
    )
    assert len(items) == len(expected) + len(_damages(items))


@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255))
def test_every_flipped_byte_costs_its_block_and_no_other(place: int, flip: int) -> None:
    """The block that a wrong byte is in is told, with its place; all others are read."""
    broken = bytearray(WHOLE)
    broken[place] ^= flip
    hit = next(index for index, end in enumerate(ENDS) if place < end)
    items = _read(bytes(broken))
    (damage,) = _damages(items)
    assert (damage.offset, damage.length) == (ENDS[hit] - len(BLOCKS[hit]), len(BLOCKS[hit]))
    expected = _items_of(BATCHES)
    del expected[hit]
    assert [item for item in items if item != damage] == list(chain.from_iterable(expected))


@given(st.binary(max_size=300))
@example(MAGIC)
@example(MAGIC * 40)
def test_any_bytes_are_read_or_told(data: bytes) -> None:
    """Bytes that are no recording are damage, all of them, and raise nothing."""
    assert sum(damage.length for damage in _damages(_read(data))) == len(data)


@given(st.binary(min_size=1, max_size=300))
def test_blocks_behind_rubbish_are_read(rubbish: bytes) -> None:
    """A reader finds the next block again, wherever it begins."""
    damage, *items = _read(rubbish + WHOLE)
    assert isinstance(damage, Damage)
    assert (damage.length, items) == (len(rubbish), _read(WHOLE))


def test_recordings_can_be_joined() -> None:
    """Two files behind each other are one: cat one other > both."""
    assert _read(WHOLE + WHOLE) == _read(WHOLE) * 2


@pytest.mark.parametrize("cut", [1, len(BLOCKS[-1]) // 2, len(BLOCKS[-1]) - 1])
def test_joining_behind_an_unfinished_block_costs_that_only(cut: int) -> None:
    """Where the first file was not finished, the second is read whole all the same."""
    items = _read(WHOLE[:-cut] + WHOLE)
    (damage,) = _damages(items)
    assert (damage.length, damage.unfinished) == (len(BLOCKS[-1]) - cut, False)
    assert items[items.index(damage) + 1 :] == _read(WHOLE)


def test_zeros_at_the_end_are_told() -> None:
    """A file system that lost its power may leave zeros: they are no block."""
    *items, damage = _read(WHOLE + bytes(5_000))
    assert isinstance(damage, Damage)
    assert (items, damage.offset, damage.length) == (_read(WHOLE), len(WHOLE), 5_000)


def test_search_goes_on_past_its_stride(monkeypatch: pytest.MonkeyPatch) -> None:
    """A block is found wherever it begins among the pieces that are searched."""
    monkeypatch.setattr(reading, "_STRIDE", 16)
    for length in range(1, 40):
        assert _read(b"x" * length + WHOLE)[1:] == _read(WHOLE)


def test_block_of_a_kind_that_is_newer_is_passed_over() -> None:
    """A newer writer may note more than this reader knows."""
    newer = bytearray(BLOCKS[1])
    kind: BlockKind = 77  # type: ignore[assignment]
    newer = bytearray(encode_block(kind, b"news", records=1, first_us=START_US, last_us=START_US))
    assert _read(bytes(newer) + WHOLE) == _read(WHOLE)


def test_outline_tells_of_all_whole_blocks() -> None:
    """Number and times of the pushes, and the notes, are known without a look at the pushes."""
    found = outline(BytesIO(WHOLE + BLOCKS[1][: HEADER.size + 3]))
    assert found == Outline(4, START_US, START_US + 3_000, (NOTE,))


def test_outline_of_rubbish_is_empty() -> None:
    """Bytes that are no recording have no outline."""
    assert outline(BytesIO(b"x" * 1_000)) == Outline()


def test_outline_leaves_out_a_damaged_note() -> None:
    """A note that is not whole is none; the rest is told."""
    broken = bytearray(WHOLE)
    broken[HEADER.size] ^= 1
    assert outline(BytesIO(bytes(broken))) == Outline(4, START_US, START_US + 3_000)


def test_damage_is_told_in_a_line() -> None:
    """What is left out is told with its place, and an unfinished block as what it is."""
    unfinished, damaged = Damage(70, 12, "", True), Damage(70, 12, "its checksum is wrong")
    assert str(unfinished) == "the last 12 bytes are an unfinished block and are left out"
    assert str(damaged) == "12 bytes from byte 70 on are left out: its checksum is wrong"


def test_large_damage_is_searched_in_pieces() -> None:
    """Megabytes of rubbish cost one pass."""
    rubbish = Random(1).randbytes(3 * 1024 * 1024)
    assert [damage.length for damage in _damages(_read(rubbish + WHOLE))] == [len(rubbish)]

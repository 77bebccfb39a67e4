"""Raw pushes, to the content of a block and back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opend_kafka.errors import BlockMalformed
from opend_kafka.recording.blocks import HEADER, BlockHeader, decode_content, decode_header
from opend_kafka.recording.pushes import ROW_SIZE, RecordedPush, decode_pushes, encode_pushes
from tests.recording.samples import START_US, a_push, pushes


def _content(some: list[RecordedPush]) -> tuple[BlockHeader, bytes]:
    data = encode_pushes(some)
    header = decode_header(data)
    assert header is not None
    return header, decode_content(header, data[HEADER.size :])


@given(st.lists(pushes, min_size=1, max_size=20))
def test_pushes_come_back(some: list[RecordedPush]) -> None:
    """Every value of every push is the same again, also where serial and clock go back."""
    assert decode_pushes(*_content(some)) == some


def test_block_of_pushes_tells_number_and_times() -> None:
    """A reader knows from the header how much there is, and of when."""
    header, _ = _content([a_push(0), a_push(1), a_push(7)])
    assert (header.records, header.first_us, header.last_us) == (3, START_US, START_US + 7_000)


def test_even_pushes_cost_bytes_only() -> None:
    """A thousand pushes of one link, evenly spaced, take some bytes each beside their bodies."""
    assert len(encode_pushes([a_push(number, b"the same") for number in range(1_000)])) < 4_000


@pytest.mark.parametrize("records", [0, 1, 3, 2**32 - 1])
def test_pushes_that_do_not_fit_are_refused(records: int) -> None:
    """A block of two pushes is not one of another number."""
    header, content = _content([a_push(0), a_push(1)])
    with pytest.raises(BlockMalformed):
        decode_pushes(replace(header, records=records), content)


def test_pushes_whose_bodies_are_cut_are_refused() -> None:
    """The columns say how long the bodies are."""
    header, content = _content([a_push(0)])
    with pytest.raises(BlockMalformed, match="bodies"):
        decode_pushes(header, content[:-1])


def test_row_size_is_documented() -> None:
    """docs/recording.md counts with it."""
    assert ROW_SIZE == 33

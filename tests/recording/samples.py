"""Recordings for tests."""

from __future__ import annotations

from hypothesis import strategies as st

from opend_kafka.recording.blocks import encode_note
from opend_kafka.recording.pushes import RecordedPush, encode_pushes
from opend_kafka.recording.reading import Note

START_US = 1_700_000_000_000_000

#: Whatever the wire can bring, at times that may go back.
pushes = st.builds(
    RecordedPush,
    received_us=st.integers(START_US, START_US + 10**9),
    conn_id=st.integers(0, 2**64 - 1),
    proto_id=st.integers(0, 2**32 - 1),
    serial=st.integers(0, 2**64 - 1),
    format=st.integers(0, 255),
    body=st.binary(max_size=60),
)
batches = st.lists(st.lists(pushes, min_size=1, max_size=4), min_size=1, max_size=4)


def a_push(number: int, body: bytes = b"") -> RecordedPush:
    """Make the push of a serial, a millisecond after the one before it."""
    return RecordedPush(START_US + number * 1_000, 9, 3011, number, 0, body or b"tick %d" % number)


def written(batches: list[list[RecordedPush]]) -> list[bytes]:
    """Give the blocks of a recording: a note, and a block a batch."""
    return [encode_note({"note": "start"}, START_US), *map(encode_pushes, batches)]


#: What `written` writes first.
NOTE = Note(START_US, {"note": "start"})

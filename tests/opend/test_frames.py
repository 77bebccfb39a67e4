"""Frames against the SDK's bytes, and against streams split and spoilt in every way."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opend_kafka.errors import (
    BadMagic,
    BodyUndecipherable,
    ChecksumWrong,
    FrameTooLarge,
    LinkLost,
    ProtocolViolation,
)
from opend_kafka.opend.ciphers import AesCbc
from opend_kafka.opend.frames import (
    HEADER,
    MAX_BODY,
    PLAIN,
    BodyFormat,
    CipherOf,
    Frame,
    FrameReader,
    encode,
)
from tests.compiled import compiled
from tests.opend.vectors import VECTORS, Vector

#: From the protocol page: made by the official packer.
GOLDEN = bytes.fromhex(
    "4654ec03000000000700000008000000a574904e7c778af7b84d66bebdfda3c5553a5558"
    "00000000000000000a060880e2cfaa06"
)
GOLDEN_FRAME = Frame(1004, 7, bytes.fromhex("0a060880e2cfaa06"))


@pytest.fixture(params=["plain", "compiled"], scope="module", autouse=True)
def _way(request: pytest.FixtureRequest) -> Iterator[None]:
    """Hold both forms to every test here: the compiled one with a taker that takes nothing."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        if request.param == "compiled":
            cutter = compiled("opend_kafka.opend.cutter")

            def reader(cipher_of: CipherOf = lambda proto_id: PLAIN, **limits: int) -> FrameReader:
                made: FrameReader = cutter.FrameCutter(cipher_of, cutter.Taker(), **limits)
                return made

            monkeypatch.setattr(sys.modules[__name__], "FrameReader", reader)
        yield


U32 = st.integers(0, 2**32 - 1)
FRAMES = st.lists(
    st.builds(Frame, U32, U32, st.binary(max_size=200), st.integers(0, 255)), max_size=8
)


def read(*pieces: bytes, max_body: int = MAX_BODY) -> list[Frame]:
    """Give the frames of a stream that comes in these pieces, and end it."""
    reader = FrameReader(max_body=max_body)
    frames = [frame for piece in pieces for frame in reader.receive(piece)]
    reader.end()
    return frames


def feed(reader: FrameReader, pieces: Iterable[bytes], got: list[Frame]) -> None:
    """Add to `got` the frames that come before an error does."""
    for piece in pieces:
        got.extend(reader.receive(piece))


def header(body_len: int, *, magic: bytes = b"FT") -> bytes:
    """Give a header that announces so many bytes, with a checksum of zeros."""
    return HEADER.pack(magic, 3011, 0, 0, 1, body_len, bytes(20), bytes(8))


def test_header_has_44_bytes() -> None:
    """The packed header is as long as the protocol says."""
    assert HEADER.size == 44


def test_golden_frame_decodes() -> None:
    """The official packer's KeepAlive request is read as what went in."""
    assert read(GOLDEN) == [GOLDEN_FRAME]


def test_golden_frame_encodes() -> None:
    """What we pack is what the official packer packs."""
    assert encode(GOLDEN_FRAME) == GOLDEN


@pytest.mark.parametrize("vector", VECTORS, ids=str)
def test_sdk_frame_decodes_intact(vector: Vector) -> None:
    """Each of the SDK's frames gives its number, its serial and a body that its SHA-1 fits."""
    assert read(vector.frame) == [Frame(vector.proto_id, vector.serial, vector.body)]


@pytest.mark.parametrize("vector", VECTORS, ids=str)
def test_sdk_frame_reencodes_to_same_bytes(vector: Vector) -> None:
    """Reading and packing again gives the SDK's bytes."""
    (frame,) = read(vector.frame)
    assert encode(frame) == vector.frame


def test_json_frame_keeps_its_format() -> None:
    """The format byte comes through."""
    frame = Frame(3011, 1, b"{}", BodyFormat.JSON)
    assert read(encode(frame)) == [frame]


@given(FRAMES, st.data())
def test_stream_split_anywhere_yields_same_frames(frames: list[Frame], data: st.DataObject) -> None:
    """However the network cuts and joins the bytes, the frames are the same."""
    stream = b"".join(map(encode, frames))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    pieces = [stream[start:end] for start, end in pairwise([0, *cuts, len(stream)])]
    assert read(*pieces) == frames


@given(FRAMES)
def test_stream_byte_by_byte_yields_same_frames(frames: list[Frame]) -> None:
    """One byte at a time gives the same frames."""
    stream = b"".join(map(encode, frames))
    assert read(*(stream[at : at + 1] for at in range(len(stream)))) == frames


@given(FRAMES, st.binary(max_size=300))
def test_any_bytes_parse_or_raise_documented_error(frames: list[Frame], garbage: bytes) -> None:
    """Whatever follows, the frames before it are yielded and only documented errors come."""
    got: list[Frame] = []
    reader = FrameReader(max_body=1000)
    with suppress(BadMagic, FrameTooLarge, LinkLost):
        feed(reader, [b"".join(map(encode, frames)) + garbage], got)
        reader.end()
    assert got[: len(frames)] == frames


@given(
    FRAMES,
    st.binary(min_size=44, max_size=60).filter(lambda junk: junk[:2] != b"FT"),
    st.data(),
)
def test_frames_before_bad_magic_are_yielded_however_split(
    frames: list[Frame], junk: bytes, data: st.DataObject
) -> None:
    """A header without the magic ends the stream, after the frames before it and none else."""
    stream = b"".join(map(encode, frames)) + junk
    cut = data.draw(st.integers(0, len(stream)))
    got: list[Frame] = []
    with pytest.raises(BadMagic):
        feed(FrameReader(), [stream[:cut], stream[cut:]], got)
    assert got == frames


def test_bad_magic_names_what_it_found() -> None:
    """The error carries the two bytes that should have been the magic."""
    with pytest.raises(BadMagic) as caught:
        read(b"HT" + GOLDEN[2:])
    assert caught.value.magic == b"HT"


def test_body_over_limit_is_refused_by_its_header() -> None:
    """A header that announces too much is refused before any of the body has come."""
    with pytest.raises(FrameTooLarge) as caught:
        read(header(1001), max_body=1000)
    error = caught.value
    assert (error.proto_id, error.body_len, error.limit) == (3011, 1001, 1000)


def test_body_at_limit_is_read() -> None:
    """The limit itself is allowed."""
    frame = Frame(3011, 1, bytes(1000))
    assert read(encode(frame), max_body=1000) == [frame]


def test_both_faults_of_a_stream_are_protocol_violations() -> None:
    """Who drives the session has one class to catch for a stream that cannot be followed."""
    assert issubclass(BadMagic, ProtocolViolation)
    assert issubclass(FrameTooLarge, ProtocolViolation)


def test_zero_length_body_is_a_frame() -> None:
    """A frame may have no body."""
    frame = Frame(1004, 1, b"")
    assert read(encode(frame) + GOLDEN) == [frame, GOLDEN_FRAME]


def test_wrong_checksum_marks_frame_and_spares_neighbours() -> None:
    """A body that is not its SHA-1's is not intact; the frames around it are."""
    spoilt = bytearray(GOLDEN)
    spoilt[-1] ^= 1
    got = read(GOLDEN + bytes(spoilt) + GOLDEN)
    assert [frame.intact for frame in got] == [True, False, True]


def test_damage_is_a_checksum_where_the_body_can_be_had() -> None:
    """A frame with a wrong SHA-1 carries the body that came, and says what is wrong."""
    (frame,) = read(GOLDEN[:-1] + b"!")
    assert (frame.body, frame.damage) == (GOLDEN_FRAME.body[:-1] + b"!", ChecksumWrong)


def test_body_that_cannot_be_decrypted_stays_as_it_came() -> None:
    """A body that the cipher cannot have made is kept, still encrypted."""
    cipher = AesCbc(b"0123456789ABCDEF", b"FEDCBA9876543210")
    (frame,) = FrameReader(lambda proto_id: cipher).receive(GOLDEN)
    assert (frame.body, frame.damage) == (GOLDEN_FRAME.body, BodyUndecipherable)


def test_reserved_bytes_are_not_judged() -> None:
    """What OpenD may once put into the header's last eight bytes does no harm."""
    assert read(GOLDEN[:36] + b"reserved" + GOLDEN[44:]) == [GOLDEN_FRAME]


@pytest.mark.parametrize("length", [1, 43, 44, len(GOLDEN) - 1])
def test_end_inside_frame_is_link_lost(length: int) -> None:
    """A stream that ends inside a header or a body was cut."""
    with pytest.raises(LinkLost, match=f"inside a frame, {length} bytes"):
        read(GOLDEN + GOLDEN[:length])


def test_end_between_frames_is_silent() -> None:
    """A stream that ends where a frame does was not cut."""
    reader = FrameReader()
    assert list(reader.receive(GOLDEN)) == [GOLDEN_FRAME]
    reader.end()


def test_repr_of_large_frame_is_short() -> None:
    """Printing a frame prints none of its body."""
    assert repr(Frame(3013, 9, b"x" * 100_000)) == "Frame(3013, serial 9, 100000 bytes)"

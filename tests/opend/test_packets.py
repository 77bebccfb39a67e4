"""Packets against the JavaScript SDK's bytes, and against messages spoilt in every way."""

from __future__ import annotations

from contextlib import suppress
from hashlib import md5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opend_kafka.errors import FrameTooLarge, LinkLost, PacketMalformed, RequestRefused
from opend_kafka.opend.frames import MAX_BODY, Frame
from opend_kafka.opend.messages import ProtoId, decode_reply
from opend_kafka.opend.packets import (
    MAX_MESSAGE,
    REPLY_HEADER,
    REQUEST_HEADER,
    Command,
    Packet,
    RelayError,
    WebSocketWire,
    decode_request,
    encode_reply,
    encode_request,
    password_digest,
)
from opend_kafka.opend.packets import (
    decode_reply as decode_reply_packet,
)
from opend_kafka.opend.pb import InitWebSocket_pb2

#: What the JavaScript SDK 10.11 packs for cmd 3001, section 0x123456789 and a body of 1, 2, 3.
SDK_REQUEST = bytes.fromhex("66742d76312e300000000bb90000000123456789010203")
SDK_REQUEST_PACKET = Packet(3001, 0x123456789, b"\x01\x02\x03")

#: What the SDK sends first, section 2 in its first connection, where its key is "secret".
SDK_LOGIN = bytes.fromhex(
    "66742d76312e30000000000100000000000000020a2e22203565626532323934656364306530663038656162373639306432613665653639320a4a617661536372697074"
)

#: What the SDK unpacks as cmd 3001, section 2, error 1, "time-out", and a body of 1, 2, 3.
SDK_REPLY = bytes.fromhex(
    "66742d76312e300000000bb900000000000000020000000174696d652d6f7574000000000000000000000000010203"
)
SDK_REPLY_PACKET = Packet(3001, 2, b"\x01\x02\x03", 1, "time-out")

CMDS = st.integers(0, 2**32 - 1)
SECTIONS = st.integers(0, 2**64 - 1)
BODIES = st.binary(max_size=200)
REQUESTS = st.builds(Packet, CMDS, SECTIONS, BODIES)
REPLIES = st.builds(
    Packet,
    CMDS,
    SECTIONS,
    BODIES,
    st.integers(-(2**31), 2**31 - 1),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])).filter(
        lambda text: len(text.encode()) <= 20
    ),
)


def test_headers_have_20_and_44_bytes() -> None:
    """The packed headers are as long as the protocol says."""
    assert (REQUEST_HEADER.size, REPLY_HEADER.size) == (20, 44)


def test_request_encodes_as_sdk_does() -> None:
    """What we pack is what the official packer packs."""
    assert encode_request(SDK_REQUEST_PACKET) == SDK_REQUEST


def test_sdk_request_decodes() -> None:
    """The official packer's request is read as what went in."""
    assert decode_request(SDK_REQUEST) == SDK_REQUEST_PACKET


def test_reply_encodes_as_sdk_reads_it() -> None:
    """What we pack for a client is what the official unpacker understands."""
    assert encode_reply(SDK_REPLY_PACKET) == SDK_REPLY


def test_reply_decodes_as_sdk_reads_it() -> None:
    """We read a relay's packet as the official unpacker does."""
    assert decode_reply_packet(SDK_REPLY) == SDK_REPLY_PACKET


def test_sdk_login_is_of_our_message_and_digest() -> None:
    """The SDK's login holds our message, with our digest of its key."""
    packet = decode_request(SDK_LOGIN)
    request = InitWebSocket_pb2.Request.FromString(packet.body)
    assert packet.cmd == Command.LOGIN
    assert request.c2s == InitWebSocket_pb2.C2S(
        websocketKey=password_digest("secret"), programmingLanguage="JavaScript"
    )


def test_digest_is_md5_in_hex() -> None:
    """A key's digest is the one that every md5sum prints."""
    assert password_digest("abc") == "900150983cd24fb0d6963f7d28e17f72"


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_digest_is_of_utf8(key: str) -> None:
    """A key with letters of any alphabet counts in UTF-8, as in JavaScript."""
    assert password_digest(key) == md5(key.encode("utf-8"), usedforsecurity=False).hexdigest()


def test_digest_of_no_key_is_none() -> None:
    """Without a key the SDK sends an empty one, not the digest of nothing."""
    assert password_digest("") == ""


@given(REQUESTS)
def test_request_comes_back_whole(packet: Packet) -> None:
    """What a client packs, a relay reads."""
    assert decode_request(encode_request(packet)) == packet


@given(REPLIES)
def test_reply_comes_back_whole(packet: Packet) -> None:
    """What a relay packs, a client reads."""
    assert decode_reply_packet(encode_reply(packet)) == packet


def test_long_error_message_is_cut_between_characters() -> None:
    """An error message too long for its 20 bytes loses whole characters, not halves."""
    data = encode_reply(Packet(1, 1, b"body", 1, "超" * 7))
    assert decode_reply_packet(data) == Packet(1, 1, b"body", 1, "超" * 6)


@given(st.binary(max_size=100))
def test_any_bytes_are_packet_or_documented_error(data: bytes) -> None:
    """Whatever a message holds, it is a packet, or PacketMalformed says why not."""
    for decode in (decode_request, decode_reply_packet):
        with suppress(PacketMalformed):
            decode(data)


@given(REPLIES.map(encode_reply), st.data())
def test_any_spoilt_packet_is_frame_or_documented_error(data: bytes, draw: st.DataObject) -> None:
    """A packet with any one byte changed gives one frame, or a documented error."""
    at = draw.draw(st.integers(0, len(data) - 1))
    spoilt = data[:at] + bytes([draw.draw(st.integers(0, 255))]) + data[at + 1 :]
    with suppress(PacketMalformed, LinkLost):
        assert len(list(WebSocketWire().receive(spoilt))) == 1


@pytest.mark.parametrize("size", [0, 1, 19, 43])
def test_packet_shorter_than_its_header_is_malformed(size: int) -> None:
    """A message too short for a header is refused with its length."""
    with pytest.raises(PacketMalformed, match=f"it has {size} bytes"):
        decode_reply_packet(SDK_REPLY[:size])


def test_packet_of_another_protocol_is_malformed() -> None:
    """A message that begins otherwise is refused, and says what to look at."""
    with pytest.raises(PacketMalformed, match=r"46 54 .*instead of ft-v1\.0.*opend\.port"):
        decode_reply_packet(b"FT" + SDK_REPLY[2:])


def test_body_over_limit_is_too_large() -> None:
    """A body over the limit is refused, and one as large as it is not."""
    largest = encode_reply(Packet(3011, 0, bytes(MAX_BODY)))
    assert len(largest) == MAX_MESSAGE
    assert len(decode_reply_packet(largest).body) == MAX_BODY
    with pytest.raises(FrameTooLarge):
        decode_reply_packet(largest + b"\0")


def test_printed_packet_shows_no_body() -> None:
    """Printing a packet is short, and shows nothing of its body: a login's has the key."""
    assert repr(Packet(1, 2, b"secret")) == "Packet(1, section 2, 6 bytes)"
    assert repr(SDK_REPLY_PACKET) == "Packet(3001, section 2, 3 bytes, error 1 time-out)"


# The wire


def test_wire_sends_frame_as_packet() -> None:
    """A frame's serial goes out as the section, its proto_id as the cmd."""
    assert WebSocketWire().encode(Frame(3001, 0x123456789, b"\x01\x02\x03")) == SDK_REQUEST


def test_wire_gives_packet_as_frame() -> None:
    """A packet's section comes in as the serial, its cmd as the proto_id."""
    data = encode_reply(Packet(3011, 7, b"tick"))
    assert list(WebSocketWire().receive(data)) == [Frame(3011, 7, b"tick")]


def test_wire_raises_when_relay_has_lost_opend() -> None:
    """The relay's own push that OpenD is gone ends the link."""
    with pytest.raises(LinkLost, match="the relay has lost OpenD"):
        list(WebSocketWire().receive(encode_reply(Packet(Command.OPEND_LOST, 0, b""))))


def test_wire_raises_when_reply_says_disconnected() -> None:
    """A request that the relay cannot hand on, because OpenD is gone, ends the link too."""
    data = encode_reply(Packet(ProtoId.QOT_SUB, 1, b"", RelayError.DISCONNECTED))
    with pytest.raises(LinkLost, match="the relay has lost OpenD"):
        list(WebSocketWire().receive(data))


@pytest.mark.parametrize(
    ("error", "ret_type", "words"),
    [
        (RelayError.TIMED_OUT, -100, "OpenD did not answer its relay in time (why)"),
        (RelayError.OPEND_TIMED_OUT, -100, "OpenD's own server did not answer in time (why)"),
        (99, -1, "OpenD's relay reports an error (why)"),
        (-7, -1, "OpenD's relay reports an error (why)"),
    ],
)
def test_wire_gives_error_as_refusal(error: int, ret_type: int, words: str) -> None:
    """Any other error of the relay is, for whoever asked, a refusal with the relay's number."""
    data = encode_reply(Packet(ProtoId.QOT_SUB, 5, b"ignored", error, "why"))
    (frame,) = WebSocketWire().receive(data)
    assert (frame.proto_id, frame.serial) == (ProtoId.QOT_SUB, 5)
    with pytest.raises(RequestRefused) as caught:
        decode_reply(frame.proto_id, frame.body)
    refused = caught.value
    assert (refused.ret_type, refused.err_code, refused.ret_msg) == (ret_type, error, words)


def test_wire_that_ends_has_cut_nothing() -> None:
    """Each message is whole, so the end of the connection is inside none."""
    wire = WebSocketWire()
    list(wire.receive(SDK_REPLY))
    wire.end()

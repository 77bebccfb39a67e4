"""Bodies become messages, or an error that says why not."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import example, given
from hypothesis import strategies as st

from opend_kafka.errors import (
    MessageMalformed,
    PushEmpty,
    PushFailed,
    PushRejected,
    RequestRefused,
    UnknownPush,
)
from opend_kafka.opend.frames import BodyFormat
from opend_kafka.opend.messages import (
    ProtoId,
    decode_push,
    decode_reply,
    decode_request,
    encode_body,
    message_name,
    package_of,
    proto_id_of,
    read_push,
    response_type,
)
from opend_kafka.opend.pb import Qot_Sub_pb2, Qot_UpdateTicker_pb2
from tests.opend.vectors import VECTORS, Vector, vector

PUSHES = [
    ProtoId.NOTIFY,
    ProtoId.QOT_UPDATE_BASIC_QOT,
    ProtoId.QOT_UPDATE_KL,
    ProtoId.QOT_UPDATE_RT,
    ProtoId.QOT_UPDATE_TICKER,
    ProtoId.QOT_UPDATE_ORDER_BOOK,
    ProtoId.QOT_UPDATE_BROKER,
]
REPLIES = [one for one in ProtoId if one not in PUSHES]

SUCCEEDED = b"\x08\x00"
FAILED = b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" + b"\x12\x04oops"
FAILED_WITH_CODE = FAILED + b"\x18\x05"

#: No field of any message begins so: wire type 7 does not exist.
GARBAGE = b"\xff\xff\xff"


def requests() -> list[Vector]:
    """Give the SDK's requests."""
    return [one for one in VECTORS if "c2s" in one.message]


def answers(proto_ids: list[ProtoId]) -> list[Vector]:
    """Give the SDK's successful messages among these."""
    return [
        one for one in VECTORS if one.proto_id in proto_ids and one.message.get("retType", 1) == 0
    ]


def as_dict(message: Any) -> dict[str, Any]:
    """Give the fields that are there, as the vectors write them."""
    return MessageToDict(message, preserving_proto_field_name=True)


@pytest.mark.parametrize("vector", requests(), ids=str)
def test_request_of_sdk_decodes_field_by_field(vector: Vector) -> None:
    """A request of the SDK gives the fields that went in, and no others."""
    assert as_dict(decode_request(vector.proto_id, vector.body)) == vector.message["c2s"]


@pytest.mark.parametrize("vector", answers(REPLIES), ids=str)
def test_reply_of_sdk_decodes_field_by_field(vector: Vector) -> None:
    """A reply that the SDK packed gives the fields that went in, and no others."""
    assert as_dict(decode_reply(vector.proto_id, vector.body)) == vector.message.get("s2c", {})


@pytest.mark.parametrize("vector", answers(PUSHES), ids=str)
def test_push_of_sdk_decodes_field_by_field(vector: Vector) -> None:
    """A push that the SDK packed gives the fields that went in, and no others."""
    assert as_dict(decode_push(vector.proto_id, vector.body)) == vector.message["s2c"]


def test_every_sdk_vector_is_judged() -> None:
    """The three tests above and the two failures below leave no vector out."""
    failures = [vector("sub_response_failed"), vector("ticker_push_error")]
    judged = [*requests(), *answers(REPLIES), *answers(PUSHES), *failures]
    assert sorted(map(str, judged)) == sorted(map(str, VECTORS))


def test_push_with_ret_type_is_failed() -> None:
    """A push whose retType is not 0 is refused with OpenD's own words."""
    failed = vector("ticker_push_error")
    with pytest.raises(PushFailed) as caught:
        decode_push(failed.proto_id, failed.body)
    assert caught.value.ret_type == failed.message["retType"]
    assert caught.value.ret_msg == failed.message["retMsg"]


def test_reply_with_ret_type_is_refused() -> None:
    """A reply whose retType is not 0 is refused with OpenD's words and code."""
    failed = vector("sub_response_failed")
    with pytest.raises(RequestRefused) as caught:
        decode_reply(failed.proto_id, failed.body)
    error = caught.value
    assert error.request == "Qot_Sub (3001)"
    assert (error.ret_type, error.err_code) == (-1, 1)
    assert error.ret_msg == "unknown stock HK.99999"


@pytest.mark.parametrize("proto_id", PUSHES)
def test_push_of_every_kind_with_ret_type_is_failed(proto_id: ProtoId) -> None:
    """All kinds of push can fail."""
    with pytest.raises(PushFailed):
        decode_push(proto_id, FAILED)


@pytest.mark.parametrize("proto_id", REPLIES)
def test_reply_of_every_kind_with_ret_type_is_refused(proto_id: ProtoId) -> None:
    """All kinds of request can be refused."""
    with pytest.raises(RequestRefused, match="oops"):
        decode_reply(proto_id, FAILED_WITH_CODE)


def test_refusal_without_err_code_has_none() -> None:
    """An errCode that OpenD did not send is None, never a made-up zero."""
    with pytest.raises(RequestRefused) as caught:
        decode_reply(ProtoId.QOT_SUB, FAILED)
    assert caught.value.err_code is None


@pytest.mark.parametrize("proto_id", PUSHES)
def test_push_without_s2c_is_empty(proto_id: ProtoId) -> None:
    """A push that says success and carries nothing is told apart from one that cannot be read."""
    with pytest.raises(PushEmpty):
        decode_push(proto_id, SUCCEEDED)


def test_push_missing_required_field_is_malformed_and_names_it() -> None:
    """A partial message is refused, and the text names what is missing."""
    body = SUCCEEDED + b"\x22\x04\x0a\x02\x08\x01"  # s2c{security{market: 1}}: no code
    with pytest.raises(MessageMalformed, match=r"Qot_UpdateTicker \(3011\).*security\.code"):
        decode_push(ProtoId.QOT_UPDATE_TICKER, body)


def test_push_missing_required_field_deep_inside_is_malformed() -> None:
    """One bad tick among its fields makes the push unreadable, not half read."""
    push = Qot_UpdateTicker_pb2.Response.FromString(vector("ticker_realtime_hk").body)
    push.s2c.tickerList[0].ClearField("sequence")
    with pytest.raises(MessageMalformed, match="sequence"):
        decode_push(ProtoId.QOT_UPDATE_TICKER, push.SerializePartialToString())


def test_push_without_ret_type_is_malformed() -> None:
    """An empty body is not a success: retType is required, and its default is a failure."""
    with pytest.raises(MessageMalformed, match="retType"):
        decode_push(ProtoId.QOT_UPDATE_TICKER, b"")


@pytest.mark.parametrize("proto_id", PUSHES)
def test_garbage_as_push_is_malformed(proto_id: ProtoId) -> None:
    """Bytes that are no protobuf are refused."""
    with pytest.raises(MessageMalformed):
        decode_push(proto_id, GARBAGE)


@pytest.mark.parametrize("proto_id", REPLIES)
def test_garbage_as_reply_is_malformed(proto_id: ProtoId) -> None:
    """Bytes that are no protobuf are refused."""
    with pytest.raises(MessageMalformed):
        decode_reply(proto_id, GARBAGE)


@pytest.mark.parametrize("proto_id", [0, 1001, 2208, 3010, 9999])
def test_push_of_other_number_is_unknown(proto_id: int) -> None:
    """A number that is no push, be it a reply's, is unknown and named."""
    with pytest.raises(UnknownPush) as caught:
        decode_push(proto_id, SUCCEEDED)
    assert caught.value.proto_id == proto_id


def test_request_of_other_number_is_unknown() -> None:
    """A number that is no request is unknown."""
    with pytest.raises(UnknownPush):
        decode_request(3011, SUCCEEDED)


def test_response_type_of_other_number_is_unknown() -> None:
    """No class is made up for a number that nobody knows."""
    with pytest.raises(UnknownPush):
        response_type(9999)


@pytest.mark.parametrize("proto_id", PUSHES)
@given(body=st.binary(max_size=200))
def test_any_bytes_as_push_decode_or_are_rejected(proto_id: ProtoId, body: bytes) -> None:
    """No body of a push raises anything but PushRejected."""
    with suppress(PushRejected):
        decode_push(proto_id, body)


@pytest.mark.parametrize("vector", answers(PUSHES), ids=str)
@given(data=st.data())
def test_spoilt_push_decodes_or_is_rejected(vector: Vector, data: st.DataObject) -> None:
    """A real push with bytes changed or cut off raises nothing but PushRejected."""
    body = bytearray(vector.body)
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    with suppress(PushRejected):
        decode_push(vector.proto_id, bytes(body[: data.draw(st.integers(0, len(body)))]))


def test_unknown_field_of_newer_opend_is_tolerated() -> None:
    """A field that a newer OpenD adds does not spoil the push."""
    push = vector("ticker_realtime_hk")
    newer = push.body + b"\xba\x06\x03new"  # field 103
    assert as_dict(decode_push(push.proto_id, newer)) == push.message["s2c"]


def test_request_is_sent_under_its_number() -> None:
    """A request knows its proto_id."""
    assert proto_id_of(Qot_Sub_pb2.Request()) is ProtoId.QOT_SUB


def test_message_name_is_for_people() -> None:
    """A number that is known has its protocol name beside it; another one is a bare number."""
    assert message_name(3011) == "Qot_UpdateTicker (3011)"
    assert message_name(9999) == "proto_id 9999"


@pytest.mark.parametrize("vector", answers(PUSHES), ids=str)
def test_push_in_json_is_the_same_push(vector: Vector) -> None:
    """A push as JSON, 64-bit integers as strings, decodes to what its protobuf form holds."""
    message = response_type(vector.proto_id).FromString(vector.body)
    body = encode_body(message, BodyFormat.JSON)
    assert decode_push(vector.proto_id, body, BodyFormat.JSON) == decode_push(
        vector.proto_id, vector.body
    )


def test_push_in_json_keeps_64_bit_integers() -> None:
    """A sequence beyond a double's 53 bits comes through, as a string and as a number."""
    tick = {"time": "", "dir": 1, "price": 1, "volume": "1", "turnover": 1}
    for sequence in ("6977554167720056557", 6977554167720056557):
        push = {
            "retType": 0,
            "s2c": {
                "security": {"market": 1, "code": "00700"},
                "tickerList": [tick | {"sequence": sequence}],
            },
        }
        s2c = decode_push(3011, json.dumps(push).encode(), BodyFormat.JSON)
        assert s2c.tickerList[0].sequence == 6977554167720056557


def test_push_in_json_may_hold_fields_of_a_newer_opend() -> None:
    """A field that this version does not know is no fault."""
    push = {"retType": 0, "s2c": {"security": {"market": 1, "code": "1", "newer": [1]}}}
    assert decode_push(3011, json.dumps(push).encode(), BodyFormat.JSON).security.code == "1"


@given(st.sampled_from([1003, 3005, 3007, 3009, 3011, 3013, 3015]), st.binary(max_size=100))
@example(3011, b'{"retType": 0, "s2c": {}}')
@example(3011, b"[" * 10_000)
@example(3011, b'{"retType": "x"}')
def test_push_in_json_decodes_or_is_rejected(proto_id: int, body: bytes) -> None:
    """Any bytes as JSON are a push, or raise PushRejected."""
    with suppress(PushRejected):
        decode_push(proto_id, body, BodyFormat.JSON)


@pytest.mark.parametrize(
    ("body", "body_format"),
    [
        (vector("ticker_realtime_hk").body + b"\x80\x7d\x01", BodyFormat.PROTOBUF),
        (
            json.dumps(vector("ticker_realtime_hk").message | {"2000": 1}).encode(),
            BodyFormat.JSON,
        ),
    ],
    ids=["protobuf", "json"],
)
def test_push_is_read_with_what_a_newer_opend_added(body: bytes, body_format: BodyFormat) -> None:
    """A field that is not known is named, and what is known is read as ever."""
    read = read_push(ProtoId.QOT_UPDATE_TICKER, body, body_format)
    known = decode_push(ProtoId.QOT_UPDATE_TICKER, vector("ticker_realtime_hk").body)
    assert read == (known, ("2000",))


def test_package_of_message_is_opends_name_of_it() -> None:
    """Metrics and dead letters call a message as OpenD's documentation does."""
    assert package_of(response_type(ProtoId.QOT_UPDATE_KL)) == "Qot_UpdateKL"


def test_push_without_news_has_no_unknown_fields() -> None:
    """What this version knows is all there is."""
    body = vector("ticker_realtime_hk").body
    assert read_push(ProtoId.QOT_UPDATE_TICKER, body).unknown_fields == ()

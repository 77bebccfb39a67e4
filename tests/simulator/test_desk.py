"""Requests and replies, without a socket."""

import json
from typing import Any

import pytest
from google.protobuf.message import Message

from opend_kafka.errors import RequestRefused
from opend_kafka.opend.ciphers import AesCbc, AesEcb, FtAesEcb, Plain
from opend_kafka.opend.frames import BodyFormat, Frame
from opend_kafka.opend.messages import ProtoId, decode_reply, proto_id_of
from opend_kafka.opend.pb import (
    GetGlobalState_pb2,
    InitConnect_pb2,
    KeepAlive_pb2,
    Qot_GetTicker_pb2,
    Qot_Sub_pb2,
)
from opend_kafka.opend.pb.Qot_Common_pb2 import Security as SecurityMessage
from opend_kafka.opend.securities import Security
from opend_kafka.simulator.desk import Answer, Desk, Visitor
from opend_kafka.simulator.market import Market
from opend_kafka.simulator.publisher import Publisher
from opend_kafka.simulator.subscriptions import Subscriptions

START_US = 1_700_000_000_000_000


def a_desk(seed: int = 1, *, encrypts: bool = False) -> Desk:
    """Make a desk in front of one security."""
    market = Market([Security("HK", "00700")], seed=seed, rate=100, start_us=START_US)
    subscriptions = Subscriptions(quota=10)
    return Desk(
        market,
        subscriptions,
        Publisher(market, subscriptions),
        login_user_id=42,
        keep_alive_interval_s=10,
        encrypts=encrypts,
    )


def login(**options: Any) -> Message:
    """Make an InitConnect request."""
    return InitConnect_pb2.Request(
        c2s=InitConnect_pb2.C2S(clientVer=1, clientID="test", **{"packetEncAlgo": -1, **options})
    )


def subscribe() -> Message:
    """Make a request for ticks and their pushes."""
    c2s = Qot_Sub_pb2.C2S(
        securityList=[SecurityMessage(market=1, code="00700")],
        subTypeList=[4],
        isSubOrUnSub=True,
        isRegOrUnRegPush=True,
    )
    return Qot_Sub_pb2.Request(c2s=c2s)


def ask(desk: Desk, visitor: Visitor, request: Message, serial: int = 1) -> Answer:
    """Send a request."""
    frame = Frame(proto_id_of(request), serial, request.SerializeToString())
    return desk.answer(visitor, frame)


def s2c_of(answer: Answer) -> Any:
    """Read a reply; raises RequestRefused where it is none."""
    return decode_reply(answer.reply.proto_id, answer.reply.body)


@pytest.fixture
def desk() -> Desk:
    """A desk."""
    return a_desk()


@pytest.fixture
def visitor(desk: Desk) -> Visitor:
    """A connection that has sent InitConnect."""
    visitor = desk.open()
    ask(desk, visitor, login())
    return visitor


def test_desk_welcomes_a_client(desk: Desk) -> None:
    """InitConnect is answered with the connection's id, its keys and the keep-alive interval."""
    visitor = desk.open()
    s2c = s2c_of(ask(desk, visitor, login()))
    assert (s2c.connID, s2c.loginUserID, s2c.keepAliveInterval) == (visitor.conn_id, 42, 10)
    assert (len(s2c.connAESKey.encode()), len(s2c.aesCBCiv.encode())) == (16, 16)


def test_desk_gives_each_connection_its_own_id(desk: Desk) -> None:
    """Connection ids and keys are unique."""
    visitors = [desk.open() for _ in range(100)]
    assert len({visitor.conn_id for visitor in visitors}) == 100
    assert len({visitor.aes_key for visitor in visitors}) == 100


def test_desk_gives_the_same_ids_with_the_same_seed() -> None:
    """The seed and the order decide a connection's id and keys, bit for bit."""
    one, other = a_desk(), a_desk()
    for _ in range(3):
        replies = [ask(desk, desk.open(), login()).reply for desk in (one, other)]
        assert replies[0] == replies[1]


def test_desk_shows_no_secret(desk: Desk) -> None:
    """A connection's keys do not appear in its printed form."""
    visitor = desk.open()
    assert visitor.aes_key not in repr(visitor)
    assert visitor.aes_iv not in repr(visitor)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"packetEncAlgo": 2}, "has no RSA key"),
        ({"packetEncAlgo": 0}, "has no RSA key"),
        ({"packetEncAlgo": 7}, "unknown packetEncAlgo 7"),
        ({"pushProtoFmt": 7}, "unknown pushProtoFmt 7"),
    ],
)
def test_desk_declines_what_it_cannot_speak(
    desk: Desk, options: dict[str, int], reason: str
) -> None:
    """A client that wants what this OpenD cannot do is told so."""
    with pytest.raises(RequestRefused, match=reason):
        s2c_of(ask(desk, desk.open(), login(**options)))


def test_desk_takes_encryption_left_out_for_none(desk: Desk) -> None:
    """Without a key OpenD encrypts nothing, whatever a client leaves out."""
    request = InitConnect_pb2.Request(c2s=InitConnect_pb2.C2S(clientVer=1, clientID="test"))
    assert ask(desk, desk.open(), request).refusal is None


def test_desk_wants_init_connect_first(desk: Desk) -> None:
    """Any other request on a fresh connection is refused."""
    with pytest.raises(RequestRefused, match="InitConnect before any other"):
        s2c_of(ask(desk, desk.open(), subscribe()))


def test_desk_wants_init_connect_once(desk: Desk, visitor: Visitor) -> None:
    """A second InitConnect on a connection is refused."""
    with pytest.raises(RequestRefused, match="already sent"):
        s2c_of(ask(desk, visitor, login()))


def test_desk_is_ready(desk: Desk, visitor: Visitor) -> None:
    """GetGlobalState shows an OpenD that is logged in and serves, at the market's time."""
    request = GetGlobalState_pb2.Request(c2s=GetGlobalState_pb2.C2S(userID=0))
    s2c = s2c_of(ask(desk, visitor, request))
    assert (s2c.qotLogined, s2c.programStatus.type, s2c.time) == (True, 10, START_US // 1_000_000)


def test_desk_answers_a_keep_alive(desk: Desk, visitor: Visitor) -> None:
    """KeepAlive is answered with the market's time."""
    request = KeepAlive_pb2.Request(c2s=KeepAlive_pb2.C2S(time=5))
    assert s2c_of(ask(desk, visitor, request)).time == START_US // 1_000_000


def test_desk_echoes_proto_id_and_serial(desk: Desk, visitor: Visitor) -> None:
    """A reply is found again by its request's (proto_id, serial)."""
    reply = ask(desk, visitor, subscribe(), serial=77).reply
    assert (reply.proto_id, reply.serial) == (ProtoId.QOT_SUB, 77)


def test_desk_pushes_the_cache_after_a_subscription(desk: Desk, visitor: Visitor) -> None:
    """The cached ticks go to the new taker alone."""
    (push,) = ask(desk, visitor, subscribe()).pushes
    assert push.conn_ids == (visitor.conn_id,)
    assert {tick.pushDataType for tick in push.ticks} == {3}


@pytest.mark.parametrize("proto_id", [3004, 9999, ProtoId.QOT_UPDATE_TICKER])
def test_desk_answers_what_it_does_not_know(desk: Desk, visitor: Visitor, proto_id: int) -> None:
    """An unknown request gets a reply of the shape that all have, under its own number."""
    reply = desk.answer(visitor, Frame(proto_id, 5, b"")).reply
    response = KeepAlive_pb2.Response.FromString(reply.body)
    assert (reply.proto_id, reply.serial, response.retType) == (proto_id, 5, -1)
    assert str(int(proto_id)) in response.retMsg


@pytest.mark.parametrize("body", [b"\xff\xff", b"", b"\n\x00"])
def test_desk_refuses_a_malformed_request(desk: Desk, visitor: Visitor, body: bytes) -> None:
    """A body that is not the request, or lacks a required field, is refused and named."""
    with pytest.raises(RequestRefused, match=r"the body is no Qot_Sub \(3001\)"):
        s2c_of(desk.answer(visitor, Frame(ProtoId.QOT_SUB, 1, body)))


def test_desk_answers_json_with_json(desk: Desk, visitor: Visitor) -> None:
    """A request in JSON gets its reply in JSON, 64-bit integers as strings."""
    frame = Frame(ProtoId.KEEP_ALIVE, 1, b'{"c2s": {"time": "5"}}', format=BodyFormat.JSON)
    reply = desk.answer(visitor, frame).reply
    assert reply.format == BodyFormat.JSON
    assert json.loads(reply.body)["s2c"] == {"time": str(START_US // 1_000_000)}


@pytest.mark.parametrize(
    ("algorithm", "kind"), [(None, FtAesEcb), (-1, Plain), (0, FtAesEcb), (1, AesEcb), (2, AesCbc)]
)
def test_desk_encrypts_as_the_client_asks(algorithm: int | None, kind: type) -> None:
    """An OpenD with a key follows packetEncAlgo; left out, it is FTAES_ECB."""
    desk = a_desk(encrypts=True)
    visitor = desk.open()
    request = InitConnect_pb2.Request(c2s=InitConnect_pb2.C2S(clientVer=1, clientID="test"))
    if algorithm is not None:
        request.c2s.packetEncAlgo = algorithm
    assert ask(desk, visitor, request).refusal is None
    assert type(visitor.cipher) is kind


def test_desk_says_why_it_refused(desk: Desk, visitor: Visitor) -> None:
    """The reason stands in the reply and in the answer."""
    c2s = Qot_GetTicker_pb2.C2S(security=SecurityMessage(market=1, code="1"), maxRetNum=1)
    answer = ask(desk, visitor, Qot_GetTicker_pb2.Request(c2s=c2s))
    assert answer.refusal == "unknown stock HK.1"


def test_desk_frees_what_a_closed_connection_held(desk: Desk, visitor: Visitor) -> None:
    """When a connection is gone, nothing is pushed to it any more."""
    ask(desk, visitor, subscribe())
    desk.close(visitor)
    again = desk.open()
    ask(desk, again, login())
    (push,) = ask(desk, again, subscribe()).pushes
    assert push.conn_ids == (again.conn_id,)

"""From requests to replies: what OpenD answers, and what it pushes at once. No socket, no clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, cast

from google.protobuf.message import Message

from opend_kafka.errors import MessageMalformed, UnknownPush
from opend_kafka.opend.ciphers import Encryption, PacketCipher, packet_cipher
from opend_kafka.opend.frames import PLAIN, BodyFormat, Frame
from opend_kafka.opend.messages import ProtoId, decode_request, encode_body
from opend_kafka.opend.pb import Common_pb2, GetGlobalState_pb2, InitConnect_pb2, KeepAlive_pb2
from opend_kafka.simulator.conditions import Conditions
from opend_kafka.simulator.pushes import Push
from opend_kafka.simulator.quotes import Outcome, Quotes
from opend_kafka.simulator.source import Cache, Source
from opend_kafka.simulator.subscriptions import Refused, Subscriptions

#: What an OpenD 10.11 calls itself.
SERVER_VERSION = 1011
SERVER_BUILD = 1


@dataclass(slots=True, repr=False)
class Visitor:
    """One connection as the desk sees it. The keys are secret: printing it shows neither."""

    conn_id: int
    aes_key: str
    aes_iv: str
    logged_in: bool = False
    cipher: PacketCipher = PLAIN
    push_format: BodyFormat = BodyFormat.PROTOBUF
    #: It asked for Notify (1003).
    notified: bool = False

    def __repr__(self) -> str:
        return f"Visitor({self.conn_id})"


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply, the pushes that follow it at once, and why it was refused, if it was."""

    reply: Frame
    pushes: tuple[Push, ...] = ()
    refusal: str | None = None


_Handler = Callable[[Visitor, Any], Outcome]


class Desk:
    """Answers the requests of all connections, one at a time."""

    def __init__(
        self,
        source: Source,
        subscriptions: Subscriptions,
        cache: Cache,
        *,
        login_user_id: int,
        keep_alive_interval_s: int,
        encrypts: bool = False,
        conditions: Conditions | None = None,
    ) -> None:
        """Make a desk. `encrypts`: this OpenD has an RSA key. `conditions`: what is wrong."""
        self._conditions = conditions or Conditions()
        self._source = source
        self._subscriptions = subscriptions
        self._cache = cache
        self._login_user_id = login_user_id
        self._keep_alive_interval_s = keep_alive_interval_s
        self._encrypts = encrypts
        self._random = Random(f"{source.seed}/connections")
        quotes = Quotes(source, subscriptions, self._conditions)
        self._handlers: dict[int, _Handler] = {
            ProtoId.INIT_CONNECT: self._init_connect,
            ProtoId.GET_GLOBAL_STATE: self._get_global_state,
            ProtoId.KEEP_ALIVE: self._keep_alive,
            ProtoId.QOT_SUB: lambda visitor, c2s: quotes.sub(visitor.conn_id, c2s),
            ProtoId.QOT_REG_QOT_PUSH: lambda visitor, c2s: quotes.reg_push(visitor.conn_id, c2s),
            ProtoId.QOT_GET_SUB_INFO: lambda visitor, c2s: quotes.get_sub_info(
                visitor.conn_id, c2s
            ),
            ProtoId.QOT_GET_TICKER: lambda visitor, c2s: quotes.get_ticker(visitor.conn_id, c2s),
        }

    def open(self) -> Visitor:
        """Greet a new connection. Its id and keys follow from the source's seed and the order."""
        conn_id = int(self._random.random() * 2**53) << 10
        return Visitor(conn_id, aes_key=self._secret(), aes_iv=self._secret())

    def close(self, visitor: Visitor) -> None:
        """Forget a connection. Its quota is free at once, which a real OpenD defers."""
        self._subscriptions.unsubscribe_all(visitor.conn_id)

    def ignores(self, frame: Frame) -> bool:
        """Tell whether this request is to be left without a reply."""
        return self._conditions.ignores(frame.proto_id)

    def answer(self, visitor: Visitor, frame: Frame) -> Answer:
        """Answer one request. Whatever the request, there is a reply to it."""
        try:
            outcome = self._grant(visitor, frame)
        except (Refused, MessageMalformed) as refusal:
            return Answer(_reply(frame, _refusal(str(refusal))), refusal=str(refusal))
        pushes = self._cache.first_pushes(visitor.conn_id, outcome.first_feeds)
        return Answer(_reply(frame, outcome.reply), tuple(pushes))

    def _grant(self, visitor: Visitor, frame: Frame) -> Outcome:
        try:
            c2s = decode_request(frame.proto_id, frame.body, frame.format)
        except UnknownPush:
            raise Refused(f"unknown protocol: proto_id {frame.proto_id}") from None
        if not visitor.logged_in and frame.proto_id != ProtoId.INIT_CONNECT:
            raise Refused("send InitConnect before any other request")
        return self._handlers[frame.proto_id](visitor, c2s)

    def _init_connect(self, visitor: Visitor, c2s: InitConnect_pb2.C2S) -> Outcome:
        """InitConnect (1001). What follows its reply is encrypted as packetEncAlgo asks."""
        if visitor.logged_in:
            raise Refused("InitConnect was already sent on this connection")
        if self._conditions.login_refused():
            raise Refused("the scenario refuses this login")
        encryption = self._encryption(c2s)
        if c2s.pushProtoFmt not in tuple(BodyFormat):
            raise Refused(f"unknown pushProtoFmt {c2s.pushProtoFmt}")
        visitor.logged_in = True
        visitor.push_format = BodyFormat(c2s.pushProtoFmt)
        visitor.notified = c2s.recvNotify
        visitor.cipher = packet_cipher(encryption, visitor.aes_key, visitor.aes_iv)
        s2c = InitConnect_pb2.S2C(
            serverVer=SERVER_VERSION,
            loginUserID=self._login_user_id,
            connID=visitor.conn_id,
            connAESKey=visitor.aes_key,
            keepAliveInterval=self._keep_alive_interval_s,
            aesCBCiv=visitor.aes_iv,
        )
        return Outcome(InitConnect_pb2.Response(retType=0, retMsg="", s2c=s2c))

    def _encryption(self, c2s: InitConnect_pb2.C2S) -> Encryption:
        """Read packetEncAlgo. Left out, it is FTAES_ECB where this OpenD has a key."""
        default = Encryption.FTAES_ECB if self._encrypts else Encryption.NONE
        number = c2s.packetEncAlgo if c2s.HasField("packetEncAlgo") else default.number
        asked = [encryption for encryption in Encryption if encryption.number == number]
        if not asked:
            raise Refused(f"unknown packetEncAlgo {number}")
        if asked != [Encryption.NONE] and not self._encrypts:
            raise Refused("this OpenD has no RSA key: it does not encrypt")
        return asked[0]

    def _get_global_state(self, visitor: Visitor, _c2s: GetGlobalState_pb2.C2S) -> Outcome:
        """GetGlobalState (1002): ready, every market open, unless a fault says otherwise."""
        logged_in = self._conditions.logged_in
        status = cast(Common_pb2.ProgramStatusType, self._conditions.status)
        s2c = GetGlobalState_pb2.S2C(
            qotLogined=logged_in,
            trdLogined=logged_in,
            serverVer=SERVER_VERSION,
            serverBuildNo=SERVER_BUILD,
            time=self._source.now_us // 1_000_000,
            localTime=self._source.now_us / 1_000_000,
            programStatus=Common_pb2.ProgramStatus(type=status),
            connID=visitor.conn_id,
            **cast(Any, self._source.market_states()),
        )
        return Outcome(GetGlobalState_pb2.Response(retType=0, retMsg="", s2c=s2c))

    def _keep_alive(self, _visitor: Visitor, _c2s: KeepAlive_pb2.C2S) -> Outcome:
        """KeepAlive (1004)."""
        s2c = KeepAlive_pb2.S2C(time=self._source.now_us // 1_000_000)
        return Outcome(KeepAlive_pb2.Response(retType=0, retMsg="", s2c=s2c))

    def _secret(self) -> str:
        """Give 16 ASCII characters."""
        return f"{int(self._random.random() * 2**53):016X}"


def _reply(request: Frame, message: Message) -> Frame:
    """Answer in the format of the request."""
    body = encode_body(message, request.format)
    return Frame(request.proto_id, request.serial, body, request.format)


def _refusal(reason: str) -> Message:
    """Make a reply that fits every request: retType and retMsg are the same in all of them."""
    return KeepAlive_pb2.Response(retType=-1, retMsg=reason)

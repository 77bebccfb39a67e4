"""The session with one OpenD over one connection, pure.

`open` sends InitConnect; over WebSocket, where a relay stands before OpenD, InitWebSocket: there is
neither KeepAlive nor encryption then. What follows a reply depends on the phase (`lifecycle`):

    phase         reply            what follows
    INITIALISING  either of them   GetGlobalState is asked
    CHECKING      GetGlobalState   not ready: asked again later; ready: Qot_GetSubInfo is asked
    SUBSCRIBING   Qot_GetSubInfo   what is wanted, does not stand and fits is subscribed
                  Qot_Sub          settled, the session is live; `reconciler` says the rest
    LIVE          the same         from time to time, and when the wish changes
    both of them  GetGlobalState   asked from time to time: not ready, the login is lost
    DEGRADED      GetGlobalState   as in CHECKING: what was lost is subscribed anew

Two rules. A reply that its phase does not expect is ignored unless somebody asked for it by
`request`. Every failure of the link itself is raised, as an `OpenDError`, and ends the session: a
new connection gets a new session, so nothing of the old one can leak into it.

Times named `now` are seconds of one monotonic clock; the one who drives the session has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message

from opend_kafka.errors import (
    KeyMismatch,
    LinkLost,
    MessageMalformed,
    PushRejected,
    ReplyUnreadable,
    RequestRefused,
    RequestTimedOut,
)
from opend_kafka.opend.ciphers import Encryption, PacketCipher, packet_cipher
from opend_kafka.opend.events import (
    Event,
    FrameDamaged,
    Live,
    LoggedIn,
    MarketStates,
    Notified,
    NotifyRejected,
    NotReady,
    Push,
    QuotaSeen,
    Replied,
)
from opend_kafka.opend.frames import PLAIN, BodyFormat, CipherOf, Frame, FrameReader, encode
from opend_kafka.opend.lifecycle import Lifecycle, Phase, Signal
from opend_kafka.opend.market_state import read_states
from opend_kafka.opend.messages import (
    ProtoId,
    decode_push,
    decode_reply,
    message_name,
    proto_id_of,
)
from opend_kafka.opend.notices import NoticeKind, read_notice
from opend_kafka.opend.packets import WebSocketWire, password_digest
from opend_kafka.opend.pb import (
    Common_pb2,
    GetGlobalState_pb2,
    InitConnect_pb2,
    InitWebSocket_pb2,
    KeepAlive_pb2,
)
from opend_kafka.opend.reconciler import Ask, AskSubInfo, Reconciler

#: The SDK's way of writing its version, 10.11: what OpenD compares with its own.
CLIENT_VERSION = 1011

#: Seconds between two questions whether OpenD is ready.
CHECK_INTERVAL_S = 2.0

#: The same while it is ready: a login can be lost without a notice, and markets open and close.
STATE_INTERVAL_S = 30.0

#: KeepAlive goes out at this part of the interval that InitConnect's reply names.
KEEP_ALIVE_PART = 0.8

#: Intervals without one inbound byte, after which the link counts as dead.
SILENT_INTERVALS = 3

#: Seconds; until InitConnect's reply names the real one.
_INITIAL_INTERVAL_S = 10


@dataclass(slots=True)
class _Pending:
    """A request without its reply yet."""

    proto_id: ProtoId
    sent_at: float
    ask: Ask | None = None
    external: bool = False


class Session:
    """Drives one connection from InitConnect to the pushes. See the module's table.

    `reader` makes what cuts the bytes into frames: it may keep pushes to itself.
    """

    def __init__(
        self,
        reconciler: Reconciler | None = None,
        *,
        client_id: str = "opend-kafka",
        request_timeout_s: float = 12,
        encryption: Encryption = Encryption.NONE,
        rsa: PacketCipher = PLAIN,
        push_format: BodyFormat = BodyFormat.PROTOBUF,
        relay_key: str | None = None,
        lifecycle: Lifecycle | None = None,
        reader: Callable[[CipherOf], FrameReader] = FrameReader,
    ) -> None:
        self._lifecycle = lifecycle or Lifecycle()
        self.conn_id = 0
        self._reconciler = reconciler or Reconciler(())
        self._client_id = client_id
        self._request_timeout_s = request_timeout_s
        self._push_format = push_format
        self._encryption = encryption
        self._rsa = rsa
        self._aes: PacketCipher = PLAIN
        self._relay_key = relay_key
        self._wire = None if relay_key is None else WebSocketWire()
        self._reader = self._wire or reader(self._cipher_of)
        self._to_send: list[bytes] = []
        self._serial = 0
        self._pending: dict[int, _Pending] = {}
        self._interval_s: float = _INITIAL_INTERVAL_S
        self._last_inbound = 0.0
        self._keep_alive_at = float("inf")
        self._check_at = float("inf")

    def open(self, now: float) -> None:
        """Begin: the connection stands."""
        self._last_inbound = now
        self._lifecycle.on(Signal.CONNECTED, now)
        self._reconciler.connected(now)
        if self._relay_key is not None:
            self._log_in_at_relay(self._relay_key, now)
            return
        request = InitConnect_pb2.Request()
        request.c2s.clientVer = CLIENT_VERSION
        request.c2s.clientID = self._client_id
        request.c2s.recvNotify = True
        # Also where it is none: left out, it would mean FTAES_ECB where OpenD has a key.
        request.c2s.packetEncAlgo = self._encryption.number
        request.c2s.pushProtoFmt = self._push_format
        request.c2s.programmingLanguage = "Python"
        self._ask(request, now)

    def _log_in_at_relay(self, key: str, now: float) -> None:
        # The connection itself watches whether the relay is there: its pings never come here.
        self._interval_s = float("inf")
        request = InitWebSocket_pb2.Request()
        request.c2s.websocketKey = password_digest(key)
        request.c2s.programmingLanguage = "Python"
        self._ask(request, now)

    @property
    def phase(self) -> Phase:
        """How far it has come."""
        return self._lifecycle.phase

    def data_to_send(self) -> bytes:
        """Take the bytes that are to go out now."""
        return b"".join(self.messages_to_send())

    def messages_to_send(self) -> list[bytes]:
        """Take what is to go out now, as it must be sent: one whole, or one a WebSocket message."""
        messages, self._to_send = self._to_send, []
        return messages if self._wire or not messages else [b"".join(messages)]

    def receive(self, data: bytes, now: float) -> Iterator[Event]:
        """Yield what the bytes say. Take all events before the next call.

        Raises:
            OpenDError: the session has failed; the events before the failure have been yielded.
        """
        self._last_inbound = now
        for frame in self._reader.receive(data):
            yield from self._on_frame(frame, now)

    def end(self) -> None:
        """The other side has closed the connection.

        Raises:
            LinkLost: always; it says whether a frame was cut.
        """
        self._reader.end()
        if self.phase is Phase.INITIALISING:
            raise LinkLost(
                "OpenD closed the connection before it answered InitConnect; where it does so each "
                "time, set opend.encryption and opend.rsa_private_key_file as OpenD is set"
            )
        raise LinkLost("OpenD closed the connection")

    def request(self, request: Message, now: float) -> int:
        """Ask OpenD something; a `Replied` with this serial will tell the answer."""
        return self._ask(request, now, external=True)

    def next_deadline(self) -> float:
        """When `tick` must be called next, if nothing comes in before."""
        oldest = min((pending.sent_at for pending in self._pending.values()), default=float("inf"))
        return min(
            self._keep_alive_at,
            self._check_at,
            self._reconciler.next_deadline() if self.phase in _SUBSCRIBES else float("inf"),
            self._last_inbound + SILENT_INTERVALS * self._interval_s,
            oldest + self._request_timeout_s,
        )

    def tick(self, now: float, *, unix_time: int, reading: bool = True) -> None:
        """Do what time asks for: keep alive, ask again, give up.

        Args:
            now: the monotonic clock.
            unix_time: seconds since 1970, which KeepAlive carries.
            reading: False while the driver holds back from the socket. OpenD's silence says
                nothing then, so no time-out is judged, and both start afresh.

        Raises:
            RequestTimedOut: a request has waited too long.
            LinkLost: nothing has come in for three keep-alive intervals.
        """
        if reading:
            self._judge_silence(now)
        else:
            self._last_inbound = now
            for pending in self._pending.values():
                pending.sent_at = now
        if now >= self._check_at:
            self._check_at = float("inf")
            self._ask_global_state(now)
        self._ask_reconciler(now)
        if now >= self._keep_alive_at:
            self._keep_alive_at = now + self._interval_s * KEEP_ALIVE_PART
            request = KeepAlive_pb2.Request()
            request.c2s.time = unix_time
            # Nothing waits for its reply: any inbound byte is a sign of life as good.
            self._send(request)

    def _judge_silence(self, now: float) -> None:
        for pending in self._pending.values():
            waited_s = now - pending.sent_at
            if waited_s >= self._request_timeout_s:
                if pending.proto_id == ProtoId.INIT_WEB_SOCKET:
                    raise KeyMismatch(f"the relay did not answer the login within {waited_s:.0f} s")
                raise RequestTimedOut(message_name(pending.proto_id), waited_s)
        silent_s = now - self._last_inbound
        if silent_s >= SILENT_INTERVALS * self._interval_s:
            raise LinkLost(f"OpenD has sent nothing for {silent_s:.0f} s")

    def _ask(
        self, request: Message, now: float, *, ask: Ask | None = None, external: bool = False
    ) -> int:
        serial = self._send(request)
        self._pending[serial] = _Pending(proto_id_of(request), now, ask, external)
        return serial

    def _send(self, request: Message) -> int:
        self._serial += 1
        proto_id = proto_id_of(request)
        frame = Frame(proto_id, self._serial, request.SerializeToString())
        self._to_send.append(
            self._wire.encode(frame) if self._wire else encode(frame, self._cipher_of(proto_id))
        )
        return self._serial

    def _cipher_of(self, proto_id: int) -> PacketCipher:
        return self._rsa if proto_id == ProtoId.INIT_CONNECT else self._aes

    def _on_frame(self, frame: Frame, now: float) -> Iterator[Event]:
        if frame.damage is not None:
            if self.phase is Phase.INITIALISING:
                raise KeyMismatch("OpenD's first reply cannot be decrypted")
            yield FrameDamaged(self._push(frame), frame.damage())
            return
        pending = self._pending.get(frame.serial)
        if pending is not None and pending.proto_id == frame.proto_id:
            del self._pending[frame.serial]
            yield from self._on_reply(frame, pending, now)
        elif frame.proto_id == ProtoId.NOTIFY:
            yield self._on_notify(frame, now)
        elif frame.proto_id not in _SOLICITED:
            yield self._push(frame)

    def _push(self, frame: Frame) -> Push:
        return Push(self.conn_id, frame.proto_id, frame.serial, frame.body, frame.format)

    def _on_notify(self, frame: Frame, now: float) -> Event:
        try:
            notice = read_notice(decode_push(frame.proto_id, frame.body, frame.format))
        except PushRejected as error:
            return NotifyRejected(self._push(frame), error)
        if self.phase is Phase.INITIALISING:
            return Notified(notice)
        if notice.kind in _LOGIN_IS_LOST:
            self._lose_login(now)
        elif notice.kind is NoticeKind.QUOTE_RIGHT:
            self._reconciler.retry_refused(now)
        elif notice.kind is NoticeKind.QUOTA:
            self._reconciler.quota_changed(now)
        elif notice.kind is NoticeKind.LOGIN_STANDS and self.phase is Phase.DEGRADED:
            self._check_at = now
        return Notified(notice)

    def _on_reply(self, frame: Frame, pending: _Pending, now: float) -> Iterator[Event]:
        refused: RequestRefused | None = None
        s2c: Any = None
        try:
            s2c = decode_reply(frame.proto_id, frame.body, frame.format)
        except MessageMalformed as error:
            raise ReplyUnreadable(str(error)) from None
        except RequestRefused as error:
            refused = error
        if refused is None and not s2c.IsInitialized():
            name = message_name(frame.proto_id)
            raise ReplyUnreadable(f"the reply to {name} says success and carries no s2c")
        if pending.external:
            yield Replied(frame.serial, s2c, refused)
        elif pending.ask is not None:
            yield from self._on_asked(pending.ask, s2c, refused, now)
        elif refused is not None:
            self._on_refused(pending.proto_id, refused, now)
        else:
            row = _TABLE.get((self.phase, pending.proto_id))
            if row is not None:
                yield from row(self, s2c, now)

    def _on_init_connect(self, s2c: InitConnect_pb2.S2C, now: float) -> Iterator[Event]:
        self._aes = packet_cipher(self._encryption, s2c.connAESKey, s2c.aesCBCiv)
        self.conn_id = s2c.connID
        self._interval_s = max(1, s2c.keepAliveInterval)
        self._keep_alive_at = now + self._interval_s * KEEP_ALIVE_PART
        self._lifecycle.on(Signal.LOGGED_IN, now)
        self._ask_global_state(now)
        yield LoggedIn(s2c.connID, s2c.serverVer, s2c.keepAliveInterval)

    def _on_init_web_socket(self, s2c: InitWebSocket_pb2.S2C, now: float) -> Iterator[Event]:
        self.conn_id = s2c.connID
        self._lifecycle.on(Signal.LOGGED_IN, now)
        self._ask_global_state(now)
        yield LoggedIn(s2c.connID, 0, 0)

    def _ask_global_state(self, now: float) -> None:
        request = GetGlobalState_pb2.Request()
        request.c2s.userID = 0
        self._ask(request, now)

    def _on_global_state(self, s2c: GetGlobalState_pb2.S2C, now: float) -> Iterator[Event]:
        cause = _why_not_ready(s2c)
        if cause:
            self._lifecycle.on(Signal.NOT_READY, now)
            self._check_at = now + CHECK_INTERVAL_S
            yield NotReady(cause)
            return
        self._lifecycle.on(Signal.READY, now)
        yield self._told_states(s2c, now)
        self._ask_reconciler(now)
        yield from self._perhaps_live(now)

    def _on_state_while_ready(self, s2c: GetGlobalState_pb2.S2C, now: float) -> Iterator[Event]:
        cause = _why_not_ready(s2c)
        if cause:
            self._lose_login(now)
            yield NotReady(cause)
        else:
            yield self._told_states(s2c, now)

    def _told_states(self, s2c: GetGlobalState_pb2.S2C, now: float) -> MarketStates:
        self._check_at = now + STATE_INTERVAL_S
        return MarketStates(read_states(s2c))

    def _lose_login(self, now: float) -> None:
        """Nothing stands any more: it will all be asked for again."""
        self._lifecycle.on(Signal.LOGIN_LOST, now)
        self._reconciler.connected(now)
        self._check_at = min(self._check_at, now + CHECK_INTERVAL_S)

    def _on_refused(self, proto_id: ProtoId, error: RequestRefused, now: float) -> None:
        """Give up, unless it was the state while all is well: that can be asked again later."""
        if self.phase not in _SUBSCRIBES or proto_id != ProtoId.GET_GLOBAL_STATE:
            raise error
        self._check_at = now + STATE_INTERVAL_S

    def _ask_reconciler(self, now: float) -> None:
        """Send what brings OpenD nearer to what is wanted."""
        if self.phase in _SUBSCRIBES:
            for ask in self._reconciler.asks(now):
                self._ask(ask.request(), now, ask=ask)

    def _on_asked(
        self, ask: Ask, s2c: Any, refused: RequestRefused | None, now: float
    ) -> Iterator[Event]:
        if self.phase not in _SUBSCRIBES:
            return  # the login was lost meanwhile: all of it will be asked again
        yield from self._reconciler.on_reply(ask, s2c, refused, now)
        if isinstance(ask, AskSubInfo) and refused is None:
            yield QuotaSeen(s2c.totalUsedQuota, s2c.remainQuota)
        self._ask_reconciler(now)
        yield from self._perhaps_live(now)

    def _perhaps_live(self, now: float) -> Iterator[Event]:
        under_way = any(pending.ask for pending in self._pending.values())
        if self.phase is not Phase.SUBSCRIBING or under_way or not self._reconciler.settled:
            return
        self._lifecycle.on(Signal.SETTLED, now)
        reconciler = self._reconciler
        yield Live(len(reconciler.standing), len(reconciler.refused), len(reconciler.waiting))


def _why_not_ready(s2c: GetGlobalState_pb2.S2C) -> str:
    """Say why OpenD would send no quotes; empty where it would."""
    status = s2c.programStatus
    if s2c.HasField("programStatus") and status.type != Common_pb2.ProgramStatusType_Ready:
        name = Common_pb2.ProgramStatusType.Name(status.type).removeprefix("ProgramStatusType_")
        return f"OpenD's program status is {name}" + (
            f": {status.strExtDesc}" if status.strExtDesc else ""
        )
    return "" if s2c.qotLogined else "OpenD is not logged in to its quote server"


#: The phases in which subscriptions are brought to what is wanted.
_SUBSCRIBES = (Phase.SUBSCRIBING, Phase.LIVE)

#: After these no quotes come until OpenD says that it is ready again.
_LOGIN_IS_LOST = frozenset({NoticeKind.LOGIN_LOST, NoticeKind.KICKED_OUT, NoticeKind.LOGIN_FAILED})

#: A frame of these that nobody waits for is a late reply, not a push.
_SOLICITED = frozenset(
    {
        ProtoId.INIT_WEB_SOCKET,
        ProtoId.INIT_CONNECT,
        ProtoId.GET_GLOBAL_STATE,
        ProtoId.KEEP_ALIVE,
        ProtoId.QOT_SUB,
        ProtoId.QOT_REG_QOT_PUSH,
        ProtoId.QOT_GET_SUB_INFO,
        ProtoId.QOT_GET_TICKER,
    }
)

_TABLE: dict[tuple[Phase, ProtoId], Callable[[Session, Any, float], Iterator[Event]]] = {
    (Phase.INITIALISING, ProtoId.INIT_CONNECT): Session._on_init_connect,
    (Phase.INITIALISING, ProtoId.INIT_WEB_SOCKET): Session._on_init_web_socket,
    (Phase.CHECKING, ProtoId.GET_GLOBAL_STATE): Session._on_global_state,
    (Phase.SUBSCRIBING, ProtoId.GET_GLOBAL_STATE): Session._on_state_while_ready,
    (Phase.LIVE, ProtoId.GET_GLOBAL_STATE): Session._on_state_while_ready,
    (Phase.DEGRADED, ProtoId.GET_GLOBAL_STATE): Session._on_global_state,
}

"""Both sides of a conversation: a session, and an OpenD that answers as the test wants."""

from __future__ import annotations

from collections.abc import Callable

from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message

from opend_kafka.opend.events import Event, Push
from opend_kafka.opend.frames import Frame, FrameReader, encode
from opend_kafka.opend.lifecycle import Phase
from opend_kafka.opend.messages import ProtoId, response_type
from opend_kafka.opend.pb import (
    Common_pb2,
    GetGlobalState_pb2,
    InitConnect_pb2,
    KeepAlive_pb2,
    Qot_GetSubInfo_pb2,
    Qot_Sub_pb2,
)
from opend_kafka.opend.reconciler import Reconciler
from opend_kafka.opend.securities import Security
from opend_kafka.opend.session import Session
from opend_kafka.opend.subscriptions import Subscription, Subtype
from tests.opend.vectors import vector

TENCENT = Security("HK", "00700")
TICKER = Subscription(TENCENT, Subtype.TICKER)
BOOK = Subscription(TENCENT, Subtype.ORDER_BOOK)

CONN_ID = 2**64 - 1
AES_KEY = "0123456789ABCDEF"
UNIX_TIME = 1_700_000_000
TIMEOUT_S = 12
GARBAGE = b"\xff\xff\xff"

TICK = vector("ticker_realtime_hk")
TICK_PUSH = Push(CONN_ID, 3011, TICK.serial, TICK.body)

SUB_INFO = Qot_GetSubInfo_pb2.Response(
    retType=0, s2c=Qot_GetSubInfo_pb2.S2C(totalUsedQuota=3, remainQuota=97)
)
PLENTY = Qot_GetSubInfo_pb2.Response(
    retType=0, s2c=Qot_GetSubInfo_pb2.S2C(totalUsedQuota=0, remainQuota=10_000)
)
ASK_SUB_INFO = Qot_GetSubInfo_pb2.Request(c2s=Qot_GetSubInfo_pb2.C2S())


# OpenD's side


def logged_in(interval_s: int = 10) -> Message:
    """Give InitConnect's reply."""
    s2c = InitConnect_pb2.S2C(
        serverVer=1011,
        loginUserID=1,
        connID=CONN_ID,
        connAESKey=AES_KEY,
        keepAliveInterval=interval_s,
        aesCBCiv="FEDCBA9876543210",
    )
    return InitConnect_pb2.Response(retType=0, s2c=s2c)


def global_state(
    *, qot_logined: bool = True, status: Common_pb2.ProgramStatus | None = None
) -> Message:
    """Give GetGlobalState's reply; without a program status, as older OpenDs send it."""
    s2c = GetGlobalState_pb2.S2C(
        marketHK=3,
        marketUS=3,
        marketSH=3,
        marketSZ=3,
        marketHKFuture=3,
        qotLogined=qot_logined,
        trdLogined=True,
        serverVer=1011,
        serverBuildNo=1,
        time=UNIX_TIME,
        programStatus=status,
    )
    return GetGlobalState_pb2.Response(retType=0, s2c=s2c)


SUBSCRIBED = Qot_Sub_pb2.Response(retType=0, retMsg="", errCode=0)
ALIVE = KeepAlive_pb2.Response(retType=0, s2c=KeepAlive_pb2.S2C(time=UNIX_TIME))


def refused(request: Frame) -> Message:
    """Give the refusal of a request."""
    refusal = {"retType": -1, "retMsg": "no", "errCode": 400}
    return ParseDict(refusal, response_type(request.proto_id)())


def reply(request: Frame, response: Message) -> bytes:
    """Give the frame that answers a request."""
    return encode(Frame(request.proto_id, request.serial, response.SerializeToString()))


def accepted(request: Frame) -> bytes:
    """Give the reply of an OpenD that says yes to everything."""
    answers: dict[int, Message] = {
        ProtoId.INIT_CONNECT: logged_in(),
        ProtoId.GET_GLOBAL_STATE: global_state(),
        ProtoId.QOT_SUB: SUBSCRIBED,
        ProtoId.KEEP_ALIVE: ALIVE,
        ProtoId.QOT_GET_SUB_INFO: PLENTY,
    }
    return reply(request, answers[request.proto_id])


# The session's side


def sent(session: Session) -> list[Frame]:
    """Take the frames that the session wants to send."""
    return list(FrameReader().receive(session.data_to_send()))


def sent_one(session: Session) -> Frame:
    """Take the only frame that the session wants to send."""
    (frame,) = sent(session)
    return frame


def take(session: Session, data: bytes, now: float = 0) -> list[Event]:
    """Give the session bytes, and collect what they say."""
    return list(session.receive(data, now))


def opened(*wanted: Subscription) -> tuple[Session, Frame]:
    """Give a session at time 0 and its InitConnect."""
    session = Session(Reconciler(wanted))
    session.open(0)
    return session, sent_one(session)


def checking(*wanted: Subscription, interval_s: int = 10) -> tuple[Session, Frame]:
    """Give a session that is logged in at time 0 and its GetGlobalState."""
    session, init = opened(*wanted)
    take(session, reply(init, logged_in(interval_s)))
    return session, sent_one(session)


def subscribing(*wanted: Subscription) -> tuple[Session, list[Frame]]:
    """Give a session that knows at time 0 what stands, and its Qot_Subs."""
    session, asked = checking(*wanted)
    take(session, reply(asked, global_state()))
    take(session, reply(sent_one(session), PLENTY))
    return session, sent(session)


def live(*, interval_s: int = 10) -> Session:
    """Give a session that wants nothing and is live at time 0."""
    session, asked = checking(interval_s=interval_s)
    take(session, reply(asked, global_state()))
    take(session, reply(sent_one(session), PLENTY))
    return session


def tick(session: Session, now: float, *, reading: bool = True) -> None:
    """Say what time it is."""
    session.tick(now, unix_time=UNIX_TIME, reading=reading)


def converse(
    session: Session, answer: Callable[[Frame], bytes], until: Phase = Phase.LIVE
) -> list[Event]:
    """Let OpenD answer everything that is asked, and collect the events."""
    events: list[Event] = []
    while session.phase is not until:
        asked = sent(session)
        assert asked, f"stuck in {session.phase}"
        for frame in asked:
            events += take(session, answer(frame))
    return events


def wanted_of(count: int) -> list[Subscription]:
    """Give ticker and order book of so many securities."""
    codes = [Security("HK", f"{number:05}") for number in range(1, count + 1)]
    return [
        Subscription(code, subtype)
        for code in codes
        for subtype in (Subtype.TICKER, Subtype.ORDER_BOOK)
    ]

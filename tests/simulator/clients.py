"""A client of OpenD in a few lines, and what a simulator says it sent."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from opend_kafka.opend.frames import Frame, FrameReader, encode
from opend_kafka.opend.messages import ProtoId, decode_push, decode_reply, proto_id_of
from opend_kafka.opend.pb import GetGlobalState_pb2, InitConnect_pb2, Qot_Sub_pb2
from opend_kafka.opend.pb.Qot_Common_pb2 import Security as SecurityMessage
from opend_kafka.opend.pb.Qot_Common_pb2 import Ticker
from opend_kafka.opend.securities import Security
from opend_kafka.simulator import Market

START_US = 1_700_000_000_000_000
SECURITIES = [Security("HK", "00700"), Security("US", "AAPL")]
PATIENCE_S = 20


def a_market(rate: float = 1_000) -> Market:
    """Make two securities' market."""
    return Market(SECURITIES, seed=1, rate=rate, start_us=START_US)


class Client:
    """A client of OpenD in a few lines."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talk over an open connection; see `connect`."""
        self.reader = reader
        self.writer = writer
        self.received: list[Frame] = []
        self._frames = FrameReader()
        self._serial = 0

    @classmethod
    async def connect(cls, port: int, *subtypes: int) -> Client:
        """Connect and log in; subscribe everything for some subtypes, with pushes."""
        client = cls(*await asyncio.open_connection("127.0.0.1", port))
        await client.ask(client.login())
        if subtypes:
            await client.ask(client.subscription(subtypes))
        return client

    @staticmethod
    def login(push_format: int = 0) -> InitConnect_pb2.Request:
        """Make a request to log in, with Notify."""
        return InitConnect_pb2.Request(
            c2s=InitConnect_pb2.C2S(
                clientVer=1,
                clientID="test",
                packetEncAlgo=-1,
                recvNotify=True,
                pushProtoFmt=push_format,
            )
        )

    @staticmethod
    def subscription(subtypes: Sequence[int]) -> Qot_Sub_pb2.Request:
        """Make a request for everything and its pushes."""
        return Qot_Sub_pb2.Request(
            c2s=Qot_Sub_pb2.C2S(
                securityList=[
                    SecurityMessage(market=security.market_number, code=security.code)
                    for security in SECURITIES
                ],
                subTypeList=subtypes,
                isSubOrUnSub=True,
                isRegOrUnRegPush=True,
            )
        )

    def send(self, request: Any) -> tuple[int, int]:
        """Send a request; give its proto_id and its serial."""
        self._serial += 1
        proto_id = proto_id_of(request)
        self.writer.write(encode(Frame(proto_id, self._serial, request.SerializeToString())))
        return proto_id, self._serial

    async def state(self) -> Any:
        """Ask for the global state."""
        request = GetGlobalState_pb2.Request(c2s=GetGlobalState_pb2.C2S(userID=0))
        reply = await self.ask(request)
        return decode_reply(reply.proto_id, reply.body)

    async def ask(self, request: Any) -> Frame:
        """Send a request, and wait for its reply."""
        key = self.send(request)
        await self.until(lambda: any((f.proto_id, f.serial) == key for f in self.received))
        return next(f for f in self.received if (f.proto_id, f.serial) == key)

    async def until(self, satisfied: Callable[[], bool]) -> None:
        """Receive until something holds."""
        async with asyncio.timeout(PATIENCE_S):
            while not satisfied():
                data = await self.reader.read(1 << 20)
                assert data, "the simulator closed the connection"
                self.received += self._frames.receive(data)

    async def until_ticks(self, security: Security, count: int) -> None:
        """Receive until there are so many ticks of a security."""
        await self.until(lambda: len(self.ticks(security)) >= count)

    async def end(self) -> None:
        """Receive until the other side ends the connection."""
        async with asyncio.timeout(PATIENCE_S):
            try:
                while await self.reader.read(1 << 20):
                    pass
            except ConnectionResetError:
                pass

    def notices(self) -> list[Any]:
        """Give the Notifys received so far."""
        return [
            decode_push(frame.proto_id, frame.body)
            for frame in self.received
            if frame.proto_id == ProtoId.NOTIFY
        ]

    def pushes(self) -> list[Frame]:
        """Give the pushes received so far."""
        return [frame for frame in self.received if frame.proto_id > ProtoId.QOT_GET_TICKER]

    def ticks(self, security: Security) -> list[Ticker]:
        """Give the ticks of a security, as received."""
        ticks: list[Ticker] = []
        for frame in self.pushes():
            if frame.proto_id == ProtoId.QOT_UPDATE_TICKER and frame.intact:
                s2c = decode_push(frame.proto_id, frame.body)
                ticks += s2c.tickerList if s2c.security.code == security.code else []
        return ticks

    async def close(self) -> None:
        """Hang up."""
        self.writer.close()
        await self.writer.wait_closed()


class Record:
    """What a simulator says it sent."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.ticks: defaultdict[int, dict[Security, list[Ticker]]] = defaultdict(dict)

    def on_sent(self, conn_id: int, security: Security, ticks: Sequence[Ticker]) -> None:
        """Note ticks."""
        self.ticks[conn_id].setdefault(security, []).extend(ticks)

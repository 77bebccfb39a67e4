"""One client's connection, on a transport that only remembers."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from opend_kafka.opend.frames import Frame, FrameReader, encode
from opend_kafka.opend.messages import ProtoId, decode_reply, proto_id_of
from opend_kafka.opend.pb import InitConnect_pb2, KeepAlive_pb2, Qot_Sub_pb2
from opend_kafka.opend.pb.Qot_Common_pb2 import Security as SecurityMessage
from opend_kafka.opend.securities import Security
from opend_kafka.simulator.connection import Connection
from opend_kafka.simulator.desk import Desk
from opend_kafka.simulator.lines import DeadLine, Line
from opend_kafka.simulator.market import Market
from opend_kafka.simulator.publisher import Publisher
from opend_kafka.simulator.pushes import Push, ticker_push
from opend_kafka.simulator.subscriptions import Subscriptions

LOGIN = InitConnect_pb2.Request(
    c2s=InitConnect_pb2.C2S(clientVer=1, clientID="test", packetEncAlgo=-1)
)
SUBSCRIBE = Qot_Sub_pb2.Request(
    c2s=Qot_Sub_pb2.C2S(
        securityList=[SecurityMessage(market=1, code="00700")],
        subTypeList=[4],
        isSubOrUnSub=True,
        isRegOrUnRegPush=True,
    )
)


class Remembering(asyncio.Transport):
    """A transport that keeps what is written, and whether it was ended."""

    def __init__(self) -> None:
        """Begin with nothing written."""
        super().__init__(extra={"peername": ("127.0.0.1", 1)})
        self.written = b""
        self.unread = 0
        self.ended: str | None = None

    def write(self, data: Any) -> None:
        """Keep bytes."""
        self.written += data

    def get_write_buffer_size(self) -> int:
        """Give what the test says."""
        return self.unread

    def is_closing(self) -> bool:
        """Tell whether it was ended."""
        return self.ended is not None

    def close(self) -> None:
        """Note a polite end."""
        self.ended = self.ended or "closed"

    def abort(self) -> None:
        """Note a rude end."""
        self.ended = self.ended or "aborted"

    @property
    def frames(self) -> list[Frame]:
        """What was written, as frames."""
        return list(FrameReader().receive(self.written))


class Room:
    """A desk, and connections to it."""

    def __init__(self) -> None:
        """Make a desk in front of Tencent."""
        self.market = Market([Security("HK", "00700")], seed=1, rate=100, start_us=10**15)
        subscriptions = Subscriptions(10)
        publisher = Publisher(self.market, subscriptions)
        self._desk = Desk(
            self.market, subscriptions, publisher, login_user_id=1, keep_alive_interval_s=10
        )
        self.clients: dict[int, Connection] = {}
        self.told: list[tuple[int, Push]] = []

    def connect(self, *, write_limit: int = 1_000_000) -> tuple[Connection, Remembering]:
        """Make a connection and its transport."""
        connection = Connection(
            self._desk,
            self.clients,
            write_limit=write_limit,
            on_push=lambda conn_id, push: self.told.append((conn_id, push)),
        )
        transport = Remembering()
        connection.connection_made(transport)
        return connection, transport

    def a_push(self) -> Push:
        """Make some push."""
        stock = self.market.stock(self.market.securities[0])
        return ticker_push((), stock, stock.latest(1))


@pytest.fixture
def room() -> Room:
    """A desk."""
    return Room()


def request(message: Any, serial: int) -> bytes:
    """Give a request's bytes."""
    return encode(Frame(proto_id_of(message), serial, message.SerializeToString()))


def damaged(data: bytes) -> bytes:
    """Give a frame with another last byte."""
    return data[:-1] + bytes([data[-1] ^ 1])


def test_connection_answers_in_order(room: Room) -> None:
    """Each request of a batch is answered under its own number; the cache follows its reply."""
    connection, transport = room.connect()
    connection.data_received(request(LOGIN, 5) + request(SUBSCRIBE, 6))
    assert [(frame.proto_id, frame.serial) for frame in transport.frames] == [
        (ProtoId.INIT_CONNECT, 5),
        (ProtoId.QOT_SUB, 6),
        (ProtoId.QOT_UPDATE_TICKER, 1),
    ]


def test_connection_understands_a_request_in_pieces(room: Room) -> None:
    """However the network cuts a request, it is answered once and whole."""
    connection, transport = room.connect()
    for byte in request(LOGIN, 5):
        connection.data_received(bytes([byte]))
    assert [frame.serial for frame in transport.frames] == [5]


def test_connection_numbers_its_pushes(room: Room) -> None:
    """The pushes of each connection have serials of their own, from 1."""
    push = room.a_push()
    for pushes in (2, 3):
        connection, transport = room.connect()
        for _ in range(pushes):
            connection.push(push)
        connection.flush()
        assert [frame.serial for frame in transport.frames] == list(range(1, pushes + 1))


def test_connection_tells_what_it_pushed(room: Room) -> None:
    """Each push is told of, with the connection's id."""
    connection, _ = room.connect()
    push = room.a_push()
    connection.push(push)
    assert room.told == [(next(iter(room.clients)), push)]


def test_connection_is_cut_on_bad_magic(room: Room) -> None:
    """Bytes that are no frame end the connection, after the replies to the frames before them."""
    connection, transport = room.connect()
    connection.data_received(request(LOGIN, 1) + b"HTTP" * 11)
    assert (transport.ended, len(transport.frames)) == ("aborted", 1)


def test_connection_is_cut_on_a_huge_frame(room: Room) -> None:
    """A header that announces more than the limit ends the connection."""
    connection, transport = room.connect()
    header = bytearray(request(LOGIN, 1)[:44])
    header[12:16] = b"\xff\xff\xff\x7f"
    connection.data_received(bytes(header))
    assert transport.ended == "aborted"


def test_connection_skips_a_damaged_request(room: Room) -> None:
    """A request whose SHA-1 is wrong is not answered; the next one is."""
    connection, transport = room.connect()
    connection.data_received(request(LOGIN, 1) + damaged(request(SUBSCRIBE, 2)))
    connection.data_received(request(SUBSCRIBE, 3))
    assert [frame.serial for frame in transport.frames if frame.proto_id < 3010] == [1, 3]


def test_connection_is_cut_on_an_init_connect_that_it_cannot_read(room: Room) -> None:
    """Without InitConnect there are no keys: nothing that follows could be read."""
    connection, transport = room.connect()
    connection.data_received(damaged(request(LOGIN, 1)))
    assert transport.ended == "aborted"


def test_connection_drops_a_client_that_does_not_read(room: Room) -> None:
    """More unread bytes than the limit end the connection."""
    connection, transport = room.connect(write_limit=100)
    for unread, ended in ((100, None), (101, "aborted")):
        transport.unread = unread
        connection.push(room.a_push())
        connection.flush()
        assert transport.ended == ended


def test_connection_pushes_nothing_after_its_end(room: Room) -> None:
    """A connection that was cut is sent nothing more, and nothing more is told of it."""
    connection, transport = room.connect()
    connection.drop("a test")
    connection.push(room.a_push())
    connection.flush()
    assert (transport.written, room.told) == (b"", [])


def test_connection_sends_through_its_line(room: Room) -> None:
    """On a line, replies and pushes wait there, untold, and go in order when it is taken away."""
    connection, transport = room.connect()
    line = Line(connection)
    connection.lay(line)
    connection.data_received(request(LOGIN, 5) + request(SUBSCRIBE, 6))
    connection.flush()
    assert (transport.written, room.told) == (b"", [])
    connection.lift(line)
    assert [frame.serial for frame in transport.frames] == [5, 6, 1]
    assert len(room.told) == 1


def test_connection_has_one_line(room: Room) -> None:
    """A new line takes over from the one before, whose end then changes nothing."""
    connection, transport = room.connect()
    first, second = Line(connection), Line(connection)
    connection.lay(first)
    connection.push(room.a_push())
    connection.lay(second)
    connection.push(room.a_push())
    connection.lift(first)
    assert len(transport.frames) == 1


def test_connection_keeps_its_last_line(room: Room) -> None:
    """What is dead stays dead, whatever line comes after."""
    connection, transport = room.connect()
    connection.lay(DeadLine(connection))
    line = Line(connection)
    connection.lay(line)
    connection.push(room.a_push())
    connection.lift(line)
    assert (transport.written, room.told) == (b"", [])


def test_connection_counts_what_its_line_holds(room: Room) -> None:
    """What waits on a line counts against the limit too."""
    connection, transport = room.connect(write_limit=100)
    connection.lay(Line(connection))
    connection.push(room.a_push())
    connection.flush()
    assert transport.ended == "aborted"


def test_connection_tells_what_is_unsent(room: Room) -> None:
    """What the network has not taken is counted."""
    connection, transport = room.connect()
    transport.unread = 5
    assert connection.unsent_bytes == 5


def test_connection_gives_up_its_seat(room: Room) -> None:
    """When it is lost, the connection is no client any more, and waits for nothing."""
    connection, _ = room.connect()
    connection.pause_writing()
    connection.connection_lost(None)
    assert not room.clients
    assert connection.closed.is_set()


@pytest.mark.parametrize(
    ("hinder", "ended"),
    [(Connection.resume_writing, "closed"), (Connection.pause_writing, "aborted")],
)
def test_connection_waits_for_readers_only(
    room: Room, hinder: Callable[[Connection], None], ended: str
) -> None:
    """A client that reads is sent all at the end; one that does not is cut."""
    connection, transport = room.connect()
    hinder(connection)
    connection.close()
    assert transport.ended == ended


def test_connection_logs_no_secret(room: Room) -> None:
    """The AES key that a client is sent is in no log line."""
    with capture_logs() as logs:
        connection, transport = room.connect()
        connection.data_received(request(LOGIN, 1) + request(LOGIN, 2))
        connection.connection_lost(None)
    (reply, _) = transport.frames
    key = decode_reply(reply.proto_id, reply.body).connAESKey
    assert [log["event"] for log in logs] == [
        "client_connected",
        "request_refused",
        "client_disconnected",
    ]
    assert key not in str(logs)


def test_connection_logs_a_cut_frame(room: Room) -> None:
    """A connection that ends inside a frame says so."""
    with capture_logs() as logs:
        connection, _ = room.connect()
        keep_alive = KeepAlive_pb2.Request(c2s=KeepAlive_pb2.C2S(time=1))
        connection.data_received(request(keep_alive, 1)[:20])
        connection.connection_lost(None)
    assert "inside a frame" in logs[-1]["cause"]

"""The relay between a client of OpenD's WebSocket port and the simulator's TCP port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType
from cryptography.hazmat.primitives.asymmetric import rsa
from structlog.testing import capture_logs

from opend_kafka.opend.ciphers import Rsa
from opend_kafka.opend.messages import ProtoId, decode_push, decode_reply, proto_id_of
from opend_kafka.opend.packets import (
    Command,
    Packet,
    RelayError,
    encode_request,
    password_digest,
)
from opend_kafka.opend.packets import (
    decode_reply as decode_packet,
)
from opend_kafka.opend.pb import (
    GetGlobalState_pb2,
    InitWebSocket_pb2,
    KeepAlive_pb2,
    Qot_Sub_pb2,
)
from opend_kafka.opend.pb.Qot_Common_pb2 import Security as SecurityMessage
from opend_kafka.opend.pb.Qot_Common_pb2 import Ticker
from opend_kafka.opend.securities import Security
from opend_kafka.simulator import Market, Simulator
from opend_kafka.simulator.relay import Relay, relaying

TENCENT = Security("HK", "00700")
KEY = "ungeheim-7"
PATIENCE_S = 20
TICKER = 4

STATE = GetGlobalState_pb2.Request(c2s=GetGlobalState_pb2.C2S(userID=0))


class Client:
    """A client of the relay in a few lines. Sections count up from 1."""

    def __init__(self, websocket: ClientWebSocketResponse[Any]) -> None:
        """Talk over an open WebSocket."""
        self.websocket = websocket
        self.passed: list[Packet] = []
        self._section = 0

    async def send(self, cmd: int, body: bytes) -> int:
        """Send a packet; give its section."""
        self._section += 1
        await self.websocket.send_bytes(encode_request(Packet(cmd, self._section, body)))
        return self._section

    async def ask(self, request: Any) -> Packet:
        """Send a request, and wait for what comes back under its section."""
        cmd = proto_id_of(request)
        section = await self.send(cmd, request.SerializeToString())
        return await self.until(lambda packet: (packet.cmd, packet.section) == (cmd, section))

    async def log_in(self, key: str | None) -> int:
        """Send a login; give its section."""
        request = InitWebSocket_pb2.Request()
        request.c2s.websocketKey = password_digest(key or "")
        return await self.send(Command.LOGIN, request.SerializeToString())

    async def logged_in(self, key: str | None = KEY) -> InitWebSocket_pb2.Response:
        """Log in, and wait for the answer."""
        section = await self.log_in(key)
        packet = await self.until(lambda packet: packet.cmd == Command.LOGIN)
        assert (packet.section, packet.error) == (section, 0)
        return InitWebSocket_pb2.Response.FromString(packet.body)

    async def receive(self) -> Packet:
        """Wait for the next packet."""
        return decode_packet(await self.websocket.receive_bytes())

    async def until(self, found: Callable[[Packet], bool]) -> Packet:
        """Wait for a packet; what comes before it goes to `passed`."""
        while not found(packet := await self.receive()):
            self.passed.append(packet)
        return packet


@asynccontextmanager
async def client_of(relay: Relay) -> AsyncIterator[Client]:
    """Connect to the relay, within the test's patience."""
    async with (
        asyncio.timeout(PATIENCE_S),
        ClientSession() as session,
        session.ws_connect(f"ws://127.0.0.1:{relay.port}/") as websocket,
    ):
        yield Client(websocket)


@pytest.fixture
def sent() -> list[Ticker]:
    """What `simulator` says it sent."""
    return []


@pytest.fixture
async def simulator(sent: list[Ticker]) -> AsyncIterator[Simulator]:
    """A simulator whose time the test moves."""

    def on_sent(_conn_id: int, _security: Security, ticks: Sequence[Ticker]) -> None:
        sent.extend(ticks)

    async with Simulator(a_market(), pace=False, on_sent=on_sent) as simulator:
        yield simulator


def a_market() -> Market:
    """Make one security's market."""
    return Market([TENCENT], seed=1, rate=1_000, start_us=1_700_000_000_000_000)


@pytest.fixture
async def relay(simulator: Simulator) -> AsyncIterator[Relay]:
    """A relay in front of it, with a key."""
    async with Relay("127.0.0.1", simulator.port, key=KEY) as relay:
        yield relay


@pytest.fixture
async def client(relay: Relay) -> AsyncIterator[Client]:
    """A client that has not logged in."""
    async with client_of(relay) as client:
        yield client


def subscription() -> Qot_Sub_pb2.Request:
    """Make a request for ticks and their pushes."""
    return Qot_Sub_pb2.Request(
        c2s=Qot_Sub_pb2.C2S(
            securityList=[SecurityMessage(market=TENCENT.market_number, code=TENCENT.code)],
            subTypeList=[TICKER],
            isSubOrUnSub=True,
            isRegOrUnRegPush=True,
            isFirstPush=False,
        )
    )


async def ticks_of(client: Client, count: int) -> list[Ticker]:
    """Receive so many ticks, and nothing else."""
    ticks: list[Ticker] = []
    while len(ticks) < count:
        packet = await client.receive()
        assert packet.cmd == ProtoId.QOT_UPDATE_TICKER
        ticks += decode_push(packet.cmd, packet.body).tickerList
    return ticks


# Login


async def test_login_gives_connection_id_of_opend(simulator: Simulator, client: Client) -> None:
    """The right key is answered with the id that OpenD gave the relay's own connection."""
    response = await client.logged_in()
    assert response.retType == 0
    assert (response.s2c.connID,) == simulator.conn_ids


async def test_wrong_key_is_not_answered(client: Client) -> None:
    """A wrong key gets no answer, and the next try may be right: only that one is answered."""
    with capture_logs() as logs:
        await client.log_in("another key")
        await client.logged_in(KEY)
    assert [line["event"] for line in logs][:1] == ["relay_login_ignored"]
    assert client.passed == []


async def test_wrong_key_does_not_reach_opend(simulator: Simulator, client: Client) -> None:
    """Without the key a client causes no connection to OpenD and gets nothing through."""
    await client.log_in("another key")
    await client.send(ProtoId.GET_GLOBAL_STATE, STATE.SerializeToString())
    await client.websocket.ping()
    await client.logged_in()
    assert len(simulator.conn_ids) == 1
    assert client.passed == []


async def test_key_shows_in_no_log_line(client: Client) -> None:
    """Neither the key nor what logs in with it is written down."""
    with capture_logs() as logs:
        await client.log_in("another key")
        await client.logged_in()
    assert not any(secret in str(logs) for secret in (KEY, password_digest("another key")))


async def test_relay_without_key_lets_everybody_in(simulator: Simulator) -> None:
    """Where no key is set, any will do."""
    async with Relay("127.0.0.1", simulator.port, key=None) as relay, client_of(relay) as client:
        assert (await client.logged_in(None)).retType == 0


async def test_login_without_opend_is_answered_with_error() -> None:
    """Where no OpenD listens, the login is answered with the error that says so."""
    async with Simulator(a_market()) as gone:
        port = gone.port
    async with Relay("127.0.0.1", port) as relay, client_of(relay) as client:
        await client.log_in(None)
        packet = await client.receive()
        assert (packet.cmd, packet.error) == (Command.LOGIN, RelayError.DISCONNECTED)


async def test_login_that_opend_refuses_is_answered_with_error() -> None:
    """Where OpenD has a key and the relay has not, the login is answered likewise."""
    cipher = Rsa(rsa.generate_private_key(65537, 2048))
    async with (
        Simulator(a_market(), rsa=cipher) as simulator,
        Relay("127.0.0.1", simulator.port) as relay,
        client_of(relay) as client,
    ):
        await client.log_in(None)
        assert (await client.receive()).error == RelayError.DISCONNECTED


async def test_request_before_login_is_not_answered(client: Client) -> None:
    """Who has not logged in hears nothing."""
    await client.send(ProtoId.GET_GLOBAL_STATE, STATE.SerializeToString())
    await client.logged_in()
    assert client.passed == []


# What goes through


async def test_request_gets_reply_of_opend_under_its_section(client: Client) -> None:
    """A request goes to OpenD, and its reply comes back whole, under the request's section."""
    await client.logged_in()
    packet = await client.ask(STATE)
    assert decode_reply(packet.cmd, packet.body).qotLogined


async def test_refusal_of_opend_comes_through(client: Client) -> None:
    """What OpenD refuses is no error of the relay's: the reply says so itself."""
    await client.logged_in()
    section = await client.send(9999, b"")
    packet = await client.receive()
    refusal = KeepAlive_pb2.Response.FromString(packet.body)
    assert (packet.cmd, packet.section, packet.error) == (9999, section, 0)
    assert refusal.retType == -1


async def test_pushes_come_through_in_order(
    simulator: Simulator, client: Client, sent: list[Ticker]
) -> None:
    """Every push reaches the client as OpenD sent it, in order."""
    await client.logged_in()
    await client.ask(subscription())
    simulator.advance(0.5)
    assert len(sent) > 400
    assert await ticks_of(client, len(sent)) == sent


async def test_pushes_have_no_section(simulator: Simulator, client: Client) -> None:
    """No push can be taken for a reply: its section is none that a client gives."""
    await client.logged_in()
    await client.ask(subscription())
    simulator.advance(0.01)
    assert (await client.receive()).section == 0


async def test_each_client_has_connection_of_its_own(simulator: Simulator, relay: Relay) -> None:
    """Two clients of the relay are two connections of OpenD."""
    async with client_of(relay) as one, client_of(relay) as other:
        ids = {(await one.logged_in()).s2c.connID, (await other.logged_in()).s2c.connID}
        assert ids == set(simulator.conn_ids)


async def test_client_that_goes_leaves_no_connection(simulator: Simulator, relay: Relay) -> None:
    """When a client goes, its connection to OpenD goes with it."""
    async with client_of(relay) as client:
        await client.logged_in()
        (gone,) = simulator._clients.values()
    async with asyncio.timeout(PATIENCE_S):
        await gone.closed.wait()


async def test_relay_speaks_to_encrypting_opend() -> None:
    """Where OpenD has an RSA key, the relay encrypts towards it; its clients see nothing of it."""
    cipher = Rsa(rsa.generate_private_key(65537, 2048))
    async with (
        Simulator(a_market(), rsa=cipher) as simulator,
        Relay("127.0.0.1", simulator.port, rsa=cipher) as relay,
        client_of(relay) as client,
    ):
        await client.logged_in(None)
        packet = await client.ask(STATE)
        assert decode_reply(packet.cmd, packet.body).qotLogined


async def test_relay_keeps_its_connections_alive() -> None:
    """OpenD hears KeepAlive for each client, whose replies no client sees."""
    asked = asyncio.Event()
    simulator = Simulator(a_market(), keep_alive_interval_s=0)
    answer = simulator._desk.answer

    def note(visitor: Any, frame: Any) -> Any:
        if frame.proto_id == ProtoId.KEEP_ALIVE:
            asked.set()
        return answer(visitor, frame)

    simulator._desk.answer = note  # type: ignore[method-assign]
    async with (
        simulator,
        Relay("127.0.0.1", simulator.port) as relay,
        client_of(relay) as client,
    ):
        await client.logged_in(None)
        await asked.wait()
        await client.ask(STATE)
        assert client.passed == []


# Ends


async def test_client_is_told_when_opend_drops_link(simulator: Simulator, client: Client) -> None:
    """When OpenD ends the connection, the client gets the relay's push, and stays connected."""
    await client.logged_in()
    simulator.drop_clients()
    packet = await client.receive()
    assert (packet.cmd, packet.error) == (Command.OPEND_LOST, 0)
    assert not client.websocket.closed


async def test_client_is_told_when_relay_drops_opend(relay: Relay, client: Client) -> None:
    """The test's own way to cut the link to OpenD looks the same."""
    await client.logged_in()
    relay.drop_opend()
    assert (await client.receive()).cmd == Command.OPEND_LOST


async def test_request_after_opend_is_lost_is_answered_with_error(
    relay: Relay, client: Client
) -> None:
    """A request that can go nowhere is answered with the error that says so."""
    await client.logged_in()
    relay.drop_opend()
    await client.receive()
    packet = await client.ask(STATE)
    assert packet.error == RelayError.DISCONNECTED


async def test_client_can_log_in_again_after_opend_is_lost(relay: Relay, client: Client) -> None:
    """A client whose OpenD is back logs in anew over the same WebSocket."""
    await client.logged_in()
    relay.drop_opend()
    await client.receive()
    await client.logged_in()
    packet = await client.ask(STATE)
    assert decode_reply(packet.cmd, packet.body).qotLogined


async def test_dropped_client_sees_end(relay: Relay, client: Client) -> None:
    """The test's way to end the client's own connection."""
    await client.logged_in()
    ended, _ = await asyncio.gather(client.websocket.receive(), relay.drop_clients())
    assert ended.type is WSMsgType.CLOSE


@pytest.mark.parametrize("message", [b"", b"FT" + bytes(60), b"ft-v1.0\0\0\0\0\x01"])
async def test_client_of_another_protocol_is_dropped(client: Client, message: bytes) -> None:
    """A message that is no packet ends the connection."""
    await client.websocket.send_bytes(message)
    assert (await client.websocket.receive()).type is WSMsgType.CLOSE


async def test_login_that_is_no_message_is_dropped(client: Client) -> None:
    """A login whose body is none ends the connection."""
    await client.send(Command.LOGIN, b"\xff\xff")
    assert (await client.websocket.receive()).type is WSMsgType.CLOSE


async def test_text_is_dropped(client: Client) -> None:
    """A text message ends the connection."""
    await client.websocket.send_str("hello")
    assert (await client.websocket.receive()).type is WSMsgType.CLOSE


async def test_relay_that_closes_leaves_nobody(simulator: Simulator, relay: Relay) -> None:
    """Closing ends the clients' connections, and theirs to OpenD."""
    async with client_of(relay) as client:
        await client.logged_in()
        (gone,) = simulator._clients.values()
        await asyncio.gather(client.websocket.receive(), relay.close())
        await gone.closed.wait()


async def test_relaying_has_relay_beside_opend(simulator: Simulator) -> None:
    """The relay listens while the block runs."""
    with capture_logs() as logged:
        async with relaying("127.0.0.1", simulator.port, port=0, key=KEY):
            (port,) = (line["port"] for line in logged if line["event"] == "relay_listening")
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_relaying_without_port_does_nothing(simulator: Simulator) -> None:
    """Where nobody wants a relay there is none."""
    with capture_logs() as logged:
        async with relaying("127.0.0.1", simulator.port, port=None):
            pass
    assert logged == []

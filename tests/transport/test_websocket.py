"""WebSocket behind the seam: messages whole and in order, and its ways to fail, translated."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import WSMessage, WSMsgType, web
from cryptography import x509

from opend_kafka.errors import ConfigurationError, LinkLost, OpenDUnreachable, ProtocolViolation
from opend_kafka.opend.packets import MAX_MESSAGE
from opend_kafka.transport import websocket
from opend_kafka.transport.websocket import WebSocketConnection, connect
from tests.transport.authority import LOOPBACK, Authority
from tests.transport.peers import PATIENCE_S
from tests.transport.websocket_peers import hang_up, listening, peer, plainly

#: Seconds; for what must not come about.
SOON_S = 0.05


Pair = tuple[WebSocketConnection, web.WebSocketResponse]


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the other side answers no closing handshake, and nothing else is waited for."""
    monkeypatch.setattr(websocket, "_CLOSE_S", SOON_S)


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    """A connection and its other end."""
    async with peer() as (port, accepted), asyncio.timeout(PATIENCE_S):
        connection = await plainly(port)
        opend = await accepted.get()
        try:
            yield connection, opend
        finally:
            hang_up(opend)  # nobody there would answer the closing handshake
            await connection.close()


# Messages


async def test_connection_receives_each_message_whole(pair: Pair) -> None:
    """One call gives one message, however large."""
    connection, opend = pair
    large = bytes(range(256)) * 4 * 4096
    for message in (b"one", large, b"two"):
        await opend.send_bytes(message)
    assert [await connection.receive() for _ in range(3)] == [b"one", large, b"two"]


async def test_connection_sends_messages_in_order(pair: Pair) -> None:
    """Each send is one message, and they arrive in the order of the calls."""
    connection, opend = pair
    messages = [b"%d" % number for number in range(500)]
    for message in messages:
        connection.send(message)
    assert [await opend.receive_bytes() for _ in messages] == messages


async def test_message_sent_just_before_close_arrives(pair: Pair) -> None:
    """Closing sends what was handed over before it."""
    connection, opend = pair
    connection.send(b"last")
    seen = asyncio.create_task(read(opend, 2))
    await connection.close()
    assert [message.data for message in await seen] == [b"last", 1000]


async def read(opend: web.WebSocketResponse, count: int) -> list[WSMessage]:
    """Receive so many times at the other end."""
    return [await opend.receive() for _ in range(count)]


async def test_connection_gives_end_when_peer_closes(pair: Pair) -> None:
    """After the other side has closed, there is what it sent, and then b"", again and again."""
    connection, opend = pair
    await opend.send_bytes(b"last")
    await asyncio.gather(
        opend.close(),
        got := asyncio.create_task(take(connection, 3)),
    )
    assert got.result() == [b"last", b"", b""]


async def take(connection: WebSocketConnection, count: int) -> list[bytes]:
    """Receive so many times."""
    return [await connection.receive() for _ in range(count)]


async def test_close_is_seen_at_other_end(pair: Pair) -> None:
    """The other side gets the closing handshake."""
    connection, opend = pair
    seen = asyncio.create_task(opend.receive())
    await connection.close()
    assert (await seen).type is WSMsgType.CLOSE


async def test_close_ends_waiting_receive(pair: Pair) -> None:
    """Who waits for a message while another closes gets the end."""
    connection, opend = pair
    waiting = asyncio.create_task(connection.receive())
    await asyncio.sleep(0)
    await asyncio.gather(connection.close(), opend.receive())
    assert await waiting == b""


@pytest.mark.usefixtures("hurried")
async def test_close_twice_raises_nothing(pair: Pair) -> None:
    """A connection may be closed in whatever state it is in."""
    connection, _ = pair
    await connection.close()
    await connection.close()


@pytest.mark.usefixtures("hurried")
async def test_send_after_close_raises_nothing(pair: Pair) -> None:
    """What can no longer go out is lost with the connection, not raised."""
    connection, _ = pair
    await connection.close()
    connection.send(b"late")


@pytest.mark.usefixtures("hurried")
async def test_close_does_not_wait_for_peer_that_does_not_read(pair: Pair) -> None:
    """An OpenD that has stopped reading does not keep the worker from stopping."""
    connection, _ = pair
    connection.send(bytes(64 * 1024 * 1024))  # more than every buffer between them holds
    async with asyncio.timeout(2):
        await connection.close()


# Ways to end


async def test_broken_connection_is_link_lost(pair: Pair) -> None:
    """A connection that ends without the closing handshake broke."""
    connection, opend = pair
    hang_up(opend)
    with pytest.raises(LinkLost, match="broke: it ended without a closing handshake"):
        await connection.receive()


async def test_send_after_broken_connection_raises_nothing(pair: Pair) -> None:
    """What breaks a connection is told by receive, never by send or close."""
    connection, opend = pair
    hang_up(opend)
    with pytest.raises(LinkLost):
        await connection.receive()
    connection.send(b"late")
    await connection.close()


async def test_close_with_reason_is_link_lost_with_it(pair: Pair) -> None:
    """A relay that says why it ends the connection is quoted."""
    connection, opend = pair
    _, ended = await asyncio.gather(
        opend.close(code=1008, message=b"too many connections"),
        asyncio.create_task(connection.receive()),
        return_exceptions=True,
    )
    assert isinstance(ended, LinkLost)
    assert str(ended) == "OpenD closed the connection with code 1008 too many connections"


async def test_text_message_is_violation(pair: Pair) -> None:
    """OpenD's relay sends binary messages; a text is somebody else's."""
    connection, opend = pair
    await opend.send_str("hello")
    with pytest.raises(ProtocolViolation, match="a text message"):
        await connection.receive()


async def test_empty_message_is_violation_not_end(pair: Pair) -> None:
    """An empty message is not taken for the end of the connection."""
    connection, opend = pair
    await opend.send_bytes(b"")
    with pytest.raises(ProtocolViolation, match="an empty WebSocket message"):
        await connection.receive()


async def test_message_of_largest_size_is_received(pair: Pair) -> None:
    """The limit itself is still allowed."""
    connection, opend = pair
    sending = asyncio.create_task(opend.send_bytes(bytes(MAX_MESSAGE)))
    assert len(await connection.receive()) == MAX_MESSAGE
    await sending


async def test_message_over_limit_is_violation(pair: Pair) -> None:
    """A larger message is refused when its header comes, not when it has been stored."""
    connection, opend = pair
    sending = asyncio.create_task(opend.send_bytes(bytes(MAX_MESSAGE + 1)))
    with pytest.raises(ProtocolViolation, match=f"more than {MAX_MESSAGE} bytes"):
        await connection.receive()
    await asyncio.gather(sending, return_exceptions=True)


async def test_peer_that_does_not_read_is_link_lost(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More waiting messages than any session makes mean that OpenD has stopped reading."""
    connection, _ = pair
    monkeypatch.setattr(websocket, "SEND_LIMIT", 3)
    for _ in range(4):
        connection.send(b"request")
    with pytest.raises(LinkLost, match="does not read: 3 messages wait"):
        await connection.receive()


# Silence


async def test_quiet_peer_that_answers_pings_stays() -> None:
    """In a quiet market the pongs are signs of life enough."""
    async with peer(autoping=False) as (port, accepted), asyncio.timeout(PATIENCE_S):
        connection = await plainly(port, ping_interval_s=0.02)
        opend = await accepted.get()
        waiting = asyncio.create_task(connection.receive())
        for _ in range(websocket.SILENT_PINGS * 3):
            ping = await opend.receive()
            assert ping.type is WSMsgType.PING
            await opend.pong(ping.data)
        await opend.send_bytes(b"tick")
        assert await waiting == b"tick"
        hang_up(opend)
        await connection.close()


async def test_silent_peer_is_link_lost() -> None:
    """A peer that does not even answer pings is given up after the third."""
    async with peer(autoping=False) as (port, accepted), asyncio.timeout(PATIENCE_S):
        connection = await plainly(port, ping_interval_s=0.02)
        opend = await accepted.get()
        with pytest.raises(LinkLost, match=r"nothing for 0\.06 s, not even a pong"):
            await connection.receive()
        assert [(await opend.receive()).type for _ in range(3)] == [WSMsgType.PING] * 3
        await connection.close()


async def test_silence_counts_only_while_somebody_reads() -> None:
    """A worker that holds back from reading does not hold OpenD's silence against it."""
    async with peer(autoping=False) as (port, accepted), asyncio.timeout(PATIENCE_S):
        connection = await plainly(port, ping_interval_s=0.01)
        opend = await accepted.get()
        for _ in range(10):
            assert (await opend.receive()).type is WSMsgType.PING
        await opend.send_bytes(b"tick")
        assert await connection.receive() == b"tick"
        hang_up(opend)
        await connection.close()


async def test_ping_of_peer_is_answered(pair: Pair) -> None:
    """A ping from the other side gets its pong, each with its own words."""
    connection, opend = pair
    opend._autoping = False
    await opend.ping(b"one")
    await opend.ping(b"two")
    waiting = asyncio.create_task(connection.receive())
    assert [(await opend.receive()).data for _ in range(2)] == [b"one", b"two"]
    await opend.send_bytes(b"tick")
    assert await waiting == b"tick"


# No connection


@pytest.fixture
def refusing() -> Iterator[int]:
    """A port at which nothing listens: bound, so that nothing else can, either."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@asynccontextmanager
async def answering(answer: bytes | None) -> AsyncIterator[int]:
    """Serve TCP: say this to whatever comes and hang up, or never say anything; give the port."""
    done = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1024)
        if answer is None:
            await done.wait()
        else:
            writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            done.set()


async def failing(
    port: int,
    *,
    host: str = "127.0.0.1",
    tls: bool = False,
    ca_file: Path | None = None,
    timeout_s: float = PATIENCE_S,
) -> str:
    """Try to connect; give the error's text."""
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(OpenDUnreachable) as caught:
            await connect(host, port, ssl=tls, ca_file=ca_file, timeout_s=timeout_s)
    assert (caught.value.host, caught.value.port) == (host, port)
    return str(caught.value)


async def test_refused_connection_names_address_and_cause(refusing: int) -> None:
    """Where nothing listens, the error has host, port and the system's words."""
    text = await failing(refusing)
    assert f"127.0.0.1:{refusing} (Connection refused)" in text


async def test_unknown_host_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that does not resolve fails with the resolver's words."""

    def resolve(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    assert "(Name or service not known)" in await failing(33333, host="opend.test")


async def test_impossible_host_says_so() -> None:
    """What cannot be a host's name is told, not raised as Python's error."""
    assert "(the name is not one of a host)" in await failing(33333, host="open d/")


async def test_mute_peer_is_unreachable_after_time_out() -> None:
    """Where the handshake is not answered, the time-out ends the attempt and is named."""
    async with answering(None) as port:
        assert "no answer within 0.05 s" in await failing(port, timeout_s=SOON_S)


async def test_mute_peer_of_tls_is_unreachable_after_time_out() -> None:
    """Where TLS is not answered, likewise."""
    async with answering(None) as port:
        assert "no answer within 0.05 s" in await failing(port, tls=True, timeout_s=SOON_S)


async def test_cancelled_connect_is_cancelled() -> None:
    """A worker that is told to stop does not wait for OpenD, and sees no other error."""
    asked = asyncio.Event()

    async def handle(_: web.BaseRequest) -> web.Response:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    async with listening(handle) as port:
        attempt = asyncio.create_task(plainly(port))
        await asked.wait()
        attempt.cancel()
        with pytest.raises(asyncio.CancelledError):
            await attempt


@pytest.mark.parametrize("status", [200, 400, 404, 503])
async def test_web_server_without_websocket_says_its_status(status: int) -> None:
    """A web server that is none of OpenD's is told by its answer."""

    async def handle(_: web.BaseRequest) -> web.Response:
        return web.Response(status=status)

    async with listening(handle) as port:
        assert f"no WebSocket server: HTTP status {status}" in await failing(port)


@pytest.mark.parametrize("answer", [b"", b"FT what OpenD's TCP port would say\r\n\r\n"])
async def test_server_of_another_protocol_says_what_to_set(answer: bytes) -> None:
    """Where no HTTP is spoken, the error names the settings that may be wrong."""
    async with answering(answer) as port:
        text = await failing(port)
    assert "does not speak WebSocket; opend.port must be OpenD's WebSocket port" in text
    assert "opend.websocket.ssl must be" in text


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
async def test_tls_to_plain_port_says_what_to_set(answer: bytes) -> None:
    """Where no TLS is spoken, the error names the setting."""
    async with answering(answer) as port:
        assert "opend.websocket.ssl must be" in await failing(port, tls=True)


# TLS


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """The one that signs OpenD's certificate."""
    return Authority(tmp_path, "authority")


async def test_trusted_certificate_connects(authority: Authority) -> None:
    """Over TLS, with the authority in ca_file, messages go both ways."""
    async with peer(authority.server(LOOPBACK)) as (port, accepted), asyncio.timeout(PATIENCE_S):
        connection = await connect(
            "127.0.0.1", port, ssl=True, ca_file=authority.file, timeout_s=PATIENCE_S
        )
        opend = await accepted.get()
        connection.send(b"there")
        assert await opend.receive_bytes() == b"there"
        await opend.send_bytes(b"back")
        assert await connection.receive() == b"back"
        await asyncio.gather(connection.close(), opend.receive())


@pytest.mark.usefixtures("hurried")
async def test_close_over_tls_does_not_wait_for_peer_that_does_not_read(
    authority: Authority,
) -> None:
    """An OpenD behind TLS that has stopped reading does not keep the worker from stopping."""
    async with peer(authority.server(LOOPBACK)) as (port, _), asyncio.timeout(PATIENCE_S):
        connection = await connect(
            "127.0.0.1", port, ssl=True, ca_file=authority.file, timeout_s=PATIENCE_S
        )
        connection.send(bytes(64 * 1024 * 1024))
        async with asyncio.timeout(2):
            await connection.close()


async def test_certificate_of_another_authority_says_what_to_set(
    authority: Authority, tmp_path: Path
) -> None:
    """A certificate that ca_file does not vouch for is refused; the setting is named."""
    another = Authority(tmp_path, "another")
    async with peer(authority.server(LOOPBACK)) as (port, _):
        text = await failing(port, tls=True, ca_file=another.file)
    assert "its certificate is not to be trusted: unable to get local issuer certificate" in text
    assert "opend.websocket.ca_file must hold whoever signed it" in text


async def test_private_authority_without_ca_file_says_what_to_set(authority: Authority) -> None:
    """Without ca_file only the system's authorities are trusted; the setting is named."""
    async with peer(authority.server(LOOPBACK)) as (port, _):
        assert "opend.websocket.ca_file must hold" in await failing(port, tls=True)


async def test_certificate_for_another_name_says_so(authority: Authority) -> None:
    """A certificate for another host is refused, although its authority is trusted."""
    async with peer(authority.server(x509.DNSName("opend.test"))) as (port, _):
        text = await failing(port, tls=True, ca_file=authority.file)
    assert "certificate is not valid for '127.0.0.1'" in text
    assert "it must be for the name in opend.host" in text


async def test_plain_to_tls_port_says_what_to_set(authority: Authority) -> None:
    """Where OpenD speaks TLS and the worker does not, the setting is named."""
    async with peer(authority.server(LOOPBACK)) as (port, _):
        assert "opend.websocket.ssl must be what OpenD is set to" in await failing(port)


async def test_missing_ca_file_is_configuration_error(tmp_path: Path) -> None:
    """A ca_file that is not there is the configuration's fault, and is named."""
    with pytest.raises(ConfigurationError, match=r"opend\.websocket\.ca_file: .*none\.pem: No su"):
        await connect("127.0.0.1", 1, ssl=True, ca_file=tmp_path / "none.pem", timeout_s=1)


async def test_ca_file_without_certificate_is_configuration_error(tmp_path: Path) -> None:
    """A ca_file that holds something else likewise."""
    (tmp_path / "ca.pem").write_text("not a certificate")
    with pytest.raises(ConfigurationError, match=r"ca\.pem: it holds no certificate in PEM form"):
        await connect("127.0.0.1", 1, ssl=True, ca_file=tmp_path / "ca.pem", timeout_s=1)

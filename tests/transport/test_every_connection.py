"""What every `Connection` does: one suite for the fake, for TCP and for WebSocket."""

from __future__ import annotations

import asyncio

from opend_kafka.transport.connection import Connection
from tests.transport.peers import PATIENCE_S, Peer

Pair = tuple[Connection, Peer]


async def receive_all(end: Connection | Peer, length: int) -> bytes:
    """Take so many bytes, in however many pieces they come."""
    data = b""
    async with asyncio.timeout(PATIENCE_S):
        while len(data) < length:
            piece = await end.receive()
            assert piece, f"ended after {len(data)} of {length} bytes"
            data += piece
    return data


async def test_connection_receives_what_peer_sends(pair: Pair) -> None:
    """What the other side sends comes in, in order."""
    connection, peer = pair
    peer.send(b"one")
    peer.send(b"two")
    assert await receive_all(connection, 6) == b"onetwo"


async def test_connection_sends_what_peer_receives(pair: Pair) -> None:
    """What is handed over goes out, in order."""
    connection, peer = pair
    connection.send(b"one")
    connection.send(b"two")
    assert await receive_all(peer, 6) == b"onetwo"


async def test_connection_receives_large_burst_whole(pair: Pair) -> None:
    """A burst larger than every buffer comes in whole."""
    connection, peer = pair
    burst = bytes(range(256)) * 4 * 4096
    peer.send(burst)
    assert await receive_all(connection, len(burst)) == burst


async def test_connection_gives_end_when_peer_closes(pair: Pair) -> None:
    """After the other side has closed, there is what it sent, and then b""."""
    connection, peer = pair
    peer.send(b"last")
    peer.close()
    assert await receive_all(connection, 4) == b"last"
    async with asyncio.timeout(PATIENCE_S):
        assert await connection.receive() == b""


async def test_connection_gives_end_again_and_again(pair: Pair) -> None:
    """The end stays the end."""
    connection, peer = pair
    peer.close()
    async with asyncio.timeout(PATIENCE_S):
        assert [await connection.receive(), await connection.receive()] == [b"", b""]


async def test_close_ends_stream_of_peer(pair: Pair) -> None:
    """Closing is seen at the other end."""
    connection, peer = pair
    await connection.close()
    async with asyncio.timeout(PATIENCE_S):
        assert await peer.receive() == b""


async def test_close_twice_raises_nothing(pair: Pair) -> None:
    """A connection may be closed in whatever state it is in."""
    connection, _ = pair
    await connection.close()
    await connection.close()


async def test_close_after_peer_closed_raises_nothing(pair: Pair) -> None:
    """A connection that the other side has ended can still be closed."""
    connection, peer = pair
    peer.close()
    async with asyncio.timeout(PATIENCE_S):
        await connection.receive()
        await connection.close()


async def test_send_after_close_raises_nothing(pair: Pair) -> None:
    """What can no longer go out is lost with the connection, not raised."""
    connection, _ = pair
    await connection.close()
    connection.send(b"late")

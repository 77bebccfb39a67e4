"""A way to a service that can be shut and opened again, on the same port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.chaos.door import Door
from tests.clusters.processes import LOOPBACK


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(100):
        writer.write(data)
    writer.close()


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    """Give an open door in front of a service that says what it hears."""
    server = await asyncio.start_server(_echo, LOOPBACK, 0)
    async with server, Door(server.sockets[0].getsockname()[1]) as door:
        yield door


async def _through(door: Door) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, port = door.address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"hello")
    return reader, writer


async def test_an_open_door_carries_both_ways(door: Door) -> None:
    """What is said comes back."""
    reader, writer = await _through(door)
    assert await reader.readexactly(5) == b"hello"
    writer.transport.abort()


async def test_shutting_cuts_what_is_open(door: Door) -> None:
    """Who is connected notices at once."""
    reader, writer = await _through(door)
    await reader.readexactly(5)
    door.shut()
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)
    writer.transport.abort()


async def test_a_shut_door_refuses_until_it_is_opened(door: Door) -> None:
    """As where nobody listens; afterwards the port is the same."""
    door.shut()
    with pytest.raises(ConnectionRefusedError):
        await _through(door)
    await door.open()
    reader, writer = await _through(door)
    assert await reader.readexactly(5) == b"hello"
    writer.transport.abort()

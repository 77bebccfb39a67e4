"""A port that is opened, shut and opened again."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from opend_kafka.simulator.listening import Listener


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    """An open port."""
    listener = Listener("127.0.0.1", 0, asyncio.Protocol)
    await listener.open()
    yield listener
    listener.shut()


async def connect(listener: Listener) -> None:
    """Connect, and hang up."""
    _, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    writer.transport.abort()
    await asyncio.sleep(0)


async def test_listener_refuses_while_it_is_shut(listener: Listener) -> None:
    """Shut, nobody gets in; reopened, on the same port."""
    port = listener.port
    listener.shut()
    with pytest.raises(ConnectionRefusedError):
        await connect(listener)
    listener.reopen()
    await listener.opened()
    await connect(listener)
    assert listener.port == port


async def test_listener_waits_for_its_port(listener: Listener) -> None:
    """Where another has taken the port meanwhile, it is had again when that one leaves."""
    listener.shut()
    other = Listener("127.0.0.1", listener.port, asyncio.Protocol)
    await other.open()
    listener.reopen()
    await asyncio.sleep(0)
    other.shut()
    await listener.opened()
    await connect(listener)


async def test_listener_gives_up_when_it_is_shut(listener: Listener) -> None:
    """Shutting ends a reopening that is under way."""
    listener.shut()
    listener.reopen()
    listener.shut()
    await asyncio.sleep(0)
    with pytest.raises(ConnectionRefusedError):
        await connect(listener)

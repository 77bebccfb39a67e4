"""TCP's own ways to fail, translated."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from opend_kafka.errors import LinkLost, OpenDUnreachable
from opend_kafka.transport.tcp import connect
from tests.transport.peers import PATIENCE_S, over_tcp

Address = tuple[str, int]


@pytest.fixture
def refusing() -> Iterator[Address]:
    """An address at which nothing listens: bound, so that nothing else can, either."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()


@pytest.fixture
def mute() -> Iterator[Address]:
    """An address that answers no connection attempt: its queue is full."""
    with ExitStack() as stack:
        full = stack.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        yield full.getsockname()


async def test_refused_connection_names_address_and_cause(refusing: Address) -> None:
    """Where nothing listens, the error has host, port and the system's words."""
    host, port = refusing
    with pytest.raises(OpenDUnreachable, match="Connection refused") as caught:
        await connect(host, port, timeout_s=PATIENCE_S)
    assert (caught.value.host, caught.value.port) == refusing
    assert f"{host}:{port}" in str(caught.value)


async def test_connection_refused_at_all_addresses_says_so_once(
    refusing: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name with several addresses, such as localhost, fails with the same plain words."""
    _, port = refusing
    several = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"127.0.0.{n}", port)) for n in (1, 2)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: several)
    with pytest.raises(OpenDUnreachable, match=r":\d+ \(Connection refused\); start OpenD"):
        await connect("opend.test", port, timeout_s=PATIENCE_S)


async def test_unknown_host_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that does not resolve fails with the resolver's words."""

    def resolve(*_: Any, **__: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(OpenDUnreachable, match=r"opend\.test:11111 \(Name or service not known\)"):
        await connect("opend.test", 11111, timeout_s=PATIENCE_S)


async def test_mute_host_is_unreachable_after_time_out(mute: Address) -> None:
    """Where nothing answers, the time-out ends the attempt and is named."""
    host, port = mute
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(OpenDUnreachable, match=r"no answer within 0\.05 s"):
            await connect(host, port, timeout_s=0.05)


async def test_cancelled_connect_is_cancelled(mute: Address) -> None:
    """A worker that is told to stop does not wait for OpenD, and sees no other error."""
    host, port = mute
    attempt = asyncio.create_task(connect(host, port, timeout_s=PATIENCE_S))
    await asyncio.sleep(0)
    attempt.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attempt


async def test_broken_connection_is_link_lost() -> None:
    """A reset is translated, with the system's words."""
    async with over_tcp() as (connection, peer):
        peer.reset()
        with pytest.raises(LinkLost, match="Connection reset by peer"):
            async with asyncio.timeout(PATIENCE_S):
                await connection.receive()


async def test_close_after_broken_connection_raises_nothing() -> None:
    """A connection that broke can be closed."""
    async with over_tcp() as (connection, peer):
        peer.reset()
        with pytest.raises(LinkLost):
            await connection.receive()
        await connection.close()


async def test_close_does_not_wait_for_peer_that_does_not_read() -> None:
    """An OpenD that has stopped reading does not keep the worker from stopping."""
    async with over_tcp() as (connection, _):
        connection.send(bytes(64 * 1024 * 1024))  # more than both kernels' buffers hold
        async with asyncio.timeout(1):
            await connection.close()

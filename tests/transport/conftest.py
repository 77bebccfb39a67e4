"""Every kind of connection, for the tests that hold for all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from opend_kafka.transport.connection import Connection
from tests.transport.peers import Peer, in_memory, over_tcp
from tests.transport.websocket_peers import over_websocket

Pair = tuple[Connection, Peer]


_NETWORKS: dict[str, Callable[[], AbstractAsyncContextManager[Pair]]] = {
    "tcp": over_tcp,
    "websocket": over_websocket,
}


@pytest.fixture(params=["memory", *_NETWORKS])
async def pair(request: pytest.FixtureRequest) -> AsyncIterator[Pair]:
    """A connection and its other end: the fake, and the real ones."""
    if request.param == "memory":
        yield in_memory()
    else:
        async with _NETWORKS[request.param]() as pair:
            yield pair

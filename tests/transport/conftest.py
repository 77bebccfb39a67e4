"""Both kinds of connection, for the tests that hold for both."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from opend_kafka.transport.connection import Connection
from tests.transport.peers import Peer, in_memory, over_tcp

Pair = tuple[Connection, Peer]


@pytest.fixture(params=["memory", "tcp"])
async def pair(request: pytest.FixtureRequest) -> AsyncIterator[Pair]:
    """A connection and its other end: the fake, and the real one."""
    if request.param == "memory":
        yield in_memory()
    else:
        async with over_tcp() as pair:
            yield pair

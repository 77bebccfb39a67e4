"""The front of an OpenD stand-in: its port, its clients, its desk. What it serves is others' doing.

It tells of each push that goes to the network, by `on_push`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Self

import structlog

from opend_kafka.opend.ciphers import PacketCipher
from opend_kafka.opend.frames import PLAIN
from opend_kafka.simulator.connection import Connection
from opend_kafka.simulator.desk import Desk, Visitor
from opend_kafka.simulator.listening import Listener
from opend_kafka.simulator.pushes import Push

#: Bytes that may wait for one client: some ten seconds of the fastest market we know of. More, and
#: the client is lost anyway.
WRITE_LIMIT = 64 * 1024 * 1024

_log = structlog.get_logger()


class Front:
    """An OpenD's process, as far as clients see it; a context manager."""

    def __init__(
        self,
        desk: Desk,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        write_limit: int = WRITE_LIMIT,
        rsa: PacketCipher | None = None,
        on_push: Callable[[int, Push], None] = lambda conn_id, push: None,
    ) -> None:
        """Make one that does nothing yet.

        Args:
            desk: answers requests.
            host: the address to listen on.
            port: the port; 0 takes any that is free, see `port`.
            write_limit: bytes that may wait for one client before it is dropped.
            rsa: the cipher of InitConnect; None where this OpenD has no key.
            on_push: told of each push, by connection id, as it goes to the network.
        """
        self._desk = desk
        self._listener = Listener(host, port, self._connection)
        self._write_limit = write_limit
        self._rsa = rsa or PLAIN
        self._on_push = on_push
        self._clients: dict[int, Connection] = {}

    @property
    def port(self) -> int:
        """The port it listens on; after `start` a real one."""
        return self._listener.port

    @property
    def conn_ids(self) -> tuple[int, ...]:
        """The clients that are connected, in the order in which they came."""
        return tuple(self._clients)

    @property
    def visitors(self) -> tuple[Visitor, ...]:
        """The clients that are connected, as the desk sees them: with their keys."""
        return tuple(client.visitor for client in self._clients.values())

    async def start(self) -> None:
        """Listen. Raises OSError where the port is taken."""
        await self._listener.open()
        _log.info("simulator_listening", host=self._listener.host, port=self.port)

    async def close(self) -> None:
        """Stop listening, and the clients' connections, after what they still take."""
        self._listener.shut()
        clients = tuple(self._clients.values())
        for client in clients:
            client.close()
        for client in clients:
            await client.closed.wait()

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.close()

    async def written(self) -> None:
        """Wait until no client has much left to read."""
        await asyncio.sleep(0)
        await self._listener.opened()
        for client in tuple(self._clients.values()):
            await client.writable()

    def drop_clients(self) -> None:
        """Cut every connection, as a crash of OpenD does. It goes on listening."""
        for client in tuple(self._clients.values()):
            client.drop("as asked")

    def shut(self) -> None:
        """Listen no more, and cut every connection: OpenD has ended."""
        self._listener.shut()
        self.drop_clients()

    def reopen(self) -> None:
        """Listen again, after `shut`, soon."""
        self._listener.reopen()

    def send(self, push: Push) -> None:
        """Queue a push for those of its takers that are connected; `flush` sends."""
        for conn_id in push.conn_ids:
            if conn_id in self._clients:
                self._clients[conn_id].push(push)

    def flush(self) -> None:
        """Hand what is queued to the network."""
        for client in tuple(self._clients.values()):
            client.flush()

    def _connection(self) -> Connection:
        return Connection(
            self._desk,
            self._clients,
            write_limit=self._write_limit,
            on_push=self._on_push,
            rsa=self._rsa,
        )

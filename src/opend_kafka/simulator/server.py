"""The OpenD stand-in: a TCP server in front of a simulated market."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog

from opend_kafka.opend.ciphers import PacketCipher
from opend_kafka.opend.frames import PLAIN
from opend_kafka.opend.pb.Qot_Common_pb2 import Ticker
from opend_kafka.opend.pb.Qot_UpdateOrderBook_pb2 import S2C as BookMessage  # noqa: N811 - its use
from opend_kafka.opend.securities import Security
from opend_kafka.simulator.connection import Connection
from opend_kafka.simulator.desk import Desk, Visitor
from opend_kafka.simulator.market import Market
from opend_kafka.simulator.pacing import follow_the_clock
from opend_kafka.simulator.publisher import Publisher
from opend_kafka.simulator.pushes import Push
from opend_kafka.simulator.subscriptions import Subscriptions

#: Bytes that may wait for one client: some ten seconds of the fastest market we know of. More, and
#: the client is lost anyway.
WRITE_LIMIT = 64 * 1024 * 1024

#: Ticks that `drive` pushes between two looks at whether the clients keep up.
_STRIDE = 200

_log = structlog.get_logger()

OnSent = Callable[[int, Security, Sequence[Ticker]], None]
OnBookSent = Callable[[int, Security, BookMessage], None]


class Simulator:
    """An OpenD stand-in for any number of clients at once."""

    def __init__(
        self,
        market: Market,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        pace: bool = True,
        quota: int = 1000,
        login_user_id: int = 1,
        keep_alive_interval_s: int = 10,
        ticks_per_push: int = 1,
        book_interval_us: int = 100_000,
        write_limit: int = WRITE_LIMIT,
        rsa: PacketCipher | None = None,
        on_sent: OnSent | None = None,
        on_book_sent: OnBookSent | None = None,
    ) -> None:
        """Make a simulator that does nothing yet.

        Args:
            market: what trades. Its securities are all that this OpenD knows.
            host: the address to listen on.
            port: the port; 0 takes any that is free, see `port`.
            pace: let the market's time pass with the clock. False: `advance` and `drive` move it.
            quota: subscriptions of all connections together.
            login_user_id: whose account this OpenD has logged in.
            keep_alive_interval_s: what InitConnect tells the clients.
            ticks_per_push: see `Publisher`.
            book_interval_us: see `Publisher`.
            write_limit: bytes that may wait for one client before it is dropped.
            rsa: the cipher of InitConnect; None where this OpenD has no key.
            on_sent: told of the ticks of each push, by connection id, as they go to the network.
            on_book_sent: told of each book likewise.
        """
        self._market = market
        self._host = host
        self._port = port
        self._pace = pace
        self._write_limit = write_limit
        self._rsa = rsa or PLAIN
        self._on_sent = on_sent
        self._on_book_sent = on_book_sent
        self._clients: dict[int, Connection] = {}
        subscriptions = Subscriptions(quota)
        self._publisher = Publisher(
            market, subscriptions, ticks_per_push=ticks_per_push, book_interval_us=book_interval_us
        )
        self._desk = Desk(
            market,
            subscriptions,
            self._publisher,
            login_user_id=login_user_id,
            keep_alive_interval_s=keep_alive_interval_s,
            encrypts=rsa is not None,
        )
        self._server: asyncio.Server | None = None
        self._pacing: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The port it listens on; after `start` a real one."""
        return self._port

    @property
    def market(self) -> Market:
        """What trades."""
        return self._market

    @property
    def conn_ids(self) -> tuple[int, ...]:
        """The clients that are connected, in the order in which they came."""
        return tuple(self._clients)

    @property
    def visitors(self) -> tuple[Visitor, ...]:
        """The clients that are connected, as the desk sees them: with their keys."""
        return tuple(client.visitor for client in self._clients.values())

    async def start(self) -> None:
        """Listen, and let the time pass if `pace`. Raises OSError where the port is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connection, self._host, self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        if self._pace:
            pacing = follow_the_clock(self._market, self._advance_to)
            self._pacing = asyncio.create_task(pacing, name="simulator-pacing")
        _log.info("simulator_listening", host=self._host, port=self._port)

    async def close(self) -> None:
        """Stop the time, the clients' connections and the listening."""
        if self._pacing is not None:
            self._pacing.cancel()
            with suppress(asyncio.CancelledError):
                await self._pacing
        if self._server is not None:
            self._server.close()
        clients = tuple(self._clients.values())
        for client in clients:
            client.close()
        for client in clients:
            await client.closed.wait()

    async def __aenter__(self) -> Simulator:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.close()

    def advance(self, seconds: float) -> None:
        """Let the market's time go on, and push what falls into it; slow clients do not hold it."""
        self._advance_to(self._market.now_us + round(seconds * 1_000_000))

    async def drive(self, until_tick: int) -> None:
        """Push the ticks with numbers below `until_tick`, as fast as every client reads."""
        while (done := self._market.trade_count) < until_tick:
            self._advance_to(self._market.time_of(min(done + _STRIDE, until_tick)))
            await self.written()

    async def written(self) -> None:
        """Wait until no client has much left to read."""
        await asyncio.sleep(0)
        for client in tuple(self._clients.values()):
            await client.writable()

    def drop_clients(self) -> None:
        """Cut every connection, as a crash of OpenD does. It goes on listening."""
        for client in tuple(self._clients.values()):
            client.drop("as asked")

    def _connection(self) -> Connection:
        return Connection(
            self._desk,
            self._clients,
            write_limit=self._write_limit,
            on_push=self._tell,
            rsa=self._rsa,
        )

    def _advance_to(self, until_us: int) -> None:
        for push in self._publisher.advance(until_us):
            for conn_id in push.conn_ids:
                self._clients[conn_id].push(push)
        for client in tuple(self._clients.values()):
            client.flush()

    def _tell(self, conn_id: int, push: Push) -> None:
        if push.book is None:
            if self._on_sent is not None:
                self._on_sent(conn_id, push.security, push.ticks)
        elif self._on_book_sent is not None:
            self._on_book_sent(conn_id, push.security, push.book)


@dataclass(frozen=True, slots=True)
class SimulatorSettings:
    """What `opend-kafka simulate` can be told. With `start_us` None it starts at the present."""

    securities: tuple[Security, ...]
    host: str = "127.0.0.1"
    port: int = 11111
    rate: float = 100.0
    seed: int = 1
    start_us: int | None = None
    quota: int = 1000
    rsa: PacketCipher | None = None


async def serve(settings: SimulatorSettings, stop: asyncio.Event) -> None:
    """Run a simulator until `stop` is set.

    Raises:
        ValueError: the settings make no market.
        OSError: the address cannot be listened on.
    """
    start_us = time.time_ns() // 1_000 if settings.start_us is None else settings.start_us
    market = Market(settings.securities, seed=settings.seed, rate=settings.rate, start_us=start_us)
    simulator = Simulator(
        market,
        host=settings.host,
        port=settings.port,
        quota=settings.quota,
        rsa=settings.rsa,
    )
    async with simulator:
        await stop.wait()

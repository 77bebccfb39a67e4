"""Link after link."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from opend_kafka.backoff import Backoff
from opend_kafka.errors import LinkLost, OpenDError, OpenDUnreachable
from opend_kafka.opend.events import Event, Live
from opend_kafka.opend.lifecycle import Lifecycle, Phase
from opend_kafka.opend.pb import GetGlobalState_pb2
from opend_kafka.opend.reconciler import Reconciler
from opend_kafka.opend.securities import Security
from opend_kafka.opend.session import Session
from opend_kafka.opend.subscriptions import Subscription, Subtype
from opend_kafka.simulator.market import Market
from opend_kafka.simulator.server import Simulator
from opend_kafka.transport import tcp
from opend_kafka.transport.connection import Connection
from opend_kafka.transport.keeper import Keeper

TICKER = Subscription(Security("HK", "00700"), Subtype.TICKER)
HANGS_S = 20


class _Kept:
    """A keeper at work, and what it tells."""

    def __init__(self, connect: Callable[[], Awaitable[Connection]]) -> None:
        self.lifecycle = Lifecycle()
        self.reconciler = Reconciler([TICKER])
        self.sessions: list[Session] = []
        self.events: list[Event] = []
        self.downs: list[OpenDError] = []
        self.changed = asyncio.Event()
        self.keeper = Keeper(
            connect,
            self._session,
            self.lifecycle,
            Backoff(0.01, 0.02),
            on_event=self._on_event,
            on_down=self._on_down,
            gate=self._gate,
            after_read=lambda: None,
        )

    def _session(self) -> Session:
        session = Session(self.reconciler, request_timeout_s=0.2, lifecycle=self.lifecycle)
        self.sessions.append(session)
        return session

    def _on_event(self, event: Event) -> None:
        self.events.append(event)
        self.changed.set()

    def _on_down(self, error: OpenDError) -> None:
        self.downs.append(error)
        self.changed.set()

    async def _gate(self) -> None:
        return

    async def until(self, condition: Callable[[], bool]) -> None:
        """Run until the condition holds, looking at each thing told; then end the keeper."""
        task = asyncio.create_task(self.keeper.run())
        try:
            async with asyncio.timeout(HANGS_S):
                while not condition():
                    self.changed.clear()
                    await self.changed.wait()
        finally:
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    @property
    def lives(self) -> int:
        return sum(isinstance(event, Live) for event in self.events)


def _simulator() -> Simulator:
    return Simulator(Market([TICKER.security], seed=1, rate=1, start_us=0), pace=False)


async def test_keeper_links_again_after_every_cut() -> None:
    """Three cuts, four live links, each with a session of its own."""
    async with _simulator() as simulator:
        kept = _Kept(lambda: tcp.connect("127.0.0.1", simulator.port, timeout_s=1))
        cuts = 0

        def cut_and_count() -> bool:
            nonlocal cuts
            if kept.lives > cuts and cuts < 3:
                cuts += 1
                simulator.drop_clients()
            return kept.lives == 4

        await kept.until(cut_and_count)
    assert [type(error) for error in kept.downs] == [LinkLost] * 3
    assert len(kept.sessions) == 4


async def test_keeper_waits_for_an_opend_that_comes_later() -> None:
    """Refused connections are told, and the first answer is taken."""
    async with _simulator() as simulator:
        attempts = 0

        async def connect() -> Connection:
            nonlocal attempts
            attempts += 1
            if attempts < 4:
                raise OpenDUnreachable("127.0.0.1", 1, "Connection refused")
            return await tcp.connect("127.0.0.1", simulator.port, timeout_s=1)

        kept = _Kept(connect)
        await kept.until(lambda: kept.lives == 1)
    assert len(kept.downs) == 3


async def test_keeper_leaves_a_peer_that_never_answers() -> None:
    """A silent peer ends in a time-out, and the next attempt is made."""

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        kept = _Kept(lambda: tcp.connect("127.0.0.1", port, timeout_s=1))
        await kept.until(lambda: len(kept.downs) == 2)
    assert {error.reason for error in kept.downs} == {"request_timed_out"}


async def test_keeper_shows_the_phase() -> None:
    """Live while it is live."""
    async with _simulator() as simulator:
        kept = _Kept(lambda: tcp.connect("127.0.0.1", simulator.port, timeout_s=1))
        await kept.until(lambda: kept.lives == 1)
        assert kept.lifecycle.phase is Phase.LIVE


async def test_question_without_a_link_is_link_lost() -> None:
    """Who asks while there is no link is told so at once."""

    async def refuse() -> Connection:
        raise OpenDUnreachable("127.0.0.1", 1, "refused")

    with pytest.raises(LinkLost, match="no link"):
        await _Kept(refuse).keeper.ask(GetGlobalState_pb2.Request())


async def test_question_goes_over_the_link_of_now() -> None:
    """While there is a link, it carries questions."""
    market = Market([TICKER.security], seed=1, rate=1, start_us=0)
    async with Simulator(market, port=0) as simulator:
        kept = _Kept(lambda: tcp.connect("127.0.0.1", simulator.port, timeout_s=HANGS_S))
        task = asyncio.create_task(kept.keeper.run())
        async with asyncio.timeout(HANGS_S):
            while not kept.lives:
                kept.changed.clear()
                await kept.changed.wait()
            request = GetGlobalState_pb2.Request()
            request.c2s.userID = 0
            reply = await kept.keeper.ask(request)
        assert reply.s2c.qotLogined
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

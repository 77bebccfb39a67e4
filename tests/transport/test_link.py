"""A connection driven by a session, against an OpenD of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from opend_kafka.errors import (
    BadMagic,
    LinkLost,
    ReplyUnreadable,
    RequestRefused,
    RequestTimedOut,
)
from opend_kafka.opend.events import (
    Event,
    Live,
    LoggedIn,
    MarketStates,
    Push,
    QuotaSeen,
    Reply,
    Subscribed,
)
from opend_kafka.opend.frames import Frame, FrameReader, encode
from opend_kafka.opend.lifecycle import Phase
from opend_kafka.opend.messages import ProtoId
from opend_kafka.opend.reconciler import Reconciler
from opend_kafka.opend.session import Session
from opend_kafka.transport import link as link_module
from opend_kafka.transport.connection import Connection
from opend_kafka.transport.link import Link
from tests.opend.conversation import (
    ASK_SUB_INFO,
    GARBAGE,
    PLENTY,
    SUB_INFO,
    TICK,
    TICK_PUSH,
    TICKER,
    accepted,
    logged_in,
    refused,
    reply,
)
from tests.opend.test_session_degraded import LOST, RESTORED
from tests.transport.peers import PATIENCE_S, Peer, in_memory

Pair = tuple[Connection, Peer]


class OpenD:
    """Speaks at the peer's end: answers what the link asks, frame by frame."""

    def __init__(self, peer: Peer) -> None:
        """Take over the peer."""
        self.peer = peer
        self._reader = FrameReader()
        self._frames: list[Frame] = []

    async def asked(self) -> Frame:
        """Wait for the next frame that the link sends."""
        while not self._frames:
            data = await self.peer.receive()
            assert data, "the link closed the connection"
            self._frames += self._reader.receive(data)
        return self._frames.pop(0)

    async def accept(self, count: int) -> None:
        """Say yes to so many requests."""
        for _ in range(count):
            self.peer.send(accepted(await self.asked()))


class Events:
    """A handler that remembers, and can be waited for."""

    def __init__(self) -> None:
        """Begin with none."""
        self.all: list[Event] = []
        self._changed = asyncio.Event()

    def __call__(self, event: Event) -> None:
        """Take one event."""
        self.all.append(event)
        self._changed.set()

    async def until(self, last: Event) -> list[Event]:
        """Wait for an event; give all until now."""
        while last not in self.all:
            self._changed.clear()
            await self._changed.wait()
        return self.all


@asynccontextmanager
async def running(link: Link) -> AsyncIterator[asyncio.Task[None]]:
    """Run a link for as long as the test needs it, within the test's patience."""
    task = asyncio.create_task(link.run())
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield task
    finally:
        task.cancel()
        # Its outcome is for the test to judge.
        await asyncio.gather(task, return_exceptions=True)


async def ended(pair: Pair, answer: Callable[[Peer], None]) -> None:
    """Run a link that is logged in and is answered so, until it ends."""
    connection, peer = pair
    async with running(Link(connection, Session(), Events())) as task:
        opend = OpenD(peer)
        await opend.accept(1)
        await opend.asked()
        answer(peer)
        await task


# Both kinds of connection


async def test_link_brings_session_to_life(pair: Pair) -> None:
    """The link sends what the session asks for and hands on every event, in order."""
    connection, peer = pair
    events = Events()
    async with running(Link(connection, Session(Reconciler([TICKER])), events)):
        await OpenD(peer).accept(4)
        peer.send(TICK.frame)
        assert [type(event) for event in await events.until(TICK_PUSH)] == [
            LoggedIn,
            MarketStates,
            QuotaSeen,
            Subscribed,
            Live,
            Push,
        ]


async def test_link_joins_frames_that_come_in_pieces(pair: Pair) -> None:
    """A push that comes in two pieces is handed on once it is whole."""
    connection, peer = pair
    events = Events()
    async with running(Link(connection, Session(), events)):
        await OpenD(peer).accept(3)
        await events.until(Live(0, 0))
        peer.send(TICK.frame[:50])
        peer.send(TICK.frame[50:])
        await events.until(TICK_PUSH)


async def test_peer_that_closes_mid_frame_is_link_lost(pair: Pair) -> None:
    """A connection that ends inside a frame ends the link, which says so."""

    def cut(peer: Peer) -> None:
        peer.send(TICK.frame[:-1])
        peer.close()

    with pytest.raises(LinkLost, match="inside a frame"):
        await ended(pair, cut)


async def test_peer_that_closes_is_link_lost(pair: Pair) -> None:
    """A connection that OpenD closes ends the link."""
    with pytest.raises(LinkLost, match="closed the connection"):
        await ended(pair, lambda peer: peer.close())


async def test_peer_of_another_protocol_ends_link(pair: Pair) -> None:
    """Bytes that no OpenD sends end the link."""
    with pytest.raises(BadMagic):
        await ended(pair, lambda peer: peer.send(b"x" * 44))


async def test_link_that_failed_has_closed_its_connection(pair: Pair) -> None:
    """When the link fails, the other side sees the end of the connection."""
    _, peer = pair
    with suppress(BadMagic):
        await ended(pair, lambda peer: peer.send(b"x" * 44))
    async with asyncio.timeout(PATIENCE_S):
        assert await peer.receive() == b""


async def test_cancelled_link_has_closed_its_connection(pair: Pair) -> None:
    """A worker that stops ends the connection."""
    connection, peer = pair
    async with running(Link(connection, Session(), Events())) as task:
        await OpenD(peer).asked()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await peer.receive() == b""


# Asking


@asynccontextmanager
async def live() -> AsyncIterator[tuple[Link, OpenD, asyncio.Task[None]]]:
    """Run a link that is live."""
    connection, peer = in_memory()
    events = Events()
    link, opend = Link(connection, Session(), events), OpenD(peer)
    async with running(link) as task:
        await opend.accept(3)
        await events.until(Live(0, 0))
        yield link, opend, task


async def test_ask_gets_its_reply() -> None:
    """A question is sent at once and gives its reply, with what that came as."""
    async with live() as (link, opend, _):
        answer = asyncio.create_task(link.ask(ASK_SUB_INFO))
        request = await opend.asked()
        assert request.proto_id == ProtoId.QOT_GET_SUB_INFO
        opend.peer.send(reply(request, SUB_INFO))
        assert await answer == Reply(2**64 - 1, request.serial, SUB_INFO.s2c)


async def test_ask_gets_its_refusal_and_link_goes_on() -> None:
    """A question that OpenD refuses raises, for the one who asked only."""
    async with live() as (link, opend, task):
        answer = asyncio.create_task(link.ask(ASK_SUB_INFO))
        request = await opend.asked()
        opend.peer.send(reply(request, refused(request)))
        with pytest.raises(RequestRefused, match="no"):
            await answer
        assert not task.done()


async def test_asks_get_their_own_replies() -> None:
    """Questions that are out together are answered each by its own reply."""
    async with live() as (link, opend, _):
        answers = [asyncio.create_task(link.ask(ASK_SUB_INFO)) for _ in range(2)]
        first, second = await opend.asked(), await opend.asked()
        opend.peer.send(reply(second, refused(second)) + reply(first, SUB_INFO))
        results: list[Any] = await asyncio.gather(*answers, return_exceptions=True)
        assert results[0].s2c == SUB_INFO.s2c
        assert isinstance(results[1], RequestRefused)


async def test_ask_is_link_lost_when_link_ends_first() -> None:
    """A question that is out when the link ends is told so."""
    async with live() as (link, opend, _):
        answer = asyncio.create_task(link.ask(ASK_SUB_INFO))
        await opend.asked()
        opend.peer.close()
        with pytest.raises(LinkLost):
            await answer


async def test_ask_is_link_lost_when_link_is_cancelled() -> None:
    """A question that is out when the worker stops is not left waiting."""
    async with live() as (link, opend, task):
        answer = asyncio.create_task(link.ask(ASK_SUB_INFO))
        await opend.asked()
        task.cancel()
        with pytest.raises(LinkLost):
            await answer


async def test_ask_after_link_ended_is_link_lost() -> None:
    """A question to a link that has ended is not left waiting for ever."""
    async with live() as (link, opend, task):
        opend.peer.close()
        with suppress(LinkLost):
            await task
        with pytest.raises(LinkLost):
            async with asyncio.timeout(0.2):
                await link.ask(ASK_SUB_INFO)


async def test_reply_that_asker_no_longer_awaits_does_no_harm() -> None:
    """Who asked may give up; the reply then ends nothing, and the next question is answered."""
    async with live() as (link, opend, task):
        given_up = asyncio.create_task(link.ask(ASK_SUB_INFO))
        request = await opend.asked()
        given_up.cancel()
        with suppress(asyncio.CancelledError):
            await given_up
        opend.peer.send(reply(request, SUB_INFO))
        answer = asyncio.create_task(link.ask(ASK_SUB_INFO))
        await opend.accept(1)
        assert (await answer).s2c == PLENTY.s2c
        assert not task.done()


async def test_unreadable_reply_ends_link_and_ask() -> None:
    """A reply that is not its message ends the link, and the question with it."""
    async with live() as (link, opend, task):
        answer = asyncio.create_task(link.ask(ASK_SUB_INFO))
        request = await opend.asked()
        opend.peer.send(encode(Frame(request.proto_id, request.serial, GARBAGE)))
        with pytest.raises(LinkLost):
            await answer
        with pytest.raises(ReplyUnreadable):
            await task


# The clock


async def test_silent_opend_times_out() -> None:
    """The link wakes by itself when a request has waited too long."""
    connection, _ = in_memory()
    link = Link(connection, Session(request_timeout_s=0.02), Events())
    async with running(link) as task:
        with pytest.raises(RequestTimedOut, match="InitConnect"):
            await task


async def test_link_keeps_alive() -> None:
    """The link wakes by itself to send KeepAlive."""
    connection, peer = in_memory()
    async with running(Link(connection, Session(), Events())):
        opend = OpenD(peer)
        peer.send(reply(await opend.asked(), logged_in(interval_s=1)))
        assert (await opend.asked()).proto_id == ProtoId.GET_GLOBAL_STATE
        assert (await opend.asked()).proto_id == ProtoId.KEEP_ALIVE


async def test_link_does_at_once_what_a_notice_makes_due(monkeypatch: pytest.MonkeyPatch) -> None:
    """A login that stands again is looked at when OpenD says so, not when the link next wakes."""
    monkeypatch.setattr(link_module, "_LONGEST_NAP_S", 10 * PATIENCE_S)
    connection, peer = in_memory()
    events = Events()
    async with running(Link(connection, Session(), events)):
        opend = OpenD(peer)
        await opend.accept(3)
        await events.until(Live(0, 0))
        peer.send(LOST)
        peer.send(RESTORED)
        assert (await opend.asked()).proto_id == ProtoId.GET_GLOBAL_STATE


# The gate


class Gate:
    """Holds the link back until it is opened."""

    def __init__(self) -> None:
        """Begin shut."""
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()

    async def __call__(self) -> None:
        """Wait for it to be opened."""
        self.reached.set()
        await self.opened.wait()


class CountingTicks(Session):
    """A session that tells when its clock has been read some times."""

    def __init__(self) -> None:
        """Time out soon: each time-out is a reason to tick."""
        super().__init__(request_timeout_s=0.01)
        self.ticks = 0
        self.ticked = asyncio.Event()

    def tick(self, now: float, *, unix_time: int, reading: bool = True) -> None:
        """See `Session.tick`."""
        super().tick(now, unix_time=unix_time, reading=reading)
        self.ticks += 1
        if self.ticks == 5:
            self.ticked.set()


async def test_gate_holds_reading_back() -> None:
    """While the gate is shut, nothing is taken from the connection."""
    connection, peer = in_memory()
    gate = Gate()
    async with running(Link(connection, Session(), Events(), gate=gate)):
        await gate.reached.wait()
        peer.send(accepted(await OpenD(peer).asked()))
        assert connection.receives == 0


async def test_opened_gate_lets_reading_go_on() -> None:
    """Once the gate opens, what has come meanwhile is taken."""
    connection, peer = in_memory()
    gate, events = Gate(), Events()
    async with running(Link(connection, Session(), events, gate=gate)):
        await gate.reached.wait()
        gate.opened.set()
        await OpenD(peer).accept(3)
        await events.until(Live(0, 0))


async def test_gate_is_asked_before_each_read() -> None:
    """The gate is asked before the first read, and again before every other."""
    connection, peer = in_memory()
    seen = []

    async def gate() -> None:
        seen.append(connection.receives)

    events = Events()
    async with running(Link(connection, Session(), events, gate=gate)):
        await OpenD(peer).accept(3)
        await events.until(Live(0, 0))
        assert seen == list(range(len(seen)))
        assert len(seen) >= 2


async def test_silence_behind_shut_gate_is_not_held_against_opend() -> None:
    """While the worker does not read, no request times out, however often the clock is read."""
    connection, _ = in_memory()
    session = CountingTicks()
    async with running(Link(connection, session, Events(), gate=Gate())) as task:
        await session.ticked.wait()
        assert not task.done()


# The handler


async def test_error_of_handler_ends_link_and_closes_connection() -> None:
    """What the handler raises ends the link, unchanged, and the connection with it."""

    class Broken(Exception):
        pass

    def handle(event: Event) -> None:
        raise Broken

    connection, peer = in_memory()
    async with running(Link(connection, Session(), handle)) as task:
        await OpenD(peer).accept(1)
        with pytest.raises(Broken):
            await task
        assert await _to_end(peer) == b""


async def _to_end(peer: Peer) -> bytes:
    """Read on until the connection ends."""
    while data := await peer.receive():
        del data
    return b""


async def test_after_read_follows_events_of_each_read() -> None:
    """What is to be done after a read is done after its events, once."""
    connection, peer = in_memory()
    calls: list[str] = []
    served = asyncio.Event()

    def handle(event: Event) -> None:
        calls.append(type(event).__name__)

    def after_read() -> None:
        calls.append("after_read")
        if "Push" in calls:
            served.set()

    link = Link(connection, Session(), handle, after_read=after_read)
    async with running(link):
        opend = OpenD(peer)
        await opend.accept(1)
        peer.send(accepted(await opend.asked()) + TICK.frame * 2)
        await served.wait()
        login, state = ["LoggedIn", "after_read"], ["MarketStates", "Push", "Push", "after_read"]
        assert calls == login + state


async def test_session_has_moved_on_when_handler_is_called() -> None:
    """A handler that looks at the session sees the state that the event tells of."""
    connection, peer = in_memory()
    session = Session()
    states = []
    events = Events()

    def handle(event: Event) -> None:
        states.append(session.phase)
        events(event)

    async with running(Link(connection, session, handle)):
        await OpenD(peer).accept(3)
        await events.until(Live(0, 0))
        assert states == [Phase.CHECKING, Phase.SUBSCRIBING, Phase.SUBSCRIBING, Phase.LIVE]

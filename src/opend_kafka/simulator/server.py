"""The OpenD stand-in with a simulated market, whose time passes with the clock or as it is told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import partial
from itertools import chain
from typing import Any, cast

import structlog
from google.protobuf.message import Message

from opend_kafka.opend.ciphers import PacketCipher
from opend_kafka.opend.messages import ProtoId
from opend_kafka.opend.pb.Qot_Common_pb2 import Ticker
from opend_kafka.opend.pb.Qot_UpdateOrderBook_pb2 import S2C as BookMessage  # noqa: N811 - its use
from opend_kafka.opend.securities import Security
from opend_kafka.simulator.agenda import Agenda
from opend_kafka.simulator.conditions import Conditions
from opend_kafka.simulator.desk import Desk
from opend_kafka.simulator.effects import Effects
from opend_kafka.simulator.faults import Fault
from opend_kafka.simulator.front import WRITE_LIMIT, Front
from opend_kafka.simulator.market import Market
from opend_kafka.simulator.pacing import follow_the_clock
from opend_kafka.simulator.publisher import Publisher
from opend_kafka.simulator.pushes import Push
from opend_kafka.simulator.relay import relaying
from opend_kafka.simulator.scenario import Planned, Scenario
from opend_kafka.simulator.sieve import Sieve
from opend_kafka.simulator.subscriptions import Subscriptions

#: Ticks that `drive` pushes between two looks at whether the clients keep up.
_STRIDE = 200

_log = structlog.get_logger()

OnSent = Callable[[int, Security, Sequence[Ticker]], None]
OnBookSent = Callable[[int, Security, BookMessage], None]
OnStateSent = Callable[[int, Message], None]
OnDamaged = Callable[[int, Security, Sequence[Ticker], str], None]
OnFault = Callable[[Fault, int], None]


class Simulator(Front):
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
        on_state_sent: OnStateSent | None = None,
        on_damaged: OnDamaged | None = None,
        on_fault: OnFault | None = None,
        scenario: Scenario | None = None,
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
            on_state_sent: told of the s2c of each other push, but Notify, likewise: quotes,
                K-lines, the intraday line, brokers.
            on_damaged: told, in place of `on_sent`, of the ticks of a push that a fault made
                unusable, and of the fault's kind.
            on_fault: told of each fault, with what was drawn for it, and its time of the market,
                as it begins.
            scenario: the faults to come; see also `inject`.
        """
        subscriptions, conditions = Subscriptions(quota), Conditions()
        publisher = Publisher(
            market, subscriptions, ticks_per_push=ticks_per_push, book_interval_us=book_interval_us
        )
        desk = Desk(
            market,
            subscriptions,
            publisher,
            login_user_id=login_user_id,
            keep_alive_interval_s=keep_alive_interval_s,
            encrypts=rsa is not None,
            conditions=conditions,
        )
        super().__init__(
            desk, host=host, port=port, write_limit=write_limit, rsa=rsa, on_push=self._tell
        )
        self._market = market
        self._publisher = publisher
        self._pace = pace
        self._on_sent = on_sent
        self._on_book_sent = on_book_sent
        self._on_state_sent = on_state_sent
        self._on_damaged = on_damaged
        self._on_fault = on_fault
        self._agenda = Agenda()
        self._sieve = Sieve(conditions, market, subscriptions)
        self._effects = Effects(
            self, self._clients, market, subscriptions, conditions, self._sieve, self._agenda
        )
        self._planned = (scenario or Scenario()).schedule(market.securities)
        self._plan_next()
        self._pacing: asyncio.Task[None] | None = None

    @property
    def market(self) -> Market:
        """What trades."""
        return self._market

    async def start(self) -> None:
        """Listen, and let the time pass if `pace`. Raises OSError where the port is taken."""
        await super().start()
        if self._pace:
            pacing = follow_the_clock(self._market, self._advance_to)
            self._pacing = asyncio.create_task(pacing, name="simulator-pacing")

    async def close(self) -> None:
        """Stop the time, the clients' connections and the listening."""
        if self._pacing is not None:
            self._pacing.cancel()
            with suppress(asyncio.CancelledError):
                await self._pacing
        await super().close()

    def advance(self, seconds: float) -> None:
        """Let the market's time go on, and push what falls into it; slow clients do not hold it."""
        self._advance_to(self._market.now_us + round(seconds * 1_000_000))

    async def drive(self, until_tick: int) -> None:
        """Push the ticks with numbers below `until_tick`, as fast as every client reads."""
        while (done := self._market.trade_count) < until_tick:
            until_us = self._market.time_of(min(done + _STRIDE, until_tick))
            # No further than to the next fault, which may change how fast the market trades.
            self._advance_to(min(until_us, self._agenda.next_us))
            await self.written()

    def inject(self, fault: Fault) -> None:
        """Let a fault begin now."""
        self.flush()
        now_us = self._market.now_us
        fault = self._effects.apply(fault)
        at_s = (now_us - self._market.start_us) / 1_000_000
        _log.info("fault_injected", kind=fault.kind, at_s=at_s, **_told(fault))
        if self._on_fault is not None:
            self._on_fault(fault, now_us)
        self.flush()

    def _plan_next(self) -> None:
        planned = next(self._planned, None)
        if planned is not None:
            at_us = self._market.start_us + planned.at_us
            self._agenda.at(at_us, partial(self._begin, planned))

    def _begin(self, planned: Planned) -> None:
        self._plan_next()
        self.inject(planned.fault)

    def _advance_to(self, until_us: int) -> None:
        while (at_us := self._agenda.next_us) <= until_us:
            self._publish(at_us)
            self.flush()
            self._agenda.run_next()
        self._publish(until_us)
        self.flush()

    def _publish(self, until_us: int) -> None:
        pushes = self._publisher.advance(until_us)
        if not self._sieve.idle:
            pushes = chain.from_iterable(map(self._sieve.through, pushes))
        for push in pushes:
            for conn_id in push.conn_ids:
                self._clients[conn_id].push(push)

    def _tell(self, conn_id: int, push: Push) -> None:
        if push.damage is not None:
            if self._on_damaged is not None:
                self._on_damaged(conn_id, push.security, push.ticks, push.damage)
        elif push.ticks:
            if self._on_sent is not None:
                self._on_sent(conn_id, push.security, push.ticks)
        elif push.book is not None:
            if self._on_book_sent is not None:
                self._on_book_sent(conn_id, push.security, push.book)
        elif push.proto_id != ProtoId.NOTIFY and self._on_state_sent is not None:
            self._on_state_sent(conn_id, cast(Any, push.response).s2c)


def _told(fault: Fault) -> dict[str, Any]:
    """Give a fault's parameters as a log line has them."""
    values = ((field.name, getattr(fault, field.name)) for field in fields(fault))
    return {name: value if isinstance(value, int | float) else str(value) for name, value in values}


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
    scenario: Scenario | None = None
    websocket_port: int | None = None
    websocket_key: str | None = None


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
        scenario=settings.scenario,
    )
    async with (
        simulator,
        relaying(
            settings.host,
            simulator.port,
            port=settings.websocket_port,
            key=settings.websocket_key,
            rsa=settings.rsa,
        ),
    ):
        await stop.wait()

"""An OpenD that remembers every tick it had, whether or not anybody was connected, and its pace."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress

from opend_kafka.opend.pb.Qot_Common_pb2 import PushDataType_Realtime, Ticker
from opend_kafka.opend.securities import Security
from opend_kafka.simulator.faults import Fault
from opend_kafka.simulator.front import WRITE_LIMIT
from opend_kafka.simulator.market import Market, Trade
from opend_kafka.simulator.pacing import follow_the_clock
from opend_kafka.simulator.server import Simulator

#: Seconds: a dead link is noticed after three of them.
_KEEP_ALIVE_S = 1

#: What a push carries at most: as few as the pace gives, more where this machine catches up.
_TICKS_PER_PUSH = 16


class _RememberingMarket(Market):
    """A market that keeps the sequence of each trade."""

    def __init__(
        self, securities: Sequence[Security], *, seed: int, rate: float, start_us: int
    ) -> None:
        super().__init__(securities, seed=seed, rate=rate, start_us=start_us)
        #: By security, in their order: those of before the start too.
        self.sequences = {
            str(one): [tick.sequence for tick in self.stock(one).latest(1000)] for one in securities
        }

    def advance(self, until_us: int) -> Iterator[Trade]:
        """Trade, and remember."""
        for trade in super().advance(until_us):
            self.sequences[str(trade.security)].append(trade.tick.sequence)
            yield trade


class OpenD:
    """A simulated OpenD on this machine's clock; a context manager."""

    def __init__(
        self,
        securities: Sequence[Security],
        *,
        seed: int,
        rate: float,
        write_limit: int = WRITE_LIMIT,
    ) -> None:
        """Make one that does nothing yet; `write_limit` in bytes, as OpenD's for a client."""
        self._market = _RememberingMarket(
            securities, seed=seed, rate=rate, start_us=time.time_ns() // 1000
        )
        self._simulator = Simulator(
            self._market,
            pace=False,
            keep_alive_interval_s=_KEEP_ALIVE_S,
            ticks_per_push=_TICKS_PER_PUSH,
            write_limit=write_limit,
            on_sent=self._on_sent,
        )
        self._pacing: asyncio.Task[None]
        #: By security: the first tick that was ever pushed. What came before it is not promised.
        self._first: dict[str, int] = {}
        self._highest: dict[tuple[int, str], int] = {}
        #: Seconds of this machine's clock in which there was trade.
        self.traded_s = 0.0
        #: The ticks in that time.
        self.trades_in_time = 0
        self.pushed_late: defaultdict[str, set[int]] = defaultdict(set)

    async def __aenter__(self) -> OpenD:
        """Listen, and let the market trade."""
        await self._simulator.start()
        self._pacing = asyncio.create_task(follow_the_clock(self._market, self._advance_to))
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        self._pacing.cancel()
        with suppress(asyncio.CancelledError):
            await self._pacing
        await self._simulator.close()

    @property
    def port(self) -> int:
        """Its TCP port."""
        return self._simulator.port

    @property
    def trades(self) -> int:
        """How many ticks there have been, since the market's start."""
        return self._market.trade_count

    @property
    def behind_s(self) -> float:
        """How far the market's time is behind the clock: this machine is too slow for the rate."""
        return time.time() - self._market.now_us / 1e6

    @property
    def is_followed(self) -> bool:
        """Whether every security has been pushed."""
        return len(self._first) == len(self._market.securities)

    def had(self) -> dict[str, list[int]]:
        """Give, by security, the ticks since the first one that was ever pushed."""
        return {
            security: [one for one in sequences if one >= self._first.get(security, 0)]
            for security, sequences in self._market.sequences.items()
        }

    def earlier(self) -> dict[str, int]:
        """Give, by security, the sequence below which a tick is older than the first push."""
        return {security: first - 1 for security, first in self._first.items()}

    def inject(self, fault: Fault) -> None:
        """Let a fault begin now."""
        self._simulator.inject(fault)

    def end_trade(self) -> None:
        """Trade no more; all else goes on."""
        self.trades_in_time = self.trades
        self.traded_s = time.time() - self._market.start_us / 1e6
        for market in {one.market for one in self._market.securities}:
            self._market.close(market)

    def _advance_to(self, until_us: int) -> None:
        self._simulator.advance((until_us - self._market.now_us) / 1e6)

    def _on_sent(self, conn_id: int, security: Security, ticks: Sequence[Ticker]) -> None:
        name = str(security)
        self._first.setdefault(name, ticks[0].sequence)
        key = conn_id, name
        highest = self._highest.get(key, 0)
        for tick in ticks:
            if tick.pushDataType != PushDataType_Realtime:
                continue
            if tick.sequence < highest:
                self.pushed_late[name].add(tick.sequence)
            highest = max(highest, tick.sequence)
        self._highest[key] = highest

"""The session that survives: faults of every kind, and the link is live again each time."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from opend_kafka.config import Config
from opend_kafka.opend import reconciler, session
from opend_kafka.opend.securities import Security
from opend_kafka.simulator.faults import KINDS, Fault, HalfOpen, Reset
from opend_kafka.simulator.market import Market
from opend_kafka.simulator.scenario import AtRandom, Mix, Scenario, Step
from opend_kafka.simulator.server import Simulator
from opend_kafka.worker import Worker
from tests.conftest import Cluster
from tests.recovery import (
    MET_BY_A_NEW_LINK,
    UNFELT,
    USED_UP,
    Limits,
    LoopClock,
    Trial,
    WatchedStatus,
    slow,
    table,
)

T = TypeVar("T")

TRADED = tuple(
    Security.parse(one) for one in ("HK.00700", "HK.09988", "SH.600519", "US.AAPL", "US.TSLA")
)
WANTED = 2 * len(TRADED)
FAULTS = 200
EACH = FAULTS // len(KINDS)
RATE = 1000
KEEP_ALIVE_INTERVAL_S = 1
REQUEST_TIMEOUT_S = 1
MAX_BACKOFF_S = 0.5
#: Microseconds of the market in which what strikes the next push has struck.
STRUCK_US = 20_000
#: Seconds after which something hangs.
HANGS_S = 90


def _config(opend_port: int, bootstrap_servers: str, prefix: str) -> Config:
    return Config.model_validate(
        {
            "opend": {
                "port": opend_port,
                "request_timeout_s": REQUEST_TIMEOUT_S,
                "reconnect": {"initial_s": 0.05, "max_s": MAX_BACKOFF_S},
            },
            "subscriptions": [
                {"securities": [str(one) for one in TRADED], "subtypes": ["ticker", "order-book"]}
            ],
            "kafka": {"bootstrap_servers": bootstrap_servers, "topic_prefix": prefix},
            "schema_registry": {"url": None},
            "admin": {"port": 0},
        }
    )


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> Limits:
    """Give the limits of the run, some of them shortened: what takes a minute has no test."""
    monkeypatch.setattr(reconciler, "RETRY_REFUSED_S", 0.5)
    monkeypatch.setattr(reconciler, "RETRY_REFUSED_MAX_S", 0.5)
    monkeypatch.setattr(reconciler, "SUB_INFO_INTERVAL_S", 0.5)
    monkeypatch.setattr(session, "CHECK_INTERVAL_S", 0.5)
    return Limits(
        max_backoff_s=MAX_BACKOFF_S,
        request_timeout_s=REQUEST_TIMEOUT_S,
        silence_s=session.SILENT_INTERVALS * KEEP_ALIVE_INTERVAL_S,
        check_interval_s=session.CHECK_INTERVAL_S,
        retry_refused_s=reconciler.RETRY_REFUSED_MAX_S,
        sub_info_interval_s=reconciler.SUB_INFO_INTERVAL_S,
    )


#: States of /proc/net/tcp in which a socket of ours is open: ESTABLISHED, CLOSE_WAIT.
_OPEN = ("01", "08")


def _links(port: int) -> int:
    """Count this machine's open client sockets to a loopback port."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[2].endswith(f":{port:04X}") and row[3] in _OPEN for row in rows)


class _Run:
    """A worker on a simulator, with every kind of fault to come."""

    def __init__(self, simulator: Simulator, status: WatchedStatus, clock: LoopClock) -> None:
        self._simulator = simulator
        self._clock = clock
        self._status = status
        self._latest: Fault | None = None

    async def until_whole(self) -> None:
        """Wait until the session is live and everything wanted stands."""
        await self._within_patience(self._status.until(lambda: self._status.whole))

    async def trial(self, fault: Fault) -> Trial:
        """Let a fault strike while the session is whole; wait until it is so again."""
        began_at, self._latest = self._clock(), fault
        self._simulator.inject(fault)
        if fault.kind in MET_BY_A_NEW_LINK:
            self._simulator.inject(Reset())
        gone_at = await self._within_patience(self._until_gone(fault, began_at))
        await self.until_whole()
        return Trial(fault.kind, began_at, gone_at, max(began_at, self._status.whole_at))

    async def until_market(self, at_us: int) -> None:
        """Wait until the market's time has come so far."""
        while (left_us := at_us - self._simulator.market.now_us) > 0:
            await asyncio.sleep(left_us / 1_000_000)

    async def _until_gone(self, fault: Fault, began_at: float) -> float:
        """Wait until the fault was felt and nothing is in the way any more; say since when."""
        status, began_us = self._status, self._simulator.market.now_us
        if fault.kind not in UNFELT:
            await status.until(lambda: not status.whole)
        if fault.kind in USED_UP:
            await status.until(lambda: status.linked_at > began_at)
            return status.linked_at
        if isinstance(fault, HalfOpen):
            return began_at  # the next link could be made at once
        lasts_us = round(getattr(fault, "duration_s", 0) * 1_000_000)
        await self.until_market(began_us + max(lasts_us, STRUCK_US))
        return self._clock() if lasts_us else began_at

    async def _within_patience(self, awaitable: Coroutine[None, None, T]) -> T:
        try:
            async with asyncio.timeout(HANGS_S):
                return await awaitable
        except TimeoutError:
            raise AssertionError(
                f"it hangs after {self._latest}: {self._status.reasons_not_ready()}"
            ) from None


@asynccontextmanager
async def _running(embedded: Cluster, prefix: str, simulator: Simulator) -> AsyncIterator[_Run]:
    """Run a worker; see to it that it ends whole and leaves nothing behind."""
    tasks, threads = len(asyncio.all_tasks()), threading.active_count()
    async with simulator:
        worker = Worker(
            _config(simulator.port, embedded.bootstrap_servers, prefix), topic_admin=embedded.topics
        )
        clock, stop = LoopClock(), asyncio.Event()
        worker.status = status = WatchedStatus(WANTED, clock)
        run = _Run(simulator, status, clock)
        async with asyncio.TaskGroup() as group:
            counting = group.create_task(clock.run())
            working = group.create_task(worker.run(stop))
            await run.until_whole()
            yield run
            await run.until_whole()
            assert worker.status.reasons_not_ready() == []
            assert _links(simulator.port) == 1
            stop.set()
            await working
            counting.cancel()
    assert len(asyncio.all_tasks()) == tasks
    assert threading.active_count() <= threads + 1


def _market() -> Market:
    return Market(TRADED, seed=1, rate=RATE, start_us=time.time_ns() // 1000)


async def test_worker_recovers_from_each_of_200_faults_in_time(
    embedded: Cluster, prefix: str, limits: Limits
) -> None:
    """Faults of every kind, one after the other: each recovery is below backoff and round trip."""
    others = tuple(kind for kind in KINDS if kind != HalfOpen.kind)
    scenario = Scenario(
        seed=2026,
        # Not drawn: a half-open link is to be noticed before it is reset.
        steps=(Step(AtRandom(EACH, (0, 1)), HalfOpen()),),
        mix=Mix(count=FAULTS - EACH, over_s=1, kinds=others, lasting_s=(0.05, 0.3)),
    )
    simulator = Simulator(_market(), keep_alive_interval_s=KEEP_ALIVE_INTERVAL_S)
    async with _running(embedded, prefix, simulator) as run:
        trials = [await run.trial(planned.fault) for planned in scenario.schedule(TRADED)]
    assert Counter(one.kind for one in trials) == dict.fromkeys(KINDS, EACH)
    assert not slow(trials, limits), table(trials, limits)


@pytest.mark.usefixtures("limits")
async def test_worker_is_live_again_after_200_faults_at_once(
    embedded: Cluster, prefix: str
) -> None:
    """Half a minute of faults of every kind, many at a time, ends whole and with nothing leaked."""
    faults: Counter[str] = Counter()

    def on_fault(fault: Fault, at_us: int) -> None:
        faults[fault.kind] += 1

    mix = Mix(count=FAULTS, over_s=30)
    market = _market()
    simulator = Simulator(
        market,
        scenario=Scenario(seed=2026, mix=mix),
        keep_alive_interval_s=KEEP_ALIVE_INTERVAL_S,
        on_fault=on_fault,
    )
    async with _running(embedded, prefix, simulator) as run:
        all_over_s = mix.over_s + mix.lasting_s[1]
        await run.until_market(market.start_us + round(all_over_s * 1_000_000))
    assert faults == dict.fromkeys(KINDS, EACH)

"""The session that survives: faults of every kind, and the link is live again each time."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from opend_kafka.config import Config
from opend_kafka.opend import reconciler
from opend_kafka.opend.securities import Security
from opend_kafka.simulator.faults import KINDS, Fault
from opend_kafka.simulator.market import Market
from opend_kafka.simulator.scenario import Mix, Scenario
from opend_kafka.simulator.server import Simulator
from opend_kafka.worker import Worker
from tests.conftest import Cluster

TRADED = tuple(
    Security.parse(one) for one in ("HK.00700", "HK.09988", "SH.600519", "US.AAPL", "US.TSLA")
)
FAULTS = 200
SECONDS = 60.0
RATE = 1000
#: Seconds after which something hangs.
HANGS_S = 90


def _config(opend_port: int, bootstrap_servers: str, prefix: str) -> Config:
    return Config.model_validate(
        {
            "opend": {
                "port": opend_port,
                "request_timeout_s": 1,
                "reconnect": {"initial_s": 0.05, "max_s": 0.5},
            },
            "subscriptions": [
                {"securities": [str(one) for one in TRADED], "subtypes": ["ticker", "order-book"]}
            ],
            "kafka": {"bootstrap_servers": bootstrap_servers, "topic_prefix": prefix},
            "schema_registry": {"url": None},
            "admin": {"port": 0},
        }
    )


#: States of /proc/net/tcp in which a socket of ours is open: ESTABLISHED, CLOSE_WAIT.
_OPEN = ("01", "08")


def _links(port: int) -> int:
    """Count this machine's open client sockets to a loopback port."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[2].endswith(f":{port:04X}") and row[3] in _OPEN for row in rows)


async def _until(condition: Callable[[], bool], task: asyncio.Task[None]) -> None:
    async with asyncio.timeout(HANGS_S):
        while not condition():
            if task.done():
                task.result()
            await asyncio.sleep(0.02)


async def test_worker_is_live_again_after_200_faults_of_every_kind(
    embedded: Cluster, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A minute of seeded faults at 1,000 ticks/s ends live, complete, and with nothing leaked."""
    # A code that OpenD refuses for a while is tried again after a minute; the test has less.
    monkeypatch.setattr(reconciler, "RETRY_REFUSED_S", 0.5)
    monkeypatch.setattr(reconciler, "RETRY_REFUSED_MAX_S", 2.0)
    faults: Counter[str] = Counter()

    def on_fault(fault: Fault, at_us: int) -> None:
        faults[type(fault).__name__] += 1

    tasks, threads = len(asyncio.all_tasks()), threading.active_count()
    market = Market(TRADED, seed=1, rate=RATE, start_us=time.time_ns() // 1000)
    scenario = Scenario(seed=2026, mix=Mix(count=FAULTS, over_s=SECONDS))
    simulator = Simulator(market, scenario=scenario, keep_alive_interval_s=1, on_fault=on_fault)
    async with simulator:
        config = _config(simulator.port, embedded.bootstrap_servers, prefix)
        worker = Worker(config, topic_admin=embedded.topics)
        stop = asyncio.Event()
        task = asyncio.create_task(worker.run(stop))
        await _until(lambda: worker.status.session == "live", task)
        await _until(lambda: faults.total() == FAULTS, task)
        await _until(lambda: not worker.status.reasons_not_ready(), task)
        assert len(worker.status.standing) == 2 * len(TRADED)
        assert _links(simulator.port) == 1
        stop.set()
        await task
    assert len(faults) == len(KINDS)
    assert len(asyncio.all_tasks()) == tasks
    assert threading.active_count() <= threads + 1

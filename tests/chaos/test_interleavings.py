"""Whatever the simulator does to pushes: Kafka has their order, and no tick is lost silently."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
import yaml

from opend_kafka import config as configuration
from opend_kafka.opend import reconciler, session
from opend_kafka.opend.securities import Security
from opend_kafka.simulator.faults import KINDS
from opend_kafka.simulator.scenario import Mix, Scenario
from opend_kafka.worker import Worker
from tests.chaos.judge import Verdict
from tests.chaos.opend import OpenD
from tests.chaos.reading import Reading
from tests.chaos.stage import judged
from tests.conftest import Cluster

TRADED = [Security.parse(one) for one in ("HK.00700", "HK.09988", "SH.600519", "US.AAPL")]
RATE = 800.0
SECONDS = 15.0
FAULTS = 90
#: Seconds after which something hangs.
HANGS_S = 60

#: What OpenD does not push, and does not say so, nobody can miss, unless sequences count up; and
#: where it pushes newer ticks first, Kafka's order is OpenD's.
WITHHELD = {"stall", "quote_right", "late"}


def _configuration(opend_port: int, cluster: Cluster, prefix: str) -> dict[str, object]:
    return {
        "opend": {
            "port": opend_port,
            "request_timeout_s": 1,
            "reconnect": {"initial_s": 0.05, "max_s": 0.5},
        },
        "subscriptions": [{"securities": [str(one) for one in TRADED], "subtypes": ["ticker"]}],
        "kafka": {"bootstrap_servers": cluster.bootstrap_servers, "topic_prefix": prefix},
        "schema_registry": {"url": None},
        "admin": {"port": 0},
    }


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes a minute has no test."""
    monkeypatch.setattr(reconciler, "RETRY_REFUSED_S", 0.5)
    monkeypatch.setattr(reconciler, "RETRY_REFUSED_MAX_S", 0.5)
    monkeypatch.setattr(reconciler, "SUB_INFO_INTERVAL_S", 0.5)
    monkeypatch.setattr(session, "CHECK_INTERVAL_S", 0.5)


async def _played(opend: OpenD, worker: Worker, path: Path, scenario: Scenario) -> Verdict:
    """Let the faults come, end the trade, and judge when all that is due has come.

    They begin when every security is followed: the promise does.
    """
    stop = asyncio.Event()
    working = asyncio.create_task(worker.run(stop))
    with Reading(path) as reading:
        async with asyncio.timeout(HANGS_S):
            while worker.status.session != "live" or worker.is_checking or not opend.is_followed:
                await asyncio.sleep(0.05)
            begun = time.monotonic()
            for planned in scenario.schedule(TRADED):
                await asyncio.sleep(begun + planned.at_us / 1e6 - time.monotonic())
                opend.inject(planned.fault)
            await asyncio.sleep(2)
            opend.end_trade()
            quiet_since = time.monotonic()
            while time.monotonic() - quiet_since < 2:
                if working.done():
                    working.result()
                if worker.status.session != "live" or worker.is_checking:
                    quiet_since = time.monotonic()
                await asyncio.sleep(0.05)
            stop.set()
            await working
        reading.read_on()
        return judged(reading, opend)


@pytest.mark.parametrize("seed", [1, 2])
async def test_any_faults_keep_order_and_lose_nothing_silently(
    embedded: Cluster, prefix: str, tmp_path: Path, seed: int
) -> None:
    """Every kind of fault but withheld pushes, many at a time, at a worker that follows ticks."""
    kinds = tuple(kind for kind in KINDS if kind not in WITHHELD)
    scenario = Scenario(seed=seed, mix=Mix(count=FAULTS, over_s=SECONDS, kinds=kinds))
    async with OpenD(TRADED, seed=seed, rate=RATE) as opend:
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump(_configuration(opend.port, embedded, prefix)))
        worker = Worker(configuration.load(path), topic_admin=embedded.topics)
        verdict = await _played(opend, worker, path, scenario)
    assert verdict.upheld, "\n".join(verdict.complaints())
    assert verdict.sent > RATE * SECONDS / 2
    assert verdict.delivered > verdict.sent / 10

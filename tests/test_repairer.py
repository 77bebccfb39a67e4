"""What did not come as a push is got back, or told: the worker, the simulator, and Kafka."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from opend_kafka.config import Config
from opend_kafka.consuming.decoding import Decoder
from opend_kafka.consuming.reading import TopicReader
from opend_kafka.opend.securities import Security
from opend_kafka.simulator.faults import BadSha1, Replay
from opend_kafka.simulator.market import EARLIER_TICKS, Market
from opend_kafka.simulator.server import Simulator
from opend_kafka.worker import Worker
from tests.conftest import Cluster
from tests.workers import running, until

TRADED = tuple(Security.parse(one) for one in ("HK.00700", "US.AAPL"))
START_US = 1_700_000_000_000_000
#: Seconds without a record after which a topic whose writer has stopped is read to its end.
QUIET_S = 0.3

#: (sequence, origin) of the ticks in Kafka, by security.
Ticks = dict[str, list[tuple[int, str]]]


class _Stage:
    """A simulated OpenD, and workers that land its ticks in Kafka."""

    def __init__(self, cluster: Cluster, prefix: str, simulator: Simulator, market: Market) -> None:
        self._cluster = cluster
        self._prefix = prefix
        self.simulator = simulator
        self._market = market

    def _config(self, max_ticks: int) -> Config:
        return Config.model_validate(
            {
                "opend": {
                    "port": self.simulator.port,
                    "reconnect": {"initial_s": 0.01, "max_s": 0.1},
                },
                "subscriptions": [
                    {"securities": [str(one) for one in TRADED], "subtypes": ["ticker"]}
                ],
                "kafka": {
                    "bootstrap_servers": self._cluster.bootstrap_servers,
                    "topic_prefix": self._prefix,
                },
                "schema_registry": {"url": None},
                "repair": {"max_ticks": max_ticks},
                "admin": {"port": 0},
            }
        )

    @asynccontextmanager
    async def worker(self, *, max_ticks: int = 1000) -> AsyncIterator[Worker]:
        """Run a worker from when it follows every ticker until it has drained."""
        worker = Worker(self._config(max_ticks), topic_admin=self._cluster.topics)
        async with running(worker) as task:
            await self.settled(worker, task)
            yield worker
            await self.caught_up(worker)

    async def settled(self, worker: Worker, task: asyncio.Task[None] | None = None) -> None:
        """Wait until the worker is live, and nothing is being looked into."""
        await until(lambda: worker.status.session == "live" and not worker.is_checking, task)

    async def caught_up(self, worker: Worker) -> None:
        """Wait until the newest tick of each security has come."""
        newest = {one: self._market.stock(one).latest(1)[0].sequence for one in TRADED}
        await until(lambda: all(worker.last_sequence(one) == newest[one] for one in TRADED))
        await self.settled(worker)

    async def cut(self, worker: Worker, *, traded_s: float) -> None:
        """Cut the link; give back when the worker has a new one, so much trading later."""
        conn_id = worker.status.conn_id
        self.simulator.drop_clients()
        self.simulator.advance(traded_s)
        await until(lambda: worker.status.conn_id not in (conn_id, 0))
        await self.settled(worker)

    def traded(self) -> dict[str, list[int]]:
        """Give the sequences that a worker that misses nothing would have landed."""
        return {
            str(one): [tick.sequence for tick in self._market.stock(one).latest(1000)][
                EARLIER_TICKS:
            ]
            for one in TRADED
        }

    def landed(self) -> Ticks:
        """Read the ticks in Kafka: each where it first comes, the cache of before left out."""
        traded = {one for sequences in self.traded().values() for one in sequences}
        landed: dict[str, dict[int, str]] = defaultdict(dict)
        for record in self._read(f"{self._prefix}.ticker.*"):
            if record["sequence"] in traded:
                security = f"{record['market']}.{record['code']}"
                landed[security].setdefault(record["sequence"], record["provenance"]["origin"])
        return {security: list(ticks.items()) for security, ticks in landed.items()}

    def gaps(self) -> list[dict[str, Any]]:
        """Read the events of gaps, in Kafka's order. The worker has stopped."""
        read = self._read(f"{self._prefix}.events")
        return [one for one in read if one["kind"].startswith("GAP_")]

    def _read(self, topics: str) -> list[dict[str, Any]]:
        """Read all that is there, and something is."""
        decoder = Decoder()
        records: list[dict[str, Any]] = []
        with TopicReader(self._cluster.bootstrap_servers, [topics]) as reader:
            while (more := reader.read(QUIET_S)) or not records:
                records += [decoder.decode(one.value() or b"").fields for one in more]
        return records


@pytest.fixture
async def stage(cluster: Cluster, prefix: str) -> AsyncIterator[_Stage]:
    """Give an OpenD that trades when told to."""
    market = Market(TRADED, seed=1, rate=1000, start_us=START_US)
    async with Simulator(market, pace=False) as simulator:
        yield _Stage(cluster, prefix, simulator, market)


def _sequences(landed: Ticks) -> dict[str, list[int]]:
    return {security: [one for one, _ in ticks] for security, ticks in landed.items()}


def _repaired(landed: Ticks) -> int:
    return sum(origin == "REPAIR" for ticks in landed.values() for _, origin in ticks)


async def test_ticks_that_a_cut_link_missed_are_got_back_in_order(stage: _Stage) -> None:
    """What was traded while the link was down stands in its place, and an event tells of it."""
    async with stage.worker() as worker:
        await stage.simulator.drive(200)
        await stage.cut(worker, traded_s=0.4)
        await stage.simulator.drive(800)
    landed = stage.landed()
    assert _sequences(landed) == stage.traded()
    gaps = stage.gaps()
    assert {gap["kind"] for gap in gaps} == {"GAP_REPAIRED"}
    assert {gap["reason"] for gap in gaps} == {"reconnected"}
    assert sum(gap["ticks_repaired"] for gap in gaps) == _repaired(landed) > 50


async def test_ticks_traded_between_two_workers_are_got_back(stage: _Stage) -> None:
    """The next worker begins where the watermarks of the last one end."""
    async with stage.worker():
        await stage.simulator.drive(200)
    stage.simulator.advance(0.4)
    async with stage.worker():
        await stage.simulator.drive(800)
    landed = stage.landed()
    assert _sequences(landed) == stage.traded()
    assert {gap["reason"] for gap in stage.gaps()} == {"started"}


async def test_a_worker_that_missed_nothing_tells_of_no_gap(stage: _Stage) -> None:
    """A stop and a start with nothing traded in between: no repair, no event, no duplicate."""
    async with stage.worker():
        await stage.simulator.drive(200)
    async with stage.worker():
        await stage.simulator.drive(400)
    landed = stage.landed()
    assert _sequences(landed) == stage.traded()
    assert _repaired(landed) == 0
    assert stage.gaps() == []


async def test_ticks_of_a_damaged_frame_are_got_back(stage: _Stage) -> None:
    """A frame with a wrong SHA-1 is skipped; OpenD still has what was in it."""
    async with stage.worker() as worker:
        await stage.simulator.drive(100)
        await stage.caught_up(worker)
        stage.simulator.inject(BadSha1(count=3))
        await stage.simulator.drive(300)
    landed = stage.landed()
    assert _sequences(landed) == stage.traded()
    assert _repaired(landed) >= 1
    assert {gap["reason"] for gap in stage.gaps()} == {"damaged"}


async def test_replay_of_opend_that_is_too_short_is_completed(stage: _Stage) -> None:
    """OpenD missed more than the 50 ticks that it replays; it lists the rest."""
    async with stage.worker() as worker:
        await stage.simulator.drive(100)
        await stage.caught_up(worker)
        stage.simulator.inject(Replay(duration_s=0.3))
        await stage.simulator.drive(600)
    assert _sequences(stage.landed()) == stage.traded()


async def test_ticks_that_opend_lists_no_more_are_told(stage: _Stage) -> None:
    """The event says between which sequences they are missing, and Kafka has all others."""
    async with stage.worker(max_ticks=60) as worker:
        await stage.simulator.drive(200)
        await stage.cut(worker, traded_s=0.4)
        await stage.simulator.drive(800)
    traded, landed = stage.traded(), _sequences(stage.landed())
    gaps = stage.gaps()
    assert {gap["kind"] for gap in gaps} == {"GAP_UNREPAIRABLE"}
    for security, sequences in traded.items():
        missing = sorted(set(sequences) - set(landed[security]))
        around = [
            (gap["sequence_before"], gap["sequence_after"])
            for gap in gaps
            if gap["sequence_before"] < missing[0] < gap["sequence_after"]
        ]
        first, last = sequences.index(missing[0]), sequences.index(missing[-1])
        assert around == [(sequences[first - 1], sequences[last + 1])]

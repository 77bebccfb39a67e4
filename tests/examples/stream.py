"""A topic with everything in it that a consumer has to cope with, and what OpenD had sent."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from confluent_kafka import Producer

from opend_kafka.config import Config
from opend_kafka.consuming.decoding import Decoder
from opend_kafka.consuming.reading import TopicReader
from opend_kafka.kafka.compacted import last_values
from opend_kafka.kafka.registry import ConfluentRegistry, SingleObject
from opend_kafka.opend.securities import Security
from opend_kafka.simulator.faults import Duplicate, Late, Replay
from opend_kafka.simulator.market import Market
from opend_kafka.simulator.server import Simulator
from opend_kafka.worker import Worker
from tests.conftest import Cluster

TRADED = tuple(Security.parse(one) for one in ("HK.00700", "US.AAPL"))
START_US = 1_700_000_000_000_000
HANGS_S = 30

#: Security → (sequence, price, volume) of its ticks, in order.
Ticks = dict[str, list[tuple[int, float, int]]]

#: Why a tick came: its push_data_type and its provenance's origin.
Kind = tuple[str | None, str]


@dataclass(frozen=True, slots=True)
class Stream:
    """What stands in Kafka. `late` ticks come after one with a higher sequence."""

    bootstrap_servers: str
    prefix: str
    sent: Ticks
    records: int
    late: int
    kinds: Counter[Kind]

    @property
    def unique(self) -> int:
        """How many different ticks there are."""
        return sum(map(len, self.sent.values()))


def make(cluster: Cluster, prefix: str, registry_url: str | None = None) -> Stream:
    """Let a simulated OpenD trade, and workers land its ticks; without a registry, or with one."""
    market = asyncio.run(_trade(cluster, prefix, registry_url))
    wire = ConfluentRegistry(registry_url, {}) if registry_url else SingleObject()
    decoder, kinds, records, late = Decoder(wire.schema_text), Counter[Kind](), 0, 0
    seen: dict[str, set[int]] = {}
    with wire, TopicReader(cluster.bootstrap_servers, [f"{prefix}.ticker.*"]) as reader:
        while (messages := reader.read(0.3)) or not records:
            for message in messages:
                tick = decoder.decode(message.value() or b"").fields
                kinds[tick["push_data_type"], tick["provenance"]["origin"]] += 1
                records += 1
                before = seen.setdefault(tick["code"], set())
                late += tick["sequence"] not in before and tick["sequence"] < max(before, default=0)
                before.add(tick["sequence"])
    sent = {
        str(one): [
            (tick.sequence, tick.price, tick.volume) for tick in market.stock(one).latest(1000)
        ]
        for one in TRADED
    }
    return Stream(cluster.bootstrap_servers, prefix, sent, records, late, kinds)


async def _trade(cluster: Cluster, prefix: str, registry_url: str | None) -> Market:
    market = Market(TRADED, seed=1, rate=1000, start_us=START_US)
    async with Simulator(market, pace=False) as simulator:
        stage = _Stage(cluster, prefix, registry_url, simulator, market)
        async with stage.worker():
            await simulator.drive(100)
            # Late trades, and pushes that come twice.
            simulator.inject(Late(count=3, after=3))
            simulator.inject(Duplicate(count=5))
            await simulator.drive(300)
            await stage.settled()
        marks = last_values(cluster.bootstrap_servers, {}, f"{prefix}.watermark", timeout_s=20)
        async with stage.worker():
            # OpenD's own link: what was missed comes as ByDisConn, with some of before.
            simulator.inject(Replay(duration_s=0.04, limit=50))
            await simulator.drive(500)
            await stage.settled()
            # The worker's link: what was missed is repaired.
            await stage.cut(traded_s=0.1)
            await simulator.drive(800)
        # A worker that is killed leaves watermarks that are older than its ticks.
        _write(cluster.bootstrap_servers, f"{prefix}.watermark", marks)
        async with stage.worker():
            await simulator.drive(900)
    return market


def _write(bootstrap_servers: str, topic: str, values: dict[bytes, bytes | None]) -> None:
    producer = Producer({"bootstrap.servers": bootstrap_servers})
    for key, value in values.items():
        producer.produce(topic, value, key)
    assert producer.flush(20) == 0


class _Stage:
    """A worker at a time."""

    def __init__(
        self,
        cluster: Cluster,
        prefix: str,
        registry_url: str | None,
        simulator: Simulator,
        market: Market,
    ) -> None:
        self._simulator = simulator
        self._market = market
        self._topics = cluster.topics
        self._config = Config.model_validate(
            {
                "opend": {"port": simulator.port, "reconnect": {"initial_s": 0.01, "max_s": 0.1}},
                "subscriptions": [
                    {"securities": [str(one) for one in TRADED], "subtypes": ["ticker"]}
                ],
                "kafka": {"bootstrap_servers": cluster.bootstrap_servers, "topic_prefix": prefix},
                "schema_registry": {"url": registry_url},
                "admin": {"port": 0},
            }
        )
        self._worker = Worker(self._config, topic_admin=self._topics)
        self._task: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[None]:
        """Run a worker until all that was traded has come, and it has drained."""
        self._worker = Worker(self._config, topic_admin=self._topics)
        stop = asyncio.Event()
        self._task = asyncio.create_task(self._worker.run(stop))
        await self._live()
        yield
        await self.settled()
        stop.set()
        async with asyncio.timeout(HANGS_S):
            await self._task

    async def settled(self) -> None:
        """Wait until the newest tick of each security has come, and nothing is looked into."""
        newest = {one: self._market.stock(one).latest(1)[0].sequence for one in TRADED}
        await self._until(
            lambda: all(self._worker.last_sequence(one) == newest[one] for one in TRADED)
        )
        await self._live()

    async def cut(self, *, traded_s: float) -> None:
        """Cut the link; give back when there is a new one, so much trading later."""
        conn_id = self._worker.status.conn_id
        self._simulator.drop_clients()
        self._simulator.advance(traded_s)
        await self._until(lambda: self._worker.status.conn_id not in (conn_id, 0))
        await self._live()

    async def _live(self) -> None:
        await self._until(
            lambda: self._worker.status.session == "live" and not self._worker.is_checking
        )

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(HANGS_S):
            while not condition():
                assert self._task is not None
                if self._task.done():
                    self._task.result()
                await asyncio.sleep(0.005)

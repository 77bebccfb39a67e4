"""The stage of a scenario: OpenD, worker, Kafka and registry, and the judgement in the end."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from uuid import uuid4

import yaml
from confluent_kafka import KafkaException

from opend_kafka import config as configuration
from opend_kafka.opend.securities import Security as Name
from opend_kafka.simulator.faults import Fault
from tests.chaos.door import Door
from tests.chaos.judge import Security, Verdict, judge
from tests.chaos.opend import OpenD
from tests.chaos.reading import Reading
from tests.chaos.supervised import SupervisedWorker, WorkerStuck
from tests.clusters import apache_kafka, apicurio
from tests.clusters.apache_kafka import ApacheKafka

TRADED = tuple(
    Name.parse(one)
    for one in (
        *(f"HK.{number:05}" for number in range(1, 9)),
        *(f"SH.{number}" for number in range(600001, 600006)),
        *("US.AAPL", "US.AMZN", "US.GOOG", "US.META", "US.MSFT", "US.NVDA", "US.TSLA"),
    )
)

#: Seconds after which something hangs.
HANGS_S = 90.0

#: Seconds without a new record after which no more will come, with and without ticks missing.
_QUIET_S, _SILENCE_S = 2.0, 20.0

#: Seconds of trade after which the last fault is surely noticed.
_AFTER_S = 2.0

#: What the interpreter, its libraries and 20 securities take at most: docs/reliability.md.
BASE_BYTES = 160 << 20


@dataclass(frozen=True, slots=True)
class World:
    """What all scenarios share."""

    kafka: ApacheKafka
    registry_port: int
    folder: Path


@contextmanager
def world(folder: Path) -> Iterator[World]:
    """Start three brokers and a registry.

    Raises:
        Unavailable: this machine cannot run them.
    """
    with (
        apache_kafka.running(folder / "kafka", brokers=3) as kafka,
        apicurio.running(folder / "registry") as registry,
    ):
        yield World(kafka, int(registry.url.split(":")[2].split("/")[0]), folder)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A scenario's end. The rate is in ticks a second by this machine's clock."""

    name: str
    verdict: Verdict
    seconds: float
    rate: float
    starts: int
    exits: dict[int, int]
    peak_resident_bytes: int
    #: What it may be: the interpreter and its libraries, and kafka.max_buffered_bytes.
    resident_bound_bytes: int
    log: Path

    @property
    def kept(self) -> bool:
        """Whether what is promised was kept."""
        return not self.complaints()

    def complaints(self) -> list[str]:
        """Name what was not kept."""
        complaints = self.verdict.complaints()
        if self.peak_resident_bytes > self.resident_bound_bytes:
            peak, bound = self.peak_resident_bytes >> 20, self.resident_bound_bytes >> 20
            complaints.append(f"{peak} MiB were resident, and {bound} may be")
        return complaints

    def log_tail(self) -> str:
        """Give the end of the worker's log."""
        return _tail(self.log)


class Stage:
    """What a scenario plays on."""

    def __init__(
        self,
        world: World,
        opend: OpenD,
        door: Door,
        worker: SupervisedWorker,
        random: Random,
        quick: bool,
        configuration: Path,
    ) -> None:
        self._configuration = configuration
        self.kafka = world.kafka
        self.opend = opend
        self.registry = door
        self.worker = worker
        self.random = random
        self.quick = quick

    async def trade(self, seconds: float) -> None:
        """Let so many seconds pass."""
        await asyncio.sleep(seconds)

    async def live(self, limit_s: float = HANGS_S) -> None:
        """Wait until the worker is live."""
        await self.worker.until_live(limit_s)

    async def settled(self) -> None:
        """Wait until every security has its first watermark: from then on all is promised."""
        await _settled(self._configuration, self.opend)

    async def signal(self, number: signal.Signals) -> None:
        """Send the worker a signal."""
        await self.worker.send(number)

    async def strike(self, fault: Fault, *, cuts: bool = True) -> None:
        """Let OpenD have a fault; where it cuts the link, wait until the worker is live again."""
        if cuts:
            self.worker.lost_link()
        self.opend.inject(fault)
        if cuts:
            await self.live()

    async def kill_brokers(self, *numbers: int) -> None:
        """SIGKILL them, all at once."""
        await asyncio.gather(
            *(asyncio.to_thread(self.kafka.stop_broker, one, kill=True) for one in numbers)
        )

    async def start_brokers(self, *numbers: int) -> None:
        """Bring them back."""
        await asyncio.gather(*(asyncio.to_thread(self.kafka.start_broker, one) for one in numbers))


@asynccontextmanager
async def staged(
    world: World,
    name: str,
    *,
    seed: int,
    rate: float,
    quick: bool = False,
    kafka: dict[str, object] | None = None,
    write_limit: int = 1 << 26,
    registry_open: bool = True,
) -> AsyncIterator[tuple[Stage, asyncio.Future[Outcome]]]:
    """Set up a stage; at the end of the block all is brought to its end and judged.

    The block begins with a worker that follows every security, unless the registry is shut.
    """
    folder = world.folder / name
    folder.mkdir()
    log, path = folder / "worker.log", folder / "config.yaml"
    outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    opend = OpenD(TRADED, seed=seed, rate=rate, write_limit=write_limit)
    async with opend, Door(world.registry_port) as door:
        path.write_text(yaml.safe_dump(_configuration(world, opend.port, door, kafka or {})))
        if not registry_open:
            door.shut()
        async with SupervisedWorker(path, log) as worker:
            stage = Stage(world, opend, door, worker, Random(f"{seed}/{name}"), quick, path)
            try:
                if registry_open:
                    await stage.live()
                    await stage.settled()
                yield stage, outcome
                await stage.live()
                await stage.trade(_AFTER_S)
                opend.end_trade()
                verdict = await _drained(path, opend, worker)
            except (WorkerStuck, AssertionError) as error:
                error.add_note(f"seed {seed}; the worker's log, {log}, ends with:\n{_tail(log)}")
                raise
            outcome.set_result(
                Outcome(
                    name,
                    verdict,
                    opend.traded_s,
                    opend.trades_in_time / opend.traded_s,
                    worker.starts,
                    dict(worker.exits),
                    worker.peak_resident_bytes,
                    BASE_BYTES + configuration.load(path).kafka.max_buffered_bytes,
                    log,
                )
            )


def _configuration(
    world: World, opend_port: int, door: Door, kafka: dict[str, object]
) -> dict[str, object]:
    return {
        "opend": {"port": opend_port, "reconnect": {"initial_s": 0.2, "max_s": 2}},
        "subscriptions": [{"securities": [str(one) for one in TRADED], "subtypes": ["ticker"]}],
        "kafka": {
            "bootstrap_servers": world.kafka.bootstrap_servers,
            "topic_prefix": f"t{uuid4().hex[:12]}",
            # 250 ticks a second a topic: the brokers share two cores with all the rest.
            "properties": {"linger.ms": 50},
            **kafka,
        },
        "schema_registry": {"url": f"http://{door.address}/apis/ccompat/v7"},
        "admin": {"port": 0},
    }


async def _settled(path: Path, opend: OpenD) -> None:
    """Wait until every security has its first watermark: from then on all is promised."""
    async with asyncio.timeout(HANGS_S):
        while not opend.is_followed:
            await asyncio.sleep(0.05)
        with Reading(path) as reading:
            while len(reading.watermarks) < len(TRADED):
                await asyncio.to_thread(reading.read_on)
                await asyncio.sleep(0.2)


async def _drained(path: Path, opend: OpenD, worker: SupervisedWorker) -> Verdict:
    """Wait until all is landed or told, and stop the worker; judge."""
    with Reading(path) as reading:
        since = time.monotonic()
        while True:
            try:
                new = await asyncio.to_thread(reading.read_on)
            except KafkaException:
                new = 1
            if new:
                since = time.monotonic()
            quiet_s = time.monotonic() - since
            if quiet_s > _SILENCE_S or (quiet_s > _QUIET_S and judged(reading, opend).upheld):
                break
            await asyncio.sleep(0.2)
        code = await worker.stop()
        assert code == 0, f"the worker ended with {code}"
        await asyncio.to_thread(reading.read_on)
        return judged(reading, opend)


def judged(reading: Reading, opend: OpenD) -> Verdict:
    """Compare what OpenD had with what has been read."""
    return judge(
        {
            security: Security(
                had,
                reading.landed[security],
                reading.announced[security],
                reading.dead[security],
                opend.pushed_late[security],
            )
            for security, had in opend.had().items()
        },
        opend.earlier(),
    )


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "\n".join(lines[-40:])

"""The main promise, judged from outside: what OpenD pushed is in Kafka, each once, in order.

The worker runs as users run it, as a process of its own; the judge is confluent-kafka's own
consumer and AvroDeserializer, which share no code with us.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

from opend_kafka.opend.pb.Qot_Common_pb2 import Ticker
from opend_kafka.opend.securities import Security
from opend_kafka.simulator.market import Market
from opend_kafka.simulator.server import Simulator
from tests.conftest import Cluster

SECONDS = 60
RATE = 2000
TRADED = tuple(Security("HK", f"{number:05}") for number in range(1, 15)) + tuple(
    Security("US", code) for code in ("AAPL", "AMZN", "GOOG", "META", "MSFT", "NVDA")
)
#: Seconds after which something on this machine hangs.
HANGS_S = 120
#: Seconds without a new record in Kafka, after which no more will come.
SILENCE_S = 30


class _Sent:
    """Every tick that the simulator pushed, by security, in its order."""

    def __init__(self) -> None:
        self.ticks: dict[str, list[tuple[Any, ...]]] = defaultdict(list)

    def take(self, conn_id: int, security: Security, ticks: Sequence[Ticker]) -> None:
        self.ticks[str(security)] += [
            (tick.sequence, tick.pushDataType, tick.price, tick.volume, tick.time) for tick in ticks
        ]

    @property
    def total(self) -> int:
        return sum(map(len, self.ticks.values()))


def _configuration(folder: Path, opend_port: int, kafka: str, registry: str, prefix: str) -> Path:
    path = folder / "config.yaml"
    content = {
        "opend": {"port": opend_port},
        "subscriptions": [{"securities": [str(one) for one in TRADED], "subtypes": ["ticker"]}],
        "kafka": {"bootstrap_servers": kafka, "topic_prefix": prefix},
        "schema_registry": {"url": registry},
        "admin": {"port": 0},
    }
    path.write_text(yaml.safe_dump(content))
    return path


def _start_worker(configuration: Path, log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as stream:
        return subprocess.Popen(
            [sys.executable, "-m", "opend_kafka", "run", "-c", str(configuration)], stderr=stream
        )


@contextmanager
def _consumer(kafka: str) -> Iterator[Consumer]:
    consumer = Consumer(
        {"bootstrap.servers": kafka, "group.id": "judge", "enable.auto.commit": False}
    )
    try:
        yield consumer
    finally:
        consumer.close()


def _topics(prefix: str) -> list[str]:
    return [f"{prefix}.ticker.{security}" for security in TRADED]


def _records(consumer: Consumer, prefix: str) -> int:
    """Count the records of all tick topics."""
    return sum(
        consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=HANGS_S)[1]
        for topic in _topics(prefix)
    )


def _await_records(apache: Cluster, prefix: str, records: int) -> None:
    """Wait until so many records stand in Kafka; give up where fewer come: the judge says so."""
    before, grown_at = 0, time.monotonic()
    with _consumer(apache.bootstrap_servers) as consumer:
        while (there := _records(consumer, prefix)) < records:
            if there > before:
                before, grown_at = there, time.monotonic()
            elif time.monotonic() - grown_at > SILENCE_S:
                return
            time.sleep(0.1)


def _ticks_in_kafka(kafka: str, registry: str, prefix: str) -> dict[str, list[tuple[Any, ...]]]:
    """Read every tick topic to its end; give the ticks by security, in the topic's order."""
    ticks: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    with _consumer(kafka) as consumer, SchemaRegistryClient({"url": registry}) as client:
        deserialize = AvroDeserializer(client)
        consumer.assign([TopicPartition(one, 0, OFFSET_BEGINNING) for one in _topics(prefix)])
        for _ in range(_records(consumer, prefix)):
            message = consumer.poll(HANGS_S)
            assert message is not None
            assert message.error() is None
            context = SerializationContext(message.topic() or "", MessageField.VALUE)
            tick: Any = deserialize(message.value(), context)
            ticks[f"{tick['market']}.{tick['code']}"].append(
                (
                    tick["sequence"],
                    tick["push_data_type_code"],
                    tick["price"],
                    tick["volume"],
                    tick["time"],
                )
            )
    return ticks


@pytest.fixture
async def outcome(
    apache: Cluster, registry_url: str, prefix: str, tmp_path: Path
) -> tuple[_Sent, dict[str, list[tuple[Any, ...]]]]:
    """Run the market for a minute; give what was pushed and what Kafka holds."""
    sent = _Sent()
    market = Market(TRADED, seed=7, rate=RATE, start_us=time.time_ns() // 1000)
    async with Simulator(market, pace=False, on_sent=sent.take) as simulator:
        log = tmp_path / "worker.log"
        configuration = _configuration(
            tmp_path, simulator.port, apache.bootstrap_servers, registry_url, prefix
        )
        worker = _start_worker(configuration, log)
        try:
            async with asyncio.timeout(HANGS_S):
                while len(sent.ticks) < len(TRADED):
                    assert worker.poll() is None, log.read_text()
                    await asyncio.sleep(0.05)
            begun = time.monotonic()
            while (passed_s := time.monotonic() - begun) < SECONDS:
                simulator.advance(passed_s - (market.now_us - market.start_us) / 1e6)
                await asyncio.sleep(0.01)
            simulator.advance(SECONDS - (market.now_us - market.start_us) / 1e6)
            await asyncio.to_thread(_await_records, apache, prefix, sent.total)
            worker.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(worker.wait, HANGS_S) == 0, log.read_text()
        finally:
            worker.kill()
            worker.wait()
    in_kafka = await asyncio.to_thread(
        _ticks_in_kafka, apache.bootstrap_servers, registry_url, prefix
    )
    return sent, in_kafka


async def test_ticks_of_a_minute_arrive_each_once_and_in_order(
    outcome: tuple[_Sent, dict[str, list[tuple[Any, ...]]]],
) -> None:
    """60 s at 2,000 ticks/s over 20 securities read back whole, once and in push order."""
    sent, in_kafka = outcome
    assert sent.total >= SECONDS * RATE
    missing = {one: len(set(ticks) - set(in_kafka[one])) for one, ticks in sent.ticks.items()}
    assert not any(missing.values()), missing
    assert in_kafka == sent.ticks

"""What a running worker shows Prometheus, which alerts and dashboard stand on."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from opend_kafka.config import Config
from opend_kafka.kafka.embedded import EmbeddedKafka, EmbeddedTopics
from opend_kafka.opend.securities import Security
from opend_kafka.simulator.market import Market
from opend_kafka.simulator.server import Simulator
from opend_kafka.worker import Worker
from tests.monitoring.queries import Shown
from tests.workers import running, until

TRADED = (Security.parse("HK.00700"),)


@pytest.fixture(scope="session")
def shown() -> Iterator[Shown]:
    """Give the labels, and their values, of each metric that a live worker shows."""
    with EmbeddedKafka() as kafka:
        yield asyncio.run(_scrape(kafka))


async def _scrape(kafka: EmbeddedKafka) -> Shown:
    market = Market(TRADED, seed=1, rate=100, start_us=1_700_000_000_000_000)
    async with Simulator(market) as simulator:
        config = Config.model_validate(
            {
                "opend": {"port": simulator.port},
                "subscriptions": [{"securities": ["HK.00700"], "subtypes": ["ticker", "quote"]}],
                "kafka": {
                    "bootstrap_servers": kafka.bootstrap_servers,
                    "properties": {"statistics.interval.ms": 20},
                },
                "schema_registry": {"url": None},
                "admin": {"port": 0},
            }
        )
        worker = Worker(config, topic_admin=EmbeddedTopics(kafka))
        with capture_logs() as lines:
            async with running(worker) as task:
                await until(lambda: "records_delivered_total{" in _text(worker), task)
                await until(lambda: "round_trip_seconds{" in _text(worker), task)
                (page,) = (one["page"] for one in lines if one["event"] == "admin_listening")
                async with (
                    aiohttp.ClientSession() as client,
                    client.get(f"{page}metrics") as answer,
                ):
                    text = await answer.text()
    labels: Shown = defaultdict(lambda: defaultdict(set))
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            values = labels[sample.name]
            for label, value in sample.labels.items():
                values[label].add(value)
    return labels


def _text(worker: Worker) -> str:
    samples = (one for family in worker.metrics.registry.collect() for one in family.samples)
    return "".join(f"{one.name}{{" for one in samples if one.value)

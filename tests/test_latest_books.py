"""The newest book of each security, in a topic that is compacted."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any

import pytest

from opend_kafka.config import Config
from opend_kafka.consuming.decoding import Decoder
from opend_kafka.consuming.reading import TopicReader
from opend_kafka.kafka.topics import CLEANUP_POLICY
from opend_kafka.opend.securities import Security
from opend_kafka.simulator.market import Market
from opend_kafka.simulator.server import Simulator
from opend_kafka.worker import Worker
from tests.conftest import Cluster

TRADED = tuple(Security.parse(one) for one in ("HK.00700", "US.AAPL", "SH.600519"))
#: Seconds after which something on this machine hangs.
HANGS_S = 60

#: By security: the asks of each book, in order.
_Books = defaultdict[str, list[tuple[Any, ...]]]


def _config(opend_port: int, bootstrap_servers: str, prefix: str) -> Config:
    wanted = {"securities": list(map(str, TRADED)), "subtypes": ["order-book", "order-book-odd"]}
    return Config.model_validate(
        {
            "opend": {"port": opend_port},
            "subscriptions": [wanted],
            "kafka": {
                "bootstrap_servers": bootstrap_servers,
                "topic_prefix": prefix,
                "topics": {"partitions": 2},
                "order_book_latest": True,
            },
            "schema_registry": {"url": None},
            "admin": {"port": 0},
        }
    )


def _read(bootstrap_servers: str, topic: str, records: int) -> _Books:
    decoder, found, left = Decoder(), _Books(list), records
    with TopicReader(bootstrap_servers, [topic]) as reader:
        while left:
            messages = reader.read(HANGS_S, at_most=left)
            assert messages, f"{left} records are not there"
            left -= len(messages)
            for message in messages:
                book = decoder.decode(message.value() or b"").fields
                key = decoder.decode(message.key() or b"").fields
                asks = tuple((level["price"], level["volume"]) for level in book["asks"])
                found[f"{key['market']}.{key['code']}"].append(asks)
    return found


@pytest.fixture
async def landed(cluster: Cluster, prefix: str) -> tuple[Cluster, str, _Books]:
    """Give what the simulator sent, of normal books, once a worker has brought it to Kafka."""
    sent, odd = _Books(list), 0

    def on_book(conn_id: int, security: Security, book: Any) -> None:
        nonlocal odd
        if book.orderBookType:
            odd += 1
        else:
            asks = tuple((level.price, level.volume) for level in book.orderBookAskList)
            sent[str(security)].append(asks)

    market = Market(TRADED, seed=1, rate=5, start_us=1_700_000_020_000_000)
    async with Simulator(market, pace=False, on_book_sent=on_book) as simulator:
        config = _config(simulator.port, cluster.bootstrap_servers, prefix)
        worker = Worker(config, topic_admin=cluster.topics)
        stop = asyncio.Event()
        task = asyncio.create_task(worker.run(stop))
        async with asyncio.timeout(HANGS_S):
            while not (worker.status.session == "live" or task.done()):
                await asyncio.sleep(0.005)
            await simulator.drive(60)
            while not (worker.delivered == sum(map(len, sent.values())) + odd or task.done()):
                await asyncio.sleep(0.005)
            stop.set()
            await task
    assert odd
    return cluster, f"{prefix}.order-book-latest", sent


async def test_latest_books_end_with_the_newest(landed: tuple[Cluster, str, _Books]) -> None:
    """Every book of a security is there in order, so that the last is the newest; no odd ones."""
    cluster, topic, sent = landed
    records = sum(map(len, sent.values()))
    assert _read(cluster.bootstrap_servers, topic, records) == sent


async def test_latest_books_are_in_a_compacted_topic(landed: tuple[Cluster, str, _Books]) -> None:
    """Kafka keeps the newest of each key, where it tells its settings at all."""
    cluster, topic, _ = landed
    settings = cluster.topics.settings([topic])
    assert settings.get(topic, {CLEANUP_POLICY: "compact"})[CLEANUP_POLICY] == "compact"

"""The examples give what OpenD had sent, whatever stands in the topics."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from uuid import uuid4

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from examples import consume_ticks, consume_ticks_aiokafka
from examples.exactly_once import TickCopier
from opend_kafka.consuming.missing import MissingTicks
from opend_kafka.consuming.reading import TopicReader
from opend_kafka.consuming.streaming import OrderedTick
from opend_kafka.kafka.topics import TopicSpec
from tests.conftest import Cluster
from tests.examples.stream import Stream, Ticks, make

HANGS_S = 60

_made: dict[str, Stream] = {}


@pytest.fixture
def stream(cluster: Cluster) -> Stream:
    """Give a stream on each cluster; made once."""
    return _stream_on(cluster)


@pytest.fixture
def real_stream(apache: Cluster) -> Stream:
    """Give the stream on the real Kafka."""
    return _stream_on(apache)


def _stream_on(cluster: Cluster) -> Stream:
    if cluster.bootstrap_servers not in _made:
        _made[cluster.bootstrap_servers] = make(cluster, f"t{uuid4().hex[:12]}")
    return _made[cluster.bootstrap_servers]


class _Collected:
    """What an example gave, and when it has given enough."""

    def __init__(self, wanted: int) -> None:
        self._wanted = wanted
        self._ends = time.monotonic() + HANGS_S
        self.items: list[OrderedTick] = []

    def take(self, item: OrderedTick | MissingTicks) -> None:
        """Note a tick."""
        if isinstance(item, OrderedTick):
            self.items.append(item)

    def is_done(self) -> bool:
        """Tell whether all has come, or the example hangs."""
        return len(self.items) >= self._wanted or time.monotonic() > self._ends

    def ticks(self) -> Ticks:
        """Give the ticks by security, as they came."""
        return _by_security(
            (f"{one.tick.market}.{one.tick.code}", one.tick.sequence, one.tick.price,
             one.tick.volume)
            for one in self.items
        )  # fmt: skip


def _by_security(ticks: Iterable[tuple[str, int, float, int]]) -> Ticks:
    found: Ticks = {}
    for security, sequence, price, volume in ticks:
        found.setdefault(security, []).append((sequence, price, volume))
    return found


def test_stream_has_everything_that_a_consumer_must_cope_with(stream: Stream) -> None:
    """Ticks from the cache, from OpenD's own link, from repairs; late ones; and many twice."""
    assert set(stream.kinds) >= {
        ("REALTIME", "PUSH"),
        ("CACHE", "PUSH"),
        ("BYDISCONN", "PUSH"),
        (None, "REPAIR"),
    }
    assert stream.late > 0
    assert stream.records > 1.2 * stream.unique


def test_confluent_kafka_gives_what_opend_sent(stream: Stream) -> None:
    """Each tick once, in order."""
    collected = _Collected(stream.unique)
    for item in consume_ticks.ticks(
        stream.bootstrap_servers, stream.prefix, uuid4().hex, stopped=collected.is_done
    ):
        collected.take(item)
    assert collected.ticks() == stream.sent
    assert not any(one.late for one in collected.items)


def test_confluent_kafka_reads_one_topic_of_all_securities(
    stream: Stream, cluster: Cluster
) -> None:
    """Under topic_layout: subtype the ticks are in one topic, and are found there."""
    prefix = f"{stream.prefix}-one"
    cluster.topics.create([TopicSpec(f"{prefix}.ticker"), TopicSpec(f"{prefix}.events")])
    producer = Producer({"bootstrap.servers": stream.bootstrap_servers})
    with TopicReader(stream.bootstrap_servers, [f"{stream.prefix}.ticker.*"]) as reader:
        for _ in range(stream.records):
            (message,) = reader.read(HANGS_S, at_most=1)
            producer.produce(f"{prefix}.ticker", message.value(), message.key())
    assert producer.flush(HANGS_S) == 0
    collected = _Collected(stream.unique)
    for item in consume_ticks.ticks(
        stream.bootstrap_servers, prefix, uuid4().hex, stopped=collected.is_done
    ):
        collected.take(item)
    assert collected.ticks() == stream.sent


def test_confluent_kafka_goes_on_where_it_was_stopped(real_stream: Stream) -> None:
    """A consumer that ends amidst duplicates leaves the next one nothing to do twice."""
    group = uuid4().hex
    collected = _Collected(real_stream.unique)
    for wanted in (real_stream.unique // 3, real_stream.unique):
        for item in consume_ticks.ticks(
            real_stream.bootstrap_servers,
            real_stream.prefix,
            group,
            delay_s=0.0 if wanted < real_stream.unique else 0.5,
            stopped=_more_than(collected, wanted),
        ):
            collected.take(item)
    found = {security: sorted(ticks) for security, ticks in collected.ticks().items()}
    assert found == real_stream.sent


def _more_than(collected: _Collected, wanted: int) -> Callable[[], bool]:
    return lambda: len(collected.items) >= wanted or collected.is_done()


def test_aiokafka_gives_what_opend_sent(real_stream: Stream) -> None:
    """The same from another client."""
    collected = _Collected(real_stream.unique)

    async def consume() -> None:
        async for item in consume_ticks_aiokafka.ticks(
            real_stream.bootstrap_servers,
            real_stream.prefix,
            uuid4().hex,
            stopped=collected.is_done,
        ):
            collected.take(item)

    asyncio.run(consume())
    assert collected.ticks() == real_stream.sent


class _Crash(Exception):
    """What a test breaks a copy with."""


def test_exactly_once_survives_crashes(apache: Cluster, real_stream: Stream) -> None:
    """Copies that crash before they commit leave nothing behind, and nothing is left out."""
    target, group = f"{real_stream.prefix}-copy", uuid4().hex
    apache.topics.create([TopicSpec(target)])
    ends = time.monotonic() + HANGS_S
    copied: list[tuple[str, int, float, int]] = []
    for crashes in (True, False):
        copier = TickCopier(real_stream.bootstrap_servers, real_stream.prefix, target, group)

        def broken() -> None:
            raise _Crash

        def is_copied() -> bool:
            copied[:] = _copied(real_stream.bootstrap_servers, target)
            return len(copied) >= real_stream.unique or time.monotonic() > ends

        with suppress(_Crash):
            copier.run(is_copied, *([broken] if crashes else []))
    # Where a transaction ends between a late trade and its successors, it is marked, and not moved.
    found = {security: sorted(ticks) for security, ticks in _by_security(copied).items()}
    assert found == real_stream.sent


def _copied(bootstrap_servers: str, topic: str) -> list[tuple[str, int, float, int]]:
    """Read what is committed of a topic of one partition."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": "nobody",
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
        }
    )
    consumer.assign([TopicPartition(topic, 0, 0)])
    found = []
    while (message := consumer.poll(10)) is not None and message.error() is None:
        value = json.loads(message.value() or b"")
        security = (message.key() or b"").decode()
        found.append((security, value["sequence"], value["price"], value["volume"]))
    consumer.close()
    return found

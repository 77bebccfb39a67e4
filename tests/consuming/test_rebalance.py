"""Two consumers of one group on a real Kafka: one joins late, one leaves. Each tick counts once."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from random import Random
from typing import Any, Protocol

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, Producer, TopicPartition

from opend_kafka.consuming.decoding import Decoder
from opend_kafka.consuming.progress import Progress
from opend_kafka.consuming.resuming import ResumingDeduplicator
from opend_kafka.consuming.streaming import OrderedTick, TickStream
from opend_kafka.kafka.offsets import offsets_at
from opend_kafka.kafka.topics import TopicSpec
from tests.conftest import Cluster
from tests.consuming.samples import a_key, a_tick, single_object

HANGS_S = 30.0
PARTITIONS = 6
SECURITIES = tuple(f"HK.{number:05}" for number in range(12))
#: Ticks of each security; a third of the records repeat one of the last 40.
TICKS = 200

#: A tick's identity: security, sequence.
Tick = tuple[str, int]
Partition = tuple[str, int]


class _Processing(Protocol):
    """What a consumer does with records; `count` is its result."""

    def assigned(self, at: Partition, committed: int | None, first: int) -> int: ...

    def take(self, message: Message) -> None: ...

    def due(self) -> None: ...

    def giving_up(self, partitions: list[Partition]) -> None: ...

    def revoked(self, at: Partition) -> None: ...

    def offsets(self) -> dict[Partition, int]: ...


class _Deduplicating:
    """Counts each tick as soon as it is read."""

    def __init__(self, count: Callable[[Tick], None]) -> None:
        self._count = count
        self._decoder = Decoder()
        self._deduplicator = ResumingDeduplicator(1000)
        #: What is read back must not be committed anew: it knows where that ends.
        self._progress = Progress()

    def assigned(self, at: Partition, committed: int | None, first: int) -> int:
        self._progress.assigned(*at, max(committed or 0, first))
        return self._deduplicator.assigned(*at, committed, first)

    def take(self, message: Message) -> None:
        topic, partition, offset = _at(message)
        self._progress.taken(topic, partition, offset)
        tick = self._decoder.decode(message.value() or b"").fields
        if self._deduplicator.is_new(tick, topic, partition, offset):
            self._count((f"{tick['market']}.{tick['code']}", tick["sequence"]))
        self._progress.done(topic, partition, offset)

    def due(self) -> None:
        """Nothing is held."""

    def giving_up(self, partitions: list[Partition]) -> None:
        """Nothing is held."""

    def revoked(self, at: Partition) -> None:
        self._deduplicator.revoked(*at)
        self._progress.revoked(*at)

    def offsets(self) -> dict[Partition, int]:
        return self._progress.offsets()


class _Ordering:
    """Holds ticks back a little, to count them in their order."""

    def __init__(self, count: Callable[[Tick], None]) -> None:
        self._count = count
        self._stream = TickStream(Decoder(), delay_s=0.05, read_back=1000)

    def assigned(self, at: Partition, committed: int | None, first: int) -> int:
        return self._stream.assigned(*at, committed, first)

    def take(self, message: Message) -> None:
        now = time.monotonic()
        self._process(self._stream.take(*_at(message), message.key(), message.value(), now))

    def due(self) -> None:
        self._process(self._stream.due(time.monotonic()))

    def giving_up(self, partitions: list[Partition]) -> None:
        self._process(self._stream.flush(partitions))

    def revoked(self, at: Partition) -> None:
        self._stream.revoked(*at)

    def offsets(self) -> dict[Partition, int]:
        return self._stream.offsets()

    def _process(self, items: Iterator[Any]) -> None:
        for item in items:
            if isinstance(item, OrderedTick):
                self._count((f"{item.tick.market}.{item.tick.code}", item.tick.sequence))


def _at(message: Message) -> tuple[str, int, int]:
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    assert topic is not None
    assert partition is not None
    assert offset is not None
    return topic, partition, offset


class _Member:
    """A consumer of the group."""

    def __init__(self, properties: dict[str, Any], topic: str, processing: _Processing) -> None:
        self._processing = processing
        self.partitions: set[Partition] = set()
        self._incremental = properties.get("partition.assignment.strategy") != "range"
        self.consumer = Consumer(properties)
        self.consumer.subscribe([topic], on_assign=self._assigned, on_revoke=self._revoked)

    def read(self) -> None:
        """Process what comes within a moment."""
        for message in self.consumer.consume(50, 0.02):
            assert message.error() is None, message.error()
            self._processing.take(message)
        self._processing.due()

    def leave(self) -> None:
        """Give up all partitions, and go."""
        self.consumer.close()

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        stored = consumer.committed(partitions, HANGS_S)
        ours = [(one.topic, one.partition) for one in partitions]
        firsts = offsets_at(consumer, ours, OFFSET_BEGINNING, HANGS_S)
        for one, at, known in zip(partitions, ours, stored, strict=True):
            committed = known.offset if known.offset >= 0 else None
            one.offset = self._processing.assigned(at, committed, firsts[at])
        self.partitions.update(ours)
        if self._incremental:
            consumer.incremental_assign(partitions)
        else:
            consumer.assign(partitions)

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        going = [(one.topic, one.partition) for one in partitions]
        self._processing.giving_up(going)
        offsets = [
            TopicPartition(*at, offset)
            for at, offset in self._processing.offsets().items()
            if at in going
        ]
        if offsets:
            consumer.commit(offsets=offsets, asynchronous=False)
        for at in going:
            self._processing.revoked(at)
        self.partitions.difference_update(going)


def _log() -> list[Tick]:
    """Give what the worker wrote: each security's ticks in order, and many of them again."""
    random = Random(1)
    log: list[Tick] = []
    latest = dict.fromkeys(SECURITIES, 0)
    while any(last < TICKS for last in latest.values()):
        security = random.choice([one for one in SECURITIES if latest[one] < TICKS])
        if latest[security] and random.random() < 1 / 3:
            log.append((security, random.randint(max(1, latest[security] - 40), latest[security])))
        else:
            latest[security] += 1
            log.append((security, latest[security]))
    return log


def _write(bootstrap_servers: str, topic: str, log: list[Tick]) -> None:
    producer = Producer({"bootstrap.servers": bootstrap_servers})
    for security, sequence in log:
        market, code = security.split(".")
        key = single_object("opend.SecurityKey", a_key() | {"market": market, "code": code})
        producer.produce(topic, single_object("opend.Ticker", a_tick(sequence, security)), key)
        producer.poll(0)
    assert producer.flush(HANGS_S) == 0


@pytest.mark.parametrize(
    ("protocol", "processing"),
    [
        ("range", _Deduplicating),
        ("cooperative-sticky", _Ordering),
        ("consumer", _Deduplicating),
    ],
)
def test_each_tick_counts_once_though_consumers_come_and_go(
    apache: Cluster,
    prefix: str,
    protocol: str,
    processing: Callable[[Callable[[Tick], None]], _Processing],
) -> None:
    """One reads, another joins, the first one leaves: the sum of both is what was written."""
    topic = f"{prefix}.ticker"
    apache.create([TopicSpec(topic, PARTITIONS)])
    properties = {
        "bootstrap.servers": apache.bootstrap_servers,
        "group.id": prefix,
        "enable.auto.commit": False,
    } | (
        {"group.protocol": "consumer"}
        if protocol == "consumer"
        else {"partition.assignment.strategy": protocol, "heartbeat.interval.ms": 100}
    )
    counted: Counter[Tick] = Counter()
    by: list[Counter[Tick]] = [Counter(), Counter()]

    def member(number: int) -> _Member:
        def count(tick: Tick) -> None:
            counted[tick] += 1
            by[number][tick] += 1

        return _Member(properties, topic, processing(count))

    def until(condition: Callable[[], bool], *members: _Member) -> None:
        deadline = time.monotonic() + HANGS_S
        while not condition():
            assert time.monotonic() < deadline
            for one in members:
                one.read()

    log = _log()
    third = len(log) // 3
    _write(apache.bootstrap_servers, topic, log[:third])
    first, second = member(0), None
    until(lambda: len(counted) > third // 3, first)
    second = member(1)
    until(lambda: len(second.partitions) == PARTITIONS // 2, first, second)
    _write(apache.bootstrap_servers, topic, log[third : 2 * third])
    until(lambda: len(by[1]) > 100, first, second)
    first.leave()
    _write(apache.bootstrap_servers, topic, log[2 * third :])
    with closing(second.consumer):
        until(lambda: len(counted) == len(set(log)), second)
    assert set(counted.values()) == {1}
    assert min(map(len, by)) > 100

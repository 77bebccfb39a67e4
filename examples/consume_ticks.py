"""Ticks from Kafka, each once and in order, and what is missing: with confluent-kafka.

python examples/consume_ticks.py localhost:9092 opend my-group

At least once: what was processed after the last commit is processed again after a crash.
"""

import re
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition

from opend_kafka.consuming.decoding import Decoder
from opend_kafka.consuming.missing import MissingTicks
from opend_kafka.consuming.streaming import OrderedTick, TickStream

COMMIT_EVERY_S = 1.0


def ticks(
    bootstrap_servers: str,
    prefix: str,
    group: str,
    *,
    decoder: Decoder | None = None,  # with a registry: Decoder(schema_by_id)
    delay_s: float = 0.5,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[OrderedTick | MissingTicks]:
    """Yield what is to be processed, until stopped."""
    stream = TickStream(decoder or Decoder(), delay_s=delay_s)
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": group,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
        }
    )

    def assigned(_: Consumer, partitions: list[TopicPartition]) -> None:
        # get_watermark_offsets calls a partition empty where one of its two questions fails.
        asked = [TopicPartition(one.topic, one.partition, OFFSET_BEGINNING) for one in partitions]
        firsts = consumer.offsets_for_times(asked, 10)
        stored = consumer.committed(partitions, 10)
        for one, first, known in zip(partitions, firsts, stored, strict=True):
            if first.error or known.error:
                raise KafkaException(first.error or known.error)
            committed = known.offset if known.offset >= 0 else None
            one.offset = stream.assigned(one.topic, one.partition, committed, first.offset)
        consumer.assign(partitions)

    def commit() -> None:
        offsets = [TopicPartition(*where, offset) for where, offset in stream.offsets().items()]
        if offsets:
            consumer.commit(offsets=offsets, asynchronous=False)

    def lost(_: Consumer, partitions: list[TopicPartition]) -> None:
        for one in partitions:
            stream.revoked(one.topic, one.partition)

    def revoked(_: Consumer, partitions: list[TopicPartition]) -> None:
        commit()  # while they are ours, so that the next consumer goes on here
        lost(_, partitions)

    topics = [rf"^{re.escape(prefix)}\.ticker(\..*)?$", f"{prefix}.events"]
    consumer.subscribe(topics, on_assign=assigned, on_revoke=revoked, on_lost=lost)
    committed_at = time.monotonic()
    try:
        while not stopped():
            for message in consumer.consume(500, 0.1):
                if message.error():
                    raise RuntimeError(message.error())
                where: tuple[Any, Any, Any] = message.topic(), message.partition(), message.offset()
                yield from stream.take(*where, message.key(), message.value(), time.monotonic())
            yield from stream.due(time.monotonic())
            if time.monotonic() - committed_at > COMMIT_EVERY_S:
                commit()
                committed_at = time.monotonic()
        yield from stream.flush()
        commit()
    finally:
        consumer.close()


if __name__ == "__main__":
    for item in ticks(*sys.argv[1:]):
        print(item)

"""Ticks from Kafka, each once and in order, and what is missing: with aiokafka.

python examples/consume_ticks_aiokafka.py localhost:9092 opend my-group

At least once, as examples/consume_ticks.py. A handler of faststream gets the same records.
The worker compresses with lz4: install aiokafka[lz4].
"""

import asyncio
import re
import sys
import time
from collections.abc import AsyncIterator, Callable

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition

from opend_kafka.consuming.decoding import Decoder
from opend_kafka.consuming.missing import MissingTicks
from opend_kafka.consuming.streaming import OrderedTick, TickStream

COMMIT_EVERY_S = 1.0


class _Rewinding(ConsumerRebalanceListener):  # type: ignore[misc] # it ships no types
    """Begins to read a little before what was committed, so that duplicates are known."""

    def __init__(self, consumer: AIOKafkaConsumer, stream: TickStream) -> None:
        self._consumer = consumer
        self._stream = stream

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        firsts = await self._consumer.beginning_offsets(list(assigned))
        for one in assigned:
            committed = await self._consumer.committed(one)
            begin = self._stream.assigned(one.topic, one.partition, committed, firsts[one])
            self._consumer.seek(one, begin)

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        for one in revoked:
            self._stream.revoked(one.topic, one.partition)


async def ticks(
    bootstrap_servers: str,
    prefix: str,
    group: str,
    *,
    decoder: Decoder | None = None,  # with a registry: Decoder(schema_by_id)
    delay_s: float = 0.5,
    stopped: Callable[[], bool] = lambda: False,
) -> AsyncIterator[OrderedTick | MissingTicks]:
    """Yield what is to be processed, until stopped."""
    stream = TickStream(decoder or Decoder(), delay_s=delay_s)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )

    async def commit() -> None:
        offsets = {TopicPartition(*where): offset for where, offset in stream.offsets().items()}
        if offsets:
            await consumer.commit(offsets)

    name = re.escape(prefix)
    consumer.subscribe(
        pattern=rf"^{name}\.(ticker(\..*)?|events)$", listener=_Rewinding(consumer, stream)
    )
    await consumer.start()
    committed_at = time.monotonic()
    try:
        while not stopped():
            batches = await consumer.getmany(timeout_ms=100, max_records=500)
            for message in (one for batch in batches.values() for one in batch):
                where = message.topic, message.partition, message.offset
                for item in stream.take(*where, message.key, message.value, time.monotonic()):
                    yield item
            for item in stream.due(time.monotonic()):
                yield item
            if time.monotonic() - committed_at > COMMIT_EVERY_S:
                await commit()
                committed_at = time.monotonic()
        for item in stream.flush():
            yield item
        await commit()
    finally:
        await consumer.stop()


async def _main() -> None:
    async for item in ticks(*sys.argv[1:]):
        print(item)


if __name__ == "__main__":
    asyncio.run(_main())

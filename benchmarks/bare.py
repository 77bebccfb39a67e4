"""The limit: a bare loop of `Producer.produce()`, of what the worker wrote, to where it wrote it.

Keys and Avro bytes are read back from the worker's own topics, so they are the same to the byte;
the producer's properties are the worker's. Nothing is asked of a delivery report: what has not
gone after `flush` counts as a failure. A process of its own; orders come as JSON lines.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from benchmarks.children import Parent
from opend_kafka import config as configuration
from opend_kafka.config import Config
from opend_kafka.kafka.properties import admin_properties, producer_properties

#: Records between two calls of `poll`, which frees what librdkafka holds of those that ended.
_POLL_EVERY = 1_000

#: Seconds.
_FLUSH_S = 120.0
_SILENCE_S = 20.0

_Record = tuple[str, bytes, bytes | None]


def main() -> None:
    """Obey: `load` reads so many records of some topics, `run` produces so many."""
    parent = Parent()
    config = configuration.load(Path(sys.argv[1]))
    servers, properties = config.kafka.bootstrap_servers, config.kafka.librdkafka
    producer = Producer(producer_properties(servers, properties))
    records: list[_Record] = []
    try:
        while True:
            order = parent.next_order()
            if order["order"] == "load":
                records = _read(config, order["topics"], order["records"])
                parent.say(records=len(records))
            else:
                parent.say(**run(producer, _repeated(records, order["records"])))
    except EOFError:
        pass


def run(producer: Producer, records: list[_Record]) -> dict[str, int]:
    """Produce them all; give what that took, up to the last acknowledgement."""
    produce, poll = producer.produce, producer.poll
    begun, cpu = time.monotonic_ns(), time.process_time_ns()
    for number, (topic, value, key) in enumerate(records):
        produce(topic, value, key)
        if not number % _POLL_EVERY:
            poll(0)
    if left := producer.flush(_FLUSH_S):
        raise TimeoutError(f"{left} records are not acknowledged after {_FLUSH_S:.0f} s")
    return {
        "cpu_ns": time.process_time_ns() - cpu,
        "wall_ns": time.monotonic_ns() - begun,
        "delivered": len(records),
    }


def _repeated(records: list[_Record], number: int) -> list[_Record]:
    times = -(-number // len(records))
    return (records * times)[:number]


def _read(config: Config, topics: list[str], wanted: int) -> list[_Record]:
    """Read what the worker wrote, and mix the topics as its feed does: at random."""
    consumer = Consumer(
        admin_properties(config.kafka.bootstrap_servers, config.kafka.librdkafka)
        | {"group.id": "bare", "enable.auto.commit": False}
    )
    consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING) for topic in topics])
    records: list[_Record] = []
    since = time.monotonic()
    try:
        while len(records) < wanted:
            for message in consumer.consume(10_000, 0.2):
                if message.error() is None:
                    value, key = message.value(), message.key()
                    assert isinstance(value, bytes)
                    assert key is None or isinstance(key, bytes)
                    records.append((message.topic() or "", value, key))
                    since = time.monotonic()
            if time.monotonic() - since > _SILENCE_S:
                raise TimeoutError(f"{len(records)} of {wanted} records can be read")
    finally:
        consumer.close()
    random.Random(1).shuffle(records)
    return records


if __name__ == "__main__":
    main()

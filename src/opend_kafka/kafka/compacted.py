"""Compacted topics read back: the last record of each key."""

from __future__ import annotations

import time
from contextlib import closing

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaException,
    TopicPartition,
)
from confluent_kafka import KafkaError as LibraryError

from opend_kafka.errors import KafkaUnreachable, TopicUnreadable
from opend_kafka.kafka.offsets import ranges
from opend_kafka.kafka.patience import asked_again
from opend_kafka.kafka.permissions import FORBIDDEN
from opend_kafka.kafka.properties import admin_properties, refusing_bad_properties

#: Records taken at once: enough that Python's part is small, and some MiB at most.
_BATCH = 10_000

#: Seconds that a turn may wait for its batch to fill: it always does so at the end of a topic.
_TURN_S = 0.02

_OURS = {
    # librdkafka wants a name, but there is no group: nothing is joined, nothing is committed.
    "group.id": "opend-kafka-reader",
    "enable.auto.commit": "false",
    # The last offset may be compacted away, or a transaction's mark: only this tells the end.
    "enable.partition.eof": "true",
    # We write outside of transactions: one that somebody left open must not hide our records.
    "isolation.level": "read_uncommitted",
    # Records that the cleaner has removed meanwhile are no longer the last of their keys.
    "auto.offset.reset": "earliest",
    # Somebody waits for the end, where the broker would wait for more.
    "fetch.wait.max.ms": "10",
}


def last_values(
    bootstrap_servers: str, properties: dict[str, str], topic: str, *, timeout_s: float
) -> dict[bytes, bytes | None]:
    """Read a topic from its beginning to its end; give the last value of each key.

    None is a tombstone. Keys come in the order of their last records, partition for partition;
    records without a key are left out.

    Args:
        bootstrap_servers: the cluster.
        properties: the user's, for librdkafka.
        topic: the topic; all its partitions.
        timeout_s: how long nothing at all may come. A long topic may take longer in the whole.

    Raises:
        ConfigurationError: librdkafka refuses a property.
        KafkaUnreachable: no broker answers.
        TopicUnreadable: the topic is missing, its end is not reached, or may not be read.
    """
    with refusing_bad_properties():
        consumer = Consumer(admin_properties(bootstrap_servers, properties) | _OURS)
    with closing(consumer):
        ends = _ends(consumer, bootstrap_servers, topic, timeout_s)
        if not ends:
            return {}
        consumer.assign([TopicPartition(topic, each, OFFSET_BEGINNING) for each in ends])
        return _read(consumer, topic, ends, timeout_s)


def _ends(
    consumer: Consumer, bootstrap_servers: str, topic: str, timeout_s: float
) -> dict[int, int]:
    """Give, for each partition that is not empty, the offset after its last record."""

    def ask() -> dict[int, int]:
        known = consumer.list_topics(topic, timeout=timeout_s).topics[topic]
        if known.error is not None:
            raise KafkaException(known.error)
        found = ranges(consumer, [(topic, each) for each in known.partitions], timeout_s)
        return {each: high for (_, each), (low, high) in found.items() if high > low}

    try:
        return asked_again(ask, timeout_s)
    except KafkaException as error:
        raise _translated(error.args[0], bootstrap_servers, topic) from None


def _read(
    consumer: Consumer, topic: str, ends: dict[int, int], timeout_s: float
) -> dict[bytes, bytes | None]:
    last: dict[bytes, bytes | None] = {}
    unread = dict(ends)
    deadline = time.monotonic() + timeout_s
    cause = "nothing comes"
    while unread:
        messages = consumer.consume(_BATCH, _TURN_S)
        for message in messages:
            partition, error = message.partition() or 0, message.error()
            if error is None:
                key = message.key()
                if key is not None:
                    last.pop(key, None)  # for the order
                    last[key] = message.value()
                if (message.offset() or 0) + 1 >= ends[partition]:
                    unread.pop(partition, None)
            elif error.code() == LibraryError._PARTITION_EOF:
                unread.pop(partition, None)
            elif error.code() in FORBIDDEN:
                raise TopicUnreadable(topic, error.str(), forbidden=True)
            elif error.code() != LibraryError.GROUP_AUTHORIZATION_FAILED:
                cause = error.str()  # librdkafka goes on trying
        if any(message.error() is None for message in messages):
            deadline = time.monotonic() + timeout_s
        elif unread and time.monotonic() >= deadline:
            raise TopicUnreadable(topic, f"its end is not reached within {timeout_s:g} s: {cause}")
    return last


def _translated(
    cause: LibraryError, bootstrap_servers: str, topic: str
) -> KafkaUnreachable | TopicUnreadable:
    if cause.code() in (LibraryError._TRANSPORT, LibraryError._ALL_BROKERS_DOWN):
        return KafkaUnreachable(bootstrap_servers, cause.str())
    return TopicUnreadable(topic, cause.str(), forbidden=cause.code() in FORBIDDEN)

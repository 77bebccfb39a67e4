"""Topics read from one time to another: from first to last record, and then there is an end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

from confluent_kafka import Consumer, Message, TopicPartition

from opend_kafka.consuming.reading import answered, is_record, listed
from opend_kafka.errors import KafkaUnreachable, TopicsFailed
from opend_kafka.kafka.offsets import Partition, offsets_at, ranges
from opend_kafka.kafka.patience import Answer
from opend_kafka.kafka.properties import admin_properties, refusing_bad_properties
from opend_kafka.kafka.refusals import Refusals

#: Seconds that the brokers have to answer.
_ANSWER_TIMEOUT_S = 10.0

#: Seconds without a record after which the brokers count as gone.
_SILENCE_S = 30.0

_WAIT_S = 0.2
_AT_ONCE = 5_000


class TopicSpan:
    """Reads what stands in topics when it is made, between two times; a context manager.

    Args:
        bootstrap_servers: the cluster.
        topics: names.
        from_ms: no record older than this, by the records' timestamps, in ms since 1970.
        to_ms: up to the first record that is as young as this.
        properties: for librdkafka.

    Raises:
        KafkaUnreachable, KafkaDenied: no broker answers, or none lets us in.
        TopicsFailed: a topic is not there.
        TopicUnreadable: this user may not read a topic.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        topics: Iterable[str],
        *,
        from_ms: int | None = None,
        to_ms: int | None = None,
        properties: Mapping[str, str] | None = None,
    ) -> None:
        ours = {
            # A group must be named, but nothing is committed to it.
            "group.id": "opend-kafka-reader",
            "enable.auto.commit": "false",
            # The last offset may be one that no record has: a transaction's mark.
            "enable.partition.eof": "true",
        }
        self._refusals = Refusals(bootstrap_servers)
        with refusing_bad_properties():
            self._consumer = Consumer(
                admin_properties(bootstrap_servers, ours | dict(properties or {}))
                | {"error_cb": self._refusals.on_error}
            )
        self._bootstrap_servers = bootstrap_servers
        self._next: dict[Partition, int] = {}
        self._ends: dict[Partition, int] = {}
        try:
            self._assign(list(topics), from_ms, to_ms)
        except BaseException:
            self._consumer.close()
            raise
        #: Offsets in all of it: the records, and some that are none.
        self.total = self._left()

    def __enter__(self) -> TopicSpan:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    @property
    def done(self) -> int:
        """Offsets that are behind us."""
        return self.total - self._left()

    def batches(self) -> Iterator[list[Message]]:
        """Yield the records, those of a partition in their order, up to the end.

        Raises:
            KafkaUnreachable: the cluster is gone, or refuses.
            TopicUnreadable: this user may not read a topic.
        """
        heard = time.monotonic()
        while self._ends:
            messages = self._consumer.consume(_AT_ONCE, _WAIT_S)
            now = time.monotonic()
            if messages:
                heard = now
            elif now - heard > _SILENCE_S:
                raise KafkaUnreachable(
                    self._bootstrap_servers, f"nothing has come for {_SILENCE_S:g} s"
                )
            yield [message for message in messages if self._takes(message)]

    def _takes(self, message: Message) -> bool:
        """Tell whether it is a record of the span; see whether its partition is at its end."""
        partition = message.topic() or "", message.partition() or 0
        end = self._ends.get(partition)
        record = is_record(message)
        if end is None:
            return False
        offset = message.offset() or 0
        following = offset + 1 if record else offset
        self._next[partition] = following
        if following >= end:
            del self._ends[partition]
            self._consumer.incremental_unassign([TopicPartition(*partition)])
        return record and offset < end

    def _left(self) -> int:
        return sum(max(0, end - self._next[partition]) for partition, end in self._ends.items())

    def _assign(self, topics: list[str], from_ms: int | None, to_ms: int | None) -> None:
        wanted = frozenset(topics)
        known = listed(self._consumer, wanted.__contains__, self._refusals, _ANSWER_TIMEOUT_S)
        if missing := [name for name in topics if name not in known]:
            raise TopicsFailed(dict.fromkeys(missing, "there is no such topic"))
        partitions = [(name, number) for name in topics for number in known[name].partitions]
        consumer, topic = self._consumer, ", ".join(topics)

        def asked(question: Callable[..., Answer], *arguments: object) -> Answer:
            ask = partial(question, consumer, partitions, *arguments, _ANSWER_TIMEOUT_S)
            return answered(consumer, ask, topic, self._refusals, _ANSWER_TIMEOUT_S)

        firsts = {} if from_ms is None else asked(offsets_at, from_ms)
        lasts = {} if to_ms is None else asked(offsets_at, to_ms)
        for one, (low, high) in asked(ranges).items():
            # Where no record is as young as that, there is no offset for it.
            first = low if from_ms is None else firsts.get(one, high)
            last = min(high, lasts.get(one, high))
            if first < last:
                self._next[one], self._ends[one] = first, last
        consumer.assign([TopicPartition(*one, self._next[one]) for one in self._ends])

"""Topics read from one end to the other, without a consumer group and without a trace."""

from __future__ import annotations

from fnmatch import fnmatchcase

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaException,
    Message,
    TopicPartition,
)

from opend_kafka.errors import KafkaUnreachable, TopicsFailed
from opend_kafka.kafka.properties import admin_properties, refusing_bad_properties

#: Seconds that the brokers have to answer.
_ANSWER_TIMEOUT_S = 10.0


class TopicReader:
    """Reads the partitions of topics; a context manager.

    Args:
        bootstrap_servers: the cluster.
        topics: names, or patterns with `*` and `?`.
        from_end: only what comes from now on.
        properties: for librdkafka.

    Raises:
        KafkaUnreachable: no broker answers.
        TopicsFailed: there is no such topic.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        topics: list[str],
        *,
        from_end: bool = False,
        properties: dict[str, str] | None = None,
    ) -> None:
        ours = {
            # A group must be named, but nothing is committed to it.
            "group.id": "opend-kafka-reader",
            "enable.auto.commit": "false",
            # An answer as soon as there is anything: people are watching.
            "fetch.wait.max.ms": "10",
        }
        with refusing_bad_properties():
            self._consumer = Consumer(
                admin_properties(bootstrap_servers, ours | (properties or {}))
            )
        try:
            self.topics = self._assign(bootstrap_servers, topics, from_end)
        except BaseException:
            self._consumer.close()
            raise

    def __enter__(self) -> TopicReader:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    def read(self, wait_s: float, *, at_most: int = 1000) -> list[Message]:
        """Give the records that come within `wait_s`, in the order of each partition.

        Raises:
            KafkaUnreachable: the cluster is gone, or refuses.
        """
        messages = self._consumer.consume(at_most, wait_s)
        for message in messages:
            if (error := message.error()) is not None:
                raise KafkaUnreachable(message.topic() or "the topics", error.str())
        return messages

    def _assign(self, bootstrap_servers: str, topics: list[str], from_end: bool) -> list[str]:
        try:
            known = self._consumer.list_topics(timeout=_ANSWER_TIMEOUT_S).topics
        except KafkaException as error:
            raise KafkaUnreachable(
                bootstrap_servers, error.args[0].str(), keys="--bootstrap-servers"
            ) from None
        wanted = [name for name in known if any(fnmatchcase(name, one) for one in topics)]
        if missing := [one for one in topics if not any(fnmatchcase(n, one) for n in known)]:
            raise TopicsFailed(dict.fromkeys(missing, "there is no such topic"))
        partitions = [
            TopicPartition(name, partition, OFFSET_BEGINNING)
            for name in wanted
            for partition in known[name].partitions
        ]
        if from_end:
            # OFFSET_END would be looked up at the first fetch, and miss what comes before it.
            for one in partitions:
                _, one.offset = self._consumer.get_watermark_offsets(one, _ANSWER_TIMEOUT_S)
        self._consumer.assign(partitions)
        return sorted(wanted)

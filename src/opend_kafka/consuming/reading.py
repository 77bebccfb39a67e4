"""Topics read from one end to the other, without a consumer group and without a trace."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import partial

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from opend_kafka.errors import KafkaUnreachable, TopicsFailed, TopicUnreadable
from opend_kafka.kafka.patience import Answer, asked_again
from opend_kafka.kafka.permissions import FORBIDDEN
from opend_kafka.kafka.properties import admin_properties, refusing_bad_properties
from opend_kafka.kafka.refusals import Refusals, topics_of

#: Seconds that the brokers have to answer.
_ANSWER_TIMEOUT_S = 10.0


class TopicReader:
    """Reads the partitions of topics; a context manager.

    Args:
        bootstrap_servers: the cluster.
        topics: names, or patterns with `*` and `?`.
        from_end: only what comes from now on.
        properties: for librdkafka.
        keys: where a user corrects the cluster's address, for errors.

    Raises:
        KafkaUnreachable, KafkaDenied: no broker answers, or none lets us in.
        TopicsFailed: there is no such topic.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        topics: list[str],
        *,
        from_end: bool = False,
        properties: dict[str, str] | None = None,
        keys: str = "--bootstrap-servers",
    ) -> None:
        ours = {
            # A group must be named, but nothing is committed to it.
            "group.id": "opend-kafka-reader",
            "enable.auto.commit": "false",
            # An answer as soon as there is anything: people are watching.
            "fetch.wait.max.ms": "10",
        }
        self._refusals = Refusals(bootstrap_servers, keys=keys)
        with refusing_bad_properties():
            self._consumer = Consumer(
                admin_properties(bootstrap_servers, ours | (properties or {}))
                | {"error_cb": self._refusals.on_error}
            )
        try:
            self.topics = self._assign(topics, from_end)
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
            TopicUnreadable: this user may not read a topic.
        """
        messages = self._consumer.consume(at_most, wait_s)
        return [message for message in messages if is_record(message)]

    def _assign(self, topics: list[str], from_end: bool) -> list[str]:
        known = topics_of(self._consumer, self._refusals, _ANSWER_TIMEOUT_S)
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
                _, one.offset = answered(
                    partial(self._consumer.get_watermark_offsets, one, _ANSWER_TIMEOUT_S),
                    one.topic,
                    self._refusals,
                    _ANSWER_TIMEOUT_S,
                )
        self._consumer.assign(partitions)
        return sorted(wanted)


def answered(
    question: Callable[[], Answer], topic: str, refusals: Refusals, timeout_s: float
) -> Answer:
    """Ask a topic's leaders, and again while one is missing.

    Raises:
        KafkaUnreachable, KafkaDenied: no broker answers, or none lets us in.
        TopicUnreadable: this user may not read the topic.
    """
    try:
        return asked_again(question, timeout_s)
    except KafkaException as error:
        cause: KafkaError = error.args[0]
        if cause.code() in FORBIDDEN:
            raise TopicUnreadable(topic, cause.str(), forbidden=True) from None
        raise refusals.error(cause) from None


def is_record(message: Message) -> bool:
    """Tell a record from what the client has to say of a topic's end, or of a group.

    Raises:
        KafkaUnreachable: the cluster is gone, or refuses.
        TopicUnreadable: this user may not read the topic.
    """
    error = message.error()
    if error is None:
        return True
    if error.code() in FORBIDDEN:
        raise TopicUnreadable(message.topic() or "", error.str(), forbidden=True)
    # librdkafka looks for the coordinator of a group that is never joined.
    if error.code() not in (KafkaError._PARTITION_EOF, KafkaError.GROUP_AUTHORIZATION_FAILED):
        raise KafkaUnreachable(message.topic() or "the topics", error.str())
    return False

"""Topics read from one end to the other, without a consumer group and without a trace."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from opend_kafka.errors import KafkaUnreachable, TopicsFailed, TopicUnreadable
from opend_kafka.kafka.offsets import offsets_at
from opend_kafka.kafka.patience import Answer, asked_again
from opend_kafka.kafka.permissions import FORBIDDEN
from opend_kafka.kafka.properties import admin_properties, refusing_bad_properties
from opend_kafka.kafka.refusals import Client, Refusals, topics_of

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
        known = listed(
            self._consumer,
            lambda name: any(fnmatchcase(name, one) for one in topics),
            self._refusals,
            _ANSWER_TIMEOUT_S,
        )
        if missing := [one for one in topics if not any(fnmatchcase(n, one) for n in known)]:
            raise TopicsFailed(dict.fromkeys(missing, "there is no such topic"))
        partitions = [
            (name, number) for name, topic in known.items() for number in topic.partitions
        ]
        offsets = dict.fromkeys(partitions, OFFSET_BEGINNING)
        if from_end:
            # OFFSET_END would be looked up at the first fetch, and miss what comes before it.
            ask = partial(offsets_at, self._consumer, partitions, OFFSET_END, _ANSWER_TIMEOUT_S)
            offsets = answered(
                self._consumer, ask, ", ".join(topics), self._refusals, _ANSWER_TIMEOUT_S
            )
        self._consumer.assign([TopicPartition(*one, offset) for one, offset in offsets.items()])
        return sorted(known)


def listed(
    client: Client, wanted: Callable[[str], bool], refusals: Refusals, timeout_s: float
) -> dict[str, Any]:
    """Give the topics that are wanted, each once its partitions are known.

    Raises:
        KafkaUnreachable, KafkaDenied: no broker answers, or none lets us in.
    """

    def ask() -> dict[str, Any]:
        found = {
            name: topic
            for name, topic in topics_of(client, refusals, timeout_s).items()
            if wanted(name)
        }
        for topic in found.values():
            # It then has no partitions, and would be taken for an empty one.
            if topic.error is not None:
                raise KafkaException(topic.error)
        return found

    return answered(client, ask, "", refusals, timeout_s)


def answered(
    client: Client,
    question: Callable[[], Answer],
    topic: str,
    refusals: Refusals,
    timeout_s: float,
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
        client.poll(0)  # tells the refusals
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

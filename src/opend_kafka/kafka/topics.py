"""Topics: what there should be, and making it so."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Protocol

from confluent_kafka import KafkaError as LibraryError
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined] # not in __all__

from opend_kafka.errors import KafkaUnreachable, TopicsFailed
from opend_kafka.kafka.properties import admin_properties, refusing_bad_properties

#: Seconds that the brokers have to answer a question about topics.
ANSWER_TIMEOUT_S = 10.0

#: Topics in one CreateTopics request: brokers answer a few hundred well within the time-out.
_TOPICS_PER_REQUEST = 200


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic as it should be. `replication_factor` -1 leaves it to the brokers."""

    name: str
    partitions: int = 1
    replication_factor: int = -1
    config: dict[str, str] = field(default_factory=dict)


class TopicAdmin(Protocol):
    """The seam to a cluster's topics: Apache Kafka, or the embedded one."""

    def existing(self) -> set[str]:
        """Give the names of all topics.

        Raises:
            KafkaUnreachable: no broker answers.
        """
        ...

    def create(self, specs: list[TopicSpec], *, dry_run: bool = False) -> dict[str, str]:
        """Create topics; give the reason for each that could not be created.

        With `dry_run` the brokers only say what they would say.
        """
        ...


class KafkaTopics:
    """A `TopicAdmin` over Kafka's admin protocol."""

    def __init__(self, bootstrap_servers: str, properties: dict[str, str]) -> None:
        self._bootstrap_servers = bootstrap_servers
        with refusing_bad_properties():
            self._client = AdminClient(admin_properties(bootstrap_servers, properties))

    def existing(self) -> set[str]:
        """See `TopicAdmin.existing`."""
        try:
            return set(self._client.list_topics(timeout=ANSWER_TIMEOUT_S).topics)
        except KafkaException as error:
            raise KafkaUnreachable(self._bootstrap_servers, error.args[0].str()) from None

    def create(self, specs: list[TopicSpec], *, dry_run: bool = False) -> dict[str, str]:
        """See `TopicAdmin.create`."""
        failures: dict[str, str] = {}
        for start in range(0, len(specs), _TOPICS_PER_REQUEST):
            chunk = specs[start : start + _TOPICS_PER_REQUEST]
            futures: dict[str, Future[None]] = self._client.create_topics(
                [_new_topic(spec) for spec in chunk],
                request_timeout=ANSWER_TIMEOUT_S,
                validate_only=dry_run,
            )
            for name, future in futures.items():
                if reason := _failure(future):
                    failures[name] = reason
        return failures


def ensure(admin: TopicAdmin, specs: Iterable[TopicSpec], *, create: bool) -> list[str]:
    """See to it that every topic exists; give the names of those created.

    Raises:
        KafkaUnreachable: no broker answers.
        TopicsFailed: a topic is missing, and may not or cannot be created.
    """
    existing = admin.existing()
    missing = [spec for spec in specs if spec.name not in existing]
    if missing and not create:
        raise TopicsFailed(
            {spec.name: "missing, and kafka.topics.create is false" for spec in missing}
        )
    failures = admin.create(missing) if missing else {}
    if failures:
        raise TopicsFailed(failures)
    return [spec.name for spec in missing]


def _new_topic(spec: TopicSpec) -> NewTopic:
    return NewTopic(
        spec.name,
        num_partitions=spec.partitions,
        replication_factor=spec.replication_factor,
        config=spec.config,
    )


def _failure(future: Future[None]) -> str | None:
    try:
        future.result()
    except KafkaException as error:
        cause: LibraryError = error.args[0]
        # Another worker may have been quicker.
        return None if cause.code() == LibraryError.TOPIC_ALREADY_EXISTS else str(cause.str())
    return None

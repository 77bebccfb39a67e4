"""Topics: what there should be, and making it so."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from confluent_kafka import KafkaError as LibraryError
from confluent_kafka import KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined] # not all in its __all__
    AdminClient,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from opend_kafka.errors import KafkaUnreachable, TopicsFailed
from opend_kafka.kafka.properties import admin_properties, refusing_bad_properties

#: Seconds that the brokers have to answer a question about topics.
ANSWER_TIMEOUT_S = 10.0

CLEANUP_POLICY = "cleanup.policy"

#: Topics in one CreateTopics request: brokers answer a few hundred well within the time-out.
_TOPICS_PER_REQUEST = 200


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic as it should be. `replication_factor` -1 leaves it to the brokers."""

    name: str
    partitions: int = 1
    replication_factor: int = -1
    config: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Difference:
    """A topic that stands with another cleanup.policy than it needs."""

    topic: str
    actual: str
    needed: str

    def __str__(self) -> str:
        return (
            f"{self.topic} has {CLEANUP_POLICY}={self.actual} and needs {self.needed}, or Kafka "
            f"removes what must stay: set it with kafka-configs --alter --entity-type topics "
            f"--entity-name {self.topic} --add-config {CLEANUP_POLICY}={self.needed}"
        )


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

    def settings(self, names: Iterable[str]) -> dict[str, dict[str, str]]:
        """Give the settings of those topics that the cluster tells them of."""
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

    def settings(self, names: Iterable[str]) -> dict[str, dict[str, str]]:
        """See `TopicAdmin.settings`: a missing DESCRIBE_CONFIGS makes no topic unusable."""
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
        found: dict[str, dict[str, str]] = {}
        if resources:
            futures = self._client.describe_configs(resources, request_timeout=ANSWER_TIMEOUT_S)
            for resource, future in futures.items():
                with suppress(KafkaException):
                    entries = future.result().items()
                    found[resource.name] = {key: str(entry.value) for key, entry in entries}
        return found


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


def differences(admin: TopicAdmin, specs: Iterable[TopicSpec]) -> list[Difference]:
    """Give the existing topics whose cleanup.policy would lose what their specs want kept.

    Their other settings only cost time or room: whoever set them has had a reason.
    """
    needed = {
        spec.name: policy for spec in specs if (policy := spec.config.get(CLEANUP_POLICY, ""))
    }
    return [
        Difference(name, actual, needed[name])
        for name, settings in admin.settings(needed).items()
        if (actual := settings.get(CLEANUP_POLICY, needed[name])) != needed[name]
    ]


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

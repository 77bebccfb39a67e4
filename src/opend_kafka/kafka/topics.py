"""Topics: what there should be, and making it so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

from confluent_kafka import KafkaError as LibraryError
from confluent_kafka import KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined] # not all in its __all__
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourceType,
)

from opend_kafka.errors import TopicsFailed
from opend_kafka.kafka.permissions import FORBIDDEN, Operations, operations, to_be_granted
from opend_kafka.kafka.properties import admin_properties, refusing_bad_properties
from opend_kafka.kafka.refusals import Refusals, topics_of

#: Seconds that the brokers have to answer a question about topics.
ANSWER_TIMEOUT_S = 10.0

CLEANUP_POLICY = "cleanup.policy"

#: Topics in one request: brokers answer a few hundred well within the time-out.
_TOPICS_PER_REQUEST = 200

_One = TypeVar("_One")


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic as it should be. `replication_factor` -1 leaves it to the brokers."""

    name: str
    partitions: int = 1
    replication_factor: int = -1
    config: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic as it is: where replicas differ from partition to partition, the fewest.

    `settings` is None where the cluster tells none; `untold` says why, where there is a reason.
    """

    partitions: int
    replication_factor: int
    settings: dict[str, str] | None = None
    untold: str | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """A topic that stands with another cleanup.policy than it needs."""

    topic: str
    actual: str
    needed: str

    def __str__(self) -> str:
        return (
            f"{self.topic} has {CLEANUP_POLICY}={self.actual} and needs {self.needed}, or Kafka "
            "removes what must stay: run opend-kafka topics -c FILE --apply, or kafka-configs "
            f"--alter --entity-type topics --entity-name {self.topic} "
            f"--add-config {CLEANUP_POLICY}={self.needed}"
        )


class TopicAdmin(Protocol):
    """The seam to a cluster's topics: Apache Kafka, or the embedded one."""

    def existing(self) -> set[str]:
        """Give the names of all topics.

        Raises:
            KafkaUnreachable, KafkaDenied: no broker answers, or none lets us in.
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

    def states(self, names: Iterable[str]) -> dict[str, TopicState]:
        """Give how those of the topics are that exist.

        Raises:
            KafkaUnreachable, KafkaDenied: no broker answers, or none lets us in.
        """
        ...

    def operations(self, names: Iterable[str]) -> Operations:
        """Give what this user may do with those of the topics of which the cluster tells it."""
        ...

    def add_partitions(self, totals: Mapping[str, int], *, dry_run: bool = False) -> dict[str, str]:
        """Let topics have so many partitions; give the reason for each that could not.

        With `dry_run` the brokers only say what they would say.
        """
        ...

    def alter(
        self, settings: Mapping[str, dict[str, str]], *, dry_run: bool = False
    ) -> dict[str, str]:
        """Set these settings of topics, and no others; give the reason where it failed.

        With `dry_run` the brokers only say what they would say.
        """
        ...


class KafkaTopics:
    """A `TopicAdmin` over Kafka's admin protocol."""

    def __init__(self, bootstrap_servers: str, properties: dict[str, str]) -> None:
        self._refusals = Refusals(bootstrap_servers)
        with refusing_bad_properties():
            self._client = AdminClient(
                admin_properties(bootstrap_servers, properties)
                | {"error_cb": self._refusals.on_error}
            )

    def existing(self) -> set[str]:
        """See `TopicAdmin.existing`."""
        return set(self._listed())

    def states(self, names: Iterable[str]) -> dict[str, TopicState]:
        """See `TopicAdmin.states`."""
        listed = self._listed()
        there = {name: listed[name].partitions for name in names if name in listed}
        states = {}
        for name, told in self._describe(there).items():
            partitions = there[name].values()
            replicas = min((len(one.replicas) for one in partitions), default=0)
            state = TopicState(len(partitions), replicas)
            states[name] = (
                replace(state, settings=told)
                if isinstance(told, dict)
                else replace(state, untold=told)
            )
        return states

    def create(self, specs: list[TopicSpec], *, dry_run: bool = False) -> dict[str, str]:
        """See `TopicAdmin.create`."""
        return self._asked(
            [_new_topic(spec) for spec in specs], self._client.create_topics, "CREATE", dry_run
        )

    def operations(self, names: Iterable[str]) -> Operations:
        """See `TopicAdmin.operations`."""
        return operations(self._client, names, ANSWER_TIMEOUT_S)

    def add_partitions(self, totals: Mapping[str, int], *, dry_run: bool = False) -> dict[str, str]:
        """See `TopicAdmin.add_partitions`."""
        wanted = [NewPartitions(name, total) for name, total in totals.items()]
        return self._asked(wanted, self._client.create_partitions, "ALTER", dry_run)

    def alter(
        self, settings: Mapping[str, dict[str, str]], *, dry_run: bool = False
    ) -> dict[str, str]:
        """See `TopicAdmin.alter`."""
        wanted = [_settings_of(name, values) for name, values in settings.items()]
        alter = self._client.incremental_alter_configs
        return self._asked(wanted, alter, "ALTER_CONFIGS", dry_run)

    def settings(self, names: Iterable[str]) -> dict[str, dict[str, str]]:
        """See `TopicAdmin.settings`: a missing DESCRIBE_CONFIGS makes no topic unusable."""
        told = self._describe(names)
        return {name: values for name, values in told.items() if isinstance(values, dict)}

    def _listed(self) -> dict[str, Any]:
        return topics_of(self._client, self._refusals, ANSWER_TIMEOUT_S)

    def _describe(self, names: Iterable[str]) -> dict[str, dict[str, str] | str | None]:
        """Give each topic's settings, or the reason why they are not told, or None for neither."""
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
        found: dict[str, dict[str, str] | str | None] = {}
        for some in _chunks(resources):
            futures = self._client.describe_configs(some, request_timeout=ANSWER_TIMEOUT_S)
            for resource, future in futures.items():
                try:
                    entries = future.result().items()
                except KafkaException as error:
                    self._require_answer(error)
                    found[resource.name] = _reason(error, resource.name, "DESCRIBE_CONFIGS")
                else:
                    found[resource.name] = {key: str(entry.value) for key, entry in entries}
        return found

    def _asked(
        self, wanted: list[Any], request: Callable[..., Any], permission: str, dry_run: bool
    ) -> dict[str, str]:
        """Make a request for each of many topics; give the reason for each that was refused."""
        failures: dict[str, str] = {}
        for some in _chunks(wanted):
            futures: dict[Any, Future[None]] = request(
                some, request_timeout=ANSWER_TIMEOUT_S, validate_only=dry_run
            )
            for one, future in futures.items():
                name = one if isinstance(one, str) else one.name
                try:
                    future.result()
                except KafkaException as error:
                    self._require_answer(error)
                    if reason := _failure(error, name, permission):
                        failures[name] = reason
        return failures

    def _require_answer(self, error: KafkaException) -> None:
        """Tell silence from a broker's word: behind silence there may be a refused certificate."""
        if error.args[0].code() == LibraryError._TIMED_OUT:
            self._client.poll(0)  # tells the refusals
            if self._refusals.denied is not None:
                raise self._refusals.denied from None


def ensure(admin: TopicAdmin, specs: Iterable[TopicSpec], *, create: bool) -> list[str]:
    """See to it that every topic exists; give the names of those created.

    Raises:
        KafkaUnreachable, KafkaDenied: no broker answers, or none lets us in.
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


def _settings_of(name: str, values: dict[str, str]) -> ConfigResource:
    entries = [
        ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
        for key, value in values.items()
    ]
    return ConfigResource(ResourceType.TOPIC, name, incremental_configs=entries)


def _chunks(all_of_them: list[_One]) -> Iterator[list[_One]]:
    for start in range(0, len(all_of_them), _TOPICS_PER_REQUEST):
        yield all_of_them[start : start + _TOPICS_PER_REQUEST]


def _failure(error: KafkaException, topic: str, permission: str) -> str | None:
    # Another worker may have been quicker.
    if error.args[0].code() == LibraryError.TOPIC_ALREADY_EXISTS:
        return None
    return _reason(error, topic, permission) or str(error.args[0].str())


def _reason(error: KafkaException, topic: str, permission: str) -> str | None:
    """Say why Kafka refused; None where it does not know the request at all."""
    cause: LibraryError = error.args[0]
    if cause.code() in FORBIDDEN:
        return to_be_granted(permission, topic)
    if cause.code() == LibraryError._UNSUPPORTED_FEATURE:
        return None
    return str(cause.str())

"""Topics as they should be against topics as they are: the differences, and what mends them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from opend_kafka.kafka.topics import TopicAdmin, TopicSpec, TopicState

#: Seconds within which the brokers show what was applied.
_SHOWN_S = 10.0

_MISSING = "missing"
_SETTINGS = "settings"


class Step(StrEnum):
    """What mends a difference. Nothing is ever deleted, and no partition taken away."""

    CREATE = "create"
    ADD_PARTITIONS = "add partitions"
    ALTER = "alter"
    BY_HAND = "by hand"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `what` is topic, partitions, replication factor, or a setting's name."""

    topic: str
    what: str
    actual: str
    desired: str
    step: Step
    note: str = ""

    @property
    def untold(self) -> bool:
        """Whether nobody knows if there is a difference; `note` says why."""
        return self.what == _SETTINGS

    def __str__(self) -> str:
        return f"{self.topic}: {self.what} {self.actual}, to be {self.desired}"


#: The reason for each (topic, step) that Kafka refused.
Failures = dict[tuple[str, Step], str]


def plan(admin: TopicAdmin, specs: list[TopicSpec]) -> list[Change]:
    """Ask the cluster, and give every difference.

    Raises:
        KafkaUnreachable: no broker answers.
    """
    return changes(specs, admin.states(spec.name for spec in specs))


def changes(specs: Iterable[TopicSpec], states: Mapping[str, TopicState]) -> list[Change]:
    """Give every difference, topic by topic in the order of the specs. Pure."""
    return [
        change
        for spec in specs
        for change in (
            _changes_of(spec, states[spec.name]) if spec.name in states else [_creation(spec)]
        )
    ]


def apply(
    admin: TopicAdmin, specs: Iterable[TopicSpec], planned: Iterable[Change], *, dry_run: bool
) -> Failures:
    """Make it so, as far as it can be; give what was refused.

    With `dry_run` the brokers only say what they would say.
    """
    by_name = {spec.name: spec for spec in specs}
    missing: list[TopicSpec] = []
    totals: dict[str, int] = {}
    settings: dict[str, dict[str, str]] = {}
    for change in planned:
        spec = by_name[change.topic]
        match change.step:
            case Step.CREATE:
                missing.append(spec)
            case Step.ADD_PARTITIONS:
                totals[spec.name] = spec.partitions
            case Step.ALTER:
                settings.setdefault(spec.name, {})[change.what] = spec.config[change.what]
    refused = {
        Step.CREATE: admin.create(missing, dry_run=dry_run),
        Step.ADD_PARTITIONS: admin.add_partitions(totals, dry_run=dry_run),
        Step.ALTER: admin.alter(settings, dry_run=dry_run),
    }
    return {
        (topic, step): reason
        for step, failures in refused.items()
        for topic, reason in failures.items()
    }


def await_applied(admin: TopicAdmin, specs: list[TopicSpec], failures: Failures) -> None:
    """Wait until what was applied is seen: each broker learns of it by itself, a little later.

    Raises:
        KafkaUnreachable: no broker answers.
    """
    deadline = time.monotonic() + _SHOWN_S
    while _stands(plan(admin, specs), failures) and time.monotonic() < deadline:
        time.sleep(0.05)


def _stands(planned: Iterable[Change], failures: Failures) -> bool:
    return any(
        one.step is not Step.BY_HAND and (one.topic, one.step) not in failures for one in planned
    )


def _creation(spec: TopicSpec) -> Change:
    number = "1 partition" if spec.partitions == 1 else f"{spec.partitions} partitions"
    replicas = [f"{spec.replication_factor} replicas"] if spec.replication_factor > 0 else []
    settings = [f"{key}={value}" for key, value in spec.config.items()]
    desired = ", ".join([number, *replicas, *settings])
    return Change(spec.name, "topic", _MISSING, desired, Step.CREATE)


def _changes_of(spec: TopicSpec, state: TopicState) -> Iterator[Change]:
    yield from _partitions(spec, state)
    if spec.replication_factor not in (-1, state.replication_factor):
        yield Change(
            spec.name,
            "replication factor",
            str(state.replication_factor),
            str(spec.replication_factor),
            Step.BY_HAND,
            "kafka-reassign-partitions changes it",
        )
    if spec.config and state.untold:
        yield Change(
            spec.name, _SETTINGS, "not told", _as_text(spec.config), Step.BY_HAND, state.untold
        )
    if state.settings is None:
        return
    for key, desired in spec.config.items():
        actual = state.settings.get(key, _MISSING)
        if _normal(actual) != _normal(desired):
            yield Change(spec.name, key, actual, desired, Step.ALTER)


def _partitions(spec: TopicSpec, state: TopicState) -> Iterator[Change]:
    if state.partitions == spec.partitions:
        return
    grows = state.partitions < spec.partitions
    yield Change(
        spec.name,
        "partitions",
        str(state.partitions),
        str(spec.partitions),
        Step.ADD_PARTITIONS if grows else Step.BY_HAND,
        "keys move: a security's newer records come to another partition than its older ones"
        if grows
        else "Kafka takes no partition away: let the configuration want as many, or make the "
        "topic anew",
    )


def _normal(value: str) -> list[str]:
    """Give what two writings of a setting have in common: `compact, delete` is a set."""
    return sorted(part.strip() for part in value.split(","))


def _as_text(settings: Mapping[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in settings.items())

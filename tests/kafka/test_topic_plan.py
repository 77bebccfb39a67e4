"""Differences of topics, and their mending: the same on the embedded and on the real Kafka."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opend_kafka.kafka.topic_plan import Change, Step, apply, await_applied, changes, plan
from opend_kafka.kafka.topics import TopicSpec, TopicState, ensure
from tests.conftest import Cluster

KEYS = ("retention.ms", "cleanup.policy", "compression.type", "min.insync.replicas")


@dataclass
class Memory:
    """A `TopicAdmin` of topics that are only remembered."""

    topics: dict[str, TopicState]

    def existing(self) -> set[str]:
        """Give the names."""
        return set(self.topics)

    def settings(self, names: Iterable[str]) -> dict[str, dict[str, str]]:
        """Give the settings."""
        return {name: state.settings or {} for name, state in self.states(names).items()}

    def states(self, names: Iterable[str]) -> dict[str, TopicState]:
        """Give those that exist."""
        return {name: self.topics[name] for name in names if name in self.topics}

    def create(self, specs: list[TopicSpec], *, dry_run: bool = False) -> dict[str, str]:
        """Remember them."""
        for spec in specs if not dry_run else []:
            replicas = max(spec.replication_factor, 1)
            self.topics[spec.name] = TopicState(spec.partitions, replicas, dict(spec.config))
        return {}

    def operations(self, names: Iterable[str]) -> dict[str, frozenset[str]]:
        """Tell nothing."""
        return {}

    def add_partitions(self, totals: Mapping[str, int], *, dry_run: bool = False) -> dict[str, str]:
        """Grow them, as Kafka does: only so."""
        for name, total in totals.items() if not dry_run else ():
            assert total > self.topics[name].partitions
            self.topics[name] = replace(self.topics[name], partitions=total)
        return {}

    def alter(
        self, settings: Mapping[str, dict[str, str]], *, dry_run: bool = False
    ) -> dict[str, str]:
        """Set what is named."""
        for name, values in settings.items() if not dry_run else ():
            merged = (self.topics[name].settings or {}) | values
            self.topics[name] = replace(self.topics[name], settings=merged)
        return {}


@dataclass
class Lagging(Memory):
    """The same, on brokers that show what was done `lag` questions later."""

    shown: dict[str, TopicState]
    lag: int

    def states(self, names: Iterable[str]) -> dict[str, TopicState]:
        """Give those that are seen by now."""
        self.lag -= 1
        topics = self.topics if self.lag < 0 else self.shown
        return {name: topics[name] for name in names if name in topics}


names = st.sampled_from(["opend.a", "opend.b", "opend.c"])
configs = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(["1", "2", "x,y"]))
partitions = st.integers(1, 4)
specs = st.lists(
    st.builds(TopicSpec, names, partitions, st.sampled_from([-1, 1, 3]), configs),
    unique_by=lambda spec: spec.name,
)
states = st.dictionaries(
    names, st.builds(TopicState, partitions, st.integers(1, 3), st.none() | configs)
)


@settings(max_examples=50)
@given(specs, states)
def test_apply_leaves_only_what_is_done_by_hand(
    wanted: list[TopicSpec], actual: dict[str, TopicState]
) -> None:
    """Whatever stands, what a plan can mend is mended at once, and no partition is lost."""
    admin = Memory(dict(actual))
    apply(admin, wanted, plan(admin, wanted), dry_run=False)
    assert {change.step for change in plan(admin, wanted)} <= {Step.BY_HAND}
    assert all(admin.topics[name].partitions >= one.partitions for name, one in actual.items())


@settings(max_examples=50)
@given(specs, states)
def test_apply_changes_nothing_in_a_dry_run(
    wanted: list[TopicSpec], actual: dict[str, TopicState]
) -> None:
    """A dry run leaves every topic as it was."""
    admin = Memory(dict(actual))
    apply(admin, wanted, plan(admin, wanted), dry_run=True)
    assert admin.topics == actual


@settings(max_examples=50)
@given(specs, states)
def test_apply_touches_no_setting_that_is_not_named(
    wanted: list[TopicSpec], actual: dict[str, TopicState]
) -> None:
    """What somebody else has set stays as it was."""
    admin = Memory(dict(actual))
    named = {spec.name: set(spec.config) for spec in wanted}
    apply(admin, wanted, plan(admin, wanted), dry_run=False)
    for name, state in actual.items():
        for key in set(state.settings or {}) - named.get(name, set()):
            assert (admin.topics[name].settings or {})[key] == (state.settings or {})[key]


def test_what_was_applied_is_awaited_until_it_is_seen() -> None:
    """A broker learns of a new topic a little later; who asks for it then finds it."""
    admin, wanted = Lagging({}, {}, lag=3), [TopicSpec("opend.a")]
    apply(admin, wanted, plan(admin, wanted), dry_run=False)
    await_applied(admin, wanted, {})
    assert plan(admin, wanted) == []


def test_what_was_refused_is_not_awaited() -> None:
    """A topic that Kafka refused will not be seen."""
    admin = Memory({})
    await_applied(admin, [TopicSpec("opend.a")], {("opend.a", Step.CREATE): "no"})
    assert admin.topics == {}


def test_missing_topic_is_one_difference_that_says_all() -> None:
    """A topic that is not there shows how it will be made."""
    spec = TopicSpec("opend.a", 2, 3, {"retention.ms": "1"})
    desired = "2 partitions, 3 replicas, retention.ms=1"
    assert changes([spec], {}) == [Change("opend.a", "topic", "missing", desired, Step.CREATE)]


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        (1, ("partitions", "1", "2", Step.ADD_PARTITIONS)),
        (3, ("partitions", "3", "2", Step.BY_HAND)),
    ],
)
def test_partitions_are_added_and_never_taken_away(
    actual: int, expected: tuple[str, str, str, Step]
) -> None:
    """Too few are mended; too many are told, and left."""
    (change,) = changes([TopicSpec("a", 2)], {"a": TopicState(actual, 1)})
    assert (change.what, change.actual, change.desired, change.step) == expected


def test_added_partitions_come_with_a_warning() -> None:
    """Keys move when partitions are added, and the plan says so."""
    (change,) = changes([TopicSpec("a", 2)], {"a": TopicState(1, 1)})
    assert change.note.startswith("keys move")


def test_replication_factor_is_told_and_left() -> None:
    """Another number of replicas than wished is work for Kafka's own tool; -1 is no wish."""
    actual = {"a": TopicState(1, 1), "b": TopicState(1, 1)}
    (change,) = changes([TopicSpec("a", 1, 3), TopicSpec("b", 1, -1)], actual)
    assert (change.topic, change.step) == ("a", Step.BY_HAND)
    assert "kafka-reassign-partitions" in change.note


def test_setting_is_compared_by_what_it_means() -> None:
    """The order of a list, and blanks in it, make no difference."""
    actual = {"a": TopicState(1, 1, {"cleanup.policy": "delete,compact"})}
    assert changes([TopicSpec("a", config={"cleanup.policy": "compact, delete"})], actual) == []


def test_settings_that_are_not_told_are_a_difference_with_the_reason() -> None:
    """Where the settings cannot be seen, nothing is altered blindly; without a wish, no matter."""
    state = TopicState(1, 1, None, "not allowed: grant DESCRIBE_CONFIGS")
    wanted = [TopicSpec("a", config={"retention.ms": "1"}), TopicSpec("b")]
    (change,) = changes(wanted, {"a": state, "b": state})
    assert (change.topic, change.step, change.note) == ("a", Step.BY_HAND, state.untold)


def test_plan_is_empty_once_topics_are_made(cluster: Cluster, prefix: str) -> None:
    """What `ensure` makes is as wanted."""
    wanted = [TopicSpec(f"{prefix}.a", 2, 1, {"cleanup.policy": "compact"})]
    ensure(cluster.topics, wanted, create=True)
    assert plan(cluster.topics, wanted) == []


def test_apply_creates_what_is_missing(cluster: Cluster, prefix: str) -> None:
    """After it nothing is left to do."""
    wanted = [TopicSpec(f"{prefix}.a", 2), TopicSpec(f"{prefix}.b")]
    assert apply(cluster.topics, wanted, plan(cluster.topics, wanted), dry_run=False) == {}
    assert plan(cluster.topics, wanted) == []


def test_apply_mends_a_real_topic(apache: Cluster, prefix: str) -> None:
    """Partitions, retention, compaction, compression and the replicas in sync all come right."""
    config = {
        "cleanup.policy": "compact",
        "compression.type": "zstd",
        "min.insync.replicas": "1",
        "retention.ms": "86400000",
    }
    wanted = [TopicSpec(f"{prefix}.a", 2, 1, config)]
    ensure(apache.topics, [TopicSpec(f"{prefix}.a")], create=True)
    planned = plan(apache.topics, wanted)
    assert {change.what for change in planned} == {"partitions", *config} - {"min.insync.replicas"}
    assert apply(apache.topics, wanted, planned, dry_run=False) == {}
    assert plan(apache.topics, wanted) == []


def test_apply_gives_what_was_refused(apache: Cluster, prefix: str) -> None:
    """The brokers' reasons come with their topic and step; a dry run hears them too."""
    wanted = [TopicSpec(f"{prefix}.a", 1, 9)]
    planned = plan(apache.topics, wanted)
    refused = apply(apache.topics, wanted, planned, dry_run=True)
    assert "eplication" in refused[f"{prefix}.a", Step.CREATE]

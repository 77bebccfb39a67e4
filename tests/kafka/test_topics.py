"""Topics: the same suite on the embedded and on the real Kafka."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest
from confluent_kafka import KafkaError as LibraryError
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType  # type: ignore[attr-defined]

from opend_kafka.errors import ConfigurationError, KafkaUnreachable, TopicsFailed
from opend_kafka.kafka import topics
from opend_kafka.kafka.topics import Difference, KafkaTopics, TopicSpec, differences, ensure
from tests.conftest import AWAITED_S, Cluster


def test_ensure_creates_what_is_missing_with_its_partitions(cluster: Cluster, prefix: str) -> None:
    """A missing topic is created as specified; its name is given back."""
    specs = [TopicSpec(f"{prefix}.one"), TopicSpec(f"{prefix}.three", partitions=3)]
    assert ensure(cluster.topics, specs, create=True) == [spec.name for spec in specs]
    cluster.await_topics({f"{prefix}.one": 1, f"{prefix}.three": 3})
    known = AdminClient({"bootstrap.servers": cluster.bootstrap_servers}).list_topics(timeout=10)
    assert len(known.topics[f"{prefix}.one"].partitions) == 1
    assert len(known.topics[f"{prefix}.three"].partitions) == 3


def test_ensure_leaves_alone_what_exists(cluster: Cluster, prefix: str) -> None:
    """A second time creates nothing."""
    specs = [TopicSpec(f"{prefix}.one")]
    cluster.create(specs)
    assert ensure(cluster.topics, specs, create=True) == []


def test_ensure_names_missing_topics_where_it_may_not_create(cluster: Cluster, prefix: str) -> None:
    """With create false, a missing topic is an error that names it."""
    with pytest.raises(TopicsFailed, match=rf"{prefix}\.one: missing"):
        ensure(cluster.topics, [TopicSpec(f"{prefix}.one")], create=False)


def test_ensure_says_why_a_topic_was_refused(apache: Cluster, prefix: str) -> None:
    """What the broker refuses is an error with the broker's reason; the rest is created."""
    specs = [TopicSpec(f"{prefix}.good"), TopicSpec(f"{prefix}.bad", config={"no.such": "1"})]
    with pytest.raises(TopicsFailed, match=rf"{prefix}\.bad: .*no\.such"):
        ensure(apache.topics, specs, create=True)
    _await(lambda: f"{prefix}.good" in apache.topics.existing())


def test_create_passes_the_settings_on(apache: Cluster, prefix: str) -> None:
    """A topic carries the settings of its spec."""
    name = f"{prefix}.short"
    apache.create([TopicSpec(name, config={"retention.ms": "12345"})])
    resource = ConfigResource(ResourceType.TOPIC, name)
    client = AdminClient({"bootstrap.servers": apache.bootstrap_servers})
    described = client.describe_configs([resource])[resource].result()
    assert described["retention.ms"].value == "12345"


@pytest.mark.parametrize("policy", ["delete", "compact,delete"])
def test_differences_name_a_policy_that_removes_what_must_stay(
    apache: Cluster, prefix: str, policy: str
) -> None:
    """A topic that is to be compacted and has retention is told of, with what mends it."""
    name = f"{prefix}.watermark"
    apache.create([TopicSpec(name, config={"cleanup.policy": policy})])
    wanted = TopicSpec(name, config={"cleanup.policy": "compact"})
    (difference,) = differences(apache.topics, [wanted])
    assert difference == Difference(name, policy, "compact")
    assert f"--entity-name {name} --add-config cleanup.policy=compact" in str(difference)


def test_differences_pass_over_what_is_as_it_should_be(cluster: Cluster, prefix: str) -> None:
    """The right policy, no wish, and a topic that is not there are no difference."""
    compacted = TopicSpec(f"{prefix}.one", config={"cleanup.policy": "compact"})
    wishless = TopicSpec(f"{prefix}.two")
    cluster.create([compacted, wishless])
    missing = TopicSpec(f"{prefix}.none", config={"cleanup.policy": "compact"})
    assert differences(cluster.topics, [compacted, wishless, missing]) == []


def test_settings_that_the_cluster_does_not_tell_are_left_out(
    embedded: Cluster, prefix: str
) -> None:
    """A cluster that cannot describe its topics, or may not, is no error."""
    embedded.create([TopicSpec(f"{prefix}.one")])
    assert embedded.topics.settings([f"{prefix}.one"]) == {}


def test_states_tell_partitions_and_replicas(cluster: Cluster, prefix: str) -> None:
    """Of topics that exist their numbers are told; others are left out."""
    cluster.create([TopicSpec(f"{prefix}.three", partitions=3)])
    states = cluster.topics.states([f"{prefix}.three", f"{prefix}.none"])
    (state,) = states.values()
    assert (state.partitions, state.replication_factor, state.untold) == (3, 1, None)


def test_states_tell_settings(apache: Cluster, prefix: str) -> None:
    """A real cluster's settings come along, as the broker has them."""
    name = f"{prefix}.short"
    apache.create([TopicSpec(name, config={"retention.ms": "12345"})])
    settings = apache.topics.states([name])[name].settings
    assert settings is not None
    assert (settings["retention.ms"], settings["cleanup.policy"]) == ("12345", "delete")


@pytest.mark.parametrize("dry_run", [True, False])
def test_add_partitions_grows_a_topic(apache: Cluster, prefix: str, dry_run: bool) -> None:
    """A topic has as many as asked for; a dry run changes nothing."""
    name = f"{prefix}.one"
    apache.create([TopicSpec(name)])
    assert apache.topics.add_partitions({name: 2}, dry_run=dry_run) == {}
    wanted = 1 if dry_run else 2
    _await(lambda: apache.topics.states([name])[name].partitions == wanted)


def test_add_partitions_does_not_shrink(apache: Cluster, prefix: str) -> None:
    """What the broker refuses comes with its reason."""
    name = f"{prefix}.three"
    apache.create([TopicSpec(name, partitions=3)])
    assert "3" in apache.topics.add_partitions({name: 2})[name]


def test_add_partitions_is_told_where_it_cannot_be(embedded: Cluster, prefix: str) -> None:
    """The embedded cluster says that it cannot, where Kafka could."""
    refused = embedded.topics.add_partitions({prefix: 2})
    assert refused == {prefix: "an embedded Kafka cannot add partitions; make a new one"}


def test_alter_sets_what_is_named_and_nothing_else(apache: Cluster, prefix: str) -> None:
    """A setting that somebody else has made stays."""
    name = f"{prefix}.one"
    apache.create([TopicSpec(name, config={"retention.ms": "12345"})])
    assert apache.topics.alter({name: {"segment.ms": "60000"}}) == {}
    _await(lambda: apache.topics.settings([name])[name]["segment.ms"] == "60000")
    assert apache.topics.settings([name])[name]["retention.ms"] == "12345"


def _await(condition: Callable[[], bool]) -> None:
    """Wait until the broker shows what it has promised."""
    deadline = time.monotonic() + AWAITED_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_alter_says_why_a_setting_was_refused(apache: Cluster, prefix: str) -> None:
    """An unknown setting comes back with the broker's reason."""
    apache.create([TopicSpec(prefix)])
    assert "no.such" in apache.topics.alter({prefix: {"no.such": "1"}}, dry_run=True)[prefix]


class _Forbidding:
    """Kafka's admin client where an ACL is missing for everything but the list of topics."""

    def __init__(self, listing: Any) -> None:
        self.list_topics = listing

    def _refuse(self, asked: list[Any], **_: object) -> dict[Any, Future[None]]:
        code = LibraryError.TOPIC_AUTHORIZATION_FAILED
        refused: Future[None] = Future()
        refused.set_exception(KafkaException(LibraryError(code)))
        names_only = not isinstance(asked[0], ConfigResource)
        return {one.topic if names_only else one: refused for one in asked}

    def poll(self, timeout: float) -> int:
        """Have nothing to tell."""
        return 0

    create_topics = create_partitions = incremental_alter_configs = describe_configs = _refuse


@pytest.fixture
def forbidden(embedded: Cluster, prefix: str, monkeypatch: pytest.MonkeyPatch) -> KafkaTopics:
    """Give the topics, of which `prefix` is one, as one sees them who may only look at the list."""
    ensure(embedded.topics, [TopicSpec(prefix)], create=True)
    admin = KafkaTopics(embedded.bootstrap_servers, {})
    client = AdminClient({"bootstrap.servers": embedded.bootstrap_servers})
    monkeypatch.setattr(admin, "_client", _Forbidding(client.list_topics))
    return admin


@pytest.mark.parametrize(
    ("ask", "permission"),
    [
        (lambda admin, name: admin.create([TopicSpec(name)])[name], "CREATE"),
        (lambda admin, name: admin.add_partitions({name: 2})[name], "ALTER"),
        (lambda admin, name: admin.alter({name: {"segment.ms": "1"}})[name], "ALTER_CONFIGS"),
        (lambda admin, name: admin.states([name])[name].untold, "DESCRIBE_CONFIGS"),
    ],
)
def test_missing_permission_is_named(
    forbidden: KafkaTopics,
    prefix: str,
    ask: Callable[[KafkaTopics, str], str],
    permission: str,
) -> None:
    """Where an ACL is missing, the reason says which one, on which topic."""
    reason = ask(forbidden, prefix)
    assert reason.startswith(f"not allowed: grant {permission} on topic {prefix} to this user")


def test_create_changes_nothing_in_a_dry_run(cluster: Cluster, prefix: str) -> None:
    """A dry run asks only."""
    assert cluster.topics.create([TopicSpec(f"{prefix}.one")], dry_run=True) == {}
    assert f"{prefix}.one" not in cluster.topics.existing()


def test_existing_says_where_no_broker_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """No broker is an error that names the address and the key."""
    monkeypatch.setattr(topics, "ANSWER_TIMEOUT_S", 0.3)
    with pytest.raises(KafkaUnreachable, match=r"127\.0\.0\.1:1 .*kafka\.bootstrap_servers"):
        KafkaTopics("127.0.0.1:1", {}).existing()


def test_kafka_topics_refuses_an_unknown_property() -> None:
    """A property that librdkafka does not know is a configuration error that names it."""
    with pytest.raises(ConfigurationError, match=r"kafka\.properties: .*no\.such\.thing"):
        KafkaTopics("127.0.0.1:1", {"no.such.thing": "1"})

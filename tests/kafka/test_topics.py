"""Topics: the same suite on the embedded and on the real Kafka."""

from __future__ import annotations

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType  # type: ignore[attr-defined]

from opend_kafka.errors import ConfigurationError, KafkaUnreachable, TopicsFailed
from opend_kafka.kafka import topics
from opend_kafka.kafka.topics import Difference, KafkaTopics, TopicSpec, differences, ensure
from tests.conftest import Cluster


def test_ensure_creates_what_is_missing_with_its_partitions(cluster: Cluster, prefix: str) -> None:
    """A missing topic is created as specified; its name is given back."""
    specs = [TopicSpec(f"{prefix}.one"), TopicSpec(f"{prefix}.three", partitions=3)]
    assert ensure(cluster.topics, specs, create=True) == [spec.name for spec in specs]
    known = AdminClient({"bootstrap.servers": cluster.bootstrap_servers}).list_topics(timeout=10)
    assert len(known.topics[f"{prefix}.one"].partitions) == 1
    assert len(known.topics[f"{prefix}.three"].partitions) == 3


def test_ensure_leaves_alone_what_exists(cluster: Cluster, prefix: str) -> None:
    """A second time creates nothing."""
    specs = [TopicSpec(f"{prefix}.one")]
    ensure(cluster.topics, specs, create=True)
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
    assert f"{prefix}.good" in apache.topics.existing()


def test_create_passes_the_settings_on(apache: Cluster, prefix: str) -> None:
    """A topic carries the settings of its spec."""
    name = f"{prefix}.short"
    ensure(apache.topics, [TopicSpec(name, config={"retention.ms": "12345"})], create=True)
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
    ensure(apache.topics, [TopicSpec(name, config={"cleanup.policy": policy})], create=True)
    wanted = TopicSpec(name, config={"cleanup.policy": "compact"})
    (difference,) = differences(apache.topics, [wanted])
    assert difference == Difference(name, policy, "compact")
    assert f"--entity-name {name} --add-config cleanup.policy=compact" in str(difference)


def test_differences_pass_over_what_is_as_it_should_be(cluster: Cluster, prefix: str) -> None:
    """The right policy, no wish, and a topic that is not there are no difference."""
    compacted = TopicSpec(f"{prefix}.one", config={"cleanup.policy": "compact"})
    wishless = TopicSpec(f"{prefix}.two")
    ensure(cluster.topics, [compacted, wishless], create=True)
    missing = TopicSpec(f"{prefix}.none", config={"cleanup.policy": "compact"})
    assert differences(cluster.topics, [compacted, wishless, missing]) == []


def test_settings_that_the_cluster_does_not_tell_are_left_out(
    embedded: Cluster, prefix: str
) -> None:
    """A cluster that cannot describe its topics, or may not, is no error."""
    ensure(embedded.topics, [TopicSpec(f"{prefix}.one")], create=True)
    assert embedded.topics.settings([f"{prefix}.one"]) == {}


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

"""What `check` asks."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from opend_kafka.config import Config
from opend_kafka.kafka.topics import KafkaTopics, TopicSpec, TopicState, ensure
from opend_kafka.opend.securities import Security
from opend_kafka.plan import topic_specs
from opend_kafka.preflight import ASKED, Finding, examine
from opend_kafka.simulator.market import Market
from opend_kafka.simulator.server import Simulator
from tests.conftest import Cluster

TRADED = (Security("HK", "00700"),)


@pytest.fixture
async def opend_port() -> AsyncIterator[int]:
    """Give the port of an OpenD with a quota of one."""
    market = Market(TRADED, seed=1, rate=1, start_us=1_700_000_000_000_000)
    async with Simulator(market, quota=1) as simulator:
        yield simulator.port


def _config(opend_port: int, bootstrap_servers: str, prefix: str, **changes: Any) -> Config:
    content: dict[str, Any] = {
        "opend": {"port": opend_port, "request_timeout_s": 2},
        "subscriptions": [{"securities": ["HK.00700"], "subtypes": ["ticker"]}],
        "kafka": {"bootstrap_servers": bootstrap_servers, "topic_prefix": prefix},
        "schema_registry": {"url": None},
    }
    return Config.model_validate(content | changes)


async def _findings(config: Config) -> dict[str, Finding]:
    return {finding.subject: finding for finding in await examine(config)}


async def test_examine_finds_all_well(
    opend_port: int, apache: Cluster, registry_url: str, prefix: str
) -> None:
    """Where everything answers, every finding is good, and the topic to be created is named."""
    registry = {"url": registry_url, "subject_name_strategy": "topic"}
    config = _config(opend_port, apache.bootstrap_servers, prefix, schema_registry=registry)
    findings = await examine(config)
    assert all(finding.ok for finding in findings), findings
    assert any(f"{prefix}.ticker.HK.00700" in finding.text for finding in findings)


async def test_examine_changes_nothing(opend_port: int, apache: Cluster, prefix: str) -> None:
    """No topic stands that did not stand before."""
    before = apache.topics.existing()
    await examine(_config(opend_port, apache.bootstrap_servers, prefix))
    assert apache.topics.existing() == before


async def test_examine_counts_topics_that_exist(
    opend_port: int, cluster: Cluster, prefix: str
) -> None:
    """Where the topics stand already, it says so."""
    config = _config(opend_port, cluster.bootstrap_servers, prefix)
    ensure(cluster.topics, topic_specs(config), create=True)
    assert (await _findings(config))["topics"] == Finding("topics", True, "all 4 exist")


async def test_examine_warns_of_too_many_topics(
    opend_port: int, embedded: Cluster, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They stop no worker, and the finding says what to do."""
    monkeypatch.setattr("opend_kafka.plan.MANY_TOPICS", 0)
    findings = await examine(_config(opend_port, embedded.bootstrap_servers, prefix))
    (warning,) = [finding for finding in findings if finding.warns]
    assert warning.ok
    assert warning.text.startswith("1 topics of records: above 0 ")


async def test_examine_tells_topics_that_differ(
    opend_port: int, cluster: Cluster, prefix: str
) -> None:
    """A topic with other partitions than wished stops no worker, and is told of."""
    config = _config(opend_port, cluster.bootstrap_servers, prefix)
    name = f"{prefix}.ticker.HK.00700"
    ensure(cluster.topics, [TopicSpec(name, partitions=2)], create=True)
    ensure(cluster.topics, topic_specs(config), create=True)
    difference = f"`opend-kafka topics` mends or explains: {name}: partitions 2, to be 1"
    findings = await _findings(config)
    assert findings["topics"] == Finding("topics", True, f"all 4 exist; {difference}")


async def test_examine_tells_why_settings_cannot_be_compared(
    opend_port: int, embedded: Cluster, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing DESCRIBE_CONFIGS stops no worker, and is named."""
    config = _config(opend_port, embedded.bootstrap_servers, prefix)
    ensure(embedded.topics, topic_specs(config), create=True)
    refusal = {f"{prefix}.watermark": TopicState(1, 1, None, "not told: grant DESCRIBE_CONFIGS")}
    states = KafkaTopics.states
    monkeypatch.setattr(KafkaTopics, "states", lambda admin, names: states(admin, names) | refusal)
    finding = (await _findings(config))["topics"]
    assert finding.ok
    assert finding.text.endswith(f"{prefix}.watermark: settings not told: grant DESCRIBE_CONFIGS")


async def test_examine_finds_that_the_watermarks_can_be_read(
    opend_port: int, cluster: Cluster, prefix: str
) -> None:
    """What a start would read back is read, and counted."""
    config = _config(opend_port, cluster.bootstrap_servers, prefix)
    ensure(cluster.topics, topic_specs(config), create=True)
    text = f"0 can be read back from {prefix}.watermark"
    assert (await _findings(config))["watermarks"] == Finding("watermarks", True, text)


async def test_examine_finds_watermarks_that_retention_would_remove(
    opend_port: int, apache: Cluster, prefix: str
) -> None:
    """A topic of watermarks that is not compacted is a fault."""
    ensure(apache.topics, [TopicSpec(f"{prefix}.watermark")], create=True)
    findings = await examine(_config(opend_port, apache.bootstrap_servers, prefix))
    (fault,) = [finding for finding in findings if not finding.ok]
    assert fault.text.startswith(f"{prefix}.watermark has cleanup.policy=delete")


async def test_examine_finds_topics_that_may_not_be_created(
    opend_port: int, cluster: Cluster, prefix: str
) -> None:
    """With create false, a missing topic is a fault that names it."""
    kafka = {
        "bootstrap_servers": cluster.bootstrap_servers,
        "topic_prefix": prefix,
        "topics": {"create": False},
    }
    finding = (await _findings(_config(opend_port, "", prefix, kafka=kafka)))["topics"]
    assert not finding.ok
    assert f"{prefix}.ticker.HK.00700" in finding.text


async def test_examine_finds_what_the_broker_would_refuse(
    opend_port: int, apache: Cluster, prefix: str
) -> None:
    """A topic that cannot be created is a fault with the broker's reason."""
    kafka = {
        "bootstrap_servers": apache.bootstrap_servers,
        "topic_prefix": prefix,
        "topics": {"replication_factor": 9},
    }
    finding = (await _findings(_config(opend_port, "", prefix, kafka=kafka)))["topics"]
    assert not finding.ok
    assert "eplication" in finding.text


async def test_examine_finds_topics_that_are_one_to_kafka(
    opend_port: int, apache: Cluster, prefix: str
) -> None:
    """Beside a topic of the same name but for `_`, Kafka makes none: the finding says so."""
    ensure(apache.topics, [TopicSpec(f"{prefix}_events")], create=True)
    finding = (await _findings(_config(opend_port, apache.bootstrap_servers, prefix)))["topics"]
    assert not finding.ok
    assert f"'{prefix}.events' collides with existing topic: {prefix}_events" in finding.text


async def test_examine_finds_a_schema_that_the_registry_refuses(
    opend_port: int, embedded: Cluster, prefix: str, registry_url: str
) -> None:
    """Something else stands under a subject: it is named, with what differs."""
    subject = f"{prefix}.watermark-value"
    other = {"type": "record", "name": "opend.Watermark", "fields": []}
    with SchemaRegistryClient({"url": registry_url}) as client:
        client.register_schema(subject, Schema(json.dumps(other), "AVRO"))
        client.set_compatibility(subject, level="BACKWARD")
    registry = {"url": registry_url, "subject_name_strategy": "topic"}
    config = _config(opend_port, embedded.bootstrap_servers, prefix, schema_registry=registry)
    finding = (await _findings(config))["schemas"]
    assert not finding.ok
    assert subject in finding.text


async def test_examine_finds_schemas_that_nobody_registered(
    opend_port: int, embedded: Cluster, prefix: str, registry_url: str
) -> None:
    """Where the worker may not, it says which are missing, and what to run."""
    registry = {"url": registry_url, "subject_name_strategy": "topic", "auto_register": False}
    config = _config(opend_port, embedded.bootstrap_servers, prefix, schema_registry=registry)
    finding = (await _findings(config))["schemas"]
    assert not finding.ok
    assert "opend-kafka schemas register" in finding.text


async def test_examine_finds_that_the_quota_is_too_small(
    opend_port: int, embedded: Cluster, prefix: str
) -> None:
    """More subscriptions than OpenD has left is a fault with both numbers."""
    wanted = [{"securities": ["HK.00700"], "subtypes": ["ticker", "order-book"]}]
    config = _config(opend_port, embedded.bootstrap_servers, prefix, subscriptions=wanted)
    finding = (await _findings(config))["quota"]
    assert not finding.ok
    assert finding.text.startswith("2 subscriptions wanted, 1 left")


async def test_examine_counts_subjects_past_those_it_names(
    opend_port: int, embedded: Cluster, prefix: str, registry_url: str
) -> None:
    """With a subject or two a topic, the rest is told in one finding."""
    registry = {"url": registry_url, "subject_name_strategy": "topic"}
    wanted = [{"securities": [f"HK.{number}" for number in range(10)], "subtypes": ["ticker"]}]
    config = _config(
        opend_port,
        embedded.bootstrap_servers,
        prefix,
        schema_registry=registry,
        subscriptions=wanted,
    )
    texts = [one.text for one in await examine(config) if one.subject == "schemas"]
    # Ten topics and two of the worker's own with a key, one without.
    assert (len(texts), texts[-1]) == (16, "10 more subjects, none refused")


async def test_examine_tells_who_has_answered(
    opend_port: int, embedded: Cluster, prefix: str
) -> None:
    """Whoever waits can say for what."""
    answered: list[str] = []
    await examine(_config(opend_port, embedded.bootstrap_servers, prefix), answered.append)
    assert sorted(answered) == sorted(ASKED)


async def test_examine_finds_that_no_opend_answers(embedded: Cluster, prefix: str) -> None:
    """A wrong port is a fault that names it, and Kafka is examined all the same."""
    findings = await _findings(_config(1, embedded.bootstrap_servers, prefix))
    assert not findings["OpenD"].ok
    assert "127.0.0.1:1" in findings["OpenD"].text
    assert findings["Kafka"].ok


async def test_examine_finds_that_no_kafka_answers(
    opend_port: int, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kafka gone is one fault, and OpenD is examined all the same."""
    monkeypatch.setattr("opend_kafka.kafka.topics.ANSWER_TIMEOUT_S", 0.3)
    findings = await _findings(_config(opend_port, "127.0.0.1:1", prefix))
    assert not findings["Kafka"].ok
    assert findings["OpenD"].ok


async def test_examine_finds_that_no_registry_answers(
    opend_port: int, embedded: Cluster, prefix: str
) -> None:
    """The registry gone is one fault that names its URL."""
    registry = {"url": "http://127.0.0.1:1"}
    config = _config(opend_port, embedded.bootstrap_servers, prefix, schema_registry=registry)
    finding = (await _findings(config))["schemas"]
    assert not finding.ok
    assert "http://127.0.0.1:1" in finding.text

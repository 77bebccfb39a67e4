"""Topics read from one time to another."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing

import pytest
from confluent_kafka import Consumer, KafkaError, Producer

from opend_kafka.consuming import spans
from opend_kafka.consuming.spans import TopicSpan
from opend_kafka.errors import (
    ConfigurationError,
    KafkaUnreachable,
    TopicsFailed,
    TopicUnreadable,
)
from opend_kafka.kafka.embedded import ApiKey, EmbeddedKafka
from opend_kafka.kafka.offsets import ranges
from opend_kafka.kafka.topics import TopicSpec
from tests.conftest import Cluster

PATIENCE_S = 20

Produce = Callable[..., None]


@pytest.fixture
def topic(cluster: Cluster, prefix: str) -> str:
    """Give a topic of two partitions that is empty."""
    cluster.create([TopicSpec(f"{prefix}.a", 2, 1)])
    return f"{prefix}.a"


@pytest.fixture
def produce(cluster: Cluster, topic: str) -> Produce:
    """Give a function that writes values to a partition; each value's number is its time in ms."""

    def write(*values: int, partition: int = 0) -> None:
        producer = Producer({"bootstrap.servers": cluster.bootstrap_servers, "linger.ms": 0})
        for value in values:
            producer.produce(topic, b"%d" % value, partition=partition, timestamp=value)
        assert producer.flush(PATIENCE_S) == 0

    return write


def _read(
    cluster: Cluster, *topics: str, from_ms: int | None = None, to_ms: int | None = None
) -> list[int]:
    servers = cluster.bootstrap_servers
    with TopicSpan(servers, topics, from_ms=from_ms, to_ms=to_ms) as span:
        values = [int(one.value() or b"") for batch in span.batches() for one in batch]
        assert span.done == span.total
    return values


def test_span_reads_all_that_stands(cluster: Cluster, topic: str, produce: Produce) -> None:
    """Every record of every partition comes, and then it is over."""
    produce(1, 2, 3)
    produce(4, 5, partition=1)
    assert sorted(_read(cluster, topic)) == [1, 2, 3, 4, 5]


def test_span_of_an_empty_topic_is_over_at_once(cluster: Cluster, topic: str) -> None:
    """Where nothing stands, nothing is waited for."""
    assert _read(cluster, topic) == []


def test_span_leaves_out_what_comes_later(cluster: Cluster, topic: str, produce: Produce) -> None:
    """The end is the one that stood at the start, however much comes meanwhile."""
    produce(1, 2)
    with TopicSpan(cluster.bootstrap_servers, [topic]) as span:
        produce(3, 4)
        assert [one.value() for batch in span.batches() for one in batch] == [b"1", b"2"]
        assert span.total == 2


@pytest.mark.parametrize(
    ("times", "values"),
    [
        ({"from_ms": 2_000}, [2_000, 3_000]),
        ({"to_ms": 2_000}, [1_000]),
        ({"from_ms": 1_500, "to_ms": 3_000}, [2_000]),
        ({"from_ms": 3_001}, []),
        ({"to_ms": 500}, []),
        ({"to_ms": 9_000}, [1_000, 2_000, 3_000]),
    ],
)
def test_span_keeps_to_its_times(
    apache: Cluster, prefix: str, times: dict[str, int], values: list[int]
) -> None:
    """From the first record that is as young as its beginning, to before that of its end."""
    topic = f"{prefix}.a"
    apache.create([TopicSpec(topic)])
    producer = Producer({"bootstrap.servers": apache.bootstrap_servers, "linger.ms": 0})
    now = 1_700_000_000_000
    for value in (1_000, 2_000, 3_000):
        producer.produce(topic, b"%d" % value, timestamp=now + value)
    assert producer.flush(PATIENCE_S) == 0
    shifted = {name: now + value for name, value in times.items()}
    assert _read(apache, topic, **shifted) == values


def test_span_ends_behind_the_mark_of_a_transaction(apache: Cluster, prefix: str) -> None:
    """The last offset of a transaction is no record, and is not waited for."""
    topic = f"{prefix}.a"
    apache.create([TopicSpec(topic)])
    producer = Producer({"bootstrap.servers": apache.bootstrap_servers, "transactional.id": prefix})
    producer.init_transactions(PATIENCE_S)
    producer.begin_transaction()
    producer.produce(topic, b"1")
    producer.commit_transaction(PATIENCE_S)
    _await_end(apache, topic, 2)
    assert _read(apache, topic) == [1]


def _await_end(cluster: Cluster, topic: str, offset: int) -> None:
    """Wait until a topic is readable so far: a transaction's mark comes after its commit."""
    with closing(
        Consumer({"bootstrap.servers": cluster.bootstrap_servers, "group.id": "tests"})
    ) as consumer:
        deadline = time.monotonic() + PATIENCE_S
        while ranges(consumer, [(topic, 0)], PATIENCE_S)[topic, 0][1] < offset:
            assert time.monotonic() < deadline


def test_span_names_a_topic_that_is_missing(cluster: Cluster, topic: str) -> None:
    """A topic that is not there is named, and not created."""
    with pytest.raises(TopicsFailed, match="absent: there is no such topic"):
        TopicSpan(cluster.bootstrap_servers, [topic, "absent"])
    assert "absent" not in cluster.topics.existing()


def test_span_says_when_no_broker_answers(
    monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    """A cluster that is not there is named, after the time that it has to answer."""
    monkeypatch.setattr(spans, "_ANSWER_TIMEOUT_S", 0.3)
    address = f"127.0.0.1:{unused_tcp_port}"
    with pytest.raises(KafkaUnreachable, match=f"no Kafka broker answers at {address}"):
        TopicSpan(address, ["any"])


def test_span_refuses_a_property_that_does_not_exist() -> None:
    """A misspelt property is the configuration's fault."""
    with pytest.raises(ConfigurationError, match=r"no\.such\.property"):
        TopicSpan("127.0.0.1:1", ["any"], properties={"no.such.property": "x"})


def test_span_gives_up_on_brokers_that_fall_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing comes any more and the end is not reached, it says so."""
    monkeypatch.setattr(spans, "_SILENCE_S", 0.3)
    with EmbeddedKafka() as kafka:
        kafka.create_topic("t")
        producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "log_level": 0})
        producer.produce("t", b"1")
        assert producer.flush(PATIENCE_S) == 0
        kafka.inject_errors(ApiKey.FETCH, *[KafkaError.NOT_LEADER_FOR_PARTITION] * 1000)
        with (
            TopicSpan(kafka.bootstrap_servers, ["t"]) as span,
            pytest.raises(KafkaUnreachable, match="nothing has come for"),
        ):
            list(span.batches())


@pytest.mark.parametrize(
    "code", [KafkaError.LEADER_NOT_AVAILABLE, KafkaError.UNKNOWN_TOPIC_OR_PART]
)
def test_span_waits_for_a_leader(code: int) -> None:
    """A partition whose leader has just gone has another one in a moment."""
    with EmbeddedKafka() as kafka:
        kafka.create_topic("t")
        producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "log_level": 0})
        producer.produce("t", b"1")
        assert producer.flush(PATIENCE_S) == 0
        kafka.inject_errors(ApiKey.LIST_OFFSETS, *[code] * 3)
        with TopicSpan(kafka.bootstrap_servers, ["t"]) as span:
            assert [one.value() for batch in span.batches() for one in batch] == [b"1"]


@pytest.mark.parametrize("request_kind", [ApiKey.LIST_OFFSETS, ApiKey.FETCH])
def test_span_says_that_it_may_not_read(request_kind: ApiKey) -> None:
    """A refusal of the brokers is told at once, with the topic and the permission."""
    with EmbeddedKafka() as kafka:
        kafka.create_topic("t")
        producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "log_level": 0})
        producer.produce("t", b"1")
        assert producer.flush(PATIENCE_S) == 0
        kafka.inject_errors(request_kind, *[KafkaError.TOPIC_AUTHORIZATION_FAILED] * 100)
        with (
            pytest.raises(TopicUnreadable, match=r"grant READ and DESCRIBE on topic t "),
            TopicSpan(kafka.bootstrap_servers, ["t"]) as span,
        ):
            list(span.batches())

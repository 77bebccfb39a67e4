"""Topics read from one end to the other."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, Message, Producer

from opend_kafka.consuming import reading
from opend_kafka.consuming.reading import TopicReader
from opend_kafka.errors import (
    ConfigurationError,
    KafkaUnreachable,
    TopicsFailed,
    TopicUnreadable,
)
from opend_kafka.kafka.embedded import ApiKey, EmbeddedKafka
from opend_kafka.kafka.refusals import Refusals
from opend_kafka.kafka.topics import TopicSpec
from tests.conftest import Cluster

PATIENCE_S = 20


@pytest.fixture
def produce(embedded: Cluster) -> Callable[..., None]:
    """Give a function that writes values to a topic and waits until they are there."""
    producer = Producer({"bootstrap.servers": embedded.bootstrap_servers})

    def write(topic: str, *values: bytes) -> None:
        for value in values:
            producer.produce(topic, value)
        assert producer.flush(PATIENCE_S) == 0

    return write


@pytest.fixture
def topic(embedded: Cluster, prefix: str) -> str:
    """Give a topic that is empty."""
    embedded.topics.create([TopicSpec(f"{prefix}.a")])
    return f"{prefix}.a"


def _values(messages: list[Message]) -> list[bytes | None]:
    return [message.value() for message in messages]


def _read(reader: TopicReader, number: int) -> list[Message]:
    """Read until there are so many."""
    messages: list[Message] = []
    deadline = time.monotonic() + PATIENCE_S
    while len(messages) < number and time.monotonic() < deadline:
        messages += reader.read(0.05)
    return messages


def test_reader_reads_from_the_beginning(
    embedded: Cluster, topic: str, produce: Callable[..., None]
) -> None:
    """What was there before comes first, then what is new, in order."""
    produce(topic, b"1", b"2")
    with TopicReader(embedded.bootstrap_servers, [topic]) as reader:
        before = _read(reader, 2)
        produce(topic, b"3")
        assert _values(before + _read(reader, 1)) == [b"1", b"2", b"3"]


def test_reader_reads_from_the_end(
    embedded: Cluster, topic: str, produce: Callable[..., None]
) -> None:
    """From the end only what comes from now on is read."""
    produce(topic, b"old")
    with TopicReader(embedded.bootstrap_servers, [topic], from_end=True) as reader:
        produce(topic, b"new")
        assert _values(_read(reader, 1)) == [b"new"]


def test_reader_gives_no_more_than_asked_for(
    embedded: Cluster, topic: str, produce: Callable[..., None]
) -> None:
    """`at_most` bounds what one read holds in memory; the rest comes with the next."""
    produce(topic, *(b"%d" % number for number in range(10)))
    with TopicReader(embedded.bootstrap_servers, [topic]) as reader:
        portions: list[list[Message]] = []
        while sum(map(len, portions)) < 10:
            portions.append(reader.read(0.2, at_most=4))
    assert max(map(len, portions)) <= 4


def test_reader_takes_patterns(
    embedded: Cluster, prefix: str, produce: Callable[..., None]
) -> None:
    """`*` and `?` stand for parts of names; topics that do not match are left alone."""
    names = [f"{prefix}.ticker.HK.1", f"{prefix}.ticker.HK.2", f"{prefix}.order-book.HK.1"]
    embedded.topics.create([TopicSpec(name) for name in names])
    for name in names:
        produce(name, name.encode())
    with TopicReader(embedded.bootstrap_servers, [f"{prefix}.ticker.*"]) as reader:
        assert reader.topics == names[:2]
        assert sorted(map(str, _values(_read(reader, 2)))) == [
            str(name.encode()) for name in names[:2]
        ]


def test_reader_reads_a_topic_once_that_two_patterns_name(
    embedded: Cluster, topic: str, produce: Callable[..., None]
) -> None:
    """A topic that is named twice is read once."""
    produce(topic, b"1", b"2")
    with TopicReader(embedded.bootstrap_servers, [topic, f"{topic[:-1]}?"]) as reader:
        assert _values(_read(reader, 2) + reader.read(0.2)) == [b"1", b"2"]


def test_reader_reads_every_partition(embedded: Cluster, prefix: str) -> None:
    """All partitions of a topic are read, each in its order."""
    embedded.topics.create([TopicSpec(f"{prefix}.parts", partitions=3)])
    producer = Producer({"bootstrap.servers": embedded.bootstrap_servers})
    for number in range(9):
        producer.produce(f"{prefix}.parts", b"%d" % number, partition=number % 3)
    assert producer.flush(PATIENCE_S) == 0
    with TopicReader(embedded.bootstrap_servers, [f"{prefix}.parts"]) as reader:
        messages = _read(reader, 9)
    by_partition: dict[int | None, list[bytes | None]] = {}
    for message in messages:
        by_partition.setdefault(message.partition(), []).append(message.value())
    assert by_partition == {0: [b"0", b"3", b"6"], 1: [b"1", b"4", b"7"], 2: [b"2", b"5", b"8"]}


def test_reader_names_every_topic_that_is_missing(embedded: Cluster, topic: str) -> None:
    """A name or a pattern that no topic has is refused, and nothing is created."""
    with pytest.raises(TopicsFailed) as refused:
        TopicReader(embedded.bootstrap_servers, [topic, "absent", "absent.*"])
    assert sorted(refused.value.failures) == ["absent", "absent.*"]
    assert "absent" not in embedded.topics.existing()


def test_reader_says_when_no_broker_answers(
    monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    """A cluster that is not there is named, after the time that it has to answer."""
    monkeypatch.setattr(reading, "_ANSWER_TIMEOUT_S", 0.3)
    with pytest.raises(
        KafkaUnreachable, match=f"no Kafka broker answers at 127.0.0.1:{unused_tcp_port}"
    ):
        TopicReader(f"127.0.0.1:{unused_tcp_port}", ["any"])


def test_reader_refuses_a_property_that_does_not_exist() -> None:
    """A misspelt property is the configuration's fault."""
    with pytest.raises(ConfigurationError, match=r"no\.such\.property"):
        TopicReader("127.0.0.1:1", ["any"], properties={"no.such.property": "x"})


def test_reader_outlives_a_broker_that_comes_back() -> None:
    """While the broker is away nothing comes; when it is back, reading goes on."""
    with EmbeddedKafka() as kafka:
        kafka.create_topic("t")
        producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "log_level": 0})
        producer.produce("t", b"1")
        assert producer.flush(PATIENCE_S) == 0
        with TopicReader(kafka.bootstrap_servers, ["t"]) as reader:
            first = _read(reader, 1)
            kafka.broker_down(1)
            assert reader.read(0.2) == []
            kafka.broker_up(1)
            producer.produce("t", b"2")
            assert producer.flush(PATIENCE_S) == 0
            assert _values(first + _read(reader, 1)) == [b"1", b"2"]


def test_reader_says_that_it_may_not_read() -> None:
    """A refusal of the brokers ends reading, with the topic and the reason."""
    with EmbeddedKafka() as kafka:
        kafka.create_topic("t")
        kafka.inject_errors(ApiKey.FETCH, *[KafkaError.TOPIC_AUTHORIZATION_FAILED] * 100)
        with (
            TopicReader(kafka.bootstrap_servers, ["t"]) as reader,
            pytest.raises(TopicUnreadable, match=r"authorization.*grant READ .* on topic t "),
        ):
            _read(reader, 1)


def test_topics_without_partitions_are_asked_for_again() -> None:
    """A topic whose leaders are just being chosen is no empty topic."""
    choosing = SimpleNamespace(error=KafkaError(KafkaError.LEADER_NOT_AVAILABLE), partitions={})
    chosen = SimpleNamespace(error=None, partitions={0: None})
    answers = iter([choosing, chosen])
    client = SimpleNamespace(
        list_topics=lambda timeout: SimpleNamespace(topics={"t": next(answers), "u": choosing}),
        poll=lambda timeout: None,
    )
    found = reading.listed(client, "t".__eq__, Refusals("kafka:9092"), PATIENCE_S)
    assert found == {"t": chosen}

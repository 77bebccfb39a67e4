"""The embedded Kafka serves librdkafka's own clients, and fails them on request."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from opend_kafka.errors import EmbeddedKafkaError
from opend_kafka.kafka import embedded
from opend_kafka.kafka.embedded import ApiKey, EmbeddedKafka

TOPIC = "quotes"
TIMEOUT_S = 15.0
COUNT_THREADS = """
from opend_kafka.kafka import embedded

for brokers in (1, 2) * 10:
    kafka = embedded.EmbeddedKafka(brokers=brokers)
    print(embedded._load_library().rd_kafka_thread_cnt())
    kafka.close()
    kafka.close()
    print(embedded._load_library().rd_kafka_thread_cnt())
"""


@pytest.fixture
def kafka() -> Iterator[EmbeddedKafka]:
    """A running broker with the topic TOPIC of one partition."""
    with EmbeddedKafka() as running:
        running.create_topic(TOPIC)
        yield running


def producer(kafka: EmbeddedKafka) -> Producer:
    """An idempotent producer, as the worker's."""
    return Producer(
        {
            "bootstrap.servers": kafka.bootstrap_servers,
            "enable.idempotence": True,
            "acks": "all",
            "compression.type": "lz4",
            "reconnect.backoff.max.ms": 100,
            "log_level": 0,
        }
    )


def consumer(kafka: EmbeddedKafka) -> Consumer:
    """A consumer of the group "readers" that reads from the beginning and notices the end."""
    return Consumer(
        {
            "bootstrap.servers": kafka.bootstrap_servers,
            "group.id": "readers",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            # The mock holds an empty fetch for all of it, even if a message arrives meanwhile.
            "fetch.wait.max.ms": 10,
            "log_level": 0,
        }
    )


def read_to_end(kafka: EmbeddedKafka) -> list[Message]:
    """All messages of the topic's only partition."""
    reader = consumer(kafka)
    reader.assign([TopicPartition(TOPIC, 0, OFFSET_BEGINNING)])
    messages = []
    try:
        while True:
            message = reader.poll(TIMEOUT_S)
            assert message is not None, f"no end of {TOPIC} within {TIMEOUT_S} s"
            error = message.error()
            if error is None:
                messages.append(message)
            else:
                assert error.code() == KafkaError._PARTITION_EOF, error
                return messages
    finally:
        reader.close()


def test_round_trip(kafka: EmbeddedKafka) -> None:
    """A consumer gets the keys, values, headers and timestamps that were produced."""
    writer = producer(kafka)
    for i in range(10):
        writer.produce(
            TOPIC, b"value %d" % i, b"key", headers=[("source", b"test")], timestamp=1000 + i
        )
    assert writer.flush(TIMEOUT_S) == 0

    messages = read_to_end(kafka)

    assert [message.value() for message in messages] == [b"value %d" % i for i in range(10)]
    assert [message.timestamp()[1] for message in messages] == list(range(1000, 1010))
    assert {message.key() for message in messages} == {b"key"}
    assert messages[0].headers() == [("source", b"test")]


def test_a_group_resumes_after_its_commit(kafka: EmbeddedKafka) -> None:
    """A consumer group starts where the group's last commit left it."""
    writer = producer(kafka)
    writer.produce(TOPIC, b"old")
    writer.produce(TOPIC, b"new")
    assert writer.flush(TIMEOUT_S) == 0
    first = consumer(kafka)
    first.commit(offsets=[TopicPartition(TOPIC, 0, 1)], asynchronous=False)
    first.close()

    second = consumer(kafka)
    second.subscribe([TOPIC])
    message = second.poll(TIMEOUT_S)
    second.close()

    assert message is not None
    assert message.value() == b"new"


def test_delivery_succeeds_once_the_broker_is_back(kafka: EmbeddedKafka) -> None:
    """A message produced while the broker is down is delivered after it is up, and once."""
    delivered: list[int | None] = []
    writer = producer(kafka)
    writer.produce(TOPIC, b"before")
    assert writer.flush(TIMEOUT_S) == 0

    kafka.broker_down(1)
    writer.produce(
        TOPIC, b"during", on_delivery=lambda _, message: delivered.append(message.offset())
    )
    assert writer.flush(0.2) == 1
    assert delivered == []
    kafka.broker_up(1)

    assert writer.flush(TIMEOUT_S) == 0
    assert delivered == [1]
    assert [message.value() for message in read_to_end(kafka)] == [b"before", b"during"]


def test_a_retriable_error_is_retried_and_delivered_once(kafka: EmbeddedKafka) -> None:
    """An idempotent producer gets over refused Produce requests without loss or duplicate."""
    errors: list[KafkaError | None] = []
    writer = producer(kafka)
    kafka.inject_errors(
        ApiKey.PRODUCE, KafkaError.NOT_ENOUGH_REPLICAS, KafkaError.REQUEST_TIMED_OUT
    )
    for i in range(5):
        writer.produce(TOPIC, b"%d" % i, on_delivery=lambda error, _: errors.append(error))

    assert writer.flush(TIMEOUT_S) == 0
    assert errors == [None] * 5
    assert [message.value() for message in read_to_end(kafka)] == [b"0", b"1", b"2", b"3", b"4"]


def test_a_permanent_error_reaches_the_producer(kafka: EmbeddedKafka) -> None:
    """A Produce error that no retry can mend is reported to the delivery callback."""
    errors: list[KafkaError | None] = []
    writer = producer(kafka)
    kafka.inject_errors(ApiKey.PRODUCE, KafkaError.TOPIC_AUTHORIZATION_FAILED)
    writer.produce(TOPIC, b"refused", on_delivery=lambda error, _: errors.append(error))

    assert writer.flush(TIMEOUT_S) == 0
    assert [error and error.code() for error in errors] == [KafkaError.TOPIC_AUTHORIZATION_FAILED]
    assert read_to_end(kafka) == []


def test_cleared_errors_are_not_met(kafka: EmbeddedKafka) -> None:
    """After clear_errors a request succeeds at its first attempt."""
    errors: list[KafkaError | None] = []
    kafka.inject_errors(ApiKey.PRODUCE, KafkaError.TOPIC_AUTHORIZATION_FAILED)
    kafka.clear_errors(ApiKey.PRODUCE)
    writer = producer(kafka)
    writer.produce(TOPIC, b"fine", on_delivery=lambda error, _: errors.append(error))

    assert writer.flush(TIMEOUT_S) == 0
    assert errors == [None]


def test_round_trip_time_delays_the_delivery(kafka: EmbeddedKafka) -> None:
    """A delivery takes at least the round trip set for the broker."""
    latencies: list[float | None] = []
    writer = producer(kafka)
    writer.produce(TOPIC, b"warm up")
    assert writer.flush(TIMEOUT_S) == 0
    kafka.set_round_trip_ms(1, 200)
    writer.produce(
        TOPIC, b"slow", on_delivery=lambda _, message: latencies.append(message.latency())
    )

    assert writer.flush(TIMEOUT_S) == 0
    assert latencies[0] is not None
    assert latencies[0] >= 0.2


def test_a_topic_has_the_partitions_asked_for() -> None:
    """A topic created with 3 partitions and 2 replicas shows them in its metadata."""
    with EmbeddedKafka(brokers=2) as kafka:
        kafka.create_topic(TOPIC, partitions=3, replication_factor=2)
        metadata = AdminClient({"bootstrap.servers": kafka.bootstrap_servers, "log_level": 0})
        topic = metadata.list_topics(TOPIC, TIMEOUT_S).topics[TOPIC]

    assert len(kafka.bootstrap_servers.split(",")) == 2
    assert sorted(topic.partitions) == [0, 1, 2]
    assert all(len(partition.replicas) == 2 for partition in topic.partitions.values())


def test_admin_create_topics_fails_at_once(kafka: EmbeddedKafka) -> None:
    """AdminClient learns that the mock cannot create topics, and need not time out on it."""
    if not hasattr(embedded._load_library(), "rd_kafka_mock_set_controller_id"):
        pytest.skip("this librdkafka's mock cluster has no controller")
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers, "log_level": 0})
    created = admin.create_topics([NewTopic("other", 1, 1)], request_timeout=TIMEOUT_S)

    with pytest.raises(KafkaException) as raised:
        created["other"].result(TIMEOUT_S)
    assert raised.value.args[0].code() == KafkaError._UNSUPPORTED_FEATURE


@pytest.mark.parametrize(
    ("name", "partitions", "replicas", "reason"),
    [
        (TOPIC, 1, 1, "already exists"),
        ("no spaces", 1, 1, "is no Kafka topic name"),
        ("..", 1, 1, "is no Kafka topic name"),
        ("none", 0, 1, "at least 1 partition"),
        ("none", 1, 0, "0 replicas"),
        ("none", 1, 2, "choose 1 to 1"),
    ],
)
def test_an_impossible_topic_is_refused(
    kafka: EmbeddedKafka, name: str, partitions: int, replicas: int, reason: str
) -> None:
    """A topic that a real Kafka would refuse is refused, with the reason."""
    with pytest.raises(EmbeddedKafkaError, match=reason):
        kafka.create_topic(name, partitions=partitions, replication_factor=replicas)


@pytest.mark.parametrize("broker", [-1, 0, 2])
def test_an_unknown_broker_is_refused(kafka: EmbeddedKafka, broker: int) -> None:
    """Only the ids of existing brokers are taken; librdkafka's -1 for all is not."""
    for command in (kafka.broker_down, kafka.broker_up):
        with pytest.raises(EmbeddedKafkaError, match="ids are 1 to 1"):
            command(broker)
    with pytest.raises(EmbeddedKafkaError, match="ids are 1 to 1"):
        kafka.set_round_trip_ms(broker, 1)


def test_impossible_numbers_are_refused(kafka: EmbeddedKafka) -> None:
    """A cluster of no brokers and a negative round trip are refused."""
    with pytest.raises(EmbeddedKafkaError, match="at least 1 broker"):
        EmbeddedKafka(brokers=0)
    with pytest.raises(EmbeddedKafkaError, match="0 or more"):
        kafka.set_round_trip_ms(1, -1)


def test_close_is_idempotent_and_leaves_no_thread() -> None:
    """Twenty clusters come and go, each closed twice, and no librdkafka thread stays."""
    # In a process of its own, as librdkafka counts the threads of all its clients.
    threads = subprocess.run(
        [sys.executable, "-c", COUNT_THREADS], capture_output=True, text=True, check=True
    ).stdout.split()

    assert len(threads) == 40
    assert all(int(running) > 0 for running in threads[0::2])
    assert all(int(left) == 0 for left in threads[1::2])


def test_close_under_a_connected_producer(kafka: EmbeddedKafka) -> None:
    """Closing under a connected client harms neither the process nor that client."""
    writer = producer(kafka)
    writer.produce(TOPIC, b"delivered")
    assert writer.flush(TIMEOUT_S) == 0
    kafka.close()
    writer.produce(TOPIC, b"too late")

    assert writer.flush(0.1) == 1
    writer.purge()


def test_a_closed_cluster_says_so(kafka: EmbeddedKafka) -> None:
    """A call after close raises an error, where librdkafka would read freed memory."""
    kafka.close()
    with pytest.raises(EmbeddedKafkaError, match="is closed; start a new one"):
        kafka.create_topic("late")


def test_it_works_in_silence(capfd: pytest.CaptureFixture[str]) -> None:
    """The cluster itself writes nothing, not even of a broker that goes down."""
    with EmbeddedKafka() as kafka:
        kafka.create_topic(TOPIC)
        writer = producer(kafka)
        writer.produce(TOPIC, b"1")
        assert writer.flush(TIMEOUT_S) == 0
        kafka.broker_down(1)
        kafka.broker_up(1)
    assert capfd.readouterr() == ("", "")


def test_a_library_without_a_mock_cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A librdkafka without the mock functions is named as such, with the way out."""
    embedded._load_library.cache_clear()
    monkeypatch.setattr(embedded, "_library_path", lambda: tmp_path / "absent.so")

    with pytest.raises(EmbeddedKafkaError, match=r"no mock cluster .* use --bootstrap-servers"):
        EmbeddedKafka()

"""Where partitions begin and end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from opend_kafka.kafka.embedded import ApiKey, EmbeddedKafka
from opend_kafka.kafka.offsets import offsets_at, ranges
from opend_kafka.kafka.topics import TopicSpec
from tests.conftest import Cluster

HANGS_S = 20


@pytest.fixture
def consumer(cluster: Cluster) -> Iterator[Consumer]:
    """Give a consumer of nothing."""
    with closing(_consumer(cluster.bootstrap_servers)) as consumer:
        yield consumer


def _consumer(bootstrap_servers: str) -> Consumer:
    return Consumer({"bootstrap.servers": bootstrap_servers, "group.id": "nobody", "log_level": 0})


def _write(bootstrap_servers: str, topic: str, *times_ms: int) -> None:
    producer = Producer({"bootstrap.servers": bootstrap_servers, "log_level": 0})
    for time_ms in times_ms:
        producer.produce(topic, b"x", partition=0, timestamp=time_ms)
    assert producer.flush(HANGS_S) == 0


def test_range_of_each_partition_is_given(
    cluster: Cluster, consumer: Consumer, prefix: str
) -> None:
    """The first offset, and the one after the last; they are the same where nothing stands."""
    cluster.create([TopicSpec(prefix, 2)])
    _write(cluster.bootstrap_servers, prefix, 1, 2, 3)
    found = ranges(consumer, [(prefix, 0), (prefix, 1)], HANGS_S)
    assert found == {(prefix, 0): (0, 3), (prefix, 1): (0, 0)}


def test_range_begins_behind_what_was_deleted(apache: Cluster, prefix: str) -> None:
    """Retention takes the first records."""
    apache.create([TopicSpec(prefix)])
    _write(apache.bootstrap_servers, prefix, 1, 2, 3)
    admin = AdminClient({"bootstrap.servers": apache.bootstrap_servers})
    for done in admin.delete_records([TopicPartition(prefix, 0, 2)]).values():
        done.result(HANGS_S)
    with closing(_consumer(apache.bootstrap_servers)) as consumer:
        assert ranges(consumer, [(prefix, 0)], HANGS_S) == {(prefix, 0): (2, 3)}


def test_offsets_of_a_time_leave_out_partitions_that_end_before(
    apache: Cluster, prefix: str
) -> None:
    """Where no record is as young as that, there is no offset."""
    apache.create([TopicSpec(prefix, 2)])
    start_ms = 1_700_000_000_000
    _write(apache.bootstrap_servers, prefix, start_ms, start_ms + 10)
    with closing(_consumer(apache.bootstrap_servers)) as consumer:
        both = [(prefix, 0), (prefix, 1)]
        assert offsets_at(consumer, both, start_ms + 5, HANGS_S) == {(prefix, 0): 1}


def test_nothing_is_asked_about_no_partitions(consumer: Consumer) -> None:
    """An empty question has an empty answer."""
    assert ranges(consumer, [], HANGS_S) == {}


@pytest.mark.parametrize("answered", range(2))
def test_partition_is_not_taken_for_empty_where_an_answer_is_missing(answered: int) -> None:
    """Whichever of the two questions the broker refuses, the refusal is raised."""
    with EmbeddedKafka() as kafka:
        kafka.create_topic("t")
        _write(kafka.bootstrap_servers, "t", 1)
        refusals = [KafkaError.NO_ERROR] * answered + [KafkaError.UNKNOWN_TOPIC_OR_PART]
        kafka.inject_errors(ApiKey.LIST_OFFSETS, *refusals)
        with (
            closing(_consumer(kafka.bootstrap_servers)) as consumer,
            pytest.raises(KafkaException, match="UNKNOWN_TOPIC_OR_PART"),
        ):
            ranges(consumer, [("t", 0)], HANGS_S)

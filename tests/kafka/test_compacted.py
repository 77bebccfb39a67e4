"""Compacted topics read back: the same suite on the embedded and on the real Kafka."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import closing

import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from opend_kafka.errors import ConfigurationError, KafkaUnreachable, TopicUnreadable
from opend_kafka.kafka.compacted import last_values
from opend_kafka.kafka.embedded import ApiKey, EmbeddedKafka
from opend_kafka.kafka.topics import TopicSpec, ensure
from tests.conftest import Cluster

#: Seconds after which something on this machine hangs.
HANGS_S = 30.0
#: As above, where the answer is that nothing comes.
BRIEFLY_S = 0.2


def _write(
    cluster: Cluster, topic: str, records: Iterable[tuple[bytes | None, bytes | None]]
) -> None:
    producer = Producer({"bootstrap.servers": cluster.bootstrap_servers, "linger.ms": 5})
    for key, value in records:
        producer.produce(topic, value, key)
        producer.poll(0)
    assert producer.flush(HANGS_S) == 0


def _topic(cluster: Cluster, prefix: str, partitions: int = 1) -> str:
    name = f"{prefix}.watermark"
    ensure(cluster.topics, [TopicSpec(name, partitions)], create=True)
    return name


def _last(cluster: Cluster, topic: str) -> dict[bytes, bytes | None]:
    return last_values(cluster.bootstrap_servers, {}, topic, timeout_s=HANGS_S)


def _await_end(cluster: Cluster, topic: str, offset: int) -> None:
    """Wait until the topic has grown so far: a transaction's mark comes after its commit."""
    with closing(
        Consumer(
            {"bootstrap.servers": cluster.bootstrap_servers, "group.id": "tests"}
            | {"isolation.level": "read_uncommitted"}
        )
    ) as consumer:
        deadline = time.monotonic() + HANGS_S
        while consumer.get_watermark_offsets(TopicPartition(topic, 0), HANGS_S)[1] < offset:
            assert time.monotonic() < deadline


def test_last_value_of_each_key_is_given(cluster: Cluster, prefix: str) -> None:
    """What came later under a key takes the place of what came before."""
    topic = _topic(cluster, prefix)
    _write(cluster, topic, [(b"a", b"1"), (b"b", b"2"), (b"a", b"3")])
    assert _last(cluster, topic) == {b"a": b"3", b"b": b"2"}


def test_keys_come_in_the_order_of_their_last_records(cluster: Cluster, prefix: str) -> None:
    """A key that was written again comes after those that were not."""
    topic = _topic(cluster, prefix)
    _write(cluster, topic, [(b"a", b"1"), (b"b", b"2"), (b"c", b"3"), (b"a", b"4")])
    assert list(_last(cluster, topic)) == [b"b", b"c", b"a"]


def test_tombstone_is_given_as_none(cluster: Cluster, prefix: str) -> None:
    """A key whose last record has no value is told of, so that its owner can forget."""
    topic = _topic(cluster, prefix)
    _write(cluster, topic, [(b"a", b"1"), (b"a", None)])
    assert _last(cluster, topic) == {b"a": None}


def test_empty_topic_has_no_values(cluster: Cluster, prefix: str) -> None:
    """A topic that was just made is read at once."""
    assert _last(cluster, _topic(cluster, prefix)) == {}


def test_record_without_a_key_is_left_out(cluster: Cluster, prefix: str) -> None:
    """Nothing can take the place of a record that has no key, so it is not ours."""
    topic = _topic(cluster, prefix)
    _write(cluster, topic, [(None, b"1"), (b"a", b"2"), (None, b"3")])
    assert _last(cluster, topic) == {b"a": b"2"}


def test_all_partitions_are_read(cluster: Cluster, prefix: str) -> None:
    """Somebody may have made the topic with more than the one; some of them are empty."""
    topic = _topic(cluster, prefix, partitions=5)
    records = {b"%d" % number: b"x" for number in range(7)}
    _write(cluster, topic, records.items())
    assert _last(cluster, topic) == records


def test_many_records_are_read_whole(cluster: Cluster, prefix: str) -> None:
    """20,000 records of 5,000 keys: more than one batch, and the last of each."""
    topic = _topic(cluster, prefix)
    rounds = [[(b"%d" % key, b"%d" % turn * 250) for key in range(5000)] for turn in range(4)]
    _write(cluster, topic, [record for each in rounds for record in each])
    assert _last(cluster, topic) == dict(rounds[-1])


def test_end_that_holds_no_record_is_reached(apache: Cluster, prefix: str) -> None:
    """The topic's last offset is a transaction's mark: no record will ever come from it."""
    topic = _topic(apache, prefix)
    producer = Producer({"bootstrap.servers": apache.bootstrap_servers, "transactional.id": prefix})
    producer.init_transactions(HANGS_S)
    producer.begin_transaction()
    producer.produce(topic, b"1", b"a")
    producer.commit_transaction(HANGS_S)
    _await_end(apache, topic, 2)
    assert _last(apache, topic) == {b"a": b"1"}


def test_open_transaction_hides_nothing(apache: Cluster, prefix: str) -> None:
    """What was written after a transaction began that never ends is read all the same."""
    topic = _topic(apache, prefix)
    producer = Producer({"bootstrap.servers": apache.bootstrap_servers, "transactional.id": prefix})
    producer.init_transactions(HANGS_S)
    producer.begin_transaction()
    producer.produce(topic, b"1", b"theirs")
    assert producer.flush(HANGS_S) == 0
    _write(apache, topic, [(b"ours", b"2")])
    assert _last(apache, topic)[b"ours"] == b"2"
    producer.abort_transaction(HANGS_S)


def test_records_below_the_topics_beginning_are_not_waited_for(
    apache: Cluster, prefix: str
) -> None:
    """A topic whose beginning was deleted is read from what is left."""
    topic = _topic(apache, prefix)
    _write(apache, topic, [(b"a", b"1"), (b"b", b"2")])
    admin = AdminClient({"bootstrap.servers": apache.bootstrap_servers})
    for done in admin.delete_records([TopicPartition(topic, 0, 1)]).values():
        done.result(HANGS_S)
    assert _last(apache, topic) == {b"b": b"2"}


def test_missing_topic_is_named(cluster: Cluster, prefix: str) -> None:
    """A topic that is not there is an error that names it."""
    with pytest.raises(TopicUnreadable, match=rf"topic {prefix}\.none cannot be read: .*nknown"):
        last_values(cluster.bootstrap_servers, {}, f"{prefix}.none", timeout_s=BRIEFLY_S)


def test_silent_cluster_is_named() -> None:
    """Where no broker answers, the error names the address and the keys."""
    with pytest.raises(KafkaUnreachable, match=r"127\.0\.0\.1:1 .*kafka\.bootstrap_servers"):
        last_values("127.0.0.1:1", {}, "any", timeout_s=BRIEFLY_S)


def test_unknown_property_is_a_configuration_error(embedded: Cluster) -> None:
    """A property that librdkafka does not know is named."""
    with pytest.raises(ConfigurationError, match=r"kafka\.properties: .*no\.such\.thing"):
        last_values(embedded.bootstrap_servers, {"no.such.thing": "1"}, "any", timeout_s=1)


def test_properties_of_the_user_do_not_hide_the_end(cluster: Cluster, prefix: str) -> None:
    """What tells the end of the topic stays on, whatever kafka.properties say."""
    topic = _topic(cluster, prefix)
    _write(cluster, topic, [(b"a", b"1")])
    properties = {"enable.partition.eof": "false", "acks": "all", "auto.offset.reset": "error"}
    assert last_values(cluster.bootstrap_servers, properties, topic, timeout_s=HANGS_S) == {
        b"a": b"1"
    }


@pytest.mark.parametrize("request_kind", [ApiKey.METADATA, ApiKey.LIST_OFFSETS, ApiKey.FETCH])
def test_missing_permission_is_named(prefix: str, request_kind: ApiKey) -> None:
    """At whichever request the broker forbids it, the error says which permission to grant."""
    with EmbeddedKafka() as kafka:
        kafka.create_topic(prefix)
        producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
        producer.produce(prefix, b"1", b"a")
        producer.flush()
        kafka.inject_errors(request_kind, *[KafkaError.TOPIC_AUTHORIZATION_FAILED] * 10)
        with pytest.raises(TopicUnreadable, match=rf"grant READ and DESCRIBE on topic {prefix}"):
            last_values(kafka.bootstrap_servers, {}, prefix, timeout_s=HANGS_S)


def test_permission_for_a_group_is_not_needed(prefix: str) -> None:
    """A broker that knows no group of ours changes nothing: none is used."""
    with EmbeddedKafka() as kafka:
        kafka.create_topic(prefix)
        producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
        producer.produce(prefix, b"1", b"a")
        producer.flush()
        refusals = [KafkaError.GROUP_AUTHORIZATION_FAILED] * 10
        kafka.inject_errors(ApiKey.FIND_COORDINATOR, *refusals)
        assert last_values(kafka.bootstrap_servers, {}, prefix, timeout_s=HANGS_S) == {b"a": b"1"}


def test_end_that_does_not_come_is_an_error(prefix: str) -> None:
    """A broker that takes questions and gives no records ends the reading, with its reason."""
    with EmbeddedKafka() as kafka:
        kafka.create_topic(prefix)
        producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
        producer.produce(prefix, b"1", b"a")
        producer.flush()
        kafka.inject_errors(ApiKey.FETCH, *[KafkaError.KAFKA_STORAGE_ERROR] * 100)
        with pytest.raises(TopicUnreadable, match=r"its end is not reached within 0\.2 s"):
            last_values(kafka.bootstrap_servers, {}, prefix, timeout_s=BRIEFLY_S)

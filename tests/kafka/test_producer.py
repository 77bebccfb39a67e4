"""The producer: the same suite on the embedded and on the real Kafka."""

from __future__ import annotations

import ctypes
from functools import partial
from random import Random

import pytest
from confluent_kafka import KafkaError, Message, cimpl

from opend_kafka.consuming.reading import TopicReader
from opend_kafka.errors import ConfigurationError, DeliveryFailed
from opend_kafka.kafka.embedded import ApiKey, EmbeddedKafka, EmbeddedTopics
from opend_kafka.kafka.producer import RecordProducer
from opend_kafka.kafka.routing import Route, encode_key
from opend_kafka.kafka.topics import TopicSpec, ensure
from opend_kafka.metrics import Metrics
from opend_kafka.opend.securities import Security
from opend_kafka.opend.subscriptions import Subtype
from tests.conftest import Cluster

#: Seconds in which a broker on this machine must have answered.
ANSWER_S = 30.0


def _route(topic: str, key: bytes = b"key") -> Route:
    return Route(topic, Subtype.TICKER, key, b"")


def _read(bootstrap_servers: str, topic: str, records: int) -> list[Message]:
    """Read so many records, in the order of each partition."""
    messages: list[Message] = []
    with TopicReader(bootstrap_servers, [topic]) as reader:
        while len(messages) < records:
            messages += reader.read(ANSWER_S, at_most=records - len(messages))
    return messages


def _producer(
    bootstrap_servers: str,
    topic: str,
    failures: list[DeliveryFailed] | None = None,
    restarts: list[tuple[str, int]] | None = None,
    **properties: str,
) -> RecordProducer:
    made = restarts if restarts is not None else []
    return RecordProducer(
        bootstrap_servers,
        {key.replace("_", "."): value for key, value in properties.items()},
        topics={topic: "ticker"},
        metrics=Metrics("0"),
        on_failure=(failures if failures is not None else []).append,
        on_restart=lambda cause, records: made.append((cause, records)),
    )


def test_produce_delivers_each_record_once_in_order(cluster: Cluster, prefix: str) -> None:
    """What was handed over stands in the topic: all of it, in order, key, value and time."""
    topic = f"{prefix}.order"
    ensure(cluster.topics, [TopicSpec(topic)], create=True)
    producer = _producer(cluster.bootstrap_servers, topic)
    values = [b"%d" % number for number in range(500)]
    for number, value in enumerate(values):
        producer.produce(_route(topic), value, 1_700_000_000_000 + number)
    assert producer.flush(ANSWER_S) == 0
    messages = _read(cluster.bootstrap_servers, topic, len(values))
    assert [message.value() for message in messages] == values
    assert {message.key() for message in messages} == {b"key"}
    assert messages[7].timestamp()[1] == 1_700_000_000_007


def test_produce_counts_what_waits_until_it_is_acknowledged(cluster: Cluster, prefix: str) -> None:
    """Buffered records and bytes go up with each record, and down to zero with the reports."""
    topic = f"{prefix}.waits"
    ensure(cluster.topics, [TopicSpec(topic)], create=True)
    producer = _producer(cluster.bootstrap_servers, topic)
    producer.produce(_route(topic), bytes(1000), 0)
    assert producer.buffered_records == 1
    assert producer.buffered_bytes > 1000
    producer.flush(ANSWER_S)
    assert (producer.buffered_records, producer.buffered_bytes) == (0, 0)
    assert (producer.delivered, producer.failed) == (1, 0)


def test_produce_picks_javas_partition(cluster: Cluster, prefix: str) -> None:
    """A key goes to the partition that Java's default partitioner gives it (murmur2)."""
    topic, partitions = f"{prefix}.keys", 7
    ensure(cluster.topics, [TopicSpec(topic, partitions=partitions)], create=True)
    producer = _producer(cluster.bootstrap_servers, topic)
    keys = [encode_key(Security("HK", f"{number:05}")) for number in range(50)]
    for key in keys:
        producer.produce(_route(topic, key), b"", 0)
    producer.flush(ANSWER_S)
    landed = _read(cluster.bootstrap_servers, topic, len(keys))
    expected = {(key, (_murmur2(key) & 0x7FFFFFFF) % partitions) for key in keys}
    assert {(message.key(), message.partition()) for message in landed} == expected


def _murmur2(data: bytes) -> int:
    """Give Java's hash of a key (org.apache.kafka.common.utils.Utils.murmur2), written anew."""
    mask, multiplier = 0xFFFFFFFF, 0x5BD1E995
    hashed = (0x9747B28C ^ len(data)) & mask
    whole = len(data) & ~3
    for start in range(0, whole, 4):
        part = int.from_bytes(data[start : start + 4], "little") * multiplier & mask
        part = (part ^ part >> 24) * multiplier & mask
        hashed = (hashed * multiplier & mask) ^ part
    if rest := data[whole:]:
        hashed = (hashed ^ int.from_bytes(rest, "little")) * multiplier & mask
    hashed = (hashed ^ hashed >> 13) * multiplier & mask
    return hashed ^ hashed >> 15


def test_murmur2_agrees_with_javas_published_values() -> None:
    """The hash that the test above judges by gives the values of Kafka's own UtilsTest."""
    known = {b"21": -973932308, b"foobar": -790332482, b"a-little-bit-long-string": -985981536}
    assert {key: _murmur2(key) - (1 << 32) for key in known} == known


def test_produce_reports_a_record_that_kafka_refuses(prefix: str) -> None:
    """A record that the broker refuses for good is a failure with topic and reason."""
    topic = f"{prefix}.refused"
    with EmbeddedKafka() as kafka:
        ensure(EmbeddedTopics(kafka), [TopicSpec(topic)], create=True)
        failures: list[DeliveryFailed] = []
        producer = _producer(kafka.bootstrap_servers, topic, failures)
        kafka.inject_errors(ApiKey.PRODUCE, KafkaError.TOPIC_AUTHORIZATION_FAILED)
        producer.produce(_route(topic), b"value", 0)
        producer.flush(ANSWER_S)
    (failure,) = failures
    assert failure.topic == topic
    assert "authorization" in failure.reason
    assert (producer.delivered, producer.failed, producer.buffered_bytes) == (0, 1, 0)


def test_produce_tells_of_each_record_how_it_ended(prefix: str) -> None:
    """Who asked learns which records Kafka acknowledged, and which failed for good."""
    topic = f"{prefix}.ended"
    with EmbeddedKafka() as kafka:
        ensure(EmbeddedTopics(kafka), [TopicSpec(topic)], create=True)
        producer = _producer(kafka.bootstrap_servers, topic, message_max_bytes="2000")
        ended: dict[str, bool] = {}
        for name, size in (("small", 10), ("large", 3000)):
            producer.produce(_route(topic), bytes(size), 0, partial(ended.__setitem__, name))
        assert ended == {"large": False}
        producer.flush(ANSWER_S)
        assert ended == {"large": False, "small": True}
        kafka.inject_errors(ApiKey.PRODUCE, KafkaError.TOPIC_AUTHORIZATION_FAILED)
        producer.produce(_route(topic), b"", 0, partial(ended.__setitem__, "refused"))
        producer.flush(ANSWER_S)
        assert ended["refused"] is False


def test_produce_takes_records_from_within_a_report(embedded: Cluster, prefix: str) -> None:
    """What hears of a record's end may produce the next one, though librdkafka's queue is full."""
    topic = f"{prefix}.within"
    ensure(embedded.topics, [TopicSpec(topic)], create=True)
    producer = _producer(embedded.bootstrap_servers, topic, queue_buffering_max_messages="1")

    def produce_two(_: bool) -> None:
        for value in (b"second", b"third"):
            producer.produce(_route(topic), value, 0)

    producer.produce(_route(topic), b"first", 0, produce_two)
    assert producer.flush(ANSWER_S) == 0
    landed = [one.value() for one in _read(embedded.bootstrap_servers, topic, 3)]
    assert landed == [b"first", b"second", b"third"]


def test_produce_sends_again_in_order_after_a_fatal_error(prefix: str) -> None:
    """The broker lost count of the sequence: a new producer delivers all that waits, in order."""
    topic, values = f"{prefix}.fatal", [b"%d" % number for number in range(1000)]
    restarts: list[tuple[str, int]] = []
    with EmbeddedKafka() as kafka:
        ensure(EmbeddedTopics(kafka), [TopicSpec(topic)], create=True)
        producer = _producer(
            kafka.bootstrap_servers, topic, restarts=restarts, batch_num_messages="10"
        )
        kafka.inject_errors(ApiKey.PRODUCE, KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER)
        for number, value in enumerate(values):
            producer.produce(_route(topic), value, 1_700_000_000_000 + number)
        assert producer.flush(ANSWER_S) == 0
        messages = _read(kafka.bootstrap_servers, topic, len(values))
    assert [message.value() for message in messages] == values
    assert messages[0].timestamp()[1] == 1_700_000_000_000
    ((cause, records),) = restarts
    assert "out of order" in cause or "desynchronization" in cause
    assert records == len(values)
    assert (producer.delivered, producer.failed, producer.buffered_bytes) == (1000, 0, 0)


def _make_fail_for_good(producer: RecordProducer) -> None:
    """Have librdkafka raise a fatal error, by its own function for tests."""
    fail = ctypes.CDLL(str(cimpl.__file__)).rd_kafka_test_fatal_error
    fail.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p]
    # The first field of confluent-kafka's Handle, behind Python's own two.
    handle = ctypes.c_void_p.from_address(id(producer._producer) + object.__basicsize__)
    assert fail(handle, KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER, b"for a test") == 0


def test_produce_loses_nothing_and_keeps_order_where_producers_fail_in_the_midst(
    cluster: Cluster, prefix: str
) -> None:
    """On a real broker too: all records, their first occurrences in order, through two failures."""
    topic, values = f"{prefix}.midst", [b"%d" % number for number in range(6000)]
    ensure(cluster.topics, [TopicSpec(topic)], create=True)
    restarts: list[tuple[str, int]] = []
    producer = _producer(
        cluster.bootstrap_servers, topic, restarts=restarts, batch_num_messages="50", linger_ms="0"
    )
    told: dict[int, bool] = {}
    for number, value in enumerate(values):
        producer.produce(_route(topic), value, 0, partial(told.__setitem__, number))
        producer.poll()
        if number in (1500, 4500):
            _make_fail_for_good(producer)
    assert producer.flush(ANSWER_S) == 0
    assert len(restarts) == 2
    assert told == dict.fromkeys(range(len(values)), True)
    assert (producer.delivered, producer.buffered_bytes) == (len(values), 0)
    landed: dict[bytes | None, None] = {}
    with TopicReader(cluster.bootstrap_servers, [topic]) as reader:
        while values[-1] not in landed:
            landed |= dict.fromkeys(one.value() for one in reader.read(ANSWER_S))
    assert list(landed) == values


@pytest.mark.parametrize(
    ("code", "setting", "key", "value"),
    [
        # What lz4 cannot make small.
        ("MSG_SIZE_TOO_LARGE", {"max.message.bytes": "1000"}, b"key", Random(1).randbytes(2000)),
        ("INVALID_RECORD", {"cleanup.policy": "compact"}, None, b"a compacted topic wants a key"),
    ],
)
def test_produce_goes_on_after_a_record_that_a_real_broker_refuses(
    apache: Cluster,
    prefix: str,
    code: str,
    setting: dict[str, str],
    key: bytes | None,
    value: bytes,
) -> None:
    """The failure names the error, the key and the value; the next record lands."""
    topic = f"{prefix}.refuses"
    ensure(apache.topics, [TopicSpec(topic, config=setting)], create=True)
    failures: list[DeliveryFailed] = []
    producer = _producer(apache.bootstrap_servers, topic, failures)
    producer.produce(Route(topic, Subtype.TICKER, key, b""), value, 0)
    assert producer.flush(ANSWER_S) == 0
    producer.produce(_route(topic), b"good", 0)
    assert producer.flush(ANSWER_S) == 0
    assert [(one.code, one.key, one.value) for one in failures] == [(code, key, value)]
    assert producer.delivered == 1


def test_produce_fails_a_record_whose_time_is_up() -> None:
    """The user's message.timeout.ms wins over a day; its end is a failure with a way out."""
    failures: list[DeliveryFailed] = []
    producer = _producer("127.0.0.1:1", "topic", failures, message_timeout_ms="50")
    producer.produce(_route("topic"), b"value", 0)
    producer.flush(ANSWER_S)
    assert failures[0].code == "_MSG_TIMED_OUT"
    assert "message.timeout.ms" in str(failures[0])


def test_produce_survives_a_broker_that_goes_and_comes_back(prefix: str) -> None:
    """Records wait for the broker and then stand in the topic in order."""
    topic = f"{prefix}.gone"
    with EmbeddedKafka() as kafka:
        ensure(EmbeddedTopics(kafka), [TopicSpec(topic)], create=True)
        producer = _producer(kafka.bootstrap_servers, topic)
        kafka.broker_down(1)
        for number in range(10):
            producer.produce(_route(topic), b"%d" % number, 0)
        kafka.broker_up(1)
        assert producer.flush(ANSWER_S) == 0
        messages = _read(kafka.bootstrap_servers, topic, 10)
    assert [message.value() for message in messages] == [b"%d" % number for number in range(10)]


def test_produce_waits_where_librdkafkas_own_queue_is_full(embedded: Cluster, prefix: str) -> None:
    """A user's small queue slows the worker down and loses nothing."""
    topic = f"{prefix}.full"
    ensure(embedded.topics, [TopicSpec(topic)], create=True)
    producer = _producer(embedded.bootstrap_servers, topic, queue_buffering_max_messages="10")
    for _ in range(100):
        producer.produce(_route(topic), b"value", 0)
    producer.flush(ANSWER_S)
    assert producer.delivered == 100


def test_producer_refuses_an_unknown_property() -> None:
    """A property that librdkafka does not know is a configuration error."""
    with pytest.raises(ConfigurationError, match=r"kafka\.properties: .*no\.such\.thing"):
        _producer("127.0.0.1:1", "topic", no_such_thing="1")

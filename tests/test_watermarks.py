"""Watermarks to Kafka and back."""

from __future__ import annotations

from functools import partial

import pytest
from confluent_kafka import Producer
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from opend_kafka import schemas
from opend_kafka.errors import DeliveryFailed, RecordUndecodable, RegistryUnreachable
from opend_kafka.kafka.producer import RecordProducer
from opend_kafka.kafka.registry import ConfluentRegistry, SingleObject, WireFormat
from opend_kafka.kafka.routing import Route, encode_key
from opend_kafka.kafka.topics import TopicSpec, ensure
from opend_kafka.metrics import Metrics
from opend_kafka.opend.securities import Security
from opend_kafka.records.watermark import SCHEMA, Block, Watermark
from opend_kafka.watermarks import (
    WATERMARKS,
    WatermarkPublisher,
    decode_last,
    read_watermarks,
)
from tests.conftest import Cluster
from tests.sinks import KeptRecords

TENCENT, APPLE = Security("HK", "00700"), Security("US", "AAPL")
NO_REGISTRY = SingleObject()
KEY, VALUE = (
    NO_REGISTRY.prefix("topic", schemas.KEY, True),
    NO_REGISTRY.prefix("topic", SCHEMA, False),
)
#: Seconds after which something on this machine hangs.
HANGS_S = 30.0


def _watermark(security: Security, sequence: int | None) -> Watermark:
    blocks = () if sequence is None else (Block(sequence, 1, sequence),)
    return Watermark(security, sequence, blocks, 1_700_000_000_123_456, "w")


def _confluent(schema_id: int) -> bytes:
    return schemas.CONFLUENT_MAGIC + schema_id.to_bytes(4, "big")


def test_publisher_hands_over_a_record_under_the_securitys_key() -> None:
    """Topic, label, key, value and time are the watermark's."""
    sink = KeptRecords()
    one = _watermark(TENCENT, 7)
    WatermarkPublisher(sink, "opend.watermark", (KEY, VALUE)).publish(one)
    route = Route("opend.watermark", WATERMARKS, KEY + encode_key(TENCENT), VALUE)
    assert sink.records == [(route, one.encode(VALUE), 1_700_000_000_123)]


def test_publisher_uses_one_key_for_a_security() -> None:
    """The later watermark takes the place of the earlier one in the compacted topic."""
    sink = KeptRecords()
    publisher = WatermarkPublisher(sink, "opend.watermark", (KEY, VALUE))
    for sequence in (7, 8):
        publisher.publish(_watermark(TENCENT, sequence))
    assert len({route.key for route, _, _ in sink.records}) == 1


@pytest.fixture(params=["single object", "registry"])
def wire_format(request: pytest.FixtureRequest) -> WireFormat:
    """Give one after the other: watermarks come back in both wire formats."""
    if request.param == "single object":
        return SingleObject()
    return ConfluentRegistry(request.getfixturevalue("registry_url"), {})


def test_what_was_published_is_read_back(
    cluster: Cluster, prefix: str, wire_format: WireFormat
) -> None:
    """The newest watermark of each security comes back from the topic."""
    topic = f"{prefix}.watermark"
    ensure(cluster.topics, [TopicSpec(topic)], create=True)
    failures: list[DeliveryFailed] = []
    producer = RecordProducer(
        cluster.bootstrap_servers,
        {},
        topics={topic: WATERMARKS},
        metrics=Metrics("0"),
        on_failure=failures.append,
    )
    with wire_format:
        prefixes = (
            wire_format.prefix(topic, schemas.KEY, True),
            wire_format.prefix(topic, SCHEMA, False),
        )
        publisher = WatermarkPublisher(producer, topic, prefixes)
        newest = {TENCENT: _watermark(TENCENT, 9), APPLE: _watermark(APPLE, None)}
        for one in (_watermark(TENCENT, 7), *newest.values()):
            publisher.publish(one)
        assert (producer.flush(HANGS_S), failures) == (0, [])
        found = read_watermarks(
            cluster.bootstrap_servers, {}, topic, schema_by_id=wire_format.schema_text
        )
    assert found == newest


def test_reading_logs_what_is_no_watermark(embedded: Cluster, prefix: str) -> None:
    """Foreign records are skipped, with one line for all that have the same fault."""
    topic = f"{prefix}.watermark"
    ensure(embedded.topics, [TopicSpec(topic)], create=True)
    producer = Producer({"bootstrap.servers": embedded.bootstrap_servers})
    for key in (b"a", b"b"):
        producer.produce(topic, b"{}", key)
    producer.produce(topic, _watermark(TENCENT, 7).encode(VALUE), KEY + encode_key(TENCENT))
    producer.flush()
    with capture_logs() as lines:
        found = read_watermarks(
            embedded.bootstrap_servers, {}, topic, schema_by_id=NO_REGISTRY.schema_text
        )
    assert list(found) == [TENCENT]
    assert [(line["event"], line["records"]) for line in lines] == [("watermarks_skipped", 2)]


_decode = partial(decode_last, schema_by_id=NO_REGISTRY.schema_text)


def test_tombstone_forgets_a_security() -> None:
    """Who deletes a security's watermark has it begin anew."""
    records = {
        KEY + encode_key(APPLE): _watermark(APPLE, 7).encode(VALUE),
        KEY + encode_key(TENCENT): None,
    }
    assert list(_decode(records)[0]) == [APPLE]


def test_later_record_wins_over_one_of_another_key() -> None:
    """The key's prefix changes with the registry; the security is the same."""
    old_key, new_key = (_confluent(each) + encode_key(TENCENT) for each in (1, 2))
    records = {old_key: _watermark(TENCENT, 7).encode(VALUE)}
    records[new_key] = _watermark(TENCENT, 8).encode(VALUE)
    found, _ = decode_last(records, lambda schema_id: schemas.text(schemas.KEY))
    assert found == {TENCENT: _watermark(TENCENT, 8)}


def test_later_tombstone_forgets_records_of_another_key() -> None:
    """Also what stood under the key's earlier bytes is gone."""
    records = {
        _confluent(1) + encode_key(TENCENT): _watermark(TENCENT, 7).encode(VALUE),
        _confluent(2) + encode_key(TENCENT): None,
    }
    assert decode_last(records, lambda schema_id: schemas.text(schemas.KEY))[0] == {}


@pytest.mark.parametrize(
    ("key", "value", "cause"),
    [
        pytest.param(b"", b"", "the bytes begin with nothing", id="empty value"),
        pytest.param(b"", b"{}", "the bytes begin with 7b7d", id="JSON"),
        pytest.param(b"", VALUE + b"\x04", "the bytes are no opend.Watermark", id="cut"),
        pytest.param(
            b"",
            KEY + encode_key(TENCENT),
            "the bytes are no opend.Watermark: they were written as opend.SecurityKey",
            id="another kind",
        ),
        pytest.param(b"HK.00700", None, "the bytes begin with 484b", id="foreign tombstone"),
        pytest.param(
            _watermark(TENCENT, 7).encode(VALUE),
            None,
            "a key is no opend.SecurityKey: it was written as opend.Watermark",
            id="tombstone of another kind",
        ),
        pytest.param(
            b"",
            _confluent(9) + b"\x00",
            "the record names schema 9 of a registry, and schema_registry.url is null",
            id="of a registry that is not configured",
        ),
    ],
)
def test_what_is_no_watermark_is_skipped_with_its_cause(
    key: bytes, value: bytes | None, cause: str
) -> None:
    """Its neighbours are read all the same."""
    good = {KEY + encode_key(TENCENT): _watermark(TENCENT, 7).encode(VALUE)}
    found, skipped = _decode({key: value} | good)
    assert found == {TENCENT: _watermark(TENCENT, 7)}
    assert [text.startswith(cause) for text in skipped] == [True], skipped


def test_registry_is_asked_once_for_a_schema_that_it_does_not_have() -> None:
    """A registry that was emptied gets one question, not one a security."""
    asked: list[int] = []

    def refuse(schema_id: int) -> str:
        asked.append(schema_id)
        raise RecordUndecodable("no such schema")

    _, skipped = decode_last({b"%d" % each: _confluent(5) for each in range(9)}, refuse)
    assert (asked, skipped) == ([5], {"no such schema": 9})


def test_registry_that_does_not_answer_ends_the_reading() -> None:
    """Watermarks that might be there are not taken for missing."""

    def refuse(schema_id: int) -> str:
        raise RegistryUnreachable("http://nowhere", "gone")

    with pytest.raises(RegistryUnreachable):
        decode_last({b"": _confluent(5)}, refuse)


@given(st.dictionaries(st.binary(max_size=40), st.none() | st.binary(max_size=40)))
def test_any_records_are_read_or_skipped(records: dict[bytes, bytes | None]) -> None:
    """Whatever stands in the topic, reading it ends, and nothing is made up."""
    found, skipped = _decode(records)
    assert len(found) + skipped.total() <= len(records)

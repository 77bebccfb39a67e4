"""What a configuration comes to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from opend_kafka.config import Config
from opend_kafka.errors import ConfigurationError
from opend_kafka.kafka.registry import ConfluentRegistry, SingleObject
from opend_kafka.kafka.topics import TopicSpec
from opend_kafka.plan import (
    LATEST_BOOKS_SETTINGS,
    MANY_TOPICS,
    WATERMARK_SETTINGS,
    dead_letter_limit,
    operations_of,
    own_schemas,
    subjects_of,
    too_many_topics,
    topic_specs,
    topics_of,
    used_schemas,
    wire_format_of,
)


def _config(**parts: Any) -> Config:
    wanted = [{"securities": ["HK.00700", "US.BRK-B"], "subtypes": ["ticker", "order-book"]}]
    return Config.model_validate({"subscriptions": wanted} | parts)


def test_topics_are_one_a_security_and_subtype() -> None:
    """In the default layout each subscription has a topic of its own, in the file's order."""
    assert topic_specs(_config()) == [
        TopicSpec("opend.ticker.HK.00700"),
        TopicSpec("opend.order-book.HK.00700"),
        TopicSpec("opend.ticker.US.BRK-2dB"),
        TopicSpec("opend.order-book.US.BRK-2dB"),
        TopicSpec("opend.events"),
        TopicSpec("opend.dead-letter"),
        TopicSpec("opend.watermark", config=WATERMARK_SETTINGS),
    ]


def test_topics_are_one_a_subtype_in_the_other_layout() -> None:
    """In the layout `subtype` all securities share a topic, which is named once."""
    config = _config(kafka={"topic_layout": "subtype", "topic_prefix": "md"})
    names = [spec.name for spec in topic_specs(config)]
    assert names == ["md.ticker", "md.order-book", "md.events", "md.dead-letter", "md.watermark"]


def test_topics_are_made_as_the_configuration_says() -> None:
    """Partitions, replicas and settings reach every topic of records, as Kafka writes them."""
    topics = {
        "partitions": 3,
        "replication_factor": 2,
        "config": {"retention.ms": 1000, "preallocate": True},
    }
    config = _config(kafka={"topic_layout": "subtype", "topics": topics})
    settings = {"retention.ms": "1000", "preallocate": "true"}
    assert topic_specs(config) == [
        TopicSpec("opend.ticker", 3, 2, settings),
        TopicSpec("opend.order-book", 3, 2, settings),
        TopicSpec("opend.events", 1, 2),
        TopicSpec("opend.dead-letter", 1, 2),
        TopicSpec("opend.watermark", 1, 2, WATERMARK_SETTINGS),
    ]


def test_what_keeps_records_safe_goes_for_all_topics() -> None:
    """What acks=all waits for holds for the worker's own topics as well; retention does not."""
    safe = {"min.insync.replicas": "2", "compression.type": "zstd"}
    topics = {"config": {**safe, "retention.ms": 1000}}
    *_, events, letters, watermarks = topic_specs(_config(kafka={"topics": topics}))
    assert (events.config, letters.config) == (safe, safe)
    assert watermarks.config == safe | WATERMARK_SETTINGS


def test_topics_that_could_never_acknowledge_are_refused() -> None:
    """More replicas in sync than there are replicas is a configuration error with both numbers."""
    topics = {"replication_factor": 1, "config": {"min.insync.replicas": 2}}
    with pytest.raises(ConfigurationError, match=r"kafka\.topics: min\.insync\.replicas 2 .* 1,"):
        topic_specs(_config(kafka={"topics": topics}))


def test_topic_of_the_latest_books_is_compacted() -> None:
    """It is partitioned as the topics of records are, and kept as safe, but never by age."""
    topics = {"partitions": 3, "config": {"min.insync.replicas": 1, "retention.ms": 1000}}
    config = _config(kafka={"order_book_latest": True, "topics": topics})
    settings = {"min.insync.replicas": "1"} | LATEST_BOOKS_SETTINGS
    assert TopicSpec("opend.order-book-latest", 3, -1, settings) in topic_specs(config)
    assert settings["cleanup.policy"] == "compact"


def _config_of(securities: int, **kafka: Any) -> Config:
    codes = [f"HK.{number}" for number in range(securities)]
    wanted = [{"securities": codes, "subtypes": ["ticker"]}]
    return _config(subscriptions=wanted, kafka=kafka)


def test_too_many_topics_are_told_with_what_to_do() -> None:
    """One more than a producer is quick with, and no fewer."""
    assert too_many_topics(_config_of(MANY_TOPICS)) is None
    advice = too_many_topics(_config_of(MANY_TOPICS + 1)) or ""
    assert advice.startswith(f"{MANY_TOPICS + 1} topics of records: above {MANY_TOPICS} ")
    assert "kafka.topic_layout: subtype" in advice


def test_topics_of_the_other_layout_are_never_too_many() -> None:
    """There is one a subtype, of however many securities."""
    assert too_many_topics(_config_of(MANY_TOPICS + 1, topic_layout="subtype")) is None


def test_all_topics_are_written_and_one_is_read() -> None:
    """Watermarks are what a worker reads back; the rest it only writes."""
    needed = operations_of(_config())
    assert set(needed) == {spec.name for spec in topic_specs(_config())}
    assert {topic for topic, those in needed.items() if "WRITE" in those} == set(needed)
    assert [topic for topic, those in needed.items() if "READ" in those] == ["opend.watermark"]


def test_topics_of_names_the_topic_of_every_subscription() -> None:
    """Every wanted subscription has its topic, also where topics are shared."""
    config = _config(kafka={"topic_layout": "subtype"})
    assert {str(one): topic for one, topic in topics_of(config).items()} == {
        "ticker of HK.00700": "opend.ticker",
        "order-book of HK.00700": "opend.order-book",
        "ticker of US.BRK-B": "opend.ticker",
        "order-book of US.BRK-B": "opend.order-book",
    }


@pytest.mark.parametrize(
    ("properties", "limit"),
    [({}, 1_000_000), ({"message.max.bytes": 5000}, 5000), ({"message.max.bytes": 10**7}, 10**6)],
)
def test_dead_letter_is_as_long_as_the_producer_takes(
    properties: dict[str, int], limit: int
) -> None:
    """A smaller message.max.bytes of the user's counts; a larger one, past topics', does not."""
    assert dead_letter_limit(_config(kafka={"properties": properties})) == limit


@pytest.mark.parametrize("latest", [False, True])
def test_own_topics_have_their_schemas(latest: bool) -> None:
    """Each topic that is no subscription's has its value's schema named, with the topic."""
    config = _config(kafka={"order_book_latest": latest})
    own = {spec.name for spec in topic_specs(config)} - set(topics_of(config).values())
    assert {topic for topic, _, is_key in own_schemas(config) if not is_key} == own


def test_too_long_name_is_a_configuration_error() -> None:
    """A topic name that Kafka would refuse is refused here, with what to change."""
    wanted = [{"securities": ["US." + "-" * 80], "subtypes": ["ticker"]}]
    with pytest.raises(ConfigurationError, match=r"256 characters.*shorten kafka\.topic_prefix"):
        topic_specs(_config(subscriptions=wanted))


def test_wire_format_without_a_registry_is_single_object() -> None:
    """`url: null` means Avro's single-object encoding."""
    assert isinstance(wire_format_of(_config(schema_registry={"url": None})), SingleObject)


def test_wire_format_with_a_registry_is_confluents() -> None:
    """A URL means Confluent's wire format; nothing is asked of the registry yet."""
    assert isinstance(wire_format_of(_config()), ConfluentRegistry)


def test_registry_property_that_does_not_exist_is_a_configuration_error() -> None:
    """A property that the registry's client does not know is refused, and named."""
    registry = {"properties": {"basic.auth.usr.info": "u:p"}}
    with pytest.raises(ConfigurationError, match=r"schema_registry.*basic\.auth\.usr\.info"):
        wire_format_of(_config(schema_registry=registry))


def test_used_schemas_are_those_of_all_topics() -> None:
    """Each topic's value has its schema named, and its key where it has one."""
    used = used_schemas(_config())
    values = [topic for topic, _, is_key in used if not is_key]
    assert values == [spec.name for spec in topic_specs(_config())]
    assert ("opend.ticker.HK.00700", "opend.SecurityKey", True) in used


def test_registry_client_is_made_with_a_secret_from_a_file(tmp_path: Path) -> None:
    """It is read when the client is made, and what cannot be read is told then."""
    properties = {"basic.auth.user.info_file": str(tmp_path / "secret")}
    config = _config(schema_registry={"properties": properties})
    with pytest.raises(ConfigurationError, match="No such file"):
        wire_format_of(config)
    (tmp_path / "secret").write_text("u:p\n")
    wire_format_of(config)


def test_subjects_without_a_registry_are_refused() -> None:
    """`url: null` has no subjects."""
    with pytest.raises(ConfigurationError, match=r"schema_registry\.url is null"):
        subjects_of(_config(schema_registry={"url": None}))

"""Kafka and the registry made ready."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs

from opend_kafka import schemas
from opend_kafka.config import Config
from opend_kafka.errors import OpendKafkaError
from opend_kafka.kafka.topics import TopicSpec, ensure
from opend_kafka.opend.subscriptions import Subtype
from opend_kafka.plan import topic_specs
from opend_kafka.preparing import prepare, prepare_routes
from opend_kafka.records import dead_letter, session_event, watermark
from tests.conftest import Cluster


def _config(cluster: Cluster, prefix: str, *securities: str, **kafka: Any) -> Config:
    return Config.model_validate(
        {
            "subscriptions": [{"securities": list(securities), "subtypes": ["ticker"]}],
            "kafka": {
                "bootstrap_servers": cluster.bootstrap_servers,
                "topic_prefix": prefix,
                **kafka,
            },
            "schema_registry": {"url": None},
        }
    )


def test_everything_stands_after_it(cluster: Cluster, prefix: str) -> None:
    """Topics, routes, prefixes, and no watermarks where nobody has written any."""
    config = _config(cluster, prefix, "HK.00700")
    prepared = prepare(config, cluster.topics)
    specs = topic_specs(config)
    cluster.await_topics({spec.name: spec.partitions for spec in specs})
    assert [*prepared.routes] == [(Subtype.TICKER, 1, "00700")]
    assert prepared.watermarks == {}
    values = (
        prepared.event_prefixes[1],
        prepared.dead_letter_prefix,
        prepared.watermark_prefixes[1],
    )
    assert values == tuple(
        schemas.SINGLE_OBJECT_MAGIC + schemas.fingerprint(one.SCHEMA)
        for one in (session_event, dead_letter, watermark)
    )


def test_too_many_topics_are_told_at_the_start(
    embedded: Cluster, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log says what to do about it, once; the start goes on."""
    monkeypatch.setattr("opend_kafka.plan.MANY_TOPICS", 1)
    with capture_logs() as logged:
        prepare(_config(embedded, prefix, "HK.00700", "US.AAPL"), embedded.topics)
    (cause,) = [line["cause"] for line in logged if line["event"] == "many_topics"]
    assert cause.startswith("2 topics of records: above 1 ")


def test_newer_subscriptions_get_their_topics(cluster: Cluster, prefix: str) -> None:
    """A hangup brings a security that had no topic."""
    prepare(_config(cluster, prefix, "HK.00700"), cluster.topics)
    newer = _config(cluster, prefix, "HK.00700", "US.AAPL")
    assert len(prepare_routes(newer, cluster.topics)) == 2
    cluster.await_topics({f"{prefix}.ticker.US.AAPL": 1})


def test_missing_topic_is_told_where_none_is_to_be_created(cluster: Cluster, prefix: str) -> None:
    """Who forbids creating them must have made them."""
    config = _config(cluster, prefix, "HK.00700", topics={"create": False})
    with pytest.raises(OpendKafkaError, match=f"{prefix}.ticker.HK.00700"):
        prepare(config, cluster.topics)


def test_dead_letters_fit_their_topic(apache: Cluster, prefix: str) -> None:
    """Where the topic takes less than the producer, a letter is cut for the topic."""
    topic = TopicSpec(f"{prefix}.dead-letter", config={"max.message.bytes": "20000"})
    ensure(apache.topics, [topic], create=True)
    assert prepare(_config(apache, prefix, "HK.00700"), apache.topics).dead_letter_limit == 20_000

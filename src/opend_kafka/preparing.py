"""Kafka and the registry made ready, before the first tick needs them. All of it waits."""

from __future__ import annotations

import time
from dataclasses import dataclass

import structlog

from opend_kafka import schemas
from opend_kafka.config import Config
from opend_kafka.errors import TopicsFailed
from opend_kafka.kafka.permissions import lacking
from opend_kafka.kafka.registry import WireFormat
from opend_kafka.kafka.routing import Routes, routes
from opend_kafka.kafka.topics import TopicAdmin, differences, ensure
from opend_kafka.opend.securities import Security
from opend_kafka.plan import (
    dead_letter_limit,
    dead_letter_topic,
    events_topic,
    latest_books_topic,
    operations_of,
    too_many_topics,
    topic_specs,
    topics_of,
    used_schemas,
    watermark_topic,
    wire_format_of,
)
from opend_kafka.records import dead_letter, session_event, watermark
from opend_kafka.records.kinds import schema_of
from opend_kafka.records.watermark import Watermark
from opend_kafka.watermarks import ANSWER_TIMEOUT_S, read_watermarks

log = structlog.get_logger()

#: Seconds that the registry has to answer at the start.
REGISTRY_START_S = 10.0

#: Seconds for each topic that was created: brokers make them one by one, and know none before.
_FRESH_TOPIC_S = 0.05


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a worker starts with. Prefixes are the wire format's bytes: of a key, of a value."""

    routes: Routes
    event_prefixes: tuple[bytes, bytes]
    dead_letter_prefix: bytes
    #: Bytes that a dead letter may have, so that neither producer nor topic refuses it.
    dead_letter_limit: int
    watermark_prefixes: tuple[bytes, bytes]
    watermarks: dict[Security, Watermark]


def prepare(config: Config, admin: TopicAdmin) -> Prepared:
    """Bring topics and schemas into place, and read back what an earlier worker delivered.

    Raises:
        OpendKafkaError: Kafka or the registry is away, or refuses.
    """
    with wire_format_of(config) as wire_format:
        table, created = _routes(config, admin, wire_format, REGISTRY_START_S)
        prefixes = {
            (topic, schema): (
                wire_format.prefix(topic, schemas.KEY, True),
                wire_format.prefix(topic, schema, False),
            )
            for topic, schema in (
                (events_topic(config), session_event.SCHEMA),
                (watermark_topic(config), watermark.SCHEMA),
            )
        }
        events, watermarks = prefixes.values()
        letters = wire_format.prefix(dead_letter_topic(config), dead_letter.SCHEMA, False)
        for one in differences(admin, topic_specs(config)):
            log.warning("topic_differs", topic=one.topic, cause=str(one))
        return Prepared(
            table,
            events,
            letters,
            _dead_letter_limit(config, admin),
            watermarks,
            _read_watermarks(config, wire_format, created),
        )


def prepare_routes(config: Config, admin: TopicAdmin) -> Routes:
    """Bring the topics and schemas of newer subscriptions into place.

    Raises:
        OpendKafkaError: Kafka or the registry is away, or refuses.
    """
    with wire_format_of(config) as wire_format:
        table, _ = _routes(config, admin, wire_format, 0.0)
        return table


def _routes(
    config: Config, admin: TopicAdmin, wire_format: WireFormat, await_registry_s: float
) -> tuple[Routes, int]:
    """Give the routes, and how many topics were created for them.

    The topics come first: who has no Kafka need not wait for the registry too.
    """
    specs = topic_specs(config)
    created = ensure(admin, specs, create=config.kafka.topics.create)
    needed = operations_of(config)
    if refused := lacking(needed, admin.operations(needed)):
        raise TopicsFailed(refused)
    log.info("topics_ready", topics=len(specs), created=len(created))
    if advice := too_many_topics(config):
        log.warning("many_topics", cause=advice)
    wire_format.await_answer(await_registry_s)
    wire_format.require(used_schemas(config))
    table = routes(
        topics_of(config),
        schema_of=schema_of,
        prefix=wire_format.prefix,
        latest_books=latest_books_topic(config),
    )
    return table, len(created)


def _dead_letter_limit(config: Config, admin: TopicAdmin) -> int:
    topic, ours = dead_letter_topic(config), dead_letter_limit(config)
    return min(ours, int(admin.settings([topic]).get(topic, {}).get("max.message.bytes", ours)))


def _read_watermarks(
    config: Config, wire_format: WireFormat, created: int
) -> dict[Security, Watermark]:
    since = time.monotonic()
    found = read_watermarks(
        config.kafka.bootstrap_servers,
        config.kafka.librdkafka,
        watermark_topic(config),
        schema_by_id=wire_format.schema_text,
        timeout_s=ANSWER_TIMEOUT_S + created * _FRESH_TOPIC_S,
    )
    seconds = round(time.monotonic() - since, 3)
    log.info("watermarks_read", securities=len(found), seconds=seconds)
    return found

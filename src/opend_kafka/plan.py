"""What a configuration comes to: topics, the wire format of their records, the way to OpenD."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from opend_kafka import schemas
from opend_kafka.config import Config, OpenD, as_property
from opend_kafka.errors import ConfigurationError
from opend_kafka.kafka.registry import ConfluentRegistry, SingleObject, WireFormat
from opend_kafka.kafka.routing import LATEST_BOOKS, refuse_collisions, topic_names
from opend_kafka.kafka.subjects import Subjects
from opend_kafka.kafka.topics import CLEANUP_POLICY, TopicSpec
from opend_kafka.opend.session import Session
from opend_kafka.opend.subscriptions import Subscription, Subtype
from opend_kafka.records import dead_letter, session_event, watermark
from opend_kafka.records.dead_letter import LIMIT
from opend_kafka.records.kinds import schema_of
from opend_kafka.transport import tcp, websocket
from opend_kafka.transport.connection import Connection

#: How `{prefix}.watermark` stays so small that a worker reads it in a second, though each security
#: adds a record a second. Only what is in closed segments is compacted, and all of the rest is read
#: at a start: so segments close early, by size where there is much and by time where there is
#: little, and they are compacted as soon as a tenth is dirty: it is a few MiB each time.
WATERMARK_SETTINGS = {
    # Retention would forget securities that have not traded for a while.
    CLEANUP_POLICY: "compact",
    "segment.bytes": "8388608",
    "segment.ms": "600000",
    "min.cleanable.dirty.ratio": "0.1",
    # A tombstone is needed by those who are reading meanwhile, and that takes seconds.
    "delete.retention.ms": "3600000",
}

#: How `{prefix}.order-book-latest` stays small likewise: what is compacted comes down to one book a
#: security. Its segments are larger, for books come far more often than watermarks.
LATEST_BOOKS_SETTINGS = WATERMARK_SETTINGS | {"segment.bytes": "67108864"}

#: Topics above which a producer gets slow: librdkafka sends each partition's records in requests of
#: their own. docs/kafka.md has the table of what was measured.
MANY_TOPICS = 500

_MIN_IN_SYNC = "min.insync.replicas"

#: What of kafka.topics.config goes for the worker's own topics too: how safe records are, not for
#: how long they are kept.
_EVERYWHERE = (_MIN_IN_SYNC, "unclean.leader.election.enable", "compression.type")


def topic_specs(config: Config) -> list[TopicSpec]:
    """Give the topics that the configuration wants, each once, in its order.

    Raises:
        ConfigurationError: a name is too long, or two are one to Kafka; or no record could ever
            be acknowledged.
    """
    topics = config.kafka.topics
    settings = {key: as_property(value) for key, value in topics.config.items()}
    _refuse_unwritable(topics.replication_factor, settings)
    safe = {key: value for key, value in settings.items() if key in _EVERYWHERE}
    own = {
        events_topic(config): safe,
        dead_letter_topic(config): safe,
        watermark_topic(config): safe | WATERMARK_SETTINGS,
    }
    specs = [
        TopicSpec(name, topics.partitions, topics.replication_factor, settings)
        for name in dict.fromkeys(topics_of(config).values())
    ]
    if latest := latest_books_topic(config):
        kept = safe | LATEST_BOOKS_SETTINGS
        specs.append(TopicSpec(latest, topics.partitions, topics.replication_factor, kept))
    specs += [TopicSpec(name, 1, topics.replication_factor, kept) for name, kept in own.items()]
    refuse_collisions(spec.name for spec in specs)
    return specs


def too_many_topics(config: Config) -> str | None:
    """Say what to do about more topics than a producer is quick with; None: there are fewer."""
    topics = len(set(topics_of(config).values()))
    if topics <= MANY_TOPICS:
        return None
    return (
        f"{topics} topics of records: above {MANY_TOPICS} a producer gets slow; use "
        "kafka.topic_layout: subtype with kafka.topics.partitions, or divide the subscriptions "
        "between several workers"
    )


def _refuse_unwritable(replicas: int, settings: dict[str, str]) -> None:
    needed = settings.get(_MIN_IN_SYNC, "")
    if replicas > 0 and needed.isdigit() and int(needed) > replicas:
        raise ConfigurationError(
            f"kafka.topics: {_MIN_IN_SYNC} {needed} is above replication_factor {replicas}, and "
            f"Kafka would acknowledge nothing: raise the one, or lower the other"
        )


def events_topic(config: Config) -> str:
    """Give the topic of session events. One partition: they are read in their order."""
    return f"{config.kafka.topic_prefix}.events"


def dead_letter_topic(config: Config) -> str:
    """Give the topic of what cannot become records. One partition: it should stay empty."""
    return f"{config.kafka.topic_prefix}.dead-letter"


def latest_books_topic(config: Config) -> str | None:
    """Give the topic that keeps the newest book of each security; None where none is wanted."""
    kafka = config.kafka
    return f"{kafka.topic_prefix}.{LATEST_BOOKS}" if kafka.order_book_latest else None


def dead_letter_limit(config: Config) -> int:
    """Give how many bytes a dead letter may have, so that the producer takes it."""
    largest_message = config.kafka.librdkafka.get("message.max.bytes", str(LIMIT))
    return min(LIMIT, int(largest_message))


def own_schemas(config: Config) -> list[tuple[str, str, bool]]:
    """Give what the topics beside the subscriptions' hold: (topic, schema, is it the key?)."""
    books = schema_of(Subtype.ORDER_BOOK)
    latest = latest_books_topic(config)
    return [
        *([(latest, schemas.KEY, True), (latest, books, False)] if latest else []),
        (events_topic(config), schemas.KEY, True),
        (events_topic(config), session_event.SCHEMA, False),
        (dead_letter_topic(config), dead_letter.SCHEMA, False),
        (watermark_topic(config), schemas.KEY, True),
        (watermark_topic(config), watermark.SCHEMA, False),
    ]


def used_schemas(config: Config) -> list[tuple[str, str, bool]]:
    """Give what all topics hold: (topic, schema, is it the key?).

    Raises:
        ConfigurationError: a topic's name is too long, or two are one.
    """
    return [
        used
        for one, topic in topics_of(config).items()
        for used in ((topic, schemas.KEY, True), (topic, schema_of(one.subtype), False))
    ] + own_schemas(config)


def watermark_topic(config: Config) -> str:
    """Give the topic of watermarks. One partition: it is read whole, and it is small."""
    return f"{config.kafka.topic_prefix}.watermark"


def operations_of(config: Config) -> dict[str, tuple[str, ...]]:
    """Give what the worker's user must be allowed to do with each topic, as ACLs call it."""
    needed: dict[str, tuple[str, ...]] = {one.name: ("WRITE",) for one in topic_specs(config)}
    return needed | {watermark_topic(config): ("WRITE", "READ")}


def topics_of(config: Config) -> dict[Subscription, str]:
    """Give the topic of each wanted subscription.

    Raises:
        ConfigurationError: a name is too long.
    """
    kafka = config.kafka
    return topic_names(config.wanted(), prefix=kafka.topic_prefix, layout=kafka.topic_layout)


def wire_format_of(config: Config) -> WireFormat:
    """Give the wire format that the configuration wants.

    Raises:
        ConfigurationError: the registry's properties cannot be used.
    """
    registry = config.schema_registry
    if registry.url is None:
        return SingleObject()
    return ConfluentRegistry(
        registry.url,
        registry.client_properties,
        strategy=registry.subject_name_strategy,
        auto_register=registry.auto_register,
    )


def subjects_of(config: Config) -> Subjects:
    """Give the registry's subjects.

    Raises:
        ConfigurationError: there is no registry, or its properties cannot be used.
    """
    registry = config.schema_registry
    if registry.url is None:
        raise ConfigurationError(
            "schema_registry.url is null: records are in Avro single-object encoding, and there "
            "is no registry to look into"
        )
    return Subjects(
        registry.url,
        registry.client_properties,
        strategy=registry.subject_name_strategy,
    )


async def connect(opend: OpenD) -> Connection:
    """Connect to OpenD, over the transport that the configuration wants.

    Raises:
        OpenDUnreachable: nothing answers there, or not as it should.
        ConfigurationError: the CA file cannot be used.
    """
    if opend.transport == "tcp":
        return await tcp.connect(opend.host, opend.port, timeout_s=opend.request_timeout_s)
    return await websocket.connect(
        opend.host,
        opend.port,
        ssl=opend.websocket.ssl,
        ca_file=opend.websocket.ca_file,
        timeout_s=opend.request_timeout_s,
    )


def session_maker(opend: OpenD) -> Callable[..., Session]:
    """Give what makes a session from a reconciler and a lifecycle, with the keys read once.

    Raises:
        KeyUnusable: a key cannot be read.
    """
    return partial(
        Session,
        request_timeout_s=opend.request_timeout_s,
        encryption=opend.encryption,
        rsa=opend.rsa(),
        push_format=opend.body_format,
        relay_key=opend.relay_key(),
    )

"""Where a record goes: topic names, and the route of each wanted subscription. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from io import BytesIO

import fastavro

from opend_kafka import schemas
from opend_kafka.errors import ConfigurationError
from opend_kafka.opend.securities import Security
from opend_kafka.opend.subscriptions import Subscription, Subtype

#: Kafka's own limit (org.apache.kafka.common.internals.Topic.MAX_NAME_LENGTH).
MAX_TOPIC_NAME = 249

_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.")


@dataclass(frozen=True, slots=True)
class Route:
    """Everything about a record's way that its security and subtype decide.

    `key` and `value_prefix` carry the wire format already. Session events go their way too, with
    `subtype` events and mostly without a key. What has a `latest` is written there once more: the
    topic that keeps the newest of each key.
    """

    topic: str
    subtype: str
    key: bytes | None
    value_prefix: bytes
    latest: Route | None = None


#: What metrics call the topic that keeps the newest books.
LATEST_BOOKS = "order-book-latest"


def escape(code: str) -> str:
    """Write a code so that it can stand in a topic name, and no two codes become one.

    Every character outside [A-Za-z0-9.] becomes `-xx` for each of its UTF-8 bytes, in hex.
    """
    return "".join(character if character in _PLAIN else _hex(character) for character in code)


def _hex(character: str) -> str:
    return "".join(f"-{byte:02x}" for byte in character.encode())


def topic_name(prefix: str, layout: str, subtype: Subtype, security: Security) -> str:
    """Give the topic of a subscription in one of the two layouts.

    Raises:
        ConfigurationError: Kafka would refuse the name for its length.
    """
    name = f"{prefix}.{subtype}"
    if layout == "subtype_security":
        name += f".{escape(security.market)}.{escape(security.code)}"
    if len(name) > MAX_TOPIC_NAME:
        raise ConfigurationError(
            f"subscriptions: the topic {name[:60]}… would have {len(name)} characters, and Kafka "
            f"takes {MAX_TOPIC_NAME}: shorten kafka.topic_prefix, or use "
            "kafka.topic_layout: subtype"
        )
    return name


def encode_key(security: Security) -> bytes:
    """Give opend.SecurityKey in Avro, without the wire format's prefix."""
    out = BytesIO()
    fastavro.schemaless_writer(
        out, schemas.load(schemas.KEY), {"market": security.market, "code": security.code}
    )
    return out.getvalue()


#: (topic, schema name, is it the key?) → the bytes of the wire format that stand before it.
Prefix = Callable[[str, str, bool], bytes]

#: (subtype, market number, code) → route: what a push names, without making a new object.
Routes = dict[tuple[Subtype, int, str], Route]


def topic_names(
    wanted: Iterable[Subscription], *, prefix: str, layout: str
) -> dict[Subscription, str]:
    """Give the topic of every wanted subscription.

    Raises:
        ConfigurationError: a name is too long, or two subscriptions that are to have topics of
            their own share one.
    """
    names = {one: topic_name(prefix, layout, one.subtype, one.security) for one in wanted}
    if layout == "subtype_security":
        refuse_collisions(names.values())
    return names


def refuse_collisions(names: Iterable[str]) -> None:
    """See to it that no two topics are one to Kafka, for which `.` and `_` are alike in metrics.

    Names that are given twice collide too.

    Raises:
        ConfigurationError: two of them do.
    """
    seen: dict[str, str] = {}
    for name in names:
        to_kafka = name.replace(".", "_")
        if to_kafka in seen:
            raise ConfigurationError(
                f"subscriptions: the topics {seen[to_kafka]} and {name} would be one to Kafka: "
                "drop one of the two, or change kafka.topic_prefix"
            )
        seen[to_kafka] = name


def routes(
    topics: Mapping[Subscription, str],
    *,
    schema_of: Callable[[Subtype], str],
    prefix: Prefix,
    latest_books: str | None = None,
) -> Routes:
    """Give the route of every subscription that has a topic.

    Books of odd lots have the same key as the others, and are not among the latest.

    Args:
        topics: of each subscription.
        schema_of: gives the full name of a subtype's schema.
        prefix: the wire format.
        latest_books: the topic that keeps the newest book of each security; None: there is none.
    """

    def route(
        topic: str, label: str, one: Subscription, schema: str, latest: Route | None = None
    ) -> Route:
        key = prefix(topic, schemas.KEY, True) + encode_key(one.security)
        return Route(topic, label, key, prefix(topic, schema, False), latest)

    table: Routes = {}
    for one, topic in topics.items():
        schema, latest = schema_of(one.subtype), None
        if latest_books is not None and one.subtype is Subtype.ORDER_BOOK:
            latest = route(latest_books, LATEST_BOOKS, one, schema)
        place = (one.subtype, one.security.market_number, one.security.code)
        table[place] = route(topic, one.subtype, one, schema, latest)
    return table

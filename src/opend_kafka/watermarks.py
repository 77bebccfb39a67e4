"""Watermarks on their way to Kafka, and back at the next start."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

import structlog

from opend_kafka import schemas
from opend_kafka.consuming.decoding import Decoder, SchemaById
from opend_kafka.errors import RecordUndecodable
from opend_kafka.kafka.compacted import last_values
from opend_kafka.kafka.routing import Route, encode_key
from opend_kafka.opend.securities import Security
from opend_kafka.pipeline import Sink
from opend_kafka.records import watermark
from opend_kafka.records.watermark import Watermark

log = structlog.get_logger()

#: What the metrics call the records of the topic; beside the subtypes.
WATERMARKS = "watermark"

#: Seconds without a record after which reading them back has failed.
ANSWER_TIMEOUT_S = 10.0


class WatermarkPublisher:
    """Gives watermarks their way to Kafka.

    Args:
        sink: takes them, among the other records.
        topic: `{prefix}.watermark`.
        prefixes: the wire format's bytes before a key and before a value.
    """

    def __init__(self, sink: Sink, topic: str, prefixes: tuple[bytes, bytes]) -> None:
        self._sink = sink
        self._topic = topic
        self._key_prefix, self._value_prefix = prefixes
        self._routes: dict[Security, Route] = {}

    def publish(self, one: Watermark, on_delivered: Callable[[bool], None] | None = None) -> None:
        """Hand over one watermark; it takes the place of the security's earlier ones."""
        route = self._routes.get(one.security)
        if route is None:
            key = self._key_prefix + encode_key(one.security)
            route = Route(self._topic, WATERMARKS, key, self._value_prefix)
            self._routes[one.security] = route
        self._sink.produce(route, one.encode(self._value_prefix), one.time_us // 1000, on_delivered)


def read_watermarks(
    bootstrap_servers: str,
    properties: dict[str, str],
    topic: str,
    *,
    schema_by_id: SchemaById,
    timeout_s: float = ANSWER_TIMEOUT_S,
) -> dict[Security, Watermark]:
    """Read the newest watermark of every security. What is no watermark is logged and skipped.

    Args:
        bootstrap_servers: the cluster.
        properties: the user's, for librdkafka.
        topic: `{prefix}.watermark`.
        schema_by_id: asks the registry for the schema of a record.
        timeout_s: how long nothing at all may come from Kafka.

    Raises:
        KafkaUnreachable: no broker answers.
        TopicUnreadable: the topic is missing, its end is not reached, or may not be read.
        RegistryUnreachable: the registry does not answer.
    """
    records = last_values(bootstrap_servers, properties, topic, timeout_s=timeout_s)
    found, skipped = decode_last(records, schema_by_id)
    for cause, count in skipped.items():
        log.warning("watermarks_skipped", records=count, cause=cause)
    return found


def decode_last(
    records: Mapping[bytes, bytes | None], schema_by_id: SchemaById
) -> tuple[dict[Security, Watermark], Counter[str]]:
    """Decode the last values of keys, given in their order; count the causes of what is skipped.

    A security may have several keys: the registry's id in front of it changes with the registry.
    So the later record wins, and a later tombstone forgets what came before it.
    """
    decoder = Decoder(_asking_once(schema_by_id))
    found: dict[Security, Watermark] = {}
    skipped: Counter[str] = Counter()
    for key, value in records.items():
        try:
            if value is None:
                found.pop(_security(decoder, key), None)
            else:
                schema, body = decoder.unwrap(value)
                one = watermark.decode(body, schema)
                found[one.security] = one
        except RecordUndecodable as error:
            skipped[str(error)] += 1
    return found, skipped


def _security(decoder: Decoder, key: bytes) -> Security:
    record = decoder.decode(key)
    if record.schema != schemas.KEY:
        raise RecordUndecodable(f"a key is no {schemas.KEY}: it was written as {record.schema}")
    return Security(record.fields["market"], record.fields["code"])


def _asking_once(schema_by_id: SchemaById) -> SchemaById:
    """Keep also the registry's no: thousands of records may name the same missing schema."""
    refused: dict[int, str] = {}

    def ask(schema_id: int) -> str:
        if schema_id in refused:
            raise RecordUndecodable(refused[schema_id])
        try:
            return schema_by_id(schema_id)
        except RecordUndecodable as error:
            refused[schema_id] = str(error)
            raise

    return ask

"""opend-kafka tail: decoded records as they come."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from confluent_kafka import Message
from rich.console import Console

from opend_kafka import config as configuration
from opend_kafka import logs
from opend_kafka.cli.options import Securities, output_format
from opend_kafka.cli.rates import RateLine
from opend_kafka.cli.rows import row_of, security_of
from opend_kafka.config import Config
from opend_kafka.consuming.decoding import Decoder, SchemaById
from opend_kafka.consuming.reading import TopicReader
from opend_kafka.consuming.ticks import TickDeduplicator, TickOrderer
from opend_kafka.errors import RecordUndecodable
from opend_kafka.kafka.registry import registered_schemas
from opend_kafka.opend.securities import Security
from opend_kafka.plan import wire_format_of

#: Seconds between two looks for records that are held back.
_WAIT_S = 0.05

_TICKER = "opend.Ticker"


@click.command(
    epilog="\b\nExample:\n  opend-kafka tail 'opend.ticker.*' --bootstrap-servers localhost:9092 "
    "--schema-registry http://localhost:8081\n  opend-kafka tail 'opend.ticker.*' -c config.yaml"
)
@click.argument("topics", nargs=-1, required=True, metavar="TOPIC…")
@click.option(
    "-c",
    "--config",
    type=click.Path(path_type=Path),
    help="A worker's configuration: its cluster and registry, and the logins to both.",
)
@click.option("--bootstrap-servers", help="The Kafka cluster. [default: localhost:9092]")
@click.option("--schema-registry", metavar="URL", help="Needed where records name a schema id.")
@click.option("--dedupe", is_flag=True, help="Show each tick once.")
@click.option("--order", is_flag=True, help="Hold ticks back a little; show them by sequence.")
@click.option(
    "--securities",
    type=Securities(),
    help="Show only these: HK.00700,US.AAPL. [default: all]",
)
@output_format("Columns for people, or one JSON object a line.")
@click.option(
    "--from",
    "start",
    type=click.Choice(["beginning", "end"]),
    default="end",
    show_default=True,
    help="Where to begin.",
)
@click.option("--max", "maximum", type=click.IntRange(1), help="End after so many records.")
def tail(
    topics: tuple[str, ...],
    config: Path | None,
    bootstrap_servers: str | None,
    schema_registry: str | None,
    dedupe: bool,
    order: bool,
    securities: tuple[Security, ...] | None,
    style: str,
    start: str,
    maximum: int | None,
) -> None:
    """Show decoded records as they come. TOPIC is a name, or a pattern such as 'opend.ticker.*'."""
    settings = configuration.load(config) if config else None
    # What librdkafka logs while it looks for the brokers, the error says better.
    logs.silence()
    with ExitStack() as stack:
        schema_by_id = stack.enter_context(_schemas(settings, schema_registry))
        reader = stack.enter_context(
            _reading(settings, bootstrap_servers, list(topics), from_end=start == "end")
        )
        logs.configure("warning")
        show = _printing(style, stack)
        stream = _Stream(Decoder(schema_by_id), dedupe=dedupe, order=order, securities=securities)
        shown = 0
        while maximum is None or shown < maximum:
            messages = reader.read(_WAIT_S)
            now = time.monotonic()
            lines = list(stream.take(messages, now))
            lines = lines if maximum is None else lines[: maximum - shown]
            show(lines, now)
            shown += len(lines)


def _reading(
    settings: Config | None, bootstrap_servers: str | None, topics: list[str], *, from_end: bool
) -> TopicReader:
    if settings is None:
        return TopicReader(bootstrap_servers or "localhost:9092", topics, from_end=from_end)
    return TopicReader(
        bootstrap_servers or settings.kafka.bootstrap_servers,
        topics,
        from_end=from_end,
        properties=settings.kafka.librdkafka,
        keys="kafka.bootstrap_servers and kafka.properties",
    )


@contextmanager
def _schemas(settings: Config | None, url: str | None) -> Iterator[SchemaById | None]:
    """Give what asks a registry, where there is one; an address that is given comes first."""
    if url:
        with registered_schemas(url) as schema_by_id:
            yield schema_by_id
    elif settings is not None:
        with wire_format_of(settings) as wire_format:
            yield wire_format.schema_text
    else:
        yield None


def _printing(style: str, stack: ExitStack) -> Callable[[list[dict[str, Any]], float], None]:
    """Give what prints lines at a time; on a terminal the table has the rates below it."""
    if style == "table" and (console := Console()).is_terminal:
        line = stack.enter_context(RateLine(console))
        return lambda lines, now: line.show(
            [(security_of(one), _as_row(one)) for one in lines], now
        )
    write = _as_json if style == "json" else _as_row

    def echo(lines: list[dict[str, Any]], now: float) -> None:
        for one in lines:
            click.echo(write(one))

    return echo


class _Stream:
    """Decodes messages, picks the securities, dedupes and orders the ticks among them as wanted."""

    def __init__(
        self,
        decoder: Decoder,
        *,
        dedupe: bool,
        order: bool,
        securities: tuple[Security, ...] | None,
    ) -> None:
        self._decoder = decoder
        self._deduplicator = TickDeduplicator() if dedupe else None
        self._orderer: TickOrderer[dict[str, Any]] | None = TickOrderer() if order else None
        self._securities = None if securities is None else {str(one) for one in securities}

    def take(self, messages: list[Message], now: float) -> Iterator[dict[str, Any]]:
        """Yield what is to be shown now: topic, partition, offset, schema, key, value."""
        for message in messages:
            try:
                line = self._decode(message)
            except RecordUndecodable as error:
                click.echo(
                    f"opend-kafka: {message.topic()} offset {message.offset()}: {error}", err=True
                )
                continue
            if self._securities is None or security_of(line) in self._securities:
                yield from self._pass_on(line, now)
        if self._orderer is not None:
            yield from map(_marked, self._orderer.due(now))

    def _decode(self, message: Message) -> dict[str, Any]:
        value = self._decoder.decode(message.value() or b"")
        key = message.key()
        return {
            "topic": message.topic(),
            "partition": message.partition(),
            "offset": message.offset(),
            "schema": value.schema,
            "key": self._decoder.decode(key).fields if key else None,
            "value": value.fields,
        }

    def _pass_on(self, line: dict[str, Any], now: float) -> Iterator[dict[str, Any]]:
        if line["schema"] != _TICKER:
            yield line
        elif self._deduplicator is not None and not self._deduplicator.is_new(line["value"]):
            return
        elif self._orderer is None:
            yield line
        else:
            held = line["value"] | {"line": line}
            yield from map(_marked, self._orderer.take(held, now))


def _marked(ordered: tuple[dict[str, Any], bool]) -> dict[str, Any]:
    tick, late = ordered
    line: dict[str, Any] = tick["line"]
    return line | {"late": late}


def _as_json(line: dict[str, Any]) -> str:
    return json.dumps(line, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> str:
    """Write what JSON has no form for: times in ISO 8601, bytes in hex."""
    if isinstance(value, bytes):
        return value.hex()
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _as_row(line: dict[str, Any]) -> str:
    """Give a line of the table; what is no record of ours is there as JSON."""
    return (row_of(line) or _as_json(line)) + ("  late" if line.get("late") else "")

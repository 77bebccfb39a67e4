"""opend-kafka audit: is a tick missing of which nothing tells?"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from opend_kafka import config as configuration
from opend_kafka import logs
from opend_kafka.cli.findings import as_json, lines_of, table_of
from opend_kafka.cli.letters import ticks_of
from opend_kafka.cli.options import Securities, config_file, output_format
from opend_kafka.config import Config
from opend_kafka.consuming.audit import FIELDS, Audit, Report
from opend_kafka.consuming.decoding import Decoder
from opend_kafka.consuming.gaps import Announcement
from opend_kafka.consuming.picking import FieldPicker
from opend_kafka.consuming.spans import TopicSpan
from opend_kafka.errors import ConfigurationError, RecordUndecodable, TopicsFailed
from opend_kafka.opend.securities import Security
from opend_kafka.opend.subscriptions import Subtype
from opend_kafka.plan import dead_letter_topic, events_topic, topics_of, wire_format_of

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: Undecodable records that are told one by one.
_TOLD = 3


class Time(click.ParamType[int]):
    """A time: ISO 8601 with its offset, or how long ago. In ms since 1970."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Read it; fail as click does where it is none."""
        text = str(value)
        time_ms = _ago(text) if text[-1:] in _UNITS else _iso(text)
        if time_ms is None:
            self.fail(
                f"{text!r} is no time: write 2026-01-02T09:30:00+08:00 (with the offset), or how "
                "long ago: 90s, 15m, 1h, 2d",
                param,
                ctx,
            )
        return time_ms


def _ago(text: str) -> int | None:
    ago = re.fullmatch(r"(\d{1,9})([smhd])", text)
    return ago and round(time.time() * 1000) - int(ago[1]) * _UNITS[ago[2]] * 1000


def _iso(text: str) -> int | None:
    with suppress(ValueError):
        at = datetime.fromisoformat(text)
        if at.tzinfo is not None:
            return _microseconds(at) // 1000
    return None


@dataclass(frozen=True, slots=True)
class Scope:
    """What is audited: the topics of these securities' ticks, between two times in ms."""

    securities: tuple[Security, ...]
    topics: tuple[str, ...]
    from_ms: int | None
    to_ms: int | None


@click.command(
    epilog="\b\nExample:\n  opend-kafka audit -c config.yaml\n  opend-kafka audit -c config.yaml "
    "--from 2h --to 5m --securities HK.00700"
)
@config_file
@click.option(
    "--from", "from_ms", type=Time(), help="Audit from here: ISO 8601, or 1h ago as `1h`."
)
@click.option("--to", "to_ms", type=Time(), help="Audit up to here. [default: what stands now]")
@click.option("--securities", type=Securities(), help="Only these. [default: all with ticks]")
@output_format("A table for people, or one JSON object.")
def audit(
    config: Path,
    from_ms: int | None,
    to_ms: int | None,
    securities: tuple[Security, ...] | None,
    style: str,
) -> None:
    """Read the tick topics and prove or refute that no tick was lost silently.

    It ends with 1 where ticks are missing of which no event tells. While the worker runs, give it
    the time to repair: --to 1m.
    """
    settings = configuration.load(config)
    # What librdkafka logs while it looks for the brokers, the error says better.
    logs.silence()
    if from_ms is not None and to_ms is not None and from_ms >= to_ms:
        raise click.UsageError("--from is not before --to")
    scope = _scope(settings, securities, from_ms, to_ms)
    report = _examine(settings, scope)
    if style == "json":
        click.echo(json.dumps(as_json(report), ensure_ascii=False, indent=2))
    else:
        console = Console()
        console.print(table_of(report))
        for line in lines_of(report):
            console.print(line, soft_wrap=True)
    if any(one.unannounced for one in report.securities):
        raise SystemExit(1)


def _scope(
    settings: Config,
    only: tuple[Security, ...] | None,
    from_ms: int | None,
    to_ms: int | None,
) -> Scope:
    topics = {
        one.security: topic
        for one, topic in topics_of(settings).items()
        if one.subtype is Subtype.TICKER
    }
    if not topics:
        raise ConfigurationError(
            "subscriptions: none of them is of the subtype ticker, and only ticks can be audited"
        )
    for security in only or ():
        if security not in topics:
            raise click.UsageError(
                f"--securities: {security} has no subscription of ticker in the configuration"
            )
    chosen = tuple(only or topics)
    return Scope(chosen, tuple(dict.fromkeys(topics[one] for one in chosen)), from_ms, to_ms)


def _examine(settings: Config, scope: Scope) -> Report:
    found = Audit()
    for security in scope.securities:
        found.expect(security.market, security.code)
    with (
        wire_format_of(settings) as wire_format,
        Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=(screen := Console(stderr=True)),
            transient=True,
            disable=not screen.is_terminal,
        ) as progress,
    ):
        reading = _Reading(settings, scope, Decoder(wire_format.schema_text), found, progress)
        reading.ticks()
        reading.dead_letters()
        # Last: what is announced while the ticks are read counts too.
        reading.events()
    return found.report()


class _Reading:
    """Reads the topics one kind after the other, and hands on what they hold."""

    def __init__(
        self, settings: Config, scope: Scope, decoder: Decoder, found: Audit, progress: Progress
    ) -> None:
        self._settings = settings
        self._scope = scope
        self._decoder = decoder
        self._found = found
        self._progress = progress
        self._wanted = {(one.market, one.code) for one in scope.securities}

    def ticks(self) -> None:
        """Read the tick topics, in the range."""
        pick = FieldPicker(self._decoder, "opend.Ticker", FIELDS).pick
        wanted, tick = self._wanted, self._found.tick

        def take(key: bytes | None, value: bytes) -> None:
            fields = pick(value)
            if (fields[0], fields[1]) in wanted:
                tick(*fields)

        self._read("ticks", self._scope.topics, self._scope.to_ms, take)

    def dead_letters(self) -> None:
        """Read the dead letters; where there is no such topic, there are none."""

        def take(key: bytes | None, value: bytes) -> None:
            for market, code, sequence in ticks_of(self._decoder.decode(value).fields):
                if (market, code) in self._wanted:
                    self._found.account(market, code, sequence)

        topic = dead_letter_topic(self._settings)
        try:
            self._read("dead letters", [topic], self._scope.to_ms, take)
        except TopicsFailed:
            self._say(f"{topic}: there is no such topic, so no dead letters count")

    def events(self) -> None:
        """Read the events, also those after the range: what is announced late is announced."""

        def take(key: bytes | None, value: bytes) -> None:
            fields = self._decoder.decode(value).fields
            if key is None or fields["subtype"] not in (None, Subtype.TICKER):
                return
            about = self._decoder.decode(key).fields
            if (about["market"], about["code"]) in self._wanted:
                self._found.announce(about["market"], about["code"], _announcement(fields))

        self._read("events", [events_topic(self._settings)], None, take)

    def _read(
        self,
        what: str,
        topics: Iterable[str],
        to_ms: int | None,
        take: Callable[[bytes | None, bytes], None],
    ) -> None:
        kafka = self._settings.kafka
        undecodable = 0
        with TopicSpan(
            kafka.bootstrap_servers,
            topics,
            from_ms=self._scope.from_ms,
            to_ms=to_ms,
            properties=kafka.librdkafka,
        ) as span:
            task = self._progress.add_task(what, total=span.total)
            for messages in span.batches():
                for message in messages:
                    try:
                        take(message.key(), message.value() or b"")
                    except RecordUndecodable as error:
                        undecodable += 1
                        if undecodable <= _TOLD:
                            self._say(f"{message.topic()} offset {message.offset()}: {error}")
                self._progress.update(task, completed=span.done)
        if undecodable > _TOLD:
            self._say(f"{what}: {undecodable:,} records could not be decoded")

    def _say(self, text: str) -> None:
        click.echo(f"opend-kafka: {text}", err=True)


def _announcement(fields: dict[str, Any]) -> Announcement:
    return Announcement(
        fields["kind"],
        _microseconds(fields["time"]),
        fields.get("sequence_before"),
        fields.get("sequence_after"),
        fields.get("ticks_missing"),
        fields.get("ticks_repaired") or 0,
    )


def _microseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)

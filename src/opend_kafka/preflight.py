"""What `opend-kafka check` asks before a worker is started. It changes nothing anywhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from opend_kafka.config import Config
from opend_kafka.errors import OpenDError, OpendKafkaError, OpenDNotReady, reasons
from opend_kafka.kafka.compacted import last_values
from opend_kafka.kafka.permissions import lacking
from opend_kafka.kafka.registry import SUBJECT_NAMES
from opend_kafka.kafka.topic_plan import Change, Step, apply, plan
from opend_kafka.kafka.topics import KafkaTopics, TopicAdmin, TopicSpec, differences
from opend_kafka.opend.events import Event, Live, NotReady
from opend_kafka.opend.pb import Qot_GetSubInfo_pb2
from opend_kafka.plan import (
    connect,
    operations_of,
    session_maker,
    too_many_topics,
    topic_specs,
    used_schemas,
    watermark_topic,
    wire_format_of,
)
from opend_kafka.transport.link import Link
from opend_kafka.watermarks import ANSWER_TIMEOUT_S

#: Topics named in one finding; the rest is counted.
_NAMED = 3

#: Subjects that have a finding each: more than one strategy has without a topic in their names.
_SUBJECTS = 15


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer. `warns` marks what stops no worker, and should be changed all the same."""

    subject: str
    ok: bool
    text: str
    warns: bool = False


#: What is asked, side by side.
ASKED = ("OpenD", "Kafka", "schemas")


async def examine(
    config: Config, answered: Callable[[str], None] = lambda asked: None
) -> list[Finding]:
    """Ask OpenD, Kafka and the registry, side by side. What they get wrong is a finding.

    Args:
        config: the whole configuration.
        answered: told which one of `ASKED` is through.
    """
    opend, kafka, registry = ASKED
    examinations = {
        opend: _examine_opend(config),
        kafka: asyncio.to_thread(_gathered, kafka, _examine_kafka, config),
        registry: asyncio.to_thread(_gathered, registry, _examine_schemas, config),
    }

    async def through(asked: str) -> list[Finding]:
        findings = await examinations[asked]
        answered(asked)
        return findings

    answers = await asyncio.gather(*map(through, ASKED))
    return [finding for findings in answers for finding in findings]


def _gathered(subject: str, examination: Any, config: Config) -> list[Finding]:
    """Run one examination up to its first error, which is its last finding."""
    findings = []
    try:
        for finding in examination(config):
            findings.append(finding)
    except OpendKafkaError as error:
        findings.append(Finding(subject, False, str(error)))
    return findings


async def _examine_opend(config: Config) -> list[Finding]:
    try:
        state = await _ask_opend(config)
    except OpendKafkaError as error:
        return [Finding("OpenD", False, str(error))]
    wanted = len(config.wanted())
    fits = wanted <= state.remainQuota
    remedy = "" if fits else ": drop some, or end other connections that hold quota"
    return [
        Finding("OpenD", True, f"logged in at {config.opend.host}:{config.opend.port}"),
        Finding("quota", fits, f"{wanted} subscriptions wanted, {state.remainQuota} left{remedy}"),
    ]


async def _ask_opend(config: Config) -> Any:
    """Log in, and give Qot_GetSubInfo's s2c.

    Raises:
        OpenDError: OpenD does not come that far.
    """
    opend = config.opend
    session = session_maker(opend)()
    connection = await connect(opend)
    live = asyncio.get_running_loop().create_future()
    cause = "it does not answer"

    def on_event(event: Event) -> None:
        nonlocal cause
        match event:
            case NotReady(why):
                cause = why
            case Live():
                live.set_result(None)

    link = Link(connection, session, on_event)
    running = asyncio.create_task(link.run())
    try:
        async with asyncio.timeout(opend.request_timeout_s):
            await asyncio.wait([running, live], return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                running.result()
            request = Qot_GetSubInfo_pb2.Request(c2s={"isReqAllConn": False})
            return (await link.ask(request)).s2c
    except TimeoutError:
        raise OpenDNotReady(cause) from None
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError, OpenDError):
            await running


def _examine_kafka(config: Config) -> Iterator[Finding]:
    kafka = config.kafka
    admin = KafkaTopics(kafka.bootstrap_servers, kafka.librdkafka)
    existing = admin.existing()
    yield Finding("Kafka", True, f"answers at {kafka.bootstrap_servers}")
    specs = topic_specs(config)
    yield from _examine_topics(config, admin, specs)
    if advice := too_many_topics(config):
        yield Finding("topics", True, advice, warns=True)
    needed = operations_of(config)
    if allowed := admin.operations(topic for topic in needed if topic in existing):
        refused = "; ".join(reasons(lacking(needed, allowed)))
        written = f"records may be written to {len(allowed)} topics"
        yield Finding("permissions", not refused, refused or written)
    for difference in differences(admin, specs):
        yield Finding("topics", False, str(difference))
    if (topic := watermark_topic(config)) in existing:
        records = last_values(
            kafka.bootstrap_servers, kafka.librdkafka, topic, timeout_s=ANSWER_TIMEOUT_S
        )
        yield Finding("watermarks", True, f"{len(records)} can be read back from {topic}")


def _examine_topics(config: Config, admin: TopicAdmin, specs: list[TopicSpec]) -> Iterator[Finding]:
    """Give the plan of `opend-kafka topics` in two findings: what is missing, and what differs."""
    planned = plan(admin, specs)
    missing = [change for change in planned if change.step is Step.CREATE]
    names = [change.topic for change in missing]
    if not missing:
        yield Finding("topics", True, f"all {len(specs)} exist" + _differing(planned))
        return
    if not config.kafka.topics.create:
        text = f"missing, and kafka.topics.create is false: {_some(names)}"
        yield Finding("topics", False, text)
    elif failures := apply(admin, specs, missing, dry_run=True):
        refusals = reasons({topic: reason for (topic, _), reason in failures.items()})
        yield Finding("topics", False, f"cannot be created: {_some(refusals)}")
    else:
        standing = f"{len(specs) - len(missing)} exist, {len(missing)} will be created: "
        yield Finding("topics", True, standing + _some(names) + _differing(planned))


def _differing(planned: list[Change]) -> str:
    """Say what differs and stops no worker."""
    others = [_in_short(change) for change in planned if change.step is not Step.CREATE]
    return f"; `opend-kafka topics` mends or explains: {_some(others)}" if others else ""


def _in_short(change: Change) -> str:
    return f"{change.topic}: settings {change.note}" if change.untold else str(change)


def _examine_schemas(config: Config) -> Iterator[Finding]:
    subject = SUBJECT_NAMES[config.schema_registry.subject_name_strategy]
    wanted = {subject(*one): one for one in used_schemas(config)}
    with wire_format_of(config) as wire_format:
        wire_format.require(wanted.values())
        found = [*dict.fromkeys(wire_format.examine(*one) for one in wanted.values())]
    for text in found[:_SUBJECTS]:
        yield Finding("schemas", True, text)
    if len(found) > _SUBJECTS:
        yield Finding("schemas", True, f"{len(found) - _SUBJECTS} more subjects, none refused")


def _some(names: list[str]) -> str:
    rest = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")

"""The worker and its registry: behind a login, without what it needs, and gone."""

from __future__ import annotations

import asyncio
import json
from contextlib import ExitStack
from typing import Any

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from opend_kafka.config import Config
from opend_kafka.errors import RegistryDenied, SchemaRefused, SchemasMissing
from opend_kafka.kafka.topics import ensure
from opend_kafka.opend.securities import Security
from opend_kafka.plan import subjects_of, topic_specs, used_schemas
from opend_kafka.preparing import prepare
from opend_kafka.simulator.market import Market
from opend_kafka.simulator.server import Simulator
from opend_kafka.worker import Worker
from tests.conftest import Cluster
from tests.kafka.door import BASIC, PASSWORD, USER, standing_before
from tests.workers import running, until

#: Seconds after which something hangs.
HANGS_S = 20

TRADED = (Security("HK", "00700"), Security("US", "AAPL"))
LOGIN = {"basic.auth.user.info": f"{USER}:{PASSWORD}"}


def _config(cluster: Cluster, prefix: str, opend_port: int = 1, **registry: Any) -> Config:
    return Config.model_validate(
        {
            "opend": {"port": opend_port},
            "subscriptions": [{"securities": list(map(str, TRADED)), "subtypes": ["ticker"]}],
            "kafka": {"bootstrap_servers": cluster.bootstrap_servers, "topic_prefix": prefix},
            "schema_registry": {"subject_name_strategy": "topic", **registry},
            "admin": {"port": 0},
        }
    )


async def _live(worker: Worker, task: asyncio.Task[None]) -> None:
    """Wait until pushes come."""
    await until(lambda: worker.status.session == "live", task, within_s=HANGS_S)


async def _deliver(worker: Worker, number: int, task: asyncio.Task[None]) -> None:
    """Wait until so many records more have been acknowledged."""
    goal = worker.delivered + number
    async with asyncio.timeout(HANGS_S):
        while worker.delivered < goal:
            if task.done():
                task.result()
            await asyncio.sleep(0.005)


async def test_registry_gone_while_running_stops_nothing(
    embedded: Cluster, registry_url: str, prefix: str
) -> None:
    """Ids are known once the worker runs: records go on without the registry, and the drain too."""
    market = Market(TRADED, seed=1, rate=1000, start_us=1_700_000_000_000_000)
    async with Simulator(market) as simulator:
        with ExitStack() as registry:
            url = registry.enter_context(standing_before(registry_url, login=BASIC))
            config = _config(embedded, prefix, simulator.port, url=url, properties=LOGIN)
            worker = Worker(config, topic_admin=embedded.topics)
            async with running(worker, within_s=HANGS_S) as task:
                await _live(worker, task)
                await asyncio.to_thread(registry.close)
                await _deliver(worker, 200, task)


def test_registry_that_comes_up_meanwhile_is_waited_for(
    embedded: Cluster, registry_url: str, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A start goes on as soon as the registry answers."""
    ask, refusals = SchemaRegistryClient.get_subjects, [ConnectionRefusedError("not yet")] * 2

    def get_subjects(client: SchemaRegistryClient) -> list[str]:
        if refusals:
            raise refusals.pop()
        return ask(client)

    monkeypatch.setattr(SchemaRegistryClient, "get_subjects", get_subjects)
    prepared = prepare(_config(embedded, prefix, url=registry_url), embedded.topics)
    assert (refusals, len(prepared.routes)) == ([], len(TRADED))


def test_schema_at_odds_with_the_registry_ends_the_start(
    embedded: Cluster, registry_url: str, prefix: str
) -> None:
    """The subject is named, with the registry's words."""
    subject = f"{prefix}.events-value"
    other = {"type": "record", "name": "opend.SessionEvent", "fields": []}
    with SchemaRegistryClient({"url": registry_url}) as client:
        client.register_schema(subject, Schema(json.dumps(other), "AVRO"))
        client.set_compatibility(subject, level="BACKWARD")
    with pytest.raises(SchemaRefused, match=subject):
        prepare(_config(embedded, prefix, url=registry_url), embedded.topics)


def test_all_that_is_not_registered_is_named_at_the_start(
    embedded: Cluster, registry_url: str, prefix: str
) -> None:
    """With auto_register false, the start fails once, with every subject, and what to run."""
    config = _config(embedded, prefix, url=registry_url, auto_register=False)
    with pytest.raises(SchemasMissing, match="opend-kafka schemas register") as missing:
        prepare(config, embedded.topics)
    with subjects_of(config) as subjects:
        every = [report.subject for report in subjects.examine(used_schemas(config))]
    assert missing.value.subjects == every


def test_what_was_registered_before_is_enough(
    embedded: Cluster, registry_url: str, prefix: str
) -> None:
    """With auto_register false, a worker starts on what `schemas register` has left."""
    config = _config(embedded, prefix, url=registry_url, auto_register=False)
    with subjects_of(config) as subjects:
        for report in subjects.examine(used_schemas(config)):
            subjects.register(report)
    ensure(embedded.topics, topic_specs(config), create=True)
    assert len(prepare(config, embedded.topics).routes) == len(TRADED)


def test_refused_login_ends_the_start_at_once(
    embedded: Cluster, registry_url: str, prefix: str
) -> None:
    """Nothing is waited for where the registry does not let the worker in."""
    with standing_before(registry_url, login=BASIC) as door:
        config = _config(embedded, prefix, url=door)
        with pytest.raises(RegistryDenied, match=r"basic\.auth\.user\.info"):
            prepare(config, embedded.topics)

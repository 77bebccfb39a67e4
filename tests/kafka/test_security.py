"""Logins, certificates and ACLs of a real Kafka: what lets the worker in, and what is said if not.

The configurations that let it in are those of docs/kafka.md, with this broker's own names.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from opend_kafka import cli
from opend_kafka.config import Config
from opend_kafka.consuming.reading import TopicReader
from opend_kafka.opend.securities import Security
from opend_kafka.simulator.market import Market
from opend_kafka.simulator.server import Simulator
from opend_kafka.worker import Worker
from tests.clusters import secured_kafka
from tests.clusters.requirement import skipping_unless_required
from tests.clusters.secured_kafka import PASSWORD, USER, SecuredKafka
from tests.workers import HANGS_S, running, until

DOCUMENT = Path(__file__).parents[2] / "docs" / "kafka.md"

#: Properties of librdkafka.
Properties = dict[str, str]

#: Each way in: its listener, and the words by which the document's example is found.
WAYS = {
    "SCRAM-SHA-512": ("SCRAM", "sasl.password_file"),
    "PLAIN": ("PLAIN", "sasl.password_file"),
    "OAUTHBEARER": ("OAUTH", "OAUTHBEARER"),
    "mTLS": ("MTLS", "ssl.key.location"),
    "TLS": ("TLS", "ssl.key.location"),
}


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    """Give the broker, with what docs/kafka.md says that the worker's user must be allowed."""
    with ExitStack() as stack:
        with skipping_unless_required():
            folder = tmp_path_factory.mktemp("secured")
            kafka = stack.enter_context(secured_kafka.running(folder))
        yield kafka


def _properties(kafka: SecuredKafka, way: str) -> tuple[str, Properties]:
    """Give the address and the properties of the document's example, with this broker's names."""
    listener, words = WAYS[way]
    blocks = re.findall(r"^```yaml\n(.*?)^```", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)
    (example,) = (one for one in blocks if words in one)
    properties: Properties = yaml.safe_load(example)["kafka"]["properties"]
    ours = {
        "sasl.mechanism": way,
        "ssl.ca.location": str(kafka.authority_file),
        "sasl.password_file": str(kafka.password_file),
        "sasl.oauthbearer.token.endpoint.url": kafka.tokens.token_url,
        "sasl.oauthbearer.client.secret_file": str(kafka.secret_file),
        "ssl.certificate.location": str(kafka.certificate),
        "ssl.key.location": str(kafka.certificate),
    }
    found = {key: ours.get(key, value) for key, value in properties.items()}
    if way == "TLS":
        found = {key: found[key] for key in ("security.protocol", "ssl.ca.location")}
    return kafka.servers(listener), found


def _grant(kafka: SecuredKafka, prefix: str, user: str = USER, *, but: str = "") -> None:
    """Grant what docs/kafka.md says that the worker needs."""
    for operation in ("WRITE", "CREATE", "DESCRIBE_CONFIGS"):
        if operation != but:
            kafka.allow(user, operation, f"{prefix}.", prefixed=True)
    if but != "READ":
        kafka.allow(user, "READ", f"{prefix}.watermark")


def _content(servers: str, properties: Properties, prefix: str, opend_port: int = 1) -> Any:
    return {
        "opend": {
            "port": opend_port,
            "request_timeout_s": 1,
            "reconnect": {"initial_s": 0.01, "max_s": 0.05},
        },
        "subscriptions": [{"securities": ["HK.00700"], "subtypes": ["ticker"]}],
        "kafka": {
            "bootstrap_servers": servers,
            "properties": properties,
            "topic_prefix": prefix,
        },
        "schema_registry": {"url": None},
        "admin": {"port": 0},
    }


@pytest.mark.parametrize("way", WAYS)
async def test_worker_lands_every_tick_over_a_secured_listener(
    kafka: SecuredKafka, prefix: str, way: str
) -> None:
    """With the document's example and permissions, topics are made, and what OpenD sent arrives."""
    _grant(kafka, prefix)
    sent: list[Any] = []
    market = Market((Security("HK", "00700"),), seed=1, rate=1000, start_us=1_700_000_000_000_000)
    async with Simulator(
        market, pace=False, on_sent=lambda conn_id, security, ticks: sent.extend(ticks)
    ) as simulator:
        servers, properties = _properties(kafka, way)
        content = _content(servers, properties, prefix, simulator.port)
        worker = Worker(Config.model_validate(content))
        async with running(worker) as task:
            await until(lambda: worker.status.session == "live", task)
            simulator.advance(0.1)
            await until(lambda: sent and worker.delivered == len(sent), task)
    with TopicReader(kafka.bootstrap_servers, [f"{prefix}.ticker.HK.00700"]) as reader:
        read = 0
        while read < len(sent):
            read += len(reader.read(HANGS_S, at_most=len(sent) - read))

"""The worker over OpenD's WebSocket relay, from end to end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from opend_kafka.config import Config, effective
from opend_kafka.errors import KeyUnusable
from opend_kafka.opend.pb.Qot_Common_pb2 import Ticker
from opend_kafka.opend.securities import Security
from opend_kafka.preflight import examine
from opend_kafka.simulator.market import Market
from opend_kafka.simulator.relay import Relay
from opend_kafka.simulator.server import Simulator
from opend_kafka.worker import Worker
from tests.conftest import Cluster
from tests.transport.authority import LOOPBACK, Authority
from tests.workers import HANGS_S, running, until

KEY = "open sesame"


class _Through:
    """A relay before a simulator, and the ticks that were pushed through it."""

    def __init__(self) -> None:
        self.sent: list[Ticker] = []
        market = Market(
            [Security("HK", "00700")], seed=1, rate=1000, start_us=1_700_000_000_000_000
        )
        self.simulator = Simulator(
            market, pace=False, on_sent=lambda conn_id, security, ticks: self.sent.extend(ticks)
        )
        self.relay: Relay


@pytest.fixture
async def through() -> AsyncIterator[_Through]:
    """Give an OpenD behind its relay."""
    stand_in = _Through()
    async with stand_in.simulator:
        stand_in.relay = Relay("127.0.0.1", stand_in.simulator.port, key=KEY)
        async with stand_in.relay:
            yield stand_in


def _config(cluster: Cluster, prefix: str, port: int, key: str = KEY, **opend: Any) -> Config:
    parts: dict[str, Any] = {
        "port": port,
        "transport": "websocket",
        "websocket": {"key": key},
        "request_timeout_s": 2,
        "reconnect": {"initial_s": 0.01, "max_s": 0.05},
    }
    return Config.model_validate(
        {
            "opend": parts | opend,
            "subscriptions": [{"securities": ["HK.00700"], "subtypes": ["ticker"]}],
            "kafka": {"bootstrap_servers": cluster.bootstrap_servers, "topic_prefix": prefix},
            "schema_registry": {"url": None},
            "admin": {"port": 0},
        }
    )


async def test_worker_lands_ticks_that_come_through_the_relay(
    embedded: Cluster, prefix: str, through: _Through
) -> None:
    """Over WebSocket, every tick arrives."""
    config = _config(embedded, prefix, through.relay.port)
    worker = Worker(config, topic_admin=embedded.topics)
    async with running(worker) as task, asyncio.timeout(HANGS_S):
        await until(lambda: worker.status.session == "live", task)
        through.simulator.advance(0.2)
        await until(lambda: worker.delivered == len(through.sent), task)
    assert len(through.sent) > 200


@pytest.mark.parametrize("trusted", [True, False])
async def test_worker_links_over_tls_with_a_certificate_that_it_trusts(
    embedded: Cluster, prefix: str, through: _Through, tmp_path: Path, trusted: bool
) -> None:
    """wss:// with the CA file of who signed is live; with another's, the key to mend is named."""
    signer, other = Authority(tmp_path, "signer"), Authority(tmp_path, "other")
    relay = Relay("127.0.0.1", through.simulator.port, key=KEY, ssl_context=signer.server(LOOPBACK))
    ca_file = signer.file if trusted else other.file
    async with relay:
        websocket = {"key": KEY, "ssl": True, "ca_file": ca_file}
        config = _config(embedded, prefix, relay.port, websocket=websocket)
        worker = Worker(config, topic_admin=embedded.topics)
        async with running(worker) as task, asyncio.timeout(HANGS_S):
            if trusted:
                await until(lambda: worker.status.session == "live", task)
            else:
                await until(lambda: "opend.websocket.ca_file" in worker.status.cause, task)


async def test_worker_links_again_after_the_relay_lost_opend(
    embedded: Cluster, prefix: str, through: _Through
) -> None:
    """The relay's own word that it lost OpenD ends the link, and the next one is live."""
    config = _config(embedded, prefix, through.relay.port)
    worker = Worker(config, topic_admin=embedded.topics)
    async with running(worker) as task, asyncio.timeout(HANGS_S):
        await until(lambda: worker.status.session == "live", task)
        first = worker.status.conn_id
        through.relay.drop_opend()
        await until(lambda: worker.status.conn_id not in (0, first), task)
        await until(lambda: worker.status.session == "live", task)


async def test_worker_says_that_the_key_is_wrong(
    embedded: Cluster, prefix: str, through: _Through
) -> None:
    """A relay that does not answer the login is told with the key to mend, and without the key."""
    config = _config(embedded, prefix, through.relay.port, key="another", request_timeout_s=0.3)
    worker = Worker(config, topic_admin=embedded.topics)
    async with running(worker) as task, asyncio.timeout(HANGS_S):
        await until(lambda: "opend.websocket.key" in worker.status.cause, task)
        assert "another" not in worker.status.cause


async def test_check_reads_the_quota_through_the_relay(
    embedded: Cluster, prefix: str, through: _Through
) -> None:
    """Preflight takes the same way as the worker."""
    findings = await examine(_config(embedded, prefix, through.relay.port))
    assert {finding.subject for finding in findings if finding.ok} >= {"OpenD", "quota"}


def test_key_is_not_shown(embedded: Cluster, prefix: str) -> None:
    """`--print-config` masks it."""
    assert KEY not in effective(_config(embedded, prefix, 1))


def test_key_can_come_from_a_file(embedded: Cluster, prefix: str, tmp_path: Path) -> None:
    """A key file is read without its end of line."""
    file = tmp_path / "key"
    file.write_text(KEY + "\n")
    config = _config(embedded, prefix, 1, websocket={"key_file": file})
    assert config.opend.relay_key() == KEY


def test_missing_key_file_is_named(embedded: Cluster, prefix: str, tmp_path: Path) -> None:
    """A key file that is not there is a configuration error that names the key."""
    config = _config(embedded, prefix, 1, websocket={"key_file": tmp_path / "none"})
    with pytest.raises(KeyUnusable, match=r"opend\.websocket\.key_file: .*none: No such file"):
        config.opend.relay_key()


@pytest.mark.parametrize(
    ("opend", "complaint"),
    [
        ({"rsa_private_key_file": "key.pem"}, "rsa_private_key_file is for transport tcp"),
        ({"push_format": "json"}, "push_format json is for transport tcp"),
        ({"websocket": {"key": "a", "key_file": "b"}}, "key and key_file are both given"),
        ({"websocket": {"ca_file": "ca.pem"}}, "ssl is false"),
    ],
)
def test_combination_that_a_relay_lacks_is_refused(
    embedded: Cluster, prefix: str, opend: dict[str, Any], complaint: str
) -> None:
    """What this transport cannot do is a configuration error."""
    with pytest.raises(ValueError, match=complaint):
        _config(embedded, prefix, 1, **opend)

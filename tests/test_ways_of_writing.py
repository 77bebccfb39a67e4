"""The worker and each way in which OpenD writes: encrypted, in JSON; and no secret that shows."""

from __future__ import annotations

import asyncio
import io
import logging
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from opend_kafka import logs
from opend_kafka.config import Config, effective
from opend_kafka.consuming.decoding import Decoder
from opend_kafka.consuming.reading import TopicReader
from opend_kafka.errors import KeyUnusable
from opend_kafka.opend.ciphers import read_rsa
from opend_kafka.opend.pb.Qot_Common_pb2 import Ticker
from opend_kafka.opend.securities import Security
from opend_kafka.simulator.market import Market
from opend_kafka.simulator.server import Simulator
from opend_kafka.worker import Worker
from tests.conftest import Cluster
from tests.workers import HANGS_S, running, until

TRADED = (Security("HK", "00700"),)


@pytest.fixture(scope="module", params=[1024, 2048])
def key_file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give an RSA key file, PKCS#1, of each size that OpenD's users have."""
    return _new_key(tmp_path_factory.mktemp("key"), request.param)


def _new_key(folder: Path, bits: int) -> Path:
    path = folder / "opend.pem"
    key = rsa.generate_private_key(65537, bits)
    path.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    )
    return path


def _worker(cluster: Cluster, prefix: str, port: int, **opend: Any) -> Worker:
    config = Config.model_validate(
        {
            "opend": {
                "port": port,
                "request_timeout_s": 1,
                "reconnect": {"initial_s": 0.01, "max_s": 0.05},
            }
            | opend,
            "subscriptions": [{"securities": ["HK.00700"], "subtypes": ["ticker"]}],
            "kafka": {"bootstrap_servers": cluster.bootstrap_servers, "topic_prefix": prefix},
            "schema_registry": {"url": None},
            "admin": {"port": 0},
        }
    )
    return Worker(config, topic_admin=cluster.topics)


def _market() -> Market:
    return Market(TRADED, seed=1, rate=1000, start_us=1_700_000_000_000_000)


@pytest.mark.parametrize("encryption", ["none", "ftaes_ecb", "aes_ecb", "aes_cbc"])
async def test_worker_lands_ticks_of_an_encrypting_opend(
    embedded: Cluster, prefix: str, key_file: Path, encryption: str
) -> None:
    """With the same key on both sides, every tick arrives under every algorithm."""
    sent: list[Ticker] = []
    simulator = Simulator(
        _market(),
        pace=False,
        rsa=read_rsa(key_file),
        on_sent=lambda conn_id, security, ticks: sent.extend(ticks),
    )
    async with simulator:
        options = {"encryption": encryption, "rsa_private_key_file": key_file}
        worker = _worker(embedded, prefix, simulator.port, **options)
        async with running(worker) as task, asyncio.timeout(HANGS_S):
            await until(lambda: worker.status.session == "live", task)
            simulator.advance(0.2)
            await until(lambda: worker.delivered == len(sent), task)
        assert len(sent) > 200


async def test_worker_lands_ticks_that_are_pushed_in_json(embedded: Cluster, prefix: str) -> None:
    """With push_format json, sequences arrive intact, to the last of their 63 bits."""
    sent: list[Ticker] = []
    simulator = Simulator(
        _market(), pace=False, on_sent=lambda conn_id, security, ticks: sent.extend(ticks)
    )
    async with simulator:
        worker = _worker(embedded, prefix, simulator.port, push_format="json")
        async with running(worker) as task, asyncio.timeout(HANGS_S):
            await until(lambda: worker.status.session == "live", task)
            simulator.advance(0.2)
            await until(lambda: worker.delivered == len(sent), task)
    decoder = Decoder()
    read: list[int] = []
    with TopicReader(embedded.bootstrap_servers, [f"{prefix}.ticker.*"]) as reader:
        while len(read) < len(sent):
            for message in reader.read(HANGS_S, at_most=len(sent) - len(read)):
                read.append(decoder.decode(message.value() or b"").fields["sequence"])
    assert read == [tick.sequence for tick in sent]


@pytest.mark.parametrize("side", ["worker", "opend", "two different"])
async def test_worker_says_that_the_keys_do_not_match(
    embedded: Cluster, prefix: str, tmp_path: Path, side: str
) -> None:
    """A key on one side only, or another one, is told with the settings to mend."""
    key = _new_key(tmp_path, 1024)
    other = tmp_path / "other"
    other.mkdir()
    theirs = None if side == "worker" else read_rsa(_new_key(other, 1024))
    ours = {} if side == "opend" else {"encryption": "aes_cbc", "rsa_private_key_file": key}
    async with Simulator(_market(), rsa=theirs) as simulator:
        worker = _worker(embedded, prefix, simulator.port, **ours)
        async with running(worker) as task, asyncio.timeout(HANGS_S):
            await until(lambda: "opend.encryption" in worker.status.cause, task)
    assert worker.status.session != "live"


def test_worker_refuses_a_key_file_that_is_not_there(
    embedded: Cluster, prefix: str, tmp_path: Path
) -> None:
    """A missing key file is a configuration error that names the key and the file."""
    with pytest.raises(KeyUnusable, match=r"opend\.rsa_private_key_file: .*none\.pem: No such"):
        _worker(embedded, prefix, 1, rsa_private_key_file=tmp_path / "none.pem")


async def test_no_secret_reaches_a_log_line_or_the_shown_configuration(
    embedded: Cluster, prefix: str, key_file: Path
) -> None:
    """Neither the session's AES key and iv nor a line of the RSA key is written anywhere."""
    written = io.StringIO()
    logs.configure("debug", "json")
    handler = logging.StreamHandler(written)
    handler.setFormatter(logging.getLogger().handlers[0].formatter)
    logging.getLogger().handlers[:] = [handler]
    secrets = key_file.read_text().splitlines()[1:-1]
    async with Simulator(_market(), rsa=read_rsa(key_file)) as simulator:
        options = {"encryption": "aes_cbc", "rsa_private_key_file": key_file}
        worker = _worker(embedded, prefix, simulator.port, **options)
        async with running(worker) as task, asyncio.timeout(HANGS_S):
            await until(lambda: worker.status.session == "live", task)
            for visitor in simulator.visitors:
                secrets += [visitor.aes_key, visitor.aes_iv]
                written.write(repr(visitor))
        written.write(effective(worker.config))
    text = written.getvalue()
    assert "live" in text
    assert [secret for secret in secrets if secret in text] == []

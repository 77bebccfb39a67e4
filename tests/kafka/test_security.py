"""Logins, certificates and ACLs of a real Kafka: what lets the worker in, and what is said if not.

The configurations that let it in are those of docs/kafka.md, with this broker's own names.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from confluent_kafka import Producer
from structlog.testing import capture_logs

from opend_kafka import cli
from opend_kafka.config import Config
from opend_kafka.consuming import reading
from opend_kafka.consuming.reading import TopicReader
from opend_kafka.errors import DeliveryFailed
from opend_kafka.kafka import topics as topics_module
from opend_kafka.kafka.topics import KafkaTopics, TopicSpec
from opend_kafka.opend.securities import Security
from opend_kafka.simulator.market import Market
from opend_kafka.simulator.server import Simulator
from opend_kafka.worker import Worker
from tests.clusters import secured_kafka
from tests.clusters.requirement import skipping_unless_required
from tests.clusters.secured_kafka import PASSWORD, USER, SecuredKafka
from tests.conftest import Cluster
from tests.consuming.samples import a_tick, single_object
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


@dataclass(frozen=True, slots=True)
class _Ended:
    """How a command ended, and what it wrote in all."""

    code: object
    text: str


#: Runs a command in this process.
Invoke = Callable[..., _Ended]


@pytest.fixture
def invoke(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Invoke:
    """Give a function that runs commands; what librdkafka writes past Python is seen too."""
    monkeypatch.setenv("COLUMNS", "1000")

    def call(*arguments: str) -> _Ended:
        monkeypatch.setattr(sys, "argv", ["opend-kafka", *arguments])
        code: object = 0
        try:
            cli.main()
        except SystemExit as ending:
            code = ending.code
        out, err = capfd.readouterr()
        assert "Traceback" not in out + err
        assert PASSWORD not in out + err
        return _Ended(code, out + err)

    return call


@dataclass(frozen=True, slots=True)
class _Refused:
    """A way in that is barred: the changes of an example's properties, and what is said."""

    way: str
    changes: Properties
    says: str
    listener: str = ""


def _refusals(kafka: SecuredKafka) -> dict[str, _Refused]:
    wrong = {"sasl.password": "wrong"}
    tls = "shows a certificate that is not trusted (certificate verify failed)"
    certificate = "refuses the client's certificate, or misses it"
    stranger = {
        "ssl.certificate.location": str(kafka.other_certificate),
        "ssl.key.location": str(kafka.other_certificate),
    }
    return {
        "password of SCRAM": _Refused("SCRAM-SHA-512", wrong, "refuses the login (Authentication"),
        "password of PLAIN": _Refused("PLAIN", wrong, "refuses the login (Authentication failed"),
        "secret of OAUTHBEARER": _Refused(
            "OAUTHBEARER",
            {"sasl.oauthbearer.client.secret": "wrong"},
            "cannot be asked, for want of a token",
        ),
        "mechanism": _Refused(
            "PLAIN", {}, "broker's supported mechanisms: SCRAM-SHA-512", listener="SCRAM"
        ),
        "authority": _Refused(
            "SCRAM-SHA-512", {"ssl.ca.location": str(kafka.other_authority_file)}, tls
        ),
        "host name": _Refused("TLS", {}, tls, listener="ELSEWHERE"),
        "no certificate": _Refused("TLS", {}, certificate, listener="MTLS"),
        "stranger's certificate": _Refused("mTLS", stranger, certificate),
        "no TLS": _Refused("TLS", {}, "does not speak TLS at this port", listener="PLAINTEXT"),
    }


REFUSALS = (
    "password of SCRAM",
    "password of PLAIN",
    "secret of OAUTHBEARER",
    "mechanism",
    "authority",
    "host name",
    "no certificate",
    "stranger's certificate",
    "no TLS",
)


def _write(folder: Path, content: Any) -> str:
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump(content))
    return str(file)


@pytest.mark.parametrize("name", REFUSALS)
def test_every_command_says_why_it_is_not_let_in(
    kafka: SecuredKafka, invoke: Invoke, tmp_path: Path, prefix: str, name: str
) -> None:
    """Each ends with 1 and one line: which cluster, what was refused, what to mend."""
    refused = _refusals(kafka)[name]
    servers, properties = _properties(kafka, refused.way)
    if refused.listener == "PLAINTEXT":
        servers = kafka.bootstrap_servers
    elif refused.listener:
        servers = kafka.servers(refused.listener)
    for key in refused.changes:
        properties.pop(f"{key}_file", None)
    config = _write(tmp_path, _content(servers, properties | refused.changes, prefix))
    for command in (("check",), ("run",), ("topics",), ("audit",), ("tail", "any")):
        ended = invoke(*command, "-c", config)
        lines = [line for line in ended.text.splitlines() if "Kafka at" in line]
        assert ended.code == 1, ended.text
        assert len(lines) == 1, ended.text
        assert servers in lines[0]
        assert refused.says in lines[0]
        assert re.search(r"; .*(correct|set) ", lines[0])


@pytest.mark.parametrize("command", ["topics", "tail"])
@pytest.mark.usefixtures("topics")
def test_broker_that_advertises_a_name_that_is_not_its_own_is_named(
    kafka: SecuredKafka,
    invoke: Invoke,
    tmp_path: Path,
    prefix: str,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
) -> None:
    """The first answer comes from the address that was given, the others from what it names."""
    monkeypatch.setattr(topics_module, "ANSWER_TIMEOUT_S", 1.0)
    monkeypatch.setattr(reading, "_ANSWER_TIMEOUT_S", 1.0)
    _, properties = _properties(kafka, "TLS")
    content = _content(kafka.servers("MISNAMED"), properties, prefix)
    what = (f"{prefix}.events",) if command == "tail" else ()
    ended = invoke(command, *what, "-c", _write(tmp_path, content))
    assert ended.code == 1
    assert "a certificate that is not trusted (localhost:" in ended.text
    assert "or what the brokers advertise" in ended.text


def _scram(kafka: SecuredKafka, user: str) -> tuple[str, Properties]:
    servers, properties = _properties(kafka, "SCRAM-SHA-512")
    return servers, properties | {"sasl.username": user}


@pytest.fixture
def user(kafka: SecuredKafka, prefix: str) -> str:
    """Give a user who may nothing yet."""
    name = f"user-of-{prefix}"
    kafka.add_user(name)
    return name


@pytest.fixture
def config(kafka: SecuredKafka, user: str, prefix: str, tmp_path: Path) -> str:
    """Give that user's configuration."""
    return _write(tmp_path, _content(*_scram(kafka, user), prefix))


@pytest.fixture
def topics(kafka: SecuredKafka, prefix: str) -> list[str]:
    """Give the topics of the configuration: made by somebody else."""
    names = [
        f"{prefix}.{name}" for name in ("ticker.HK.00700", "events", "dead-letter", "watermark")
    ]
    everything = Cluster(kafka.bootstrap_servers, KafkaTopics(kafka.bootstrap_servers, {}))
    everything.create([TopicSpec(name) for name in names])
    return names


def test_commands_say_that_topics_may_not_be_made(
    kafka: SecuredKafka, invoke: Invoke, user: str, config: str, prefix: str
) -> None:
    """Without CREATE, the permission and a topic are named, before anything is made."""
    _grant(kafka, prefix, user, but="CREATE")
    expected = rf"{prefix}\.\S+, \S+, \S+ and 1 more: not allowed: grant CREATE on topic {prefix}\."
    for command in (("check",), ("run",), ("topics",), ("topics", "--apply")):
        ended = invoke(*command, "-c", config)
        assert ended.code == 1
        assert len(re.findall("grant CREATE", ended.text)) == 1, ended.text
        if command[0] != "topics":
            assert re.search(expected, ended.text)


@pytest.mark.usefixtures("topics")
def test_commands_say_that_nothing_may_be_written(
    kafka: SecuredKafka, invoke: Invoke, user: str, config: str, prefix: str
) -> None:
    """Without WRITE it is said before OpenD is asked for anything, not at the first record."""
    kafka.allow(user, "READ", f"{prefix}.", prefixed=True)
    for command in ("check", "run"):
        ended = invoke(command, "-c", config)
        assert ended.code == 1
        assert f"not allowed: grant WRITE on topic {prefix}.dead-letter to this user" in ended.text


@pytest.mark.usefixtures("topics")
def test_commands_say_that_watermarks_may_not_be_read(
    kafka: SecuredKafka, invoke: Invoke, user: str, config: str, prefix: str
) -> None:
    """Without READ on its own topic a worker could not know, at its next start, what it missed."""
    _grant(kafka, prefix, user, but="READ")
    for command in ("check", "run"):
        ended = invoke(command, "-c", config)
        assert ended.code == 1
        assert f"grant READ on topic {prefix}.watermark to this user" in ended.text


@pytest.mark.usefixtures("topics")
def test_commands_say_that_settings_may_not_be_seen(
    kafka: SecuredKafka, invoke: Invoke, user: str, config: str, prefix: str
) -> None:
    """Without DESCRIBE_CONFIGS the worker works; what cannot be compared is named."""
    _grant(kafka, prefix, user, but="DESCRIBE_CONFIGS")
    ended = invoke("topics", "-c", config)
    assert ended.code == 1
    assert f"grant DESCRIBE_CONFIGS on topic {prefix}.watermark to this user" in ended.text
    ended = invoke("check", "-c", config)
    assert f"grant DESCRIBE_CONFIGS on topic {prefix}.watermark to this user" in ended.text
    assert re.search(r"ok +Kafka .*\n.*ok +topics", ended.text)


@pytest.mark.parametrize("command", ["audit", "tail"])
def test_readers_say_that_they_may_not_read(
    kafka: SecuredKafka,
    invoke: Invoke,
    user: str,
    config: str,
    topics: list[str],
    prefix: str,
    command: str,
) -> None:
    """A topic that is seen but not to be read is named, with the permission."""
    kafka.allow(user, "DESCRIBE", f"{prefix}.", prefixed=True)
    _produce(kafka, topics[0])
    what = (topics[0], "--from", "beginning") if command == "tail" else ()
    ended = invoke(command, *what, "-c", config)
    assert ended.code == 1
    (line,) = ended.text.splitlines()
    assert f"grant READ and DESCRIBE on topic {topics[0]} to this user" in line


def test_readers_need_no_group(
    kafka: SecuredKafka,
    invoke: Invoke,
    user: str,
    config: str,
    topics: list[str],
    prefix: str,
) -> None:
    """READ on the topics is all that they need."""
    kafka.allow(user, "READ", f"{prefix}.", prefixed=True)
    _produce(kafka, topics[0])
    arguments = ("--from", "beginning", "--max", "1", "--format", "json")
    assert invoke("tail", topics[0], *arguments, "-c", config).code == 0
    assert invoke("audit", "-c", config).code == 0


def _produce(kafka: SecuredKafka, topic: str) -> None:
    """Write a tick, as the administrator."""
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
    producer.produce(topic, single_object("opend.Ticker", a_tick(1)))
    assert producer.flush(HANGS_S) == 0


@pytest.mark.parametrize("then", ["exit", "continue"])
async def test_records_that_may_not_be_written_any_more_are_told(
    kafka: SecuredKafka, prefix: str, user: str, then: str
) -> None:
    """When WRITE is withdrawn each refused tick is logged, and the worker ends or goes on."""
    _grant(kafka, prefix, user)
    market = Market((Security("HK", "00700"),), seed=1, rate=1000, start_us=1_700_000_000_000_000)
    refused: list[Any] = []

    def told() -> bool:
        refused[:] = [line for line in lines if line["event"] == "delivery_failed"]
        return any(line["topic"].endswith("ticker.HK.00700") for line in refused)

    async with Simulator(market, pace=False) as simulator:
        content = _content(*_scram(kafka, user), prefix, simulator.port)
        content["kafka"]["on_delivery_failure"] = then
        worker = Worker(Config.model_validate(content))
        with capture_logs() as lines, ExitStack() as stack:
            if then == "exit":
                expected = "authorization failed; allow the worker's user to WRITE to it"
                stack.enter_context(pytest.raises(DeliveryFailed, match=expected))
            async with running(worker) as task:
                await until(lambda: worker.status.session == "live", task)
                simulator.advance(0.05)
                await until(lambda: worker.delivered > 0 and not worker.buffered_records, task)
                await asyncio.to_thread(kafka.withdraw, user, "WRITE")
                simulator.advance(0.05)
                await until(told, None if then == "exit" else task)
    assert {line["cause"] for line in refused} >= {"Broker: Topic authorization failed"}


async def test_worker_waits_while_its_password_is_refused(
    kafka: SecuredKafka, prefix: str, user: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A password that is changed while it runs loses nothing: it is logged, and tried again."""
    _grant(kafka, prefix, user)
    sent: list[Any] = []
    market = Market((Security("HK", "00700"),), seed=1, rate=1000, start_us=1_700_000_000_000_000)
    async with Simulator(
        market, pace=False, on_sent=lambda conn_id, security, ticks: sent.extend(ticks)
    ) as simulator:
        content = _content(*_scram(kafka, user), prefix, simulator.port)
        worker = Worker(Config.model_validate(content))
        async with running(worker) as task:
            await until(lambda: worker.status.session == "live", task)
            await asyncio.to_thread(kafka.set_password, user, "another")
            await until(lambda: "invalid credentials with SASL mechanism" in caplog.text, task)
            simulator.advance(0.05)
            await until(lambda: worker.status.unacknowledged_s > 0.1, task)
            assert worker.delivered < len(sent)
            await asyncio.to_thread(kafka.set_password, user, PASSWORD)
            await until(lambda: worker.delivered == len(sent), task)
    assert PASSWORD not in caplog.text


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("sasl.password_file", "/no/such/password"),
        ("ssl.ca.location", "/no/such/ca.pem"),
        ("ssl.certificate.location", "/no/such/certificate.pem"),
    ],
)
def test_file_that_is_missing_is_a_fault_of_the_configuration(
    kafka: SecuredKafka, invoke: Invoke, prefix: str, tmp_path: Path, key: str, value: str
) -> None:
    """The key and the path are named, and nobody is asked: exit code 2, and 1 of `check`."""
    servers, properties = _properties(kafka, "SCRAM-SHA-512")
    config = _write(tmp_path, _content(servers, properties | {key: value}, prefix))
    expected = f"kafka.properties: {key}: {value}: No such file or directory"
    for command in (("run",), ("topics",), ("audit",), ("tail", "any")):
        ended = invoke(*command, "-c", config)
        assert (ended.code, ended.text) == (2, f"opend-kafka: {expected}\n")
    ended = invoke("check", "-c", config)
    assert ended.code == 1
    assert expected in ended.text


def test_shown_configuration_has_no_secret(
    kafka: SecuredKafka, invoke: Invoke, prefix: str, tmp_path: Path
) -> None:
    """Neither a password that stands in the file, nor one that a file holds."""
    servers, properties = _properties(kafka, "SCRAM-SHA-512")
    config = _write(tmp_path, _content(servers, properties, prefix))
    assert str(kafka.password_file) in invoke("run", "-c", config, "--print-config").text
    properties["sasl.password"] = properties.pop("sasl.password_file") and PASSWORD
    config = _write(tmp_path, _content(servers, properties, prefix))
    assert "sasl.password: '********'" in invoke("run", "-c", config, "--print-config").text

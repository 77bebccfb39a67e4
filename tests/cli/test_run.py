"""`opend-kafka run`, in good times and bad."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from opend_kafka.consuming.reading import TopicReader
from opend_kafka.kafka import topics as topics_module
from opend_kafka.kafka.embedded import EmbeddedKafka
from tests.cli.commands import run, running, topics_of, write_config
from tests.cli.conftest import Invoke
from tests.conftest import Cluster

STOPS = [signal.SIGTERM, signal.SIGINT]

#: Seconds, fewer than a drain may take: who ends in them has not drained.
AT_ONCE_S = 20

#: Writes a configuration, for an OpenD at this port.
OnEmbedded = Callable[[int], Path]


@pytest.fixture
def kafka() -> Iterator[EmbeddedKafka]:
    """Give a Kafka that the test may break, with the topics of the configuration."""
    with EmbeddedKafka() as kafka:
        for topic in topics_of("opend"):
            kafka.create_topic(topic)
        yield kafka


@pytest.fixture
def on_embedded(tmp_path: Path, embedded: Cluster, prefix: str, topics: list[str]) -> OnEmbedded:
    """Give a function that writes a configuration for the embedded Kafka, whose topics stand."""
    return lambda opend_port: write_config(
        tmp_path,
        bootstrap_servers=embedded.bootstrap_servers,
        opend_port=opend_port,
        prefix=prefix,
    )


def test_bad_configuration_is_told_with_key_and_line(tmp_path: Path) -> None:
    """A misspelt key ends it with 2, its file, line and name, and no traceback."""
    file = write_config(tmp_path, bootstrap_servers="localhost:1")
    file.write_text(file.read_text() + "amdin: {port: 1}\n")
    ended = run("run", "-c", str(file))
    assert (ended.returncode, ended.stdout, ended.stderr) == (
        2, "", f"opend-kafka: {file}:13: amdin: unknown key\n",
    )  # fmt: skip


def test_missing_configuration_is_told(tmp_path: Path) -> None:
    """A file that is not there ends it with 2, and its name."""
    ended = run("run", "-c", str(tmp_path / "absent.yaml"))
    assert (ended.returncode, "absent.yaml cannot be read" in ended.stderr) == (2, True)


def test_print_config_shows_the_values_in_force(tmp_path: Path) -> None:
    """`--print-config` shows file and environment together, asks nobody, and ends with 0."""
    file = write_config(tmp_path, bootstrap_servers="localhost:1")
    ended = run(
        "run", "-c", str(file), "--print-config",
        OPEND_KAFKA__KAFKA__PROPERTIES='{"sasl.password": "hunter2"}',
        OPEND_KAFKA__OPEND__PORT="5",
    )  # fmt: skip
    shown = yaml.safe_load(ended.stdout)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert (shown["opend"]["port"], shown["kafka"]["bootstrap_servers"]) == (5, "localhost:1")
    assert shown["kafka"]["properties"] == {"sasl.password": "********"}


def test_kafka_that_is_away_at_the_start_is_told(
    monkeypatch: pytest.MonkeyPatch, invoke: Invoke, tmp_path: Path, unused_tcp_port: int
) -> None:
    """Without Kafka it ends with 1, the address, and what to do."""
    monkeypatch.setattr(topics_module, "ANSWER_TIMEOUT_S", 0.3)
    file = write_config(tmp_path, bootstrap_servers=f"127.0.0.1:{unused_tcp_port}")
    ended = invoke("run", "-c", str(file))
    *_, last = ended.stderr.splitlines()
    assert ended.returncode == 1
    assert last.startswith(f"opend-kafka: no Kafka broker answers at 127.0.0.1:{unused_tcp_port} (")
    assert last.endswith("start Kafka, or correct kafka.bootstrap_servers and kafka.properties")


@pytest.mark.parametrize("number", STOPS)
def test_signal_while_it_waits_for_kafka_ends_it(
    number: signal.Signals, tmp_path: Path, unused_tcp_port: int
) -> None:
    """There is nothing to drain before Kafka has answered: it ends at once, with 0."""
    file = write_config(tmp_path, bootstrap_servers=f"127.0.0.1:{unused_tcp_port}")
    with running("run", "-c", str(file)) as worker:
        worker.until_it_handles(number)
        worker.signal(number)
        assert worker.end(within_s=AT_ONCE_S) == 0


@pytest.mark.parametrize("number", STOPS)
def test_signal_drains_and_ends_with_0(
    number: signal.Signals,
    on_embedded: OnEmbedded,
    embedded: Cluster,
    topics: list[str],
    opend_port: int,
) -> None:
    """At the first signal every record that was taken is in Kafka before it ends."""
    file = on_embedded(opend_port)
    with running("run", "-c", str(file)) as worker:
        worker.event("live")
        worker.signal(number)
        drained = worker.event("drained")
        assert worker.end() == 0
    assert drained["failed"] == 0
    with TopicReader(embedded.bootstrap_servers, topics) as reader:
        assert len(reader.read(2, at_most=drained["delivered"] + 1)) == drained["delivered"] > 0


def test_hangup_reads_the_subscriptions_anew(on_embedded: OnEmbedded, opend_port: int) -> None:
    """SIGHUP takes what the file wants now, and refuses a file with a fault; the link stands."""
    file = on_embedded(opend_port)
    good = file.read_text()
    with running("run", "-c", str(file)) as worker:
        worker.event("live")
        file.write_text(good.replace("[HK.00700, US.AAPL]", "[HK.00700]"))
        worker.signal(signal.SIGHUP)
        assert worker.event("resubscribed")["wanted"] == 2
        file.write_text(good + "misspelt: 1\n")
        worker.signal(signal.SIGHUP)
        assert "misspelt: unknown key" in worker.event("reload_refused")["cause"]
        worker.signal(signal.SIGTERM)
        assert worker.end() == 0


def test_second_ctrl_c_ends_it_at_once(
    tmp_path: Path, kafka: EmbeddedKafka, opend_port: int
) -> None:
    """While Kafka is away draining takes long; a second Ctrl-C ends it with 130 and the truth."""
    file = write_config(tmp_path, bootstrap_servers=kafka.bootstrap_servers, opend_port=opend_port)
    with running("run", "-c", str(file)) as worker:
        worker.event("live")
        kafka.broker_down(1)
        worker.until("Connection refused")
        worker.signal(signal.SIGINT)
        worker.event("stopping")
        worker.signal(signal.SIGINT)
        assert worker.end(within_s=AT_ONCE_S) == 130
    assert worker.log[-1].startswith("opend-kafka: stopped at once; what was not delivered")
    assert "Traceback" not in "".join(worker.log)


def test_kafka_that_comes_back_gets_everything(
    tmp_path: Path, kafka: EmbeddedKafka, opend_port: int
) -> None:
    """A Kafka that was away for a moment costs nothing: it drains, and ends with 0."""
    file = write_config(tmp_path, bootstrap_servers=kafka.bootstrap_servers, opend_port=opend_port)
    with running("run", "-c", str(file)) as worker:
        worker.event("live")
        kafka.broker_down(1)
        worker.until("Connection refused")
        worker.signal(signal.SIGTERM)
        worker.event("stopping")
        kafka.broker_up(1)
        assert worker.event("drained")["failed"] == 0
        assert worker.end() == 0


def test_opend_that_is_away_is_asked_again(on_embedded: OnEmbedded, unused_tcp_port: int) -> None:
    """Without OpenD it says where it looks and what to do, tries on, and stops with 0."""
    file = on_embedded(unused_tcp_port)
    with running("run", "-c", str(file)) as worker:
        first, second = worker.event("link_down"), worker.event("link_down")
        worker.signal(signal.SIGTERM)
        assert worker.end() == 0
    assert first["reason"] == second["reason"] == "unreachable"
    assert first["cause"] == (
        f"no OpenD answers at 127.0.0.1:{unused_tcp_port} (Connection refused); "
        "start OpenD, or correct opend.host and opend.port"
    )


def test_opend_that_is_no_opend_is_told(on_embedded: OnEmbedded, http_port: int) -> None:
    """Where something else answers, the log says that it is not OpenD's API port."""
    file = on_embedded(http_port)
    with running("run", "-c", str(file)) as worker:
        assert "not OpenD" in worker.event("link_down")["cause"]


def test_admin_port_in_use_is_told(on_embedded: OnEmbedded, http_port: int) -> None:
    """An admin port that is taken ends it with 2, the port and the key to set."""
    file = on_embedded(1)
    ended = run("run", "-c", str(file), OPEND_KAFKA__ADMIN__PORT=str(http_port))
    *_, last = ended.stderr.splitlines()
    assert ended.returncode == 2
    assert last.startswith(f"opend-kafka: admin: cannot listen on 127.0.0.1:{http_port} (")


def test_misspelt_kafka_property_is_told(tmp_path: Path) -> None:
    """A property that librdkafka does not know ends it with 2, and is named."""
    file = write_config(tmp_path, bootstrap_servers="localhost:1")
    ended = run("run", "-c", str(file), OPEND_KAFKA__KAFKA__PROPERTIES='{"lniger.ms": 5}')
    assert (ended.returncode, "kafka.properties" in ended.stderr) == (2, True)
    assert '"lniger.ms"' in ended.stderr

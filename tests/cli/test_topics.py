"""`opend-kafka topics`: what differs is shown, and mended where it is asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from opend_kafka.kafka import topics as topics_module
from opend_kafka.kafka.topics import TopicSpec
from tests.cli.commands import topics_of, write_config
from tests.cli.conftest import Invoke
from tests.conftest import Cluster


@pytest.fixture
def config(tmp_path: Path, apache: Cluster, prefix: str) -> Path:
    """Give a configuration whose topics do not exist yet."""
    return write_config(tmp_path, bootstrap_servers=apache.bootstrap_servers, prefix=prefix)


def test_topics_shows_what_is_missing_and_changes_nothing(
    invoke: Invoke, config: Path, apache: Cluster, prefix: str
) -> None:
    """Each missing topic is a row, the exit code is 1, and nothing is created."""
    ended = invoke("topics", "-c", str(config))
    assert (ended.returncode, ended.stderr) == (1, "")
    for name in topics_of(prefix):
        assert f" {name} " in ended.stdout
    assert "7 differences in 7 topics; --apply mends 7." in ended.stdout
    assert not any(name.startswith(prefix) for name in apache.topics.existing())


def test_topics_applied_leave_nothing_to_do(invoke: Invoke, config: Path) -> None:
    """After --apply all is well, and it says so the next time."""
    applied = invoke("topics", "-c", str(config), "--apply")
    again = invoke("topics", "-c", str(config))
    assert (applied.returncode, again.returncode) == (0, 0)
    assert "7 differences mended; 7 topics stand as wanted." in applied.stdout
    assert again.stdout == "All 7 topics are as the configuration wants them.\n"


def test_topics_applied_mend_what_differs(
    monkeypatch: pytest.MonkeyPatch, invoke: Invoke, config: Path, apache: Cluster, prefix: str
) -> None:
    """Partitions and settings of the configuration come to topics that stand already."""
    invoke("topics", "-c", str(config), "--apply")
    monkeypatch.setenv("OPEND_KAFKA__KAFKA__TOPICS__PARTITIONS", "2")
    monkeypatch.setenv("OPEND_KAFKA__KAFKA__TOPICS__CONFIG", '{"retention.ms": 86400000}')
    ended = invoke("topics", "-c", str(config), "--apply")
    name = f"{prefix}.ticker.HK.00700"
    state = apache.topics.states([name])[name]
    assert (ended.returncode, state.partitions) == (0, 2)
    assert state.settings is not None
    assert state.settings["retention.ms"] == "86400000"


def test_topics_applied_leave_partitions_that_are_too_many(
    invoke: Invoke, config: Path, apache: Cluster, prefix: str
) -> None:
    """A topic is never shrunk: it stays as it is, is named, and the exit code is 1."""
    name = f"{prefix}.events"
    apache.create([TopicSpec(name, partitions=2)])
    ended = invoke("topics", "-c", str(config), "--apply")
    assert ended.returncode == 1
    assert f"partitions of {name}: Kafka takes no partition away" in ended.stdout
    assert apache.topics.states([name])[name].partitions == 2


def test_topics_say_what_the_brokers_would_refuse(
    monkeypatch: pytest.MonkeyPatch, invoke: Invoke, config: Path
) -> None:
    """Also without --apply the brokers are asked: their reasons stand in the report."""
    monkeypatch.setenv("OPEND_KAFKA__KAFKA__TOPICS__REPLICATION_FACTOR", "9")
    ended = invoke("topics", "-c", str(config))
    assert ended.returncode == 1
    assert "refused" in ended.stdout
    assert "eplication" in ended.stdout


def test_topics_as_json(invoke: Invoke, config: Path, prefix: str) -> None:
    """`--format json` is one object that has everything."""
    ended = invoke("topics", "-c", str(config), "--format", "json")
    report = json.loads(ended.stdout)
    assert (ended.returncode, report["topics"], report["stand"]) == (1, 7, True)
    (row,) = [one for one in report["differences"] if one["topic"] == f"{prefix}.events"]
    assert row == {
        "topic": f"{prefix}.events",
        "what": "topic",
        "actual": "missing",
        "desired": "1 partition",
        "step": "create",
        "result": None,
        "refused": None,
        "note": None,
    }


def test_topics_without_kafka_fail_with_its_address(
    monkeypatch: pytest.MonkeyPatch, invoke: Invoke, tmp_path: Path
) -> None:
    """No Kafka is one line and exit code 1."""
    monkeypatch.setattr(topics_module, "ANSWER_TIMEOUT_S", 0.3)
    ended = invoke("topics", "-c", str(write_config(tmp_path, bootstrap_servers="127.0.0.1:1")))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "no Kafka broker answers at 127.0.0.1:1" in ended.stderr


def test_topics_of_a_bad_configuration_end_with_2(
    monkeypatch: pytest.MonkeyPatch, invoke: Invoke, tmp_path: Path
) -> None:
    """Topics that could never take a record are refused before Kafka is asked."""
    monkeypatch.setenv("OPEND_KAFKA__KAFKA__TOPICS__REPLICATION_FACTOR", "1")
    monkeypatch.setenv("OPEND_KAFKA__KAFKA__TOPICS__CONFIG", '{"min.insync.replicas": 2}')
    ended = invoke("topics", "-c", str(write_config(tmp_path, bootstrap_servers="127.0.0.1:1")))
    assert ended.returncode == 2
    assert ended.stderr.startswith("opend-kafka: kafka.topics: min.insync.replicas 2")

"""`opend-kafka check`: what stands in the way of a start, said beforehand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from opend_kafka.kafka import topics as topics_module
from opend_kafka.kafka.topics import TopicSpec
from tests.cli.commands import write_config
from tests.cli.conftest import Invoke
from tests.conftest import Cluster


@pytest.fixture
def sound(
    tmp_path: Path, embedded: Cluster, prefix: str, topics: list[str], opend_port: int
) -> Path:
    """Give a configuration with which everything is well."""
    return write_config(
        tmp_path,
        bootstrap_servers=embedded.bootstrap_servers,
        opend_port=opend_port,
        prefix=prefix,
    )


def _table(text: str) -> dict[str, tuple[str, str]]:
    """Read subject → ok or failed, and the text."""
    rows = (line.split(maxsplit=2) for line in text.splitlines() if line.strip())
    return {subject: (mark, rest.strip()) for mark, subject, rest in rows}


def test_check_says_that_all_is_well(invoke: Invoke, sound: Path, opend_port: int) -> None:
    """With OpenD, Kafka and topics there, every row is ok and the exit code is 0."""
    ended = invoke("check", "-c", str(sound))
    table = _table(ended.stdout)
    assert (ended.returncode, ended.stderr) == (0, "")
    subjects = ["configuration", "OpenD", "quota", "Kafka", "topics", "watermarks", "schemas"]
    assert list(table) == subjects
    assert {mark for mark, _ in table.values()} == {"ok"}
    assert table["OpenD"][1] == f"logged in at 127.0.0.1:{opend_port}"
    assert table["topics"][1] == "all 7 exist"


def _rows(text: str) -> list[tuple[str, str, str]]:
    """Read mark, subject and text of each row."""
    lines = (line.split(maxsplit=2) for line in text.splitlines() if line.strip())
    return [(mark, subject, rest.strip()) for mark, subject, rest in lines]


@pytest.fixture
def whole(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    apache: Cluster,
    registry_url: str,
    prefix: str,
    opend_port: int,
) -> Path:
    """Give a configuration of a real cluster and registry, with a subject a topic."""
    monkeypatch.setenv("OPEND_KAFKA__SCHEMA_REGISTRY__URL", registry_url)
    monkeypatch.setenv("OPEND_KAFKA__SCHEMA_REGISTRY__SUBJECT_NAME_STRATEGY", "topic")
    monkeypatch.setenv("OPEND_KAFKA__KAFKA__ORDER_BOOK_LATEST", "true")
    return write_config(
        tmp_path,
        bootstrap_servers=apache.bootstrap_servers,
        opend_port=opend_port,
        prefix=prefix,
    )


def test_check_shows_all_of_a_good_set_up(
    invoke: Invoke, whole: Path, apache: Cluster, prefix: str
) -> None:
    """OpenD, its quota, Kafka, topics, permissions, watermarks, and each subject with its id."""
    assert invoke("topics", "-c", str(whole), "--apply").returncode == 0
    assert invoke("schemas", "register", "-c", str(whole)).returncode == 0
    ended = invoke("check", "-c", str(whole))
    rows = _rows(ended.stdout)
    assert (ended.returncode, {mark for mark, _, _ in rows}) == (0, {"ok"})
    subjects = [*dict.fromkeys(subject for _, subject, _ in rows)]
    assert subjects == [
        "configuration", "OpenD", "quota", "Kafka", "topics", "permissions", "watermarks",
        "schemas",
    ]  # fmt: skip
    texts = [text for _, subject, text in rows if subject == "schemas"]
    assert any(text.startswith(f"{prefix}.order-book-latest-value: registered") for text in texts)


def test_check_shows_all_of_a_broken_set_up(
    monkeypatch: pytest.MonkeyPatch,
    invoke: Invoke,
    whole: Path,
    apache: Cluster,
    registry_url: str,
    prefix: str,
) -> None:
    """One fault hides no other: the quota, topics of two kinds of wrong, a schema."""
    many = ",".join(f'"HK.{number}"' for number in range(1001))
    monkeypatch.setenv(
        "OPEND_KAFKA__SUBSCRIPTIONS", f'[{{"securities": [{many}], "subtypes": ["ticker"]}}]'
    )
    monkeypatch.setenv("OPEND_KAFKA__KAFKA__TOPIC_LAYOUT", "subtype")
    apache.create([TopicSpec(f"{prefix}.watermark"), TopicSpec(f"{prefix}_events")])
    other = {"type": "record", "name": "opend.Ticker", "fields": []}
    with SchemaRegistryClient({"url": registry_url}) as client:
        client.register_schema(f"{prefix}.ticker-value", Schema(json.dumps(other), "AVRO"))
        client.set_compatibility(f"{prefix}.ticker-value", level="BACKWARD")
    ended = invoke("check", "-c", str(whole))
    failed = [(subject, text) for mark, subject, text in _rows(ended.stdout) if mark == "failed"]
    assert (ended.returncode, [subject for subject, _ in failed]) == (
        1,
        ["quota", "topics", "topics", "schemas"],
    )
    expected = ("1001 subscriptions", "collides with", "cleanup.policy=delete", "ncompatible")
    for (_, text), words in zip(failed, expected, strict=True):
        assert words in text


def test_check_names_the_opend_that_is_away(
    monkeypatch: pytest.MonkeyPatch, invoke: Invoke, sound: Path, unused_tcp_port: int
) -> None:
    """A wrong OpenD port fails its row, with the port; the other rows are still answered."""
    monkeypatch.setenv("OPEND_KAFKA__OPEND__PORT", str(unused_tcp_port))
    ended = invoke("check", "-c", str(sound))
    table = _table(ended.stdout)
    assert ended.returncode == 1
    assert table["OpenD"] == (
        "failed",
        f"no OpenD answers at 127.0.0.1:{unused_tcp_port} (Connection refused); "
        "start OpenD, or correct opend.host and opend.port",
    )
    assert table["Kafka"][0] == "ok"


def test_check_says_that_something_else_answers(
    monkeypatch: pytest.MonkeyPatch, invoke: Invoke, sound: Path, http_port: int
) -> None:
    """A port where a web server answers fails with that it is not OpenD's API port."""
    monkeypatch.setenv("OPEND_KAFKA__OPEND__PORT", str(http_port))
    ended = invoke("check", "-c", str(sound))
    mark, text = _table(ended.stdout)["OpenD"]
    assert (ended.returncode, mark) == (1, "failed")
    assert "not OpenD" in text


def test_check_says_that_the_quota_is_too_small(
    monkeypatch: pytest.MonkeyPatch, invoke: Invoke, sound: Path
) -> None:
    """More subscriptions than OpenD has left fail the row `quota`, with both numbers."""
    many = ",".join(f'"HK.{80000 + number}"' for number in range(1001))
    monkeypatch.setenv(
        "OPEND_KAFKA__SUBSCRIPTIONS", f'[{{"securities": [{many}], "subtypes": ["ticker"]}}]'
    )
    monkeypatch.setenv("OPEND_KAFKA__KAFKA__TOPIC_LAYOUT", "subtype")
    mark, text = _table(invoke("check", "-c", str(sound)).stdout)["quota"]
    assert mark == "failed"
    assert text.startswith("1001 subscriptions wanted, ")


def test_check_warns_of_too_many_topics(
    monkeypatch: pytest.MonkeyPatch, invoke: Invoke, sound: Path
) -> None:
    """A row of its own says what to do; the exit code is 0, for the worker would start."""
    monkeypatch.setattr("opend_kafka.plan.MANY_TOPICS", 3)
    ended = invoke("check", "-c", str(sound))
    mark, text = _table(ended.stdout)["topics"]
    assert (ended.returncode, mark) == (0, "warning")
    assert text.startswith("4 topics of records: above 3 a producer gets slow; use ")


def test_check_names_topics_that_are_missing(
    monkeypatch: pytest.MonkeyPatch, invoke: Invoke, sound: Path
) -> None:
    """Where topics may not be created, those that are missing fail, named as far as is readable."""
    monkeypatch.setenv("OPEND_KAFKA__KAFKA__TOPIC_PREFIX", "absent")
    monkeypatch.setenv("OPEND_KAFKA__KAFKA__TOPICS__CREATE", "false")
    ended = invoke("check", "-c", str(sound))
    mark, text = _table(ended.stdout)["topics"]
    assert (ended.returncode, mark) == (1, "failed")
    assert text.startswith("missing, and kafka.topics.create is false: absent.ticker.HK.00700, ")
    assert text.endswith(" and 4 more")


def test_check_names_the_kafka_that_is_away(
    monkeypatch: pytest.MonkeyPatch, invoke: Invoke, sound: Path, unused_tcp_port: int
) -> None:
    """Without Kafka its row fails with the address, and the libraries' log stays out of it."""
    monkeypatch.setattr(topics_module, "ANSWER_TIMEOUT_S", 0.3)
    monkeypatch.setenv("OPEND_KAFKA__KAFKA__BOOTSTRAP_SERVERS", f"127.0.0.1:{unused_tcp_port}")
    ended = invoke("check", "-c", str(sound))
    table = _table(ended.stdout)
    assert (ended.returncode, ended.stderr, table["OpenD"][0]) == (1, "", "ok")
    assert table["Kafka"][0] == "failed"
    assert f"no Kafka broker answers at 127.0.0.1:{unused_tcp_port}" in table["Kafka"][1]


def test_check_names_the_registry_that_is_away(
    monkeypatch: pytest.MonkeyPatch, invoke: Invoke, sound: Path, unused_tcp_port: int
) -> None:
    """Without the registry the row `schemas` fails, with its URL."""
    url = f"http://127.0.0.1:{unused_tcp_port}"
    monkeypatch.setenv("OPEND_KAFKA__SCHEMA_REGISTRY__URL", url)
    ended = invoke("check", "-c", str(sound))
    mark, text = _table(ended.stdout)["schemas"]
    assert (ended.returncode, mark) == (1, "failed")
    assert text.startswith(f"no schema registry answers at {url} (")


def test_check_refuses_a_bad_configuration(invoke: Invoke, tmp_path: Path) -> None:
    """A configuration that cannot be used ends it with 2, as `run`."""
    file = write_config(tmp_path, bootstrap_servers="localhost:1")
    file.write_text(file.read_text() + "amdin: {port: 1}\n")
    ended = invoke("check", "-c", str(file))
    assert (ended.returncode, ended.stderr) == (
        2,
        f"opend-kafka: {file}:13: amdin: unknown key\n",
    )


def test_check_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, invoke: Invoke, sound: Path, embedded: Cluster
) -> None:
    """No topic is created, not even one that the worker would create."""
    monkeypatch.setenv("OPEND_KAFKA__KAFKA__TOPIC_PREFIX", "absent")
    before = embedded.topics.existing()
    invoke("check", "-c", str(sound))
    assert embedded.topics.existing() == before

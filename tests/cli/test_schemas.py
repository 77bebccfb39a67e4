"""`opend-kafka schemas`: what there is, how it stands in the registry, and registering it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from opend_kafka import schemas
from tests.cli.commands import write_config
from tests.cli.conftest import Invoke
from tests.kafka.door import BASIC, PASSWORD, USER, standing_before


@pytest.fixture
def config(tmp_path: Path, registry_url: str, prefix: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a configuration whose subjects, one a topic, are its own; Kafka is not asked."""
    registry = {"url": registry_url, "subject_name_strategy": "topic"}
    monkeypatch.setenv("OPEND_KAFKA__SCHEMA_REGISTRY", json.dumps(registry))
    return write_config(tmp_path, bootstrap_servers="127.0.0.1:1", prefix=prefix)


def test_schemas_list_names_all(invoke: Invoke) -> None:
    """Each file of avro/ is a row with its fingerprint."""
    ended = invoke("schemas", "list")
    assert ended.returncode == 0
    rows = [line.split() for line in ended.stdout.splitlines()]
    listed = {row[0]: row[-1] for row in rows if row and row[0].startswith("opend.")}
    assert listed == {name: schemas.fingerprint(name).hex() for name in schemas.names()}


@pytest.mark.parametrize("name", ["opend.Ticker", "opend.Level"])
def test_schemas_show_prints_the_whole_schema(invoke: Invoke, name: str) -> None:
    """What is printed is JSON that needs no other file."""
    ended = invoke("schemas", "show", name)
    assert ended.returncode == 0
    assert schemas.parse(ended.stdout) == schemas.load(name)


def test_schemas_show_names_those_that_there_are(invoke: Invoke) -> None:
    """A name that no schema bears is bad usage."""
    ended = invoke("schemas", "show", "opend.Nothing")
    assert ended.returncode == 2
    assert "'opend.Nothing' is none of " in ended.stderr
    assert "opend.Ticker" in ended.stderr


def test_schemas_check_says_what_is_missing_and_changes_nothing(
    invoke: Invoke, config: Path, registry_url: str, prefix: str
) -> None:
    """Every subject of every topic is missing, exit code 1, and stays so."""
    ended = invoke("schemas", "check", "-c", str(config))
    assert (ended.returncode, ended.stderr) == (1, "")
    assert f" {prefix}.ticker.HK.00700-value " in ended.stdout
    assert "opend-kafka schemas register" in ended.stdout
    with SchemaRegistryClient({"url": registry_url}) as client:
        assert not any(subject.startswith(prefix) for subject in client.get_subjects())


def test_schemas_registered_pass_the_check(invoke: Invoke, config: Path) -> None:
    """After `register` nothing is left to do."""
    registered = invoke("schemas", "register", "-c", str(config))
    checked = invoke("schemas", "check", "-c", str(config))
    assert (registered.returncode, checked.returncode) == (0, 0)
    assert "subjects are registered and keep to BACKWARD_TRANSITIVE." in checked.stdout


@pytest.mark.parametrize("command", ["check", "register"])
def test_schemas_that_are_incompatible_are_told(
    invoke: Invoke, config: Path, registry_url: str, prefix: str, command: str
) -> None:
    """The subject, the version and what differs are named; exit code 1."""
    subject = f"{prefix}.events-value"
    other = {"type": "record", "name": "opend.SessionEvent", "fields": []}
    with SchemaRegistryClient({"url": registry_url}) as client:
        client.register_schema(subject, Schema(json.dumps(other), "AVRO"))
        client.set_compatibility(subject, level="BACKWARD")
    ended = invoke("schemas", command, "-c", str(config))
    assert ended.returncode == 1
    line = f"{subject}: opend.SessionEvent is incompatible with version 1: "
    assert line in ended.stdout


def test_schemas_of_a_registry_with_a_login(
    invoke: Invoke,
    config: Path,
    registry_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The secret may lie in a file; without it, the error says what to correct."""
    secret = tmp_path / "login"
    secret.write_text(f"{USER}:{PASSWORD}\n")
    with standing_before(registry_url, login=BASIC) as door:
        monkeypatch.setenv("OPEND_KAFKA__SCHEMA_REGISTRY__URL", door)
        outside = invoke("schemas", "check", "-c", str(config))
        properties = json.dumps({"basic.auth.user.info_file": str(secret)})
        monkeypatch.setenv("OPEND_KAFKA__SCHEMA_REGISTRY__PROPERTIES", properties)
        inside = invoke("schemas", "register", "-c", str(config))
    assert (outside.returncode, inside.returncode) == (1, 0)
    assert "refuses the user (HTTP 401: Unauthorized)" in outside.stderr


def test_schemas_without_a_registry_are_bad_usage(invoke: Invoke, tmp_path: Path) -> None:
    """Where no registry is configured there is nothing to compare with."""
    file = write_config(tmp_path, bootstrap_servers="127.0.0.1:1")
    ended = invoke("schemas", "check", "-c", str(file))
    assert ended.returncode == 2
    assert "schema_registry.url is null" in ended.stderr

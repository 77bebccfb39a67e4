"""The environment over the file, and faults that came from it."""

from __future__ import annotations

from typing import Any

import pytest

from opend_kafka.config import parse
from tests.config.samples import WANTED, refusal


@pytest.mark.parametrize(
    ("variable", "value", "path", "expected"),
    [
        ("OPEND_KAFKA__KAFKA__BOOTSTRAP_SERVERS", "k:1", "kafka.bootstrap_servers", "k:1"),
        ("OPEND_KAFKA__OPEND__RECONNECT__MAX_S", "9", "opend.reconnect.max_s", 9),
        ("OPEND_KAFKA__KAFKA__TOPICS__CREATE", "false", "kafka.topics.create", False),
        ("OPEND_KAFKA__SCHEMA_REGISTRY__URL", "null", "schema_registry.url", None),
        (
            "OPEND_KAFKA__KAFKA__PROPERTIES",
            '{"linger.ms": 7}',
            "kafka.properties",
            {"linger.ms": 7, "acks": "all"},
        ),
    ],
)
def test_environment_wins_over_the_file(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, path: str, expected: object
) -> None:
    """A variable replaces the file's value of its key, and leaves the neighbours as they are."""
    monkeypatch.setenv(variable, value)
    config: Any = parse(
        WANTED
        + "opend: {reconnect: {max_s: 8}}\nschema_registry: {url: http://r:1}\n"
        + "kafka: {bootstrap_servers: f:1, topics: {create: true, partitions: 3},"
        + " properties: {linger.ms: 5, acks: all}}\n"
    )
    value_in_force = config
    for part in path.split("."):
        value_in_force = getattr(value_in_force, part)
    assert (value_in_force, config.kafka.topics.partitions) == (expected, 3)


def test_environment_gives_lists_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    """The subscriptions come from one variable, as a JSON list."""
    monkeypatch.setenv(
        "OPEND_KAFKA__SUBSCRIPTIONS", '[{"securities": ["US.AAPL"], "subtypes": ["order-book"]}]'
    )
    assert [str(one) for one in parse(WANTED).wanted()] == ["order-book of US.AAPL"]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        pytest.param("OPEND_KAFKA__OPEN__PORT", "1", id="unknown part"),
        pytest.param("OPEND_KAFKA__OPEND__PROT", "1", id="unknown key"),
        pytest.param("OPEND_KAFKA__OPEND__PORT", "eleven", id="wrong type"),
        pytest.param("OPEND_KAFKA__KAFKA__RECORD_TIMESTAMP", "now", id="unknown value"),
        pytest.param("OPEND_KAFKA__SCALE__GROUP", "g", id="later key"),
        pytest.param("OPEND_KAFKA__SUBSCRIPTIONS", "[{", id="no JSON"),
        pytest.param("OPEND_KAFKA__KAFKA__PROPERTIES", "linger.ms=5", id="no JSON inside"),
        pytest.param(
            "OPEND_KAFKA__SUBSCRIPTIONS",
            '[{"securities": ["XX.1"], "subtypes": ["ticker"]}]',
            id="fault inside JSON",
        ),
        pytest.param("OPEND_KAFKA__OPEND", '{"port": "eleven"}', id="fault in a part as JSON"),
        pytest.param("OPEND_KAFKA__SUBSCRIPTIONS__0__SESSION", "all", id="element of a list"),
    ],
)
def test_refusal_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """A fault that came from the environment is told with the variable, not with the file."""
    monkeypatch.setenv(variable, value)
    assert refusal(WANTED).startswith(f"environment: {variable}: ")

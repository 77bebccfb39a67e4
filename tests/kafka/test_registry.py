"""Wire formats, and the real registry."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from opend_kafka import schemas
from opend_kafka.errors import (
    ConfigurationError,
    RecordUndecodable,
    RegistryUnreachable,
    SchemaRefused,
    SchemasMissing,
)
from opend_kafka.kafka.registry import ConfluentRegistry, SingleObject, registered_schemas

NOBODY = "http://127.0.0.1:1"

Connect = Callable[..., ConfluentRegistry]


@pytest.fixture
def client(registry_url: str) -> Iterator[SchemaRegistryClient]:
    """Give Confluent's own client: the judge."""
    with SchemaRegistryClient({"url": registry_url}) as judge:
        yield judge


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Give a way to make registries that are closed with the test."""
    with ExitStack() as stack:
        yield lambda *args, **options: stack.enter_context(ConfluentRegistry(*args, **options))


def _with_price_as_text() -> str:
    """Give the schema of a tick in which the price is text: no double can be read as that."""
    changed = json.loads(schemas.text("opend.Ticker"))
    (price,) = [field for field in changed["fields"] if field["name"] == "price"]
    price["type"] = "string"
    return json.dumps(changed)


def test_single_object_prefix_names_the_schema_by_fingerprint() -> None:
    """Without a registry a record begins with C3 01 and its schema's CRC-64-AVRO."""
    prefix = SingleObject().prefix("topic", "opend.Ticker", False)
    assert prefix == b"\xc3\x01" + schemas.fingerprint("opend.Ticker")


@pytest.mark.parametrize(
    ("strategy", "subject"),
    [
        ("record", "opend.Ticker"),
        ("topic", "{topic}-value"),
        ("topic_record", "{topic}-opend.Ticker"),
    ],
)
def test_prefix_registers_under_the_strategys_subject(
    connect: Connect,
    client: SchemaRegistryClient,
    registry_url: str,
    prefix: str,
    strategy: str,
    subject: str,
) -> None:
    """A record begins with 00 and the id under which the registry gives the schema back."""
    given = connect(registry_url, {}, strategy=strategy).prefix(prefix, "opend.Ticker", False)
    assert given[:1] == b"\x00"
    registered = client.get_latest_version(subject.format(topic=prefix))
    assert registered.schema_id == int.from_bytes(given[1:], "big")


def test_schema_text_gives_a_schema_by_its_id(
    connect: Connect, registry_url: str, prefix: str
) -> None:
    """What stands under the id of a record's prefix is the schema that it was written with."""
    registry = connect(registry_url, {}, strategy="topic")
    schema_id = int.from_bytes(registry.prefix(prefix, "opend.Ticker", False)[1:], "big")
    assert schemas.parse(registry.schema_text(schema_id)) == schemas.load("opend.Ticker")


def test_schema_text_without_a_registry_is_undecodable() -> None:
    """A record that names a registry's schema cannot be read where no registry is configured."""
    with pytest.raises(RecordUndecodable, match=r"schema 7 of a registry.*url is null"):
        SingleObject().schema_text(7)


def test_registered_schemas_gives_a_schema_by_its_id(
    connect: Connect, registry_url: str, prefix: str
) -> None:
    """What the worker registered comes back whole, docs and all."""
    given = connect(registry_url, {}).prefix(prefix, "opend.Ticker", False)
    with registered_schemas(registry_url) as schema_by_id:
        fetched = schema_by_id(int.from_bytes(given[1:], "big"))
    assert schemas.parse(fetched)["fields"] == schemas.load("opend.Ticker")["fields"]


def test_prefix_of_a_key_has_a_subject_of_its_own(
    connect: Connect, client: SchemaRegistryClient, registry_url: str, prefix: str
) -> None:
    """By topic, keys are registered under `-key`."""
    connect(registry_url, {}, strategy="topic").prefix(prefix, schemas.KEY, True)
    assert f"{prefix}-key" in client.get_subjects()


def test_prefix_is_the_same_for_a_second_worker(
    connect: Connect, registry_url: str, prefix: str
) -> None:
    """A second worker finds the schema where the first one put it."""
    first = connect(registry_url, {}, strategy="topic")
    second = connect(registry_url, {}, strategy="topic")
    assert first.prefix(prefix, "opend.Ticker", False) == second.prefix(
        prefix, "opend.Ticker", False
    )


@pytest.mark.parametrize("call", ["prefix", "examine"])
def test_registry_refuses_an_incompatible_schema(
    connect: Connect, client: SchemaRegistryClient, registry_url: str, prefix: str, call: str
) -> None:
    """Where an incompatible version stands under the subject, the error names the subject."""
    subject = f"{prefix}-value"
    client.register_schema(subject, Schema(_with_price_as_text(), "AVRO"))
    client.set_compatibility(subject, level="BACKWARD")
    registry = connect(registry_url, {}, strategy="topic")
    with pytest.raises(SchemaRefused, match=rf"{subject}: .*[Ii]ncompatible"):
        getattr(registry, call)(prefix, "opend.Ticker", False)


@pytest.mark.parametrize("call", ["prefix", "examine"])
def test_registry_does_not_register_where_it_may_not(
    connect: Connect, client: SchemaRegistryClient, registry_url: str, prefix: str, call: str
) -> None:
    """With auto_register false, a schema that is not there is an error, and stays not there."""
    registry = connect(registry_url, {}, strategy="topic", auto_register=False)
    with pytest.raises(SchemasMissing, match=r"auto_register is false: .*opend-kafka schemas reg"):
        getattr(registry, call)(prefix, "opend.Ticker", False)
    assert f"{prefix}-value" not in client.get_subjects()


def test_require_names_all_that_is_missing(
    connect: Connect, registry_url: str, prefix: str
) -> None:
    """With auto_register false, every subject that is not there is named at once."""
    wanted = [(prefix, schemas.KEY, True), (prefix, "opend.Ticker", False)]
    connect(registry_url, {}, strategy="topic").prefix(*wanted[0])
    other = [(f"{prefix}.other", "opend.Ticker", False)]
    registry = connect(registry_url, {}, strategy="topic", auto_register=False)
    with pytest.raises(SchemasMissing) as missing:
        registry.require([*wanted, *other])
    assert missing.value.subjects == [f"{prefix}-value", f"{prefix}.other-value"]


def test_require_leaves_to_the_worker_what_it_may_register(
    connect: Connect, client: SchemaRegistryClient, registry_url: str, prefix: str
) -> None:
    """With auto_register true, nothing has to stand there yet, and nothing is registered by it."""
    connect(registry_url, {}, strategy="topic").require([(prefix, "opend.Ticker", False)])
    assert f"{prefix}-value" not in client.get_subjects()


def test_prefix_looks_up_where_it_may_not_register(
    connect: Connect, registry_url: str, prefix: str
) -> None:
    """With auto_register false, a schema that is there is found."""
    writer = connect(registry_url, {}, strategy="topic")
    reader = connect(registry_url, {}, strategy="topic", auto_register=False)
    assert writer.prefix(prefix, "opend.Ticker", False) == reader.prefix(
        prefix, "opend.Ticker", False
    )


def test_examine_tells_what_is_there_and_changes_nothing(
    connect: Connect, registry_url: str, prefix: str
) -> None:
    """A new subject is announced, and stays new; a registered one shows its id."""
    registry = connect(registry_url, {}, strategy="topic")
    assert "not there yet" in registry.examine(prefix, "opend.Ticker", False)
    assert "not there yet" in registry.examine(prefix, "opend.Ticker", False)
    registry.prefix(prefix, "opend.Ticker", False)
    assert "registered, id" in registry.examine(prefix, "opend.Ticker", False)


def test_await_answer_returns_where_the_registry_answers(
    connect: Connect, registry_url: str
) -> None:
    """A registry that is up is not waited for."""
    connect(registry_url, {}).await_answer(0)


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("await_answer", (0,)),
        ("prefix", ("topic", "opend.Ticker", False)),
        ("examine", ("topic", "opend.Ticker", False)),
    ],
)
def test_registry_that_is_gone_is_named(
    connect: Connect, call: str, arguments: tuple[object, ...]
) -> None:
    """No registry is an error that names the URL and the key to mend."""
    registry = connect(NOBODY, {})
    with pytest.raises(RegistryUnreachable, match=rf"{NOBODY} .*schema_registry\.url"):
        getattr(registry, call)(*arguments)


def test_registered_schemas_says_that_the_id_is_unknown(registry_url: str) -> None:
    """An id that the registry does not know makes the record undecodable."""
    with (
        registered_schemas(registry_url) as schema_by_id,
        pytest.raises(RecordUndecodable, match="no schema 987654"),
    ):
        schema_by_id(987654)


def test_registered_schemas_says_that_the_registry_is_gone() -> None:
    """No registry is an error that names the URL."""
    with (
        registered_schemas(NOBODY) as schema_by_id,
        pytest.raises(RegistryUnreachable, match=NOBODY),
    ):
        schema_by_id(1)


def test_registry_refuses_an_unknown_property() -> None:
    """A property that the client does not know is a configuration error."""
    with pytest.raises(ConfigurationError, match=r"schema_registry: .*no\.such"):
        ConfluentRegistry(NOBODY, {"no.such": "1"})

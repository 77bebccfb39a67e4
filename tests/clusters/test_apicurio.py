"""The schema registry that other tests rely on: it keeps schemas and refuses incompatible ones."""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient, SchemaRegistryError

from . import apicurio
from .apicurio import Apicurio
from .requirement import skipping_unless_required

_LEVEL = "BACKWARD_TRANSITIVE"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apicurio]:
    """A registry that all tests of this module share, each with a subject of its own."""
    with ExitStack() as stack:
        with skipping_unless_required():
            folder = tmp_path_factory.mktemp("registry")
            registry = stack.enter_context(apicurio.running(folder))
        yield registry


@pytest.fixture
def client(registry: Apicurio) -> Iterator[SchemaRegistryClient]:
    """Confluent's own client; a new one for each test, since it caches answers."""
    with SchemaRegistryClient({"url": registry.url}) as client:
        yield client


def test_a_registered_schema_is_the_latest_version(client: SchemaRegistryClient) -> None:
    """What is registered comes back as the subject's latest version, under the same id."""
    schema_id = client.register_schema("kept-value", _record({"name": "price", "type": "double"}))
    latest = client.get_latest_version("kept-value")
    assert (latest.schema_id, latest.version) == (schema_id, 1)
    assert json.loads(latest.schema.schema_str or "")["name"] == "Quote"


def test_the_same_schema_in_other_white_space_is_not_a_new_version(
    client: SchemaRegistryClient,
) -> None:
    """Registering a known schema again, laid out differently, returns its id and version."""
    schema = _record({"name": "price", "type": "double"})
    spread_out = Schema(json.dumps(json.loads(schema.schema_str or ""), indent=4), "AVRO")
    first_id = client.register_schema("spread-value", schema)
    assert client.register_schema("spread-value", spread_out) == first_id
    assert client.get_versions("spread-value") == [1]


def test_an_incompatible_schema_is_refused(client: SchemaRegistryClient) -> None:
    """Under BACKWARD_TRANSITIVE a new field without a default is refused with HTTP 409."""
    price = {"name": "price", "type": "double"}
    client.register_schema("strict-value", _record(price))
    client.set_compatibility("strict-value", _LEVEL)
    breaking = _record(price, {"name": "volume", "type": "long"})
    assert not client.test_compatibility("strict-value", breaking)
    with pytest.raises(SchemaRegistryError) as refusal:
        client.register_schema("strict-value", breaking)
    assert refusal.value.http_status_code == 409
    assert client.get_versions("strict-value") == [1]


def test_a_transitive_level_looks_at_all_versions(client: SchemaRegistryClient) -> None:
    """A schema that can read the latest version but not the first is refused with HTTP 409."""
    price = {"name": "price", "type": "double"}
    volume = {"name": "volume", "type": "long"}
    client.register_schema("transitive-value", _record(price))
    client.set_compatibility("transitive-value", _LEVEL)
    client.register_schema("transitive-value", _record(price, {**volume, "default": 0}))
    with pytest.raises(SchemaRegistryError) as refusal:
        client.register_schema("transitive-value", _record(price, volume))
    assert refusal.value.http_status_code == 409


def test_a_compatible_schema_is_the_next_version(client: SchemaRegistryClient) -> None:
    """Under BACKWARD_TRANSITIVE a new field with a default becomes version 2."""
    price = {"name": "price", "type": "double"}
    client.set_compatibility("grown-value", _LEVEL)
    client.register_schema("grown-value", _record(price))
    wider = _record(price, {"name": "volume", "type": "long", "default": 0})
    assert client.test_compatibility("grown-value", wider)
    client.register_schema("grown-value", wider)
    assert client.get_versions("grown-value") == [1, 2]


def test_backward_is_the_level_of_all_subjects(client: SchemaRegistryClient) -> None:
    """As in Confluent's registry, a subject without a level of its own demands BACKWARD."""
    assert client.get_compatibility() == "BACKWARD"


def _record(*fields: Mapping[str, object]) -> Schema:
    schema = {"type": "record", "name": "Quote", "namespace": "test", "fields": list(fields)}
    return Schema(json.dumps(schema), "AVRO")

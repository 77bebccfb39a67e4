"""The schemas of avro/: documented, named, self-contained, and fingerprinted as Avro says."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from opend_kafka import schemas

ROOT = Path(__file__).parents[1]
AVRO = ROOT / "avro"
NAMES = sorted(path.stem for path in AVRO.glob("*.avsc"))
TOPIC_SCHEMAS = [schemas.KEY, *schemas.VALUES]

PRIMITIVES = {"null", "boolean", "int", "long", "float", "double", "bytes", "string"}


@pytest.fixture(scope="module")
def apache() -> Iterator[ModuleType]:
    """Apache's own `avro.schema`, past the repository's folder of the same name."""
    with pytest.MonkeyPatch.context() as patched:
        elsewhere = [entry for entry in sys.path if Path(entry).resolve() != ROOT]
        patched.setattr(sys, "path", elsewhere)
        yield importlib.import_module("avro.schema")


def raw(name: str) -> dict[str, Any]:
    """Give a schema's file as JSON."""
    return dict(json.loads((AVRO / f"{name}.avsc").read_text(encoding="utf-8")))


def parts(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield a schema's objects, its fields and inner types too."""
    if isinstance(schema, dict):
        yield schema
    children = schema.values() if isinstance(schema, dict) else schema
    for child in children if isinstance(schema, dict | list) else ():
        yield from parts(child)


def references(name: str) -> set[str]:
    """Give the names of types that a schema's file uses and does not define."""
    used: list[Any] = []
    for part in parts(raw(name)):
        for kind in (part.get("type"), part.get("items")):
            used += kind if isinstance(kind, list) else [kind]
    own = {*PRIMITIVES, "record", "enum", "array"}
    return {one for one in used if isinstance(one, str)} - own


@pytest.mark.parametrize("name", NAMES)
def test_file_is_named_as_its_type(name: str) -> None:
    """A file holds the type whose full name it bears."""
    schema = raw(name)
    assert f"{schema['namespace']}.{schema['name']}" == name


@pytest.mark.parametrize("name", NAMES)
def test_file_defines_one_named_type(name: str) -> None:
    """One file a named type: inner ones are references to files of their own."""
    defined = [part for part in parts(raw(name)) if part.get("type") in ("record", "enum")]
    assert defined == [raw(name)]
    assert references(name) <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_type_and_all_its_fields_are_documented(name: str) -> None:
    """Every named type and every field says what it is."""
    schema = raw(name)
    missing = [part["name"] for part in (schema, *schema.get("fields", [])) if not part.get("doc")]
    assert missing == []


@pytest.mark.parametrize("name", NAMES)
def test_enum_falls_back_to_unknown(name: str) -> None:
    """A reader that does not know a symbol yet reads UNKNOWN."""
    schema = raw(name)
    assert schema.get("default") == ("UNKNOWN" if schema["type"] == "enum" else None)
    assert schema["type"] != "enum" or "UNKNOWN" in schema["symbols"]


@pytest.mark.parametrize("name", NAMES)
def test_nullable_field_is_null_by_default(name: str) -> None:
    """What may be absent comes first as null, so that the field can come and go compatibly."""
    for field in raw(name).get("fields", []):
        nullable = isinstance(field["type"], list)
        assert ("default" in field) == nullable
        if nullable:
            assert (field["type"][0], field["default"]) == ("null", None)


@pytest.mark.parametrize("name", NAMES)
def test_schema_loads(name: str) -> None:
    """Each schema parses, with what it names."""
    assert schemas.load(name)["name"] == name


@pytest.mark.parametrize("name", NAMES)
def test_text_is_self_contained(name: str, apache: ModuleType) -> None:
    """What a registry gets parses alone, in Apache's parser, and is the same schema."""
    assert apache.parse(schemas.text(name)).fullname == name


@pytest.mark.parametrize("name", NAMES)
def test_text_keeps_docs_and_defaults(name: str) -> None:
    """What a registry gets has every field with its doc and its default."""
    kept = [
        {key: value for key, value in field.items() if key in ("name", "doc", "default")}
        for field in json.loads(schemas.text(name)).get("fields", [])
    ]
    assert kept == [
        {key: value for key, value in field.items() if key in ("name", "doc", "default")}
        for field in raw(name).get("fields", [])
    ]


@pytest.mark.parametrize("name", NAMES)
def test_text_parses_to_what_it_was_made_from(name: str) -> None:
    """A consumer that gets the text from a registry has the schema that the worker wrote with."""
    assert schemas.parse(schemas.text(name)) == schemas.load(name)


def without_logical_types(schema: Any) -> Any:
    """Take logical types away: they are no part of Avro's canonical form.

    Apache's Python package leaves {"type": "long"} where it should leave "long", as Java does and
    the specification says ([PRIMITIVES]).
    """
    if isinstance(schema, dict):
        if "logicalType" in schema:
            return schema["type"]
        return {key: without_logical_types(value) for key, value in schema.items()}
    if isinstance(schema, list):
        return [without_logical_types(part) for part in schema]
    return schema


@pytest.mark.parametrize("name", NAMES)
def test_fingerprint_is_that_of_apache_avro(name: str, apache: ModuleType) -> None:
    """The CRC-64-AVRO of the canonical form is what Apache's own package computes."""
    schema = apache.parse(json.dumps(without_logical_types(json.loads(schemas.text(name)))))
    assert schemas.fingerprint(name) == schema.fingerprint("CRC-64-AVRO")


def test_fingerprints_tell_schemas_apart() -> None:
    """No two schemas of topics share a fingerprint."""
    assert len({schemas.fingerprint(name) for name in TOPIC_SCHEMAS}) == len(TOPIC_SCHEMAS)


def test_missing_schema_is_not_found() -> None:
    """A name that no file bears is an error."""
    with pytest.raises(FileNotFoundError):
        schemas.load("opend.Nothing")


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("opend.SecurityKey", "market code"),
        ("opend.Provenance", "origin conn_id push_serial push_index ingest_time"),
        (
            "opend.Ticker",
            "market code name sequence push_data_type push_data_type_code time event_time price "
            "volume turnover ticker_direction ticker_direction_code type type_code type_sign "
            "hp_volume recv_time provenance",
        ),
        (
            "opend.OrderBook",
            "market code name order_book_type order_book_type_code asks bids svr_recv_time_bid "
            "svr_recv_time_bid_at svr_recv_time_ask svr_recv_time_ask_at provenance",
        ),
        (
            "opend.KLine",
            "market code name rehab_type rehab_type_code k_type k_type_code time_key time_key_at "
            "is_blank open close high low last_close volume turnover turnover_rate pe_ratio "
            "change_rate hp_volume provenance",
        ),
        (
            "opend.RtData",
            "market code name time time_at opened_mins is_blank cur_price last_close avg_price "
            "volume turnover hp_volume provenance",
        ),
        ("opend.Broker", "market code name asks bids provenance"),
        ("opend.BrokerEntry", "broker_id broker_name broker_pos order_id order_volume"),
        (
            "opend.Quote",
            "market code name suspension listing_date listing_date_at price_spread update_time "
            "update_time_at high_price open_price low_price last_price prev_close_price volume "
            "turnover turnover_rate amplitude dark_status dark_status_code sec_status "
            "sec_status_code option_ex_data future_ex_data warrant_ex_data pre_market "
            "after_market overnight hp_volume provenance",
        ),
    ],
)
def test_schema_has_the_fields_of_the_contract(name: str, fields: str) -> None:
    """The names that consumers read are the ones that were promised, in their order."""
    assert [field["name"] for field in raw(name)["fields"]] == fields.split()

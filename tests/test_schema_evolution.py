"""Schemas change only compatibly: what any released version wrote, the present one reads.

`avro/released/<version>/` holds the schemas of topics as they were released, whole. This is Avro's
BACKWARD_TRANSITIVE, proved with records: fastavro resolves each branch of each union, each symbol
of each enum, and arrays with and without elements.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro
import pytest
from fastavro.read import SchemaResolutionError

from opend_kafka import schemas

RELEASED = Path(__file__).parents[1] / "avro" / "released"

_PRIMITIVES: dict[str, list[Any]] = {
    "null": [None],
    "boolean": [True, False],
    "int": [-(2**31), 2**31 - 1],
    "long": [-(2**63), 2**63 - 1],
    "float": [0.5],
    "double": [0.1],
    "bytes": [b"", b"\x00\xff"],
    "string": ["", "騰訊"],
}


def samples(schema: Any, named: dict[str, Any] | None = None) -> list[Any]:
    """Give data of a schema in which all that it may hold is held at least once."""
    named = {} if named is None else named
    if isinstance(schema, list):
        return [one for branch in schema for one in samples(branch, named)]
    if isinstance(schema, str):
        return _PRIMITIVES[schema] if schema in _PRIMITIVES else samples(named[schema], named)
    if "name" in schema:
        named[schema["name"]] = schema
    match schema["type"]:
        case "record":
            return _records({one["name"]: samples(one["type"], named) for one in schema["fields"]})
        case "enum":
            return list(schema["symbols"])
        case "array":
            return [[], samples(schema["items"], named)]
        case inner:  # a primitive, perhaps with a logical type, which the bytes do not know
            return samples(inner, named)


def _records(fields: dict[str, list[Any]]) -> list[Any]:
    """Give as many records as the richest field needs; the others begin again."""
    number = max(map(len, fields.values()), default=1)
    return [
        {name: data[index % len(data)] for name, data in fields.items()} for index in range(number)
    ]


def without_logical_types(schema: Any) -> Any:
    """Give a schema whose numbers are plain: which bytes resolve to which is the same."""
    if isinstance(schema, dict):
        return {
            key: without_logical_types(value)
            for key, value in schema.items()
            if key != "logicalType"
        }
    return [without_logical_types(one) for one in schema] if isinstance(schema, list) else schema


def faults(writer: str, reader: str) -> Iterator[str]:
    """Yield why a reader with one schema's text cannot read what was written with another's."""
    plain = without_logical_types(json.loads(writer))
    written_as = schemas.parse(json.dumps(plain))
    read_as = schemas.parse(json.dumps(without_logical_types(json.loads(reader))))
    for record in samples(plain):
        out = BytesIO()
        fastavro.schemaless_writer(out, written_as, record)
        out.seek(0)
        try:
            fastavro.schemaless_reader(out, written_as, read_as)
        except (SchemaResolutionError, ValueError) as error:
            yield f"{type(error).__name__}: {error}"


def faults_of_releases(folder: Path) -> dict[str, list[str]]:
    """Give the faults of each released schema that has any."""
    found = {}
    for file in sorted(folder.glob("*/*.avsc")):
        there = file.stem in schemas.names()
        text = file.read_text(encoding="utf-8")
        found[f"{file.parent.name}/{file.stem}"] = (
            list(faults(text, schemas.text(file.stem))) if there else ["avro/ has it no more"]
        )
    return {name: some for name, some in found.items() if some}


def _ticker(**changes: Any) -> str:
    """Give the schema of a tick in which fields are others; None takes one away."""
    changed = json.loads(schemas.text("opend.Ticker"))
    fields = {one["name"]: one for one in changed["fields"]}
    for name, change in changes.items():
        fields[name] = change and {"name": name} | change
    changed["fields"] = [one for one in fields.values() if one]
    return json.dumps(changed)


def _direction(*symbols: str, **more: Any) -> dict[str, Any]:
    enum = {"type": "enum", "name": "opend.TickerDirect", "symbols": [*symbols], **more}
    return {"type": enum}


def test_present_schemas_read_what_releases_wrote() -> None:
    """Every released schema still has its name, and its records are read with the present one."""
    assert faults_of_releases(RELEASED) == {}


def test_faults_of_releases_are_found_in_any_of_them(tmp_path: Path) -> None:
    """Not only the latest release counts: with an older one at odds the test above would fail."""
    for version, text in {"0.1.0": _ticker(price=None), "0.2.0": _ticker()}.items():
        (tmp_path / version).mkdir()
        (tmp_path / version / "opend.Ticker.avsc").write_text(text)
    assert list(faults_of_releases(tmp_path)) == ["0.1.0/opend.Ticker"]


def test_schema_that_a_release_had_may_not_vanish(tmp_path: Path) -> None:
    """Records of a type that is no more could be read by nobody."""
    (tmp_path / "0.1.0").mkdir()
    (tmp_path / "0.1.0" / "opend.Gone.avsc").write_text(_ticker())
    assert faults_of_releases(tmp_path) == {"0.1.0/opend.Gone": ["avro/ has it no more"]}


@pytest.mark.parametrize("name", [schemas.KEY, *schemas.VALUES])
def test_schema_reads_what_it_wrote_itself(name: str) -> None:
    """The samples of every schema go the whole way."""
    assert list(faults(schemas.text(name), schemas.text(name))) == []


@pytest.mark.parametrize("name", [schemas.KEY, *schemas.VALUES])
def test_samples_hold_every_symbol(name: str) -> None:
    """No symbol of an enum is left out, however deep it lies."""
    text = schemas.text(name)
    symbols = {one for found in _enums(json.loads(text)) for one in found}
    assert symbols <= set(_strings(samples(json.loads(text))))


def _enums(schema: Any) -> Iterator[list[str]]:
    if isinstance(schema, dict):
        if schema.get("type") == "enum":
            yield schema["symbols"]
        schema = list(schema.values())
    for child in schema if isinstance(schema, list) else []:
        yield from _enums(child)


def _strings(data: Any) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    for child in data.values() if isinstance(data, dict) else data if type(data) is list else []:
        yield from _strings(child)


@pytest.mark.parametrize(
    "older",
    [
        _ticker(hp_volume=None),
        _ticker(gone={"type": "string"}),
        _ticker(volume={"type": "int"}),
        _ticker(ticker_direction=_direction("UNKNOWN", "BUY")),
        _ticker(ticker_direction=_direction("UNKNOWN", "SIDEWAYS")),
        _ticker(type_sign={"type": "int"}),
    ],
    ids=["field added", "field gone", "widened", "symbol added", "symbol gone", "made nullable"],
)
def test_compatible_change_is_let_through(older: str) -> None:
    """What Avro can resolve is no fault."""
    assert list(faults(older, schemas.text("opend.Ticker"))) == []


@pytest.mark.parametrize(
    "older",
    [
        _ticker(price=None),
        _ticker(price={"type": "string"}),
        _ticker(volume={"type": "double"}),
        _ticker(code={"type": ["null", "string"]}),
        _ticker(hp_volume={"type": ["null", "double", "string"]}),
    ],
    ids=["field without default", "other type", "narrowed", "null gone", "branch gone"],
)
def test_incompatible_change_is_found(older: str) -> None:
    """What Avro cannot resolve is a fault, also where only some records meet it."""
    assert list(faults(older, schemas.text("opend.Ticker"))) != []


def test_enum_without_default_may_not_lose_a_symbol() -> None:
    """Without UNKNOWN as its default, a reader has nothing for a symbol that is gone."""
    older = _ticker(ticker_direction=_direction("UNKNOWN", "BUY", "SIDEWAYS"))
    newer = _ticker(ticker_direction=_direction("UNKNOWN", "BUY"))
    assert any("SIDEWAYS" in fault for fault in faults(older, newer))

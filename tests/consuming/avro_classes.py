"""The classes that `consuming/records.py` should have, as `avro/` says: name, type, nullability."""

from __future__ import annotations

import json
import textwrap
from functools import cache
from importlib.resources import files
from typing import Any

_TYPES = {
    "string": "str",
    "long": "int",
    "int": "int",
    "double": "float",
    "boolean": "bool",
    "bytes": "bytes",
}


@cache
def definition(name: str) -> dict[str, Any]:
    """Give one file of `avro/`, by its type's full name."""
    text = files("opend_kafka.avro").joinpath(f"{name}.avsc").read_text(encoding="utf-8")
    given: dict[str, Any] = json.loads(text)
    return given


def record_names() -> list[str]:
    """Give the full name of each record of `avro/`."""
    names = (one.name.removesuffix(".avsc") for one in files("opend_kafka.avro").iterdir())
    found = (name for name in names if name.startswith("opend."))
    return sorted(name for name in found if definition(name)["type"] == "record")


def field_types(name: str) -> dict[str, str]:
    """Give a record's fields with the types that Python has for them."""
    return {field["name"]: _annotation(field["type"]) for field in definition(name)["fields"]}


def source(name: str) -> str:
    """Give the class to write for a record."""
    schema = definition(name)
    lines = textwrap.wrap(f'"""{schema["doc"]}"""', 96)
    body = [
        f"{field}: {annotation}" + (" = None" if annotation.endswith("| None") else "")
        for field, annotation in field_types(name).items()
    ]
    if len(lines) > 1:  # Google style: the first sentence alone
        first, _, rest = schema["doc"].partition(". ")
        lines = [f'"""{first}.', "", *textwrap.wrap(rest, 96), '"""']
    inner = textwrap.indent("\n".join([*lines, "", *body]), "    ")
    return f"@_record\nclass {schema['name']}(_Record):\n{inner}\n"


def _annotation(avro: Any) -> str:
    if isinstance(avro, list):
        return f"{_annotation(avro[1])} | None"
    if isinstance(avro, dict):
        if avro.get("logicalType") == "timestamp-micros":
            return "datetime"
        if avro["type"] == "array":
            return f"tuple[{_annotation(avro['items'])}, ...]"
        return _annotation(avro["type"])
    if avro in _TYPES:
        return _TYPES[avro]
    named = definition(avro)
    return "str" if named["type"] == "enum" else str(named["name"])

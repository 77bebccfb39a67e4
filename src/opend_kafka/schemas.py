"""The Avro schemas of `avro/`: loaded, named, fingerprinted."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import as_file, files
from typing import Any, cast

from fastavro.schema import fingerprint as fastavro_fingerprint
from fastavro.schema import load_schema, parse_schema, to_parsing_canonical_form

#: Confluent's wire format: this byte, then the schema id in four bytes, big-endian.
CONFLUENT_MAGIC = b"\x00"

#: Avro's single-object encoding: these two bytes, then the CRC-64-AVRO fingerprint.
SINGLE_OBJECT_MAGIC = b"\xc3\x01"

KEY = "opend.SecurityKey"

#: The full name of a type, where another schema uses it.
_TYPE = re.compile(r'"(opend\.\w+)"')


def _values() -> tuple[str, ...]:
    """Find what `avro/` has that nothing else there is made of: the records themselves."""
    found = (one for one in files("opend_kafka.avro").iterdir() if one.name.endswith(".avsc"))
    texts = {one.name.removesuffix(".avsc"): one.read_text(encoding="utf-8") for one in found}
    parts = {name for text in texts.values() for name in _TYPE.findall(text)}
    return tuple(sorted(texts.keys() - parts - {KEY}))


#: What a record can be, by its full name: the values of topics.
VALUES = _values()


def names() -> list[str]:
    """Give the full names of all types in `avro/`."""
    found = (one.name for one in files("opend_kafka.avro").iterdir())
    return sorted(name.removesuffix(".avsc") for name in found if name.endswith(".avsc"))


@cache
def load(name: str) -> dict[str, Any]:
    """Give a schema, parsed by fastavro, with everything that it names inlined.

    Raises:
        FileNotFoundError: `avro/` has no schema of that name.
    """
    with as_file(files("opend_kafka.avro") / f"{name}.avsc") as path:
        if not path.is_file():
            raise FileNotFoundError(f"avro/ has no {name}.avsc")
        return cast(dict[str, Any], load_schema(str(path)))


def parse(text: str) -> dict[str, Any]:
    """Give a schema from its JSON text, parsed by fastavro."""
    return cast(dict[str, Any], parse_schema(json.loads(text)))


@cache
def text(name: str) -> str:
    """Give a schema as self-contained JSON, docs and all: what a registry gets."""
    return json.dumps(_plain(load(name)), ensure_ascii=False)


@cache
def fingerprint(name: str) -> bytes:
    """Give the CRC-64-AVRO fingerprint of the schema's canonical form: 8 bytes, little-endian."""
    return fingerprint_of(load(name))


def fingerprint_of(schema: dict[str, Any]) -> bytes:
    """Give the same of a parsed schema, of whichever version."""
    canonical = to_parsing_canonical_form(schema)
    # fastavro's hex is of the little-endian bytes already.
    return bytes.fromhex(fastavro_fingerprint(canonical, "CRC-64-AVRO"))


def _plain(schema: Any) -> Any:
    """Drop the marks that fastavro's parser leaves."""
    if isinstance(schema, dict):
        return {key: _plain(value) for key, value in schema.items() if key[:2] != "__"}
    if isinstance(schema, list):
        return [_plain(part) for part in schema]
    return schema

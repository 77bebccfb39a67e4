"""Records from bytes, in both wire formats. For consumers: no OpenD and no protobuf."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import fastavro
from fastavro.schema import SchemaParseException, UnknownType

from opend_kafka import schemas
from opend_kafka.errors import RecordUndecodable

#: A registry's schema id → the schema's JSON text.
SchemaById = Callable[[int], str]

_ID_END = 5
_FINGERPRINT_END = 10


@dataclass(frozen=True, slots=True)
class Record:
    """One decoded record: its schema's full name, and its fields.

    Timestamps are aware `datetime`s; enums are their symbols.
    """

    schema: str
    fields: dict[str, Any]


class Decoder:
    """Decodes keys and values, whichever of the two wire formats they are in.

    Args:
        schema_by_id: asks the registry; None where there is none, and records in Confluent's
            format cannot be read.
    """

    def __init__(self, schema_by_id: SchemaById | None = None) -> None:
        self._schema_by_id = schema_by_id
        self._by_prefix = {
            schemas.SINGLE_OBJECT_MAGIC + schemas.fingerprint(name): schemas.load(name)
            for name in (schemas.KEY, *schemas.VALUES)
        }

    def decode(self, data: bytes) -> Record:
        """Decode one key or value.

        Raises:
            RecordUndecodable: it is in neither format, its schema cannot be had, or it does not
                fit its schema.
        """
        schema, body = self.unwrap(data)
        try:
            fields: Any = fastavro.schemaless_reader(BytesIO(body), schema, None)
        except (EOFError, ValueError, IndexError, OverflowError) as error:
            raise RecordUndecodable(
                f"the bytes are no {schema['name']}: {error or 'they end too early'}"
            ) from None
        return Record(schema["name"], fields)

    def learn(self, text: str) -> None:
        """Know a schema of another version, where there is no registry to ask for it.

        Args:
            text: its JSON, whole: what `opend-kafka schemas show` of that version gives.

        Raises:
            RecordUndecodable: it is no Avro record.
        """
        schema = _parsed("given", text)
        self._by_prefix[schemas.SINGLE_OBJECT_MAGIC + schemas.fingerprint_of(schema)] = schema

    def unwrap(self, data: bytes) -> tuple[dict[str, Any], bytes]:
        """Give the schema that a key or value was written with, and its Avro bytes.

        Raises:
            RecordUndecodable: it is in neither format, or its schema cannot be had.
        """
        end = _ID_END if data[:1] == schemas.CONFLUENT_MAGIC else _FINGERPRINT_END
        return self._schema(data[:end]), data[end:]

    def _schema(self, prefix: bytes) -> dict[str, Any]:
        known = self._by_prefix.get(prefix)
        if known is None:
            known = self._by_prefix[prefix] = self._fetch(prefix)
        return known

    def _fetch(self, prefix: bytes) -> dict[str, Any]:
        if len(prefix) == _ID_END and prefix[:1] == schemas.CONFLUENT_MAGIC:
            schema_id = int.from_bytes(prefix[1:], "big")
            if self._schema_by_id is None:
                raise RecordUndecodable(
                    f"the record names schema id {schema_id} of a registry; give the registry's URL"
                )
            return _parsed(f"{schema_id} of the registry", self._schema_by_id(schema_id))
        if prefix[:2] == schemas.SINGLE_OBJECT_MAGIC:
            raise RecordUndecodable(
                f"no schema of this version has the fingerprint {prefix[2:].hex()}"
            )
        raise RecordUndecodable(
            f"the bytes begin with {prefix[:2].hex() or 'nothing'}: neither Confluent's wire "
            "format (00) nor Avro single-object encoding (c301)"
        )


def _parsed(which: str, text: str) -> dict[str, Any]:
    try:
        schema = schemas.parse(text)
    except (ValueError, KeyError, TypeError, SchemaParseException, UnknownType):
        schema = {}
    if not isinstance(schema, dict) or schema.get("type") != "record":
        raise RecordUndecodable(f"the schema {which} is no Avro record")
    return schema

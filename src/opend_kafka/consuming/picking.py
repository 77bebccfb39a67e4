"""A few fields of many records: what an audit of millions of ticks has time for.

fastavro makes every field of a record. Here the others are stepped over in the bytes, which takes a
third of the time. A schema that holds what cannot be stepped over so simply (arrays, maps, unions
of more than null and one type) goes through fastavro after all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

import fastavro

from opend_kafka.consuming.decoding import Decoder
from opend_kafka.errors import RecordUndecodable

#: Gives the wanted fields of one record's Avro bytes.
Plan = Callable[[bytes], list[Any]]

# What stands in the bytes. Plain numbers: they are compared for every field of every record.
_NUMBER, _KEPT_NUMBER, _KEPT_ENUM, _TEXT, _KEPT_TEXT, _FIXED, _OPTIONAL = range(7)

_NUMBERS = ("int", "long", "enum")
_TEXTS = ("string", "bytes")
_SIZES = {"null": 0, "boolean": 1, "float": 4, "double": 8}

_Step = tuple[int, Any]


class _TooRich(Exception):
    """The schema holds what cannot be stepped over."""


class FieldPicker:
    """Picks fields out of records, whichever of the two wire formats they are in.

    Args:
        decoder: knows the schemas.
        schema: the full name that the records must have.
        fields: those wanted, in the schema's order; `provenance.origin` is one inside a record.
    """

    def __init__(self, decoder: Decoder, schema: str, fields: Sequence[str]) -> None:
        self._decoder = decoder
        self._schema = schema
        self._fields = tuple(fields)
        self._plans: dict[int, Plan] = {}

    def pick(self, data: bytes) -> list[Any]:
        """Give the fields of one record. Enums are their symbols, times their microseconds.

        Raises:
            RecordUndecodable: it is no such record.
        """
        schema, body = self._decoder.unwrap(data)
        # The decoder keeps its schemas, so that an id stands for one of them.
        plan = self._plans.get(id(schema)) or self._new_plan(schema)
        try:
            return plan(body)
        except (EOFError, IndexError, ValueError, OverflowError):
            raise RecordUndecodable(f"the bytes are no {self._schema}") from None

    def _new_plan(self, schema: dict[str, Any]) -> Plan:
        if schema["name"] != self._schema:
            raise RecordUndecodable(f"the record is a {schema['name']}, no {self._schema}")
        try:
            plan = _stepping(_steps(schema, set(self._fields), "", {}), len(self._fields))
        except _TooRich:
            plan = _through_fastavro(schema, self._fields)
        self._plans[id(schema)] = plan
        return plan


def _steps(
    record: dict[str, Any], wanted: set[str], path: str, named: dict[str, Any]
) -> list[_Step]:
    """Flatten a record's fields into steps over its bytes."""
    named[record["name"]] = record
    steps: list[_Step] = []
    for field in record["fields"]:
        name, kind = path + field["name"], field["type"]
        if not isinstance(kind, list):
            steps += _steps_over(kind, name, wanted, named)
            continue
        if len(kind) != 2 or kind[0] != "null":
            raise _TooRich
        optional = _steps_over(kind[1], name, wanted, named)
        if len(optional) != 1:
            raise _TooRich
        steps += [(_OPTIONAL, None), *optional]
    return steps


def _steps_over(kind: Any, name: str, wanted: set[str], named: dict[str, Any]) -> list[_Step]:
    full = named.get(kind, {"type": kind}) if isinstance(kind, str) else kind
    what, kept = full["type"], name in wanted
    if what == "record":
        return _steps(full, wanted, f"{name}.", named)
    if "name" in full:
        named[full["name"]] = full
    if what == "enum" and kept:
        return [(_KEPT_ENUM, full["symbols"])]
    if what in _NUMBERS:
        return [(_KEPT_NUMBER if kept else _NUMBER, None)]
    if what in _TEXTS and not (kept and what == "bytes"):
        return [(_KEPT_TEXT if kept else _TEXT, None)]
    if what in _SIZES and not kept:
        return [(_FIXED, _SIZES[what])]
    raise _TooRich


def _stepping(steps: list[_Step], number: int) -> Plan:
    """Make the plan that walks over the bytes.

    It is one loop without calls: it runs for every field of every record.
    """
    if sum(step in (_KEPT_NUMBER, _KEPT_ENUM, _KEPT_TEXT) for step, _ in steps) != number:
        raise _TooRich  # a field is missing in this version of the schema

    def plan(data: bytes) -> list[Any]:
        picked: list[Any] = []
        at = 0
        absent = False
        for step, what in steps:
            if absent:
                absent = False
                if step in (_KEPT_NUMBER, _KEPT_ENUM, _KEPT_TEXT):
                    picked.append(None)
            elif step == _NUMBER:
                while data[at] > 127:
                    at += 1
                at += 1
            elif step == _OPTIONAL:
                absent = data[at] == 0
                at += 1
            elif step == _FIXED:
                at += what
            else:
                byte = data[at]
                at += 1
                number = byte & 127
                shift = 7
                while byte > 127:
                    byte = data[at]
                    at += 1
                    number |= (byte & 127) << shift
                    shift += 7
                number = (number >> 1) ^ -(number & 1)
                if step == _KEPT_NUMBER:
                    picked.append(number)
                elif number < 0:
                    raise EOFError
                elif step == _KEPT_ENUM:
                    picked.append(what[number])
                else:
                    if step == _KEPT_TEXT:
                        picked.append(data[at : at + number].decode())
                    at += number
        if at != len(data):
            raise EOFError
        return picked

    return plan


def _through_fastavro(schema: dict[str, Any], fields: Sequence[str]) -> Plan:
    plain = fastavro.parse_schema(_without_logical_types(schema))

    def plan(data: bytes) -> list[Any]:
        record: Any = fastavro.schemaless_reader(BytesIO(data), plain, None)
        return [_at(record, field.split(".")) for field in fields]

    return plan


def _at(record: Any, path: list[str]) -> Any:
    for name in path:
        record = record.get(name) if record is not None else None
    return record


def _without_logical_types(schema: Any) -> Any:
    """Leave times their microseconds, and drop the marks of fastavro's parser."""
    if isinstance(schema, dict):
        return {
            key: _without_logical_types(value)
            for key, value in schema.items()
            if key != "logicalType" and key[:2] != "__"
        }
    return [_without_logical_types(one) for one in schema] if isinstance(schema, list) else schema

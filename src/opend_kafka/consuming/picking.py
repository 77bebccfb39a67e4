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
_NUMBER, _FIXED, _TEXT, _KEPT_NUMBER, _KEPT_ENUM, _KEPT_TEXT = range(6)
_KEPT = _KEPT_NUMBER  # and those after it

_SIZES = {"null": 0, "boolean": 1, "float": 4, "double": 8}

#: May it be null, what stands there, and the bytes or symbols of that.
_Step = tuple[bool, int, Any]


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
            walk = _Walk(self._fields)
            plan = _stepping(walk.over_record(schema, ""))
            if tuple(walk.kept) != self._fields:
                # This version of the schema lacks one, or has them in another order.
                raise _TooRich
        except (_TooRich, RecursionError):
            plan = _through_fastavro(schema, self._fields)
        self._plans[id(schema)] = plan
        return plan


class _Walk:
    """Flattens a schema into steps over its bytes. `kept` are the wanted fields in its order."""

    def __init__(self, wanted: Sequence[str]) -> None:
        self.kept: list[str] = []
        self._wanted = frozenset(wanted)
        self._named: dict[str, Any] = {}

    def over_record(self, record: dict[str, Any], path: str) -> list[_Step]:
        """Give the steps over all fields of a record."""
        self._named[record["name"]] = record
        steps: list[_Step] = []
        for field in record["fields"]:
            name, kind = path + field["name"], field["type"]
            if not isinstance(kind, list):
                steps += self._over(kind, name)
            elif len(kind) == 2 and kind[0] == "null":
                steps.append(self._over_optional(kind[1], name))
            else:
                raise _TooRich
        return steps

    def _over_optional(self, kind: Any, name: str) -> _Step:
        steps = self._over(kind, name)
        if len(steps) != 1 or steps[0][0]:
            raise _TooRich  # an optional record
        return True, *steps[0][1:]

    def _over(self, kind: Any, name: str) -> list[_Step]:
        full = self._named.get(kind, {"type": kind}) if isinstance(kind, str) else kind
        if full["type"] == "record":
            return self.over_record(full, f"{name}.")
        if "name" in full:
            self._named[full["name"]] = full
        if name not in self._wanted:
            return [_over_other(full["type"])]
        self.kept.append(name)
        return [_over_kept(full)]


def _over_kept(kind: dict[str, Any]) -> _Step:
    match kind["type"]:
        case "int" | "long":
            return False, _KEPT_NUMBER, None
        case "enum":
            return False, _KEPT_ENUM, kind["symbols"]
        case "string":
            return False, _KEPT_TEXT, None
    raise _TooRich


def _over_other(what: Any) -> _Step:
    match what:
        case "int" | "long" | "enum":
            return False, _NUMBER, None
        case "string" | "bytes":
            return False, _TEXT, None
        case "null" | "boolean" | "float" | "double":
            return False, _FIXED, _SIZES[what]
    raise _TooRich


def _stepping(steps: list[_Step]) -> Plan:
    """Make the plan that walks over the bytes.

    It is one loop without calls: it runs for every field of every record.
    """

    def plan(data: bytes) -> list[Any]:
        picked: list[Any] = []
        at = 0
        for optional, step, what in steps:
            if optional:
                at += 1
                if data[at - 1] == 0:
                    if step >= _KEPT:
                        picked.append(None)
                    continue
            if step == _NUMBER:
                while data[at] > 127:
                    at += 1
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

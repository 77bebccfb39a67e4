"""The engine that runs the tables: a message and a provenance in, Avro bytes out.

This is the plain form, the reference for every faster one: each table becomes a list of readers,
a record becomes a dict, and fastavro writes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import fastavro

from opend_kafka import schemas
from opend_kafka.errors import RecordUnmappable
from opend_kafka.opend.messages import response_type
from opend_kafka.opend.securities import market_name
from opend_kafka.opend.subscriptions import Subtype
from opend_kafka.records.tables import (
    ROW,
    S2C,
    Conversion,
    Each,
    Field,
    Kind,
    Market,
    Micros,
    One,
    Symbol,
)
from opend_kafka.records.times import event_time, micros

_Read = Callable[[Any, Any], Any]
_Convert = Callable[[Any], Any]

#: protobuf's descriptors; the two implementations have classes of their own.
_Descriptor = Any
_FieldDescriptor = Any


@dataclass(frozen=True, slots=True)
class Provenance:
    """How the worker received a push: opend.Provenance without its push_index.

    `conn_id` is OpenD's uint64, `ingest_time_us` microseconds since 1970.
    """

    conn_id: int
    push_serial: int
    ingest_time_us: int
    origin: str = "PUSH"


@dataclass(frozen=True, slots=True)
class Row:
    """One record to be, within its push."""

    subtype: Subtype
    market_number: int
    code: str
    push_data_type: str
    message: Any
    #: What names a tick among those of its security; None where the kind has none.
    sequence: int | None = None


class RecordEncoder:
    """Makes the Avro bytes of one kind of record.

    Args:
        kind: the table.

    Raises:
        ValueError: the table does not fit the message or the schema. A test reads all tables, so
            no user sees it.
    """

    def __init__(self, kind: Kind) -> None:
        response: _Descriptor = response_type(kind.proto_id).DESCRIPTOR
        s2c: _Descriptor = response.fields_by_name["s2c"].message_type
        row = s2c.fields_by_name[kind.rows].message_type if kind.rows else s2c
        self.schema_name = kind.schema
        self._rows = kind.rows
        self._schema = schemas.load(kind.schema)
        self._event_time = event_time(kind)
        self._readers = _readers(kind.fields, s2c, row)
        self._read_security = _reader(Field("", kind.security), s2c, row)
        self._read_subtype = _subtype_reader(kind, s2c, row)
        self._read_push_data_type: _Read = self._readers.get("push_data_type", _nothing)
        self._read_sequence: _Read = self._readers.get("sequence", _nothing)
        expected = [field["name"] for field in self._schema["fields"]]
        if expected != [*self._readers, "provenance"]:
            raise ValueError(f"the table of {kind.schema} is not its schema: {expected}")

    def rows(self, s2c: Any) -> list[Row]:
        """Give the records that a push becomes, in its order.

        Raises:
            RecordUnmappable: it is of no subtype that this version knows.
        """
        messages = getattr(s2c, self._rows) if self._rows else (s2c,)
        return [self._row(s2c, message) for message in messages]

    def encode(
        self, s2c: Any, row: Row, push_index: int, provenance: Provenance, prefix: bytes = b""
    ) -> bytes:
        """Give one record's bytes behind `prefix`, the bytes of the wire format.

        Raises:
            RecordUnmappable: a value on the wire has no place in the schema.
        """
        out = BytesIO()
        out.write(prefix)
        try:
            record = {name: read(s2c, row.message) for name, read in self._readers.items()}
            record["provenance"] = _provenance(provenance, push_index)
            fastavro.schemaless_writer(out, self._schema, record)
        except (TypeError, ValueError, OverflowError) as error:
            # A string that is no UTF-8 comes from protobuf (upb) as bytes: a TypeError here.
            raise RecordUnmappable(self.schema_name, str(error)) from None
        return out.getvalue()

    def event_time_ms(self, s2c: Any, row: Row, ingest_time_us: int) -> int:
        """Give when what a record tells happened, milliseconds since 1970; see `event_time`."""
        return self._event_time(s2c, row.message, row.market_number, ingest_time_us)

    def _row(self, s2c: Any, message: Any) -> Row:
        security = self._read_security(s2c, message)
        return Row(
            self._read_subtype(s2c, message),
            security.market,
            security.code,
            self._read_push_data_type(s2c, message) or "",
            message,
            self._read_sequence(s2c, message),
        )


def _nothing(s2c: Any, row: Any) -> None:
    return None


def _subtype_reader(kind: Kind, s2c: _Descriptor, row: _Descriptor) -> _Read:
    default, by_number = kind.subtype.default, dict(kind.subtype.by_number)
    source = kind.subtype.source
    if source is None:
        return lambda s2c, row: default
    read = _reader(Field("", source), s2c, row)

    def subtype(s2c: Any, row: Any) -> Subtype:
        number = read(s2c, row)
        found = by_number.get(number, default)
        if found is None:
            name = source.rpartition(".")[2]
            raise RecordUnmappable(kind.schema, f"{name} {number} is of no subtype")
        return found

    return subtype


def _provenance(provenance: Provenance, push_index: int) -> dict[str, Any]:
    return {
        "origin": provenance.origin,
        "conn_id": signed(provenance.conn_id),
        "push_serial": provenance.push_serial,
        "push_index": push_index,
        "ingest_time": provenance.ingest_time_us,
    }


def signed(number: int) -> int:
    """Give a uint64 as the int64 with the same bits."""
    return number - (1 << 64) if number >= 1 << 63 else number


def _readers(fields: tuple[Field, ...], s2c: _Descriptor, row: _Descriptor) -> dict[str, _Read]:
    return {field.name: _reader(field, s2c, row) for field in fields}


def _reader(field: Field, s2c: _Descriptor, row: _Descriptor) -> _Read:
    """Build the function that reads one Avro field's value from (s2c, row)."""
    start, *path = field.source.split(".")
    descriptor = {S2C: s2c, ROW: row}[start]
    *parents, last = _resolve(descriptor, path)
    if last.is_repeated:
        read = _repeated(last, field.conversion)
    elif isinstance(field.conversion, One):
        read = _single(last, _inner(field.conversion.fields, last))
    else:
        read = _single(last, _converter(field.conversion))
    for parent in reversed(parents):
        read = _within(parent.name, read)
    return (lambda s2c, row: read(s2c)) if start == S2C else (lambda s2c, row: read(row))


def _resolve(descriptor: _Descriptor, path: list[str]) -> Iterator[_FieldDescriptor]:
    for name in path:
        if name not in descriptor.fields_by_name:
            raise ValueError(f"{descriptor.full_name} has no field {name}")
        field = descriptor.fields_by_name[name]
        descriptor = field.message_type
        yield field


def _within(name: str, read: _Convert) -> _Convert:
    return lambda message: read(getattr(message, name))


def _single(field: _FieldDescriptor, convert: _Convert | None) -> _Convert:
    """Read a field that is there once: absent is null, never protobuf's default."""
    name = field.name
    if convert is None:
        if field.is_required:
            return lambda message: getattr(message, name)
        return lambda message: getattr(message, name) if message.HasField(name) else None
    if field.is_required:
        return lambda message: convert(getattr(message, name))
    return lambda message: convert(getattr(message, name)) if message.HasField(name) else None


def _repeated(field: _FieldDescriptor, conversion: Conversion | None) -> _Convert:
    if not isinstance(conversion, Each):
        raise ValueError(f"{field.full_name} is repeated: its conversion is Each")
    convert, name = _inner(conversion.fields, field), field.name
    return lambda message: [convert(element) for element in getattr(message, name)]


def _inner(fields: tuple[Field, ...], field: _FieldDescriptor) -> _Convert:
    """Build the function that makes a record of a message within another."""
    inner = field.message_type
    if inner is None:
        raise ValueError(f"{field.full_name} is no message: it becomes no record")
    readers = _readers(fields, inner, inner)
    return lambda message: {name: read(None, message) for name, read in readers.items()}


def _converter(conversion: Conversion | None) -> _Convert | None:
    match conversion:
        case None:
            return None
        case Market():
            return market_name
        case Micros():
            return micros
        case Symbol(symbols):
            return _symbol_of(symbols)
    raise ValueError(f"{conversion} does not convert a single value")


def _symbol_of(symbols: tuple[str, ...]) -> _Convert:
    by_number = dict(enumerate(symbols))
    return lambda number: by_number.get(number, Symbol.UNKNOWN)

"""The tables as the compiled engine wants them: numbers and bytes, resolved once.

`program` joins a table with OpenD's message and our schema. What it gives says two things: how each
message on the wire looks, all of it, so that whatever is not so is noticed; and which steps write a
record. `engine.RecordEncoder` is the reference: both make the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from io import BytesIO
from typing import Any

import fastavro
from google.protobuf.descriptor import FieldDescriptor

from opend_kafka import schemas
from opend_kafka.opend.messages import response_type
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

#: protobuf's descriptors; the two implementations have classes of their own.
_Descriptor = Any

#: No place.
NOWHERE = -1


class Type(IntEnum):
    """What a field on the wire holds."""

    BOOL = 0
    INT32 = 1
    INT64 = 2
    DOUBLE = 3
    STRING = 4
    MESSAGE = 5


class Op(IntEnum):
    """What a step writes."""

    MARKET = 0
    CODE = 1
    BOOL = 2
    LONG = 3
    DOUBLE = 4
    STRING = 5
    MICROS = 6
    SYMBOL = 7
    EACH = 8
    ONE = 9


@dataclass(frozen=True, slots=True)
class WireField:
    """A field of a message on the wire; `message` is that of a `Type.MESSAGE`, by its place."""

    number: int
    type: Type
    repeated: bool
    required: bool
    message: int = NOWHERE


@dataclass(frozen=True, slots=True)
class Step:
    """One Avro field: `op` on the field at `slot` of the message that the step is about.

    Attributes:
        op: what is written.
        of_row: whether the message is the row, or s2c.
        slot: the place of the field in its `WireField`s.
        nullable: the Avro type is a union of null and what is written.
        block: of EACH and ONE: the steps of the inner record.
        symbols: of SYMBOL: number on the wire → place in Avro's enum; what is past the end is
            `unknown`.
        unknown: of SYMBOL.
    """

    op: Op
    of_row: bool
    slot: int
    nullable: bool
    block: int = NOWHERE
    symbols: tuple[int, ...] = ()
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class Block:
    """The steps that write a record out of one message."""

    message: int
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A field of s2c or of the row."""

    of_row: bool
    slot: int


@dataclass(frozen=True, slots=True)
class Program:
    """All that one kind of push asks for. Its record is `blocks[0]`.

    Attributes:
        messages: every message of the push; the first is the Response.
        ret_type: the slot of retType in it.
        s2c: the slot of s2c in it.
        rows: the slot in s2c of the elements that become records; NOWHERE: s2c is the one.
        row_message: what those are.
        security: where the Qot_Common.Security is.
        market: its slot of the market's number.
        code: its slot of the code.
        sequence: where the sequence is; None: there is none.
        push_data_type: where its number is, and the symbols' names.
        subtype: where the number is that decides on the subtype; None: it is always the default.
        subtypes: by that number; with the default for every other.
        event_time: where timestamps are, of which the latest is the record's own time.
        origin: the place of PUSH in the enum of provenances.
        blocks: the steps.
    """

    messages: tuple[tuple[WireField, ...], ...]
    ret_type: int
    s2c: int
    rows: int
    row_message: int
    security: Place
    market: int
    code: int
    sequence: Place | None
    push_data_type: tuple[Place, tuple[str, ...]] | None
    subtype: Place | None
    subtypes: dict[int, Subtype]
    default_subtype: Subtype | None
    event_time: tuple[Place, ...]
    origin: int
    blocks: tuple[Block, ...]


def program(kind: Kind) -> Program:
    """Resolve a table.

    Raises:
        ValueError: it uses something that steps cannot do.
    """
    return _Builder(kind).build()


class _Builder:
    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._messages: dict[str, int] = {}
        self._wire: list[tuple[WireField, ...]] = []
        self._blocks: list[Block] = []

    def build(self) -> Program:
        kind = self._kind
        response: _Descriptor = response_type(kind.proto_id).DESCRIPTOR
        self._message(response)
        s2c: _Descriptor = response.fields_by_name["s2c"].message_type
        row = s2c.fields_by_name[kind.rows].message_type if kind.rows else s2c
        levels = {S2C: s2c, ROW: row}
        schema = schemas.load(kind.schema)
        security = _place(kind.security, levels)
        security_field = levels[kind.security.partition(".")[0]].fields[security.slot]
        security_type = security_field.message_type
        _refuse_optional(
            response.fields_by_name["retType"],
            security_field,
            security_type.fields_by_name["market"],
            security_type.fields_by_name["code"],
        )
        self._blocks.append(Block(NOWHERE, ()))  # its place is the first
        steps = self._steps(kind.fields, levels, schema["fields"][:-1])
        self._blocks[0] = Block(self._messages[row.full_name], steps)
        seen = {(step.of_row, step.slot) for step in steps} | {(security.of_row, security.slot)}
        _refuse_unseen(row, {slot for of_row, slot in seen if of_row or not kind.rows})
        if kind.rows:
            rows = _slot(s2c, kind.rows)
            _refuse_unseen(s2c, {slot for of_row, slot in seen if not of_row} | {rows})
        tables = {field.name: field for field in kind.fields}
        return Program(
            messages=tuple(self._wire),
            ret_type=_slot(response, "retType"),
            s2c=_slot(response, "s2c"),
            rows=_slot(s2c, kind.rows) if kind.rows else NOWHERE,
            row_message=self._messages[row.full_name],
            security=security,
            market=_slot(security_type, "market"),
            code=_slot(security_type, "code"),
            sequence=_sequence(tables.get("sequence"), levels),
            push_data_type=_push_data_type(tables.get("push_data_type"), levels),
            subtype=_place(kind.subtype.source, levels) if kind.subtype.source else None,
            subtypes=dict(kind.subtype.by_number),
            default_subtype=kind.subtype.default,
            event_time=tuple(_place(one.timestamp, levels) for one in kind.event_time),
            origin=_origin(schema["fields"][-1]["type"]),
            blocks=tuple(self._blocks),
        )

    def _message(self, descriptor: _Descriptor) -> int:
        """Give a message's place; read it, and all that is in it, the first time."""
        known = self._messages.get(descriptor.full_name)
        if known is not None:
            return known
        place = self._messages[descriptor.full_name] = len(self._wire)
        self._wire.append(())
        self._wire[place] = tuple(
            WireField(
                field.number,
                _type(field),
                field.is_repeated,
                field.is_required,
                self._message(field.message_type) if field.message_type else NOWHERE,
            )
            for field in descriptor.fields
        )
        return place

    def _block(self, fields: tuple[Field, ...], message: _Descriptor, schema: Any) -> int:
        place = len(self._blocks)
        self._blocks.append(Block(NOWHERE, ()))
        steps = self._steps(fields, {ROW: message}, schema["fields"])
        _refuse_unseen(message, {step.slot for step in steps})
        self._blocks[place] = Block(self._message(message), steps)
        return place

    def _steps(
        self, fields: tuple[Field, ...], levels: dict[str, _Descriptor], avro: list[Any]
    ) -> tuple[Step, ...]:
        if [one["name"] for one in avro] != [field.name for field in fields]:
            raise ValueError(f"a table is not its schema: {fields[0].name}, …")
        pairs = zip(fields, avro, strict=True)
        return tuple(self._step(field, levels, one["type"]) for field, one in pairs)

    def _step(self, field: Field, levels: dict[str, _Descriptor], avro: Any) -> Step:
        start, *path = field.source.split(".")
        if ".".join([start, *path[:-1]]) == self._kind.security:
            op = _OF_SECURITY[path[-1], field.conversion]
            return Step(op, start == ROW, NOWHERE, nullable=False)
        place = _place(field.source, levels)
        wire = levels[start].fields[place.slot]
        nullable = isinstance(avro, list)
        if nullable:
            null, avro = avro
            if null != "null":
                raise ValueError(f"{field.name}: only a union of null and one type is known")
        avro = _resolved(avro)
        op, block, numbers, unknown = self._write(field, wire, avro)
        return Step(op, place.of_row, place.slot, nullable, block, numbers, unknown)

    def _write(
        self, field: Field, wire: _Descriptor, avro: Any
    ) -> tuple[Op, int, tuple[int, ...], int]:
        match field.conversion:
            case None:
                return _PLAIN[_type(wire), _name(avro)], NOWHERE, (), 0
            case Micros():
                return _MICROS[_type(wire), _name(avro)], NOWHERE, (), 0
            case Symbol(symbols):
                enum = avro["symbols"]
                unknown = enum.index(Symbol.UNKNOWN)
                return Op.SYMBOL, NOWHERE, tuple(map(enum.index, symbols)), unknown
            case Each(fields):
                items = _resolved(avro["items"])
                return Op.EACH, self._block(fields, wire.message_type, items), (), 0
            case One(fields):
                return Op.ONE, self._block(fields, wire.message_type, avro), (), 0
        raise ValueError(f"{field.name}: steps cannot do {field.conversion}")


#: What a security's own fields become: both are written once a security.
_OF_SECURITY: dict[tuple[str, Conversion | None], Op] = {
    ("market", Market()): Op.MARKET,
    ("code", None): Op.CODE,
}

_TYPES = {
    FieldDescriptor.TYPE_BOOL: Type.BOOL,
    FieldDescriptor.TYPE_INT32: Type.INT32,
    FieldDescriptor.TYPE_INT64: Type.INT64,
    FieldDescriptor.TYPE_DOUBLE: Type.DOUBLE,
    FieldDescriptor.TYPE_STRING: Type.STRING,
    FieldDescriptor.TYPE_MESSAGE: Type.MESSAGE,
}

_PLAIN = {
    (Type.BOOL, "boolean"): Op.BOOL,
    (Type.INT32, "int"): Op.LONG,
    (Type.INT32, "long"): Op.LONG,
    (Type.INT64, "long"): Op.LONG,
    (Type.DOUBLE, "double"): Op.DOUBLE,
    (Type.STRING, "string"): Op.STRING,
}

_MICROS = {(Type.DOUBLE, "long"): Op.MICROS}


def _origin(provenance: Any) -> int:
    """Give the place of PUSH; opend.Provenance is written as `Transcoder.encode` has it."""
    fields = {field["name"]: field["type"] for field in provenance["fields"]}
    if tuple(fields) != _PROVENANCE:
        raise ValueError(f"a provenance is written as {_PROVENANCE}")
    return int(fields["origin"]["symbols"].index("PUSH"))


#: The fields of opend.Provenance, in their order.
_PROVENANCE = ("origin", "conn_id", "push_serial", "push_index", "ingest_time")


def _type(field: _Descriptor) -> Type:
    known = _TYPES.get(field.type)
    if known is None or (field.is_repeated and known is not Type.MESSAGE):
        raise ValueError(f"steps cannot read {field.full_name}")
    return known


def _refuse_unseen(message: _Descriptor, seen: set[int]) -> None:
    """A message that no step looks into could be malformed, unnoticed."""
    for slot, field in enumerate(message.fields):
        if field.message_type and slot not in seen:
            raise ValueError(f"no step reads {field.full_name}")


def _refuse_optional(*fields: _Descriptor) -> None:
    """What is read without a look whether it is there must always be there."""
    for field in fields:
        if not field.is_required:
            raise ValueError(f"{field.full_name} is optional")


def _resolved(avro: Any) -> Any:
    """Give a named type itself, where it is only named."""
    return schemas.load(avro) if isinstance(avro, str) and "." in avro else avro


def _name(avro: Any) -> str:
    return str(avro["type"] if isinstance(avro, dict) else avro)


def _slot(message: _Descriptor, name: str) -> int:
    slots = [field.name for field in message.fields]
    if name not in slots:
        raise ValueError(f"{message.full_name} has no field {name}")
    return slots.index(name)


def _place(source: str, levels: dict[str, _Descriptor]) -> Place:
    start, *path = source.split(".")
    if len(path) != 1:
        raise ValueError(f"{source}: steps reach no further than the row and s2c")
    return Place(start == ROW, _slot(levels[start], path[0]))


def _sequence(field: Field | None, levels: dict[str, _Descriptor]) -> Place | None:
    if field is None:
        return None
    place = _place(field.source, levels)
    _refuse_optional(levels[ROW if place.of_row else S2C].fields[place.slot])
    return place


def _push_data_type(
    field: Field | None, levels: dict[str, _Descriptor]
) -> tuple[Place, tuple[str, ...]] | None:
    if field is None or not isinstance(field.conversion, Symbol):
        return None
    return _place(field.source, levels), field.conversion.symbols


def avro_string(text: str) -> bytes:
    """Give a string as Avro writes it."""
    out = BytesIO()
    fastavro.schemaless_writer(out, {"type": "string"}, text)
    return out.getvalue()

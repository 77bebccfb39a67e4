"""What a consumer must read of a push: by the kinds' tables, and without the engine."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from opend_kafka.opend.messages import response_type
from opend_kafka.opend.securities import MARKETS
from opend_kafka.opend.subscriptions import Subtype
from opend_kafka.records.kinds import KINDS
from opend_kafka.records.tables import S2C, Each, Field, Kind, Market, Micros, One, Symbol

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _s2c_name(kind: Kind) -> str:
    descriptor: Any = response_type(kind.proto_id).DESCRIPTOR
    return str(descriptor.fields_by_name["s2c"].message_type.full_name)


_KINDS = {_s2c_name(kind): kind for kind in KINDS}


class Expected(NamedTuple):
    """One record: what it is of, its schema, and its fields but for the provenance."""

    subtype: Subtype
    security: str
    schema: str
    fields: dict[str, Any]


def records_of(s2c: Any) -> Iterator[Expected]:
    """Yield the records that a push must become, in its order."""
    kind = _KINDS[s2c.DESCRIPTOR.full_name]
    for row in getattr(s2c, kind.rows) if kind.rows else (s2c,):
        subtype = kind.subtype.default
        if kind.subtype.source is not None:
            number = _value(Field("", kind.subtype.source), s2c, row)
            subtype = dict(kind.subtype.by_number).get(number, subtype)
        assert subtype is not None
        fields = {field.name: _value(field, s2c, row) for field in kind.fields}
        yield Expected(subtype, f"{fields['market']}.{fields['code']}", kind.schema, fields)


def _value(field: Field, s2c: Any, row: Any) -> Any:
    start, *path, name = field.source.split(".")
    owner = s2c if start == S2C else row
    for parent in path:
        owner = getattr(owner, parent)
    value, conversion = getattr(owner, name), field.conversion
    if isinstance(conversion, Each):
        return [_record(conversion.fields, element) for element in value]
    if not owner.HasField(name):
        return None
    match conversion:
        case One(fields):
            return _record(fields, value)
        case Market():
            return MARKETS[value]
        case Micros():
            return _EPOCH + timedelta(microseconds=round(value * 1_000_000)) if value else None
        case Symbol(symbols):
            return symbols[value] if 0 <= value < len(symbols) else Symbol.UNKNOWN
    return value


def _record(fields: tuple[Field, ...], message: Any) -> dict[str, Any]:
    return {field.name: _value(field, message, message) for field in fields}

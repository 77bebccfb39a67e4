"""The words in which a record kind is declared: tables of Avro field ← OpenD field, conversion.

A table is data. The engine runs it; a faster engine can run the same one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from opend_kafka.opend.subscriptions import Subtype

#: Where a source begins: in the push's s2c, or in the element that the table is about.
S2C = "s2c"
ROW = "row"


class Conversion:
    """How a value on the wire becomes an Avro value; absent stays null."""


@dataclass(frozen=True, slots=True)
class Market(Conversion):
    """QotMarket number → the SDK's name of the market."""


@dataclass(frozen=True, slots=True)
class Micros(Conversion):
    """Seconds since 1970 as a double → timestamp-micros; 0, NaN or past any date → null."""


@dataclass(frozen=True, slots=True)
class Symbol(Conversion):
    """An enum's number → its symbol: `symbols[number]`, `UNKNOWN` past the end."""

    symbols: tuple[str, ...]

    UNKNOWN: ClassVar[str] = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Each(Conversion):
    """A repeated message → an array of records, each made by this table."""

    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class One(Conversion):
    """A message that may be absent → a record made by this table, or null."""

    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """One Avro field and where its value comes from.

    Attributes:
        name: the Avro field.
        source: a dotted path into the push, `s2c.security.code`, or into the element, `row.price`.
        conversion: None where the value is taken as it is.
    """

    name: str
    source: str
    conversion: Conversion | None = None


@dataclass(frozen=True, slots=True)
class SubtypeOf:
    """Which subtype a record belongs to: `default`, or what the number at `source` says.

    A number that `by_number` lacks is `default`: the record itself keeps the number. Without a
    default there is no record: nobody can have subscribed it.
    """

    default: Subtype | None
    source: str | None = None
    by_number: tuple[tuple[int, Subtype], ...] = ()

    @property
    def all(self) -> tuple[Subtype, ...]:
        """Every subtype that it can be."""
        default = () if self.default is None else (self.default,)
        return (*default, *dict(self.by_number).values())


@dataclass(frozen=True, slots=True)
class Moment:
    """Where a push tells when something happened.

    Attributes:
        timestamp: the source of seconds since 1970, a double.
        text: the source of the market's local time, for where `timestamp` says nothing.
    """

    timestamp: str
    text: str


@dataclass(frozen=True, slots=True)
class Kind:
    """A record kind: which push it is made from, and how.

    Attributes:
        proto_id: the push's number.
        schema: the full name of its Avro schema. Its fields are the table's, in the same order,
            and `provenance` last, which the engine adds.
        subtype: the subtype of each record.
        rows: the repeated field of s2c whose elements become a record each; None where the whole
            push is one record, and `row` is s2c itself.
        fields: the table.
        security: where the Qot_Common.Security is that the record is about.
        event_time: when what the record tells happened: the latest of these moments; empty where
            OpenD tells none.
    """

    proto_id: int
    schema: str
    subtype: SubtypeOf
    rows: str | None
    fields: tuple[Field, ...]
    security: str = "s2c.security"
    event_time: tuple[Moment, ...] = ()


def symbols(*names: str) -> Symbol:
    """Give the conversion of an enum whose numbers count up from 0, which is UNKNOWN."""
    return Symbol((Symbol.UNKNOWN, *names))

"""What OpenD may put into a push, and what a consumer reads: both without the engine."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

import fastavro
from hypothesis import strategies as st

from opend_kafka.records.engine import Provenance

T = TypeVar("T")

_AVRO = Path(__file__).parents[2] / "avro"

INT32 = st.integers(-(2**31), 2**31 - 1)
INT64 = st.integers(-(2**63), 2**63 - 1)
DOUBLE = st.floats()
TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
MARKET = st.sampled_from(
    [(1, "HK"), (2, "HK_FUTURE"), (11, "US"), (21, "SH"), (91, "CC"), (0, "0"), (111, "111")]
)
PROVENANCE = st.builds(
    Provenance,
    st.integers(0, 2**64 - 1),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**53),
    st.sampled_from(["PUSH", "REPAIR"]),
)


def maybe(values: st.SearchStrategy[T]) -> st.SearchStrategy[T | None]:
    """Give values of an optional field: None leaves it out."""
    return st.none() | values


def present(**fields: Any) -> dict[str, Any]:
    """Give the fields that are there."""
    return {name: value for name, value in fields.items() if value is not None}


def raw_schema(name: str) -> dict[str, Any]:
    """Give the JSON of a schema's file."""
    return dict(json.loads((_AVRO / f"{name}.avsc").read_text(encoding="utf-8")))


def symbol(enum: str, number: int | None) -> str | None:
    """Give an enum's symbol of a number, by the order in its schema's file."""
    if number is None:
        return None
    symbols = raw_schema(enum)["symbols"]
    return str(symbols[number]) if 0 <= number < len(symbols) else "UNKNOWN"


@cache
def _plain(name: str) -> Any:
    """Give a schema whose times are plain longs: no date is too far for those."""
    whole = fastavro.schema.load_schema(str(_AVRO / f"{name}.avsc"))
    return fastavro.parse_schema(_without_times(whole))


def _without_times(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {
            key: _without_times(value)
            for key, value in schema.items()
            if key != "logicalType" and key[:2] != "__"
        }
    if isinstance(schema, list):
        return [_without_times(part) for part in schema]
    return schema


def read(name: str, data: bytes) -> dict[str, Any]:
    """Read one record with fastavro, times as numbers; nothing may be left over."""
    source = BytesIO(data)
    record: Any = fastavro.schemaless_reader(source, _plain(name), None)
    assert source.read() == b""
    return dict(record)


def provenance_record(provenance: Provenance, push_index: int) -> dict[str, Any]:
    """Give what a consumer must read of a provenance."""
    return {
        "origin": provenance.origin,
        "conn_id": int.from_bytes(provenance.conn_id.to_bytes(8, "big"), "big", signed=True),
        "push_serial": provenance.push_serial,
        "push_index": push_index,
        "ingest_time": provenance.ingest_time_us,
    }


class Time:
    """Equal to the microseconds that seconds from OpenD must become."""

    def __init__(self, seconds: float | None) -> None:
        """Take what was on the wire."""
        self.seconds = seconds

    def __eq__(self, other: object) -> bool:
        """Judge a value that was read."""
        if self.seconds is None or not math.isfinite(self.seconds) or self.seconds == 0:
            return other is None
        exact = Fraction(self.seconds) * 1_000_000
        if not isinstance(other, int):
            return abs(self.seconds) > 200_000_000_000  # beyond the year 6000, null will do
        return abs(other - exact) <= max(Fraction(3, 4), abs(exact) / 2**51)

    def __repr__(self) -> str:
        """Say what is expected."""
        return f"Time({self.seconds})"


class Double:
    """Equal to the same double, NaN and the sign of zero too."""

    def __init__(self, value: float | None) -> None:
        """Take what was on the wire."""
        self.value = value

    def __eq__(self, other: object) -> bool:
        """Judge a value that was read."""
        if self.value is None or not isinstance(other, float):
            return other is self.value
        return other.hex() == self.value.hex()

    def __repr__(self) -> str:
        """Say what is expected."""
        return f"Double({self.value})"


def whole(value: int | str | None) -> int | None:
    """Give an int64 of the vectors' JSON, which has them as strings; absent is null."""
    return None if value is None else int(value)

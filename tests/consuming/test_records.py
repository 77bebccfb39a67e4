"""Records as typed values, held against `avro/`."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from io import BytesIO
from typing import Any

import fastavro
import pytest
from fastavro.utils import generate_many

from opend_kafka import schemas
from opend_kafka.consuming import records
from opend_kafka.consuming.decoding import Decoder, Record
from opend_kafka.consuming.records import TYPES, OrderBook, Ticker, typed
from opend_kafka.errors import RecordUndecodable
from tests.consuming.avro_classes import field_types, record_names, source
from tests.consuming.samples import a_book, a_tick, single_object


@pytest.mark.parametrize("name", record_names())
def test_class_is_what_avro_says(name: str) -> None:
    """Each record has its class: the same fields, types and nulls."""
    cls = TYPES.get(name)
    has = {one.name: one.type for one in fields(cls)} if cls else None  # type: ignore[arg-type]
    assert has == field_types(name), f"in consuming/records.py, write\n\n{source(name)}"


@pytest.mark.parametrize("name", record_names())
def test_any_record_becomes_typed_and_loses_nothing(name: str) -> None:
    """What fastavro draws from a schema stands field by field in its class."""
    for drawn in generate_many(schemas.load(name), 5):
        out = BytesIO()
        fastavro.schemaless_writer(out, schemas.load(name), drawn)
        out.seek(0)
        decoded: Any = fastavro.schemaless_reader(out, schemas.load(name), None)
        assert _plain(typed(Record(name, decoded))) == decoded


def _plain(value: Any) -> Any:
    if type(value) in TYPES.values():
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    return [_plain(one) for one in value] if isinstance(value, tuple) else value


def test_decoded_tick_is_a_ticker() -> None:
    """From bytes to a typed record in two calls."""
    record = Decoder().decode(single_object("opend.Ticker", a_tick(7)))
    tick = Ticker.from_fields(record.fields)
    assert (tick.market, tick.code, tick.sequence, tick.provenance.origin) == (
        "HK", "00700", 7, "PUSH",
    )  # fmt: skip


def test_levels_are_typed_too() -> None:
    """What stands inside a record is typed as well."""
    book = OrderBook.from_fields(a_book())
    assert [level.price for level in book.asks] == [300.4]


def test_records_do_not_change() -> None:
    """A record is a value: it can be shared."""
    tick = Ticker.from_fields(a_tick(7))
    with pytest.raises(FrozenInstanceError):
        tick.price = 1.0  # type: ignore[misc]


def test_field_of_a_later_schema_is_left_out() -> None:
    """A consumer goes on where the worker is newer."""
    assert Ticker.from_fields(a_tick(7, new_field=1)) == Ticker.from_fields(a_tick(7))


def test_field_that_an_earlier_schema_lacks_is_null() -> None:
    """A consumer reads what an older worker wrote."""
    fields = a_tick(7)
    del fields["hp_volume"]
    assert Ticker.from_fields(fields).hp_volume is None


def test_record_without_what_is_never_null_is_refused() -> None:
    """Nothing is made up."""
    with pytest.raises(RecordUndecodable, match=r"no Ticker: .*'sequence'"):
        Ticker.from_fields({name: value for name, value in a_tick(7).items() if name != "sequence"})


def test_record_of_an_unknown_schema_is_refused() -> None:
    """The schema is named."""
    with pytest.raises(RecordUndecodable, match=r"no class for opend\.Novelty"):
        typed(Record("opend.Novelty", {}))


def test_every_class_is_public() -> None:
    """Each is imported by its schema's name."""
    assert all(getattr(records, cls.__name__) is cls for cls in TYPES.values())

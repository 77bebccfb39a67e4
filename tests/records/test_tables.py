"""The words of the tables, and what all tables keep to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from opend_kafka.records.kinds import KINDS
from opend_kafka.records.tables import Each, Field, Kind, One, Symbol, symbols


def test_symbols_count_up_from_unknown() -> None:
    """An enum's first number is UNKNOWN, and the names follow it in their order."""
    assert symbols("BUY", "SELL") == Symbol(("UNKNOWN", "BUY", "SELL"))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.schema)
def test_table_is_a_value(kind: Kind) -> None:
    """A table is data that nothing can change: it can be hashed, inner tables too."""
    assert hash(kind) == hash(kind)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.schema)
def test_table_names_no_field_twice(kind: Kind) -> None:
    """Each field of a record comes from one place."""
    names = [field.name for field in kind.fields]
    assert sorted(names) == sorted(set(names))


def tables_of(fields: tuple[Field, ...]) -> Iterator[tuple[Field, ...]]:
    """Yield a table, and those within it."""
    yield fields
    for field in fields:
        if isinstance(field.conversion, Each | One):
            yield from tables_of(field.conversion.fields)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.schema)
def test_every_symbol_has_its_code_beside_it(kind: Kind) -> None:
    """Each enum's number on the wire is kept in a field of its own, from the same source."""
    for fields in tables_of(kind.fields):
        codes = {field.name: field for field in fields}
        for field in fields:
            if isinstance(field.conversion, Symbol):
                code = codes[f"{field.name}_code"]
                assert (code.source, code.conversion) == (field.source, None)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.schema)
def test_inner_table_names_no_field_twice(kind: Kind) -> None:
    """What holds for a record holds for those within it."""
    for fields in tables_of(kind.fields):
        assert len({field.name for field in fields}) == len(fields)

"""The tables against the schemas, and their symbols against the official SDK's constants."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from opend_kafka import schemas
from opend_kafka.errors import PushEmpty
from opend_kafka.opend.frames import BodyFormat
from opend_kafka.opend.messages import decode_push, response_type
from opend_kafka.opend.securities import MARKETS
from opend_kafka.opend.subscriptions import Subtype
from opend_kafka.records.engine import Provenance, RecordEncoder
from opend_kafka.records.k_line import AU_TYPE, KL_TYPE
from opend_kafka.records.kinds import KINDS, SUBTYPES, schema_of
from opend_kafka.records.order_book import ORDER_BOOK_TYPE
from opend_kafka.records.quote import (
    DARK_STATUS,
    INDEX_OPTION_TYPE,
    OPTION_AREA_TYPE,
    SECURITY_STATUS,
)
from opend_kafka.records.tables import Each, Field, Kind, One, Symbol
from opend_kafka.records.ticker import PUSH_DATA_TYPE, TICKER_DIRECT, TICKER_TYPE
from tests.opend.vectors import VECTORS, Vector
from tests.records.wire import raw_schema

#: Prints the SDK's constants as {class: {constant: number}}, on the last line: importing the SDK
#: prints its log before. A constant's name stands for its text, which AuType has in lower case.
_PRINT_CONSTANTS = """
import json, sys
from futu.common import constant
names = sys.argv[1:]
print()
def numbers(one):
    numbers = one().load_dic()
    return {
        name: numbers[text]
        for name, text in vars(one).items()
        if isinstance(text, str) and text in numbers
    }
print(json.dumps({name: numbers(getattr(constant, name)) for name in names}))
"""

#: The SDK's constant for what it has no other one for: mostly OpenD's Unknown.
_NONE = "NONE"

#: Where NONE says something: as traded, no grey market.
_NONE_MEANS_NONE = {"AuType", "DarkStatus"}

SYMBOLS: dict[str, Symbol] = {
    "PushDataType": PUSH_DATA_TYPE,
    "TickerDirect": TICKER_DIRECT,
    "TickerType": TICKER_TYPE,
    "OrderBookType": ORDER_BOOK_TYPE,
    "AuType": AU_TYPE,
    "KLType": KL_TYPE,
    "DarkStatus": DARK_STATUS,
    "SecurityStatus": SECURITY_STATUS,
    "OptionAreaType": OPTION_AREA_TYPE,
    "IndexOptionType": INDEX_OPTION_TYPE,
}

RECEIVED = Provenance(conn_id=7, push_serial=9, ingest_time_us=1_624_588_440_200_000)

Constants = dict[str, dict[str, int]]


@pytest.fixture(scope="module")
def sdk(tmp_path_factory: pytest.TempPathFactory) -> Constants:
    """The SDK's constants and their numbers, asked of a process of its own.

    Importing the SDK opens a log file below HOME and takes over SIGINT.
    """
    out = subprocess.run(
        [sys.executable, "-c", _PRINT_CONSTANTS, "Market", *SYMBOLS],
        env={**os.environ, "HOME": str(tmp_path_factory.mktemp("home"))},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    constants: Constants = json.loads(out.splitlines()[-1])
    return constants


def by_number(constants: dict[str, int], *, none: bool = False) -> dict[int, str]:
    """Turn the SDK's constants round, without its NONE unless that says something."""
    return {number: name for name, number in constants.items() if none or name != _NONE}


@pytest.mark.parametrize("name", SYMBOLS)
def test_symbols_are_constants_of_sdk(name: str, sdk: Constants) -> None:
    """Each number has the SDK's own constant as its symbol; one that has none is UNKNOWN."""
    known = by_number(sdk[name], none=name in _NONE_MEANS_NONE)
    assert dict(enumerate(SYMBOLS[name].symbols)) == {0: "UNKNOWN", **known}


@pytest.mark.parametrize("name", SYMBOLS)
def test_symbols_are_those_of_schema(name: str) -> None:
    """The schema's symbols are UNKNOWN and the table's, in the table's order."""
    known = [symbol for symbol in SYMBOLS[name].symbols if symbol != "UNKNOWN"]
    assert raw_schema(f"opend.{name}")["symbols"] == ["UNKNOWN", *known]


def test_markets_are_constants_of_sdk(sdk: Constants) -> None:
    """Each market's name is the SDK's own constant for its number."""
    assert by_number(sdk["Market"]) == MARKETS


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.schema)
def test_table_fits_message_and_schema(kind: Kind) -> None:
    """An encoder can be built: every source exists, and the fields are the schema's."""
    assert RecordEncoder(kind).schema_name == kind.schema


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.schema)
def test_kind_is_made_from_a_push(kind: Kind) -> None:
    """Each kind's proto_id is one that OpenD pushes."""
    with pytest.raises(PushEmpty):
        decode_push(kind.proto_id, b"\x08\x00")


def test_no_push_is_of_two_kinds() -> None:
    """A proto_id says which kind a push is."""
    numbers = [kind.proto_id for kind in KINDS]
    assert sorted(numbers) == sorted(set(numbers))


def test_every_schema_of_kinds_is_a_value() -> None:
    """What a kind makes is registered and can be decoded."""
    assert {kind.schema for kind in KINDS} <= set(schemas.VALUES)


def test_subtypes_have_the_schemas_of_their_kinds() -> None:
    """Everything that can be subscribed has a schema; odd-lot books share that of books."""
    assert {subtype: schema_of(subtype) for subtype in SUBTYPES} == {
        Subtype.TICKER: "opend.Ticker",
        Subtype.ORDER_BOOK: "opend.OrderBook",
        Subtype.ORDER_BOOK_ODD: "opend.OrderBook",
        Subtype.QUOTE: "opend.Quote",
        Subtype.RT_DATA: "opend.RtData",
        Subtype.BROKER: "opend.Broker",
        **dict.fromkeys((one for one in Subtype if one.is_k_line), "opend.KLine"),
    }


def test_every_subtype_has_its_kind() -> None:
    """What OpenD pushes can all be subscribed."""
    assert set(SUBTYPES) == set(Subtype)


def inner_tables(fields: tuple[Field, ...], schema: str) -> Iterator[tuple[Any, str]]:
    """Yield the tables within a table, each with the schema that its records have."""
    types = {field["name"]: field["type"] for field in raw_schema(schema)["fields"]}
    for field in fields:
        if isinstance(field.conversion, One | Each):
            type_ = types[field.name]
            inner = type_["items"] if isinstance(field.conversion, Each) else type_[1]
            yield field.conversion.fields, inner
            yield from inner_tables(field.conversion.fields, inner)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.schema)
def test_inner_tables_are_their_schemas(kind: Kind) -> None:
    """A record within a record has the fields of its own schema, in the same order."""
    for fields, schema in inner_tables(kind.fields, kind.schema):
        names = [field["name"] for field in raw_schema(schema)["fields"]]
        assert [field.name for field in fields] == names


PUSHES = [
    (kind, vector)
    for kind in KINDS
    for vector in VECTORS
    if vector.proto_id == kind.proto_id and vector.message["retType"] == 0
]


@pytest.mark.parametrize(("kind", "vector"), PUSHES, ids=[vector.name for _, vector in PUSHES])
def test_json_becomes_the_same_records(kind: Kind, vector: Vector) -> None:
    """A push of the SDK's gives the same bytes, whether it comes as protobuf or as JSON."""
    encoder = RecordEncoder(kind)
    bodies = {
        BodyFormat.PROTOBUF: vector.body,
        BodyFormat.JSON: json.dumps(vector.message).encode(),
    }
    protobuf, from_json = (
        [
            (row.subtype, row.code, encoder.encode(s2c, row, index, RECEIVED))
            for index, row in enumerate(encoder.rows(s2c))
        ]
        for s2c in (decode_push(kind.proto_id, body, form) for form, body in bodies.items())
    )
    assert protobuf == from_json != []


def test_every_kind_has_a_push_of_the_sdk() -> None:
    """No kind is judged by our own messages alone."""
    assert {kind.schema for kind, _ in PUSHES} == {kind.schema for kind in KINDS}


def fields_read(fields: tuple[Field, ...], message: Any) -> Iterator[str]:
    """Yield the fields of a push's messages that a table reads, inner tables' too."""
    for field in fields:
        owner = message
        for name in field.source.split(".")[1:]:
            yield owner.fields_by_name[name].full_name
            owner = owner.fields_by_name[name].message_type
        if isinstance(field.conversion, One | Each):
            yield from fields_read(field.conversion.fields, owner)


def fields_of(message: Any) -> Iterator[str]:
    """Yield all fields of a message, those of its inner messages too."""
    for field in message.fields:
        yield field.full_name
        if field.message_type is not None:
            yield from fields_of(field.message_type)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.schema)
def test_table_drops_nothing_that_opend_sends(kind: Kind) -> None:
    """Every field of a push, at every depth, is read by its table."""
    s2c: Any = response_type(kind.proto_id).DESCRIPTOR.fields_by_name["s2c"].message_type
    row = s2c.fields_by_name[kind.rows].message_type if kind.rows else s2c
    starts = {"s2c": s2c, "row": row}
    read = {f"{s2c.full_name}.{kind.rows}"} if kind.rows else set()
    for field in kind.fields:
        read |= set(fields_read((field,), starts[field.source.split(".")[0]]))
    assert set(fields_of(s2c)) == read

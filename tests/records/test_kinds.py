"""The tables against the schemas, and their symbols against the official SDK's constants."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from opend_kafka import schemas
from opend_kafka.errors import PushEmpty
from opend_kafka.opend.messages import decode_push
from opend_kafka.opend.securities import MARKETS
from opend_kafka.opend.subscriptions import Subtype
from opend_kafka.records.engine import RecordEncoder
from opend_kafka.records.kinds import KINDS, SUBTYPES, schema_of
from opend_kafka.records.order_book import ORDER_BOOK_TYPE
from opend_kafka.records.tables import Kind, Symbol
from opend_kafka.records.ticker import PUSH_DATA_TYPE, TICKER_DIRECT, TICKER_TYPE
from tests.records.wire import raw_schema

#: Prints the SDK's constants as {class: {constant: number}}, on the last line: importing the SDK
#: prints its log before.
_PRINT_CONSTANTS = """
import json, sys
from futu.common import constant
names = sys.argv[1:]
print()
print(json.dumps({name: getattr(constant, name)().load_dic() for name in names}))
"""

#: How the SDK writes the numbers that it has no constant for.
_NOT_APPLICABLE = "N/A"

SYMBOLS: dict[str, Symbol] = {
    "PushDataType": PUSH_DATA_TYPE,
    "TickerDirect": TICKER_DIRECT,
    "TickerType": TICKER_TYPE,
    "OrderBookType": ORDER_BOOK_TYPE,
}

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


def by_number(constants: dict[str, int]) -> dict[int, str]:
    """Turn the SDK's constants round, without its N/A."""
    return {number: name for name, number in constants.items() if name != _NOT_APPLICABLE}


@pytest.mark.parametrize("name", SYMBOLS)
def test_symbols_are_constants_of_sdk(name: str, sdk: Constants) -> None:
    """Each number has the SDK's own constant as its symbol; one that has none is UNKNOWN."""
    assert dict(enumerate(SYMBOLS[name].symbols)) == {0: "UNKNOWN", **by_number(sdk[name])}


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
    }

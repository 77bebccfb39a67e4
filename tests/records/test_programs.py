"""Tables resolved for the compiled engine: those that it cannot run are refused when it is made."""

from __future__ import annotations

from dataclasses import replace

import pytest

from opend_kafka.opend.messages import ProtoId
from opend_kafka.records.kinds import KINDS
from opend_kafka.records.order_book import ORDER_BOOK
from opend_kafka.records.programs import Op, program
from opend_kafka.records.tables import Field, Kind, Micros
from opend_kafka.records.ticker import TICKER


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.schema)
def test_every_kind_has_a_program(kind: Kind) -> None:
    """A step writes each field of the table, in its order."""
    assert len(program(kind).blocks[0].steps) == len(kind.fields)


def test_levels_of_a_book_have_steps_of_their_own() -> None:
    """An array's step names the block of its records."""
    blocks = program(ORDER_BOOK).blocks
    each = [step for step in blocks[0].steps if step.op is Op.EACH]
    assert [len(blocks[step.block].steps) for step in each] == [5, 5]


@pytest.mark.parametrize(
    ("field", "why"),
    [
        (Field("code", "row.price"), r"DOUBLE.*string"),
        (Field("code", "s2c.security.code", Micros()), "Micros"),
        (Field("code", "row.nowhere"), "has no field nowhere"),
        (Field("title", "s2c.security.code"), "is not its schema"),
    ],
)
def test_table_that_steps_cannot_run_is_refused(field: Field, why: str) -> None:
    """What has no step is an error when the program is made, never a wrong record."""
    market, _, *rest = TICKER.fields
    with pytest.raises((ValueError, KeyError), match=why):
        program(replace(TICKER, fields=(market, field, *rest)))


def test_sequence_that_may_be_absent_is_refused() -> None:
    """The compiled engine reads a sequence without a look whether it is there."""
    fields = tuple(
        Field("sequence", "row.type") if field.name == "sequence" else field
        for field in TICKER.fields
    )
    with pytest.raises(ValueError, match=r"Ticker\.type is optional"):
        program(replace(TICKER, fields=fields))


def test_program_knows_the_push_it_is_for() -> None:
    """The Response is the first message, and its retType and s2c are named."""
    made = program(TICKER)
    numbers = [made.messages[0][slot].number for slot in (made.ret_type, made.s2c)]
    assert (TICKER.proto_id, numbers) == (ProtoId.QOT_UPDATE_TICKER, [1, 4])

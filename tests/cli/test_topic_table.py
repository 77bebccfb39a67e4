"""How differences of topics look."""

from __future__ import annotations

import pytest
from rich.console import Console

from opend_kafka.cli.topic_table import as_json, lines_of, stands, table_of
from opend_kafka.kafka.topic_plan import Change, Failures, Step

GROW = Change("opend.a", "partitions", "1", "2", Step.ADD_PARTITIONS, "keys move")
ALTER = Change("opend.a", "retention.ms", "1", "2", Step.ALTER)
LEAVE = Change("opend.b", "partitions", "3", "2", Step.BY_HAND, "it cannot shrink")
REFUSED: Failures = {("opend.a", Step.ALTER): "not allowed: grant ALTER_CONFIGS"}


def _row(change: Change, failures: Failures, *, applied: bool) -> str:
    console = Console(width=120, no_color=True)
    with console.capture() as capture:
        console.print(table_of([change], failures, applied=applied))
    (row,) = [line for line in capture.get().splitlines() if change.topic in line]
    return " ".join(row.split())


def _lines(planned: list[Change], failures: Failures, *, applied: bool) -> list[str]:
    return [str(line) for line in lines_of(2, planned, failures, applied=applied)]


@pytest.mark.parametrize(
    ("change", "failures", "applied", "row"),
    [
        (ALTER, {}, False, "opend.a retention.ms - 1 + 2 alter"),
        (ALTER, {}, True, "opend.a retention.ms - 1 + 2 done"),
        (ALTER, REFUSED, False, "opend.a retention.ms - 1 + 2 refused"),
        (ALTER, REFUSED, True, "opend.a retention.ms - 1 + 2 failed"),
        (LEAVE, {}, True, "opend.b partitions - 3 + 2 by hand"),
    ],
)
def test_row_says_without_colour_what_is_and_what_should_be(
    change: Change, failures: Failures, applied: bool, row: str
) -> None:
    """- is what stands, + is what is wanted; the last word is what becomes of it."""
    assert _row(change, failures, applied=applied) == row


def test_notes_are_told_once() -> None:
    """What goes for many topics is one line, with the first of them."""
    other = Change("opend.c", "partitions", "1", "2", Step.ADD_PARTITIONS, "keys move")
    first, *_ = _lines([GROW, other], {}, applied=False)
    assert first == "partitions of opend.a and 1 more: keys move"


def test_reason_of_a_refusal_is_told() -> None:
    """Who reads the report knows which permission is missing."""
    first, *_ = _lines([ALTER], REFUSED, applied=True)
    assert first == "alter opend.a: not allowed: grant ALTER_CONFIGS"


def test_same_reason_of_many_topics_is_told_once() -> None:
    """A permission that is missing everywhere is one line."""
    refused: Failures = {
        (topic, Step.ALTER): f"not allowed: grant ALTER_CONFIGS on topic {topic}"
        for topic in ("opend.a", "opend.b", "opend.c")
    }
    first, *_ = _lines([ALTER], refused, applied=True)
    assert first == "alter opend.a and 2 more: not allowed: grant ALTER_CONFIGS on topic opend.a"


@pytest.mark.parametrize(
    ("planned", "failures", "applied", "last"),
    [
        ([], {}, False, "All 2 topics are as the configuration wants them."),
        ([GROW], {}, False, "1 difference in 2 topics; --apply mends 1."),
        ([GROW, LEAVE], {}, False, "2 differences in 2 topics; --apply mends 1."),
        ([LEAVE], {}, False, "1 difference in 2 topics."),
        ([ALTER, GROW], REFUSED, False, "2 differences in 2 topics; --apply mends 1."),
        ([GROW], {}, True, "1 difference mended; 2 topics stand as wanted."),
        ([GROW, LEAVE], {}, True, "1 difference left of 2."),
        ([ALTER], REFUSED, True, "1 difference left of 1."),
    ],
)
def test_last_line_says_it_all(
    planned: list[Change], failures: Failures, applied: bool, last: str
) -> None:
    """One sentence has the numbers."""
    assert _lines(planned, failures, applied=applied)[-1] == last


@pytest.mark.parametrize(
    ("planned", "failures", "applied", "left"),
    [
        ([], {}, False, False),
        ([GROW], {}, False, True),
        ([GROW], {}, True, False),
        ([LEAVE], {}, True, True),
        ([ALTER], REFUSED, True, True),
    ],
)
def test_differences_stand_until_they_are_mended(
    planned: list[Change], failures: Failures, applied: bool, left: bool
) -> None:
    """What was not applied, failed, or is work for hands stands."""
    assert stands(planned, failures, applied=applied) == left


def test_json_has_the_result_and_the_reason() -> None:
    """A program reads what people read."""
    report = as_json(2, [ALTER], REFUSED, applied=True)
    (row,) = report["differences"]
    assert (row["result"], row["refused"]) == ("failed", "not allowed: grant ALTER_CONFIGS")

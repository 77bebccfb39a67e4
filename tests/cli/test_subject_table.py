"""How schemas and subjects look."""

from __future__ import annotations

import pytest
from rich.console import Console
from rich.table import Table

from opend_kafka import schemas
from opend_kafka.cli.subject_table import lines_of, list_of, table_of
from opend_kafka.kafka.subjects import LEVEL, Standing, SubjectReport

SETTLED = SubjectReport("opend.Ticker", "opend.Ticker", Standing.SAME, 7, LEVEL)
WEAK = SubjectReport("opend.Ticker", "opend.Ticker", Standing.SAME, 7)
MISSING = SubjectReport("a-key", "opend.SecurityKey", Standing.MISSING)
AT_ODDS = SubjectReport(
    "a-value", "opend.Ticker", Standing.INCOMPATIBLE, None, LEVEL, ("incompatible with version 3",)
)


def _rows(table: Table) -> list[str]:
    console = Console(width=200, no_color=True)
    with console.capture() as capture:
        console.print(table)
    return [" ".join(line.split()) for line in capture.get().splitlines()]


@pytest.mark.parametrize(
    ("report", "row"),
    [
        (SETTLED, "opend.Ticker opend.Ticker same 7 BACKWARD_TRANSITIVE"),
        (WEAK, "opend.Ticker opend.Ticker same 7 the registry's"),
        (MISSING, "a-key opend.SecurityKey missing – the registry's"),
        (AT_ODDS, "a-value opend.Ticker INCOMPATIBLE – BACKWARD_TRANSITIVE"),
    ],
)
def test_row_says_without_colour_how_a_subject_stands(report: SubjectReport, row: str) -> None:
    """Each subject has its schema, its standing, its id and its level."""
    assert row in _rows(table_of([report]))


def test_cause_is_told_with_its_subject() -> None:
    """What is incompatible is named with the registry's words."""
    first, *_ = lines_of([AT_ODDS])
    assert str(first) == "a-value: opend.Ticker is incompatible with version 3"


@pytest.mark.parametrize(
    ("reports", "last"),
    [
        ([SETTLED], f"All 1 subjects are registered and keep to {LEVEL}."),
        (
            [SETTLED, WEAK, MISSING],
            f"Of 3 subjects 2 to be registered or to get {LEVEL}: opend-kafka schemas register.",
        ),
        ([AT_ODDS], "Of 1 subjects 1 incompatible: no record can be written under them."),
    ],
)
def test_last_line_says_it_all(reports: list[SubjectReport], last: str) -> None:
    """One sentence has the numbers, and what to run."""
    assert str(list(lines_of(reports))[-1]) == last


def test_list_has_every_schema_with_its_fingerprint() -> None:
    """What a record is, what its key is, and what both are made of."""
    rows = _rows(list_of([schemas.KEY, "opend.Ticker", "opend.Level"]))
    uses = {"opend.SecurityKey": "key", "opend.Ticker": "value", "opend.Level": "part of others"}
    for name, use in uses.items():
        assert f"{name} {use} {schemas.fingerprint(name).hex()}" in rows

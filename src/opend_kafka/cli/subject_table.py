"""Schemas and subjects for people."""

from __future__ import annotations

from collections.abc import Iterator

from rich import box
from rich.table import Table
from rich.text import Text

from opend_kafka import schemas
from opend_kafka.kafka.subjects import LEVEL, Standing, SubjectReport

_STYLES = {
    Standing.SAME: "green",
    Standing.COMPATIBLE: "yellow",
    Standing.MISSING: "yellow",
    Standing.INCOMPATIBLE: "bold red",
}


def list_of(names: list[str]) -> Table:
    """Give a row for each schema: what it is for, and its fingerprint."""
    table = Table(box=box.SIMPLE, padding=(0, 1, 0, 0))
    for column in ("schema", "is", "fingerprint"):
        table.add_column(column, no_wrap=True)
    for name in sorted(names, key=lambda one: (_use(one) == _PART, one)):
        table.add_row(name, _use(name), schemas.fingerprint(name).hex())
    return table


def table_of(reports: list[SubjectReport]) -> Table:
    """Give a row for each subject."""
    table = Table(box=box.SIMPLE, padding=(0, 1, 0, 0))
    table.add_column("subject", overflow="fold")
    table.add_column("schema", overflow="fold")
    table.add_column("is", no_wrap=True)
    table.add_column("id", justify="right", no_wrap=True)
    table.add_column("level", overflow="fold")
    for one in reports:
        table.add_row(
            Text(one.subject),
            Text(one.schema),
            Text(one.standing, _STYLES[one.standing]),
            "–" if one.schema_id is None else str(one.schema_id),
            Text(one.level or "the registry's"),
        )
    return table


def lines_of(reports: list[SubjectReport]) -> Iterator[Text]:
    """Yield why subjects are incompatible, and the sentence that says it all."""
    for one in reports:
        for cause in one.causes:
            yield Text(f"{one.subject}: {one.schema} is {cause}", "bold red")
    yield _summary(reports)


def _summary(reports: list[SubjectReport]) -> Text:
    left = [one for one in reports if not one.settled]
    if not left:
        return Text(f"All {len(reports)} subjects are registered and keep to {LEVEL}.", "green")
    incompatible = [one for one in left if one.standing is Standing.INCOMPATIBLE]
    to_do = len(left) - len(incompatible)
    parts = []
    if incompatible:
        parts.append(f"{len(incompatible)} incompatible: no record can be written under them")
    if to_do:
        parts.append(f"{to_do} to be registered or to get {LEVEL}: opend-kafka schemas register")
    return Text(f"Of {len(reports)} subjects {'; '.join(parts)}.", "bold")


_PART = "part of others"


def _use(name: str) -> str:
    if name == schemas.KEY:
        return "key"
    return "value" if name in schemas.VALUES else _PART

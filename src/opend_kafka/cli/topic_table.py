"""The differences of topics for people, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from opend_kafka.kafka.topic_plan import Change, Failures, Step

_STYLES = {"done": "green", "failed": "bold red", "refused": "bold red", Step.BY_HAND: "yellow"}


def stands(planned: list[Change], failures: Failures, *, applied: bool) -> bool:
    """Say whether a difference is left."""
    return any(_result(change, failures, applied) != "done" for change in planned)


def table_of(planned: list[Change], failures: Failures, *, applied: bool) -> Table:
    """Give a row for each difference."""
    table = Table(box=box.SIMPLE, padding=(0, 1, 0, 0))
    table.add_column("topic", overflow="fold")
    table.add_column("what", overflow="fold")
    table.add_column("actual", overflow="fold")
    table.add_column("desired", overflow="fold")
    table.add_column("result" if applied else "needs", no_wrap=True)
    for change in planned:
        result = _result(change, failures, applied)
        style = _STYLES.get(result, "")
        table.add_row(
            Text(change.topic),
            Text(change.what),
            Text(f"- {change.actual}", "red"),
            Text(f"+ {change.desired}", "green"),
            Text(result, style),
        )
    return table


def lines_of(
    topics: int, planned: list[Change], failures: Failures, *, applied: bool
) -> Iterator[Text]:
    """Yield what is to be known of the steps, each once, and the sentence that says it all."""
    reasons: dict[tuple[Step, str], list[str]] = {}
    for (topic, step), reason in failures.items():
        # The same words about many topics are told once.
        reasons.setdefault((step, reason.replace(topic, "{topic}")), []).append(topic)
    for (step, reason), names in reasons.items():
        said = reason.replace("{topic}", names[0])
        yield Text(f"{step} {_first_of(names)}: {said}", "bold red")
    notes: dict[tuple[str, str], list[str]] = {}
    for change in planned:
        if change.note:
            notes.setdefault((change.what, change.note), []).append(change.topic)
    for (what, note), names in notes.items():
        yield Text(f"{what} of {_first_of(names)}: {note}", "yellow")
    yield _summary(topics, planned, failures, applied)


def as_json(
    topics: int, planned: list[Change], failures: Failures, *, applied: bool
) -> dict[str, Any]:
    """Give the same as JSON has it."""
    return {
        "topics": topics,
        "applied": applied,
        "differences": [
            {
                "topic": change.topic,
                "what": change.what,
                "actual": change.actual,
                "desired": change.desired,
                "step": change.step,
                "result": _result(change, failures, applied) if applied else None,
                "refused": failures.get((change.topic, change.step)),
                "note": change.note or None,
            }
            for change in planned
        ],
        "stand": stands(planned, failures, applied=applied),
    }


def _result(change: Change, failures: Failures, applied: bool) -> str:
    if (change.topic, change.step) in failures:
        return "failed" if applied else "refused"
    return "done" if applied and change.step is not Step.BY_HAND else str(change.step)


def _summary(topics: int, planned: list[Change], failures: Failures, applied: bool) -> Text:
    if not planned:
        return Text(f"All {topics} topics are as the configuration wants them.", "green")
    left = sum(_result(change, failures, applied) != "done" for change in planned)
    if not left:
        return Text(f"{_number(len(planned))} mended; {topics} topics stand as wanted.", "green")
    if applied:
        return Text(f"{_number(left)} left of {len(planned)}.", "bold red")
    mendable = sum(
        change.step is not Step.BY_HAND and (change.topic, change.step) not in failures
        for change in planned
    )
    how = f"; --apply mends {mendable}" if mendable else ""
    return Text(f"{_number(left)} in {topics} topics{how}.", "bold")


def _first_of(names: list[str]) -> str:
    return names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else "")


def _number(differences: int) -> str:
    return "1 difference" if differences == 1 else f"{differences} differences"

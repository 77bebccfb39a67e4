"""The table of the fault suite, and its place in a page."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import marks
from tests.chaos.scenarios import Scenario
from tests.chaos.stage import Outcome

#: What is between them is generated.
BEGIN, END = "<!-- begin: make chaos -->", "<!-- end: make chaos -->"

_HEADS = (
    "fault",
    "s",
    "ticks/s",
    "sent",
    "delivered",
    "repaired",
    "duplicates",
    "announced missing",
    "**silently missing**",
    "**order violations**",
    "repaired late",
    "worker starts",
    "peak MiB",
    "bound MiB",
)


def table(outcomes: Sequence[tuple[Scenario, Outcome]]) -> str:
    """Give the table in Markdown."""
    rows = [_HEADS, ("---", *["--:"] * (len(_HEADS) - 1))]
    rows += [_row(scenario, outcome) for scenario, outcome in outcomes]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(scenario: Scenario, outcome: Outcome) -> tuple[str, ...]:
    verdict = outcome.verdict
    return (
        f"`{scenario.name}`: {scenario.title}",
        f"{outcome.seconds:.0f}",
        *(
            f"{number:,}"
            for number in (
                round(outcome.rate),
                verdict.sent,
                verdict.delivered,
                verdict.repaired,
                verdict.duplicates,
                verdict.announced_missing,
                verdict.silent,
                verdict.violations,
                verdict.repaired_late,
                outcome.starts,
                outcome.peak_resident_bytes >> 20,
                outcome.resident_bound_bytes >> 20,
            )
        ),
    )


def machine(command: str) -> str:
    """Say what made a table: the command, the day, the machine."""
    models = [
        line.split(":", 1)[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"`{command}`, {datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, "
        f"{os.cpu_count()} × {models[0] if models else platform.machine()}, {memory:.0f} GiB; "
        "simulator, worker, three brokers and registry share it."
    )


def replaced(page: str, content: str) -> str:
    """Give the page with other content between the two marks: see `marks.replaced`."""
    return marks.replaced(page, content, begin=BEGIN, end=END)

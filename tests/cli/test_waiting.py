"""What a command waits for."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from opend_kafka.cli.waiting import Waiting


def _console(*, terminal: bool) -> Console:
    return Console(file=StringIO(), force_terminal=terminal, width=80)


def _written(console: Console) -> str:
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("come", "text"), [((), "waiting for OpenD, Kafka"), (("OpenD",), "waiting for Kafka")]
)
def test_line_names_what_has_not_come_yet(come: tuple[str, ...], text: str) -> None:
    """On a terminal what is still missing shows, and what has come does not."""
    console = _console(terminal=True)
    with Waiting("OpenD", "Kafka", console=console) as waiting:
        for name in come:
            waiting.came(name)
    *_, last = (line for line in _written(console).splitlines() if "waiting" in line)
    assert text in last


def test_line_goes_when_all_has_come() -> None:
    """The last that is written erases the line and shows the cursor."""
    console = _console(terminal=True)
    with Waiting("Kafka", console=console) as waiting:
        waiting.came("Kafka")
    assert _written(console).endswith("\x1b[2K")


@pytest.mark.parametrize("names", [(), ("Kafka",)])
def test_nothing_is_written_where_nobody_looks(names: tuple[str, ...]) -> None:
    """Pipes and files get no line."""
    console = _console(terminal=False)
    with Waiting(*names, console=console):
        pass
    assert _written(console) == ""

"""opend-kafka check: preflight."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from opend_kafka import config as configuration
from opend_kafka import logs
from opend_kafka.cli.options import config_file
from opend_kafka.cli.waiting import Waiting
from opend_kafka.preflight import ASKED, Finding, examine


@click.command(epilog="\b\nExample:\n  opend-kafka check -c config.yaml")
@config_file
def check(config: Path) -> None:
    """Ask OpenD, Kafka and the registry whether the worker could start. It changes nothing."""
    settings = configuration.load(config)
    # What the libraries log while they try is what the findings say better.
    logs.silence()
    findings = [Finding("configuration", True, f"{config}: {len(settings.wanted())} subscriptions")]
    with Waiting(*ASKED) as waiting:
        findings += asyncio.run(examine(settings, waiting.came))
    table = Table(box=box.SIMPLE, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        table.add_row(_mark(finding), finding.subject, Text(finding.text))
    Console().print(table)
    if not all(finding.ok for finding in findings):
        raise SystemExit(1)


def _mark(finding: Finding) -> str:
    if not finding.ok:
        return "[red]failed[/]"
    return "[yellow]warning[/]" if finding.warns else "[green]ok[/]"

"""opend-kafka schemas: the Avro schemas, and how they stand in the registry."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console

from opend_kafka import config as configuration
from opend_kafka import logs
from opend_kafka import schemas as avro
from opend_kafka.cli.options import config_file
from opend_kafka.cli.subject_table import lines_of, list_of, table_of
from opend_kafka.cli.waiting import Waiting
from opend_kafka.kafka.subjects import SubjectReport
from opend_kafka.plan import subjects_of, used_schemas


@click.group(
    epilog="\b\nExample:\n  opend-kafka schemas list\n  opend-kafka schemas show opend.Ticker\n"
    "  opend-kafka schemas check -c config.yaml\n  opend-kafka schemas register -c config.yaml"
)
def schemas() -> None:
    """List and show the Avro schemas; compare and register them in the registry."""


@schemas.command("list", epilog="\b\nExample:\n  opend-kafka schemas list")
def list_schemas() -> None:
    """List all schemas with their CRC-64-AVRO fingerprints, as in single-object encoding."""
    Console().print(list_of(avro.names()))


@schemas.command(epilog="\b\nExample:\n  opend-kafka schemas show opend.Ticker")
@click.argument("name")
def show(name: str) -> None:
    """Print a schema as JSON, with every type in it that it names."""
    if name not in avro.names():
        raise click.BadParameter(f"{name!r} is none of {', '.join(avro.names())}")
    click.echo(json.dumps(json.loads(avro.text(name)), indent=2, ensure_ascii=False))


@schemas.command(epilog="\b\nExample:\n  opend-kafka schemas check -c config.yaml")
@config_file
def check(config: Path) -> None:
    """Compare the configuration's subjects with the registry; change nothing.

    Exit code 1: one is missing, incompatible, or does not keep to BACKWARD_TRANSITIVE.
    """
    _report(config, register=False)


@schemas.command(epilog="\b\nExample:\n  opend-kafka schemas register -c config.yaml")
@config_file
def register(config: Path) -> None:
    """Register what is missing, with BACKWARD_TRANSITIVE as its level.

    Exit code 1: one is incompatible with what stands there.
    """
    _report(config, register=True)


def _report(file: Path, *, register: bool) -> None:
    config = configuration.load(file)
    logs.silence()
    with subjects_of(config) as subjects, Waiting("the schema registry"):
        reports: list[SubjectReport] = subjects.examine(used_schemas(config))
        if register:
            reports = [subjects.register(report) for report in reports]
    console = Console()
    console.print(table_of(reports))
    for line in lines_of(reports):
        console.print(line)
    if not all(report.settled for report in reports):
        raise SystemExit(1)

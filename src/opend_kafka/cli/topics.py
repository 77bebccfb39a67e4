"""opend-kafka topics: the topics as they are against those that the configuration wants."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console

from opend_kafka import config as configuration
from opend_kafka import logs
from opend_kafka.cli.options import config_file, output_format
from opend_kafka.cli.topic_table import as_json, lines_of, stands, table_of
from opend_kafka.cli.waiting import Waiting
from opend_kafka.kafka.topic_plan import apply, await_applied, plan
from opend_kafka.kafka.topics import KafkaTopics
from opend_kafka.plan import topic_specs


@click.command(
    epilog="\b\nExample:\n  opend-kafka topics -c config.yaml\n  opend-kafka topics -c config.yaml "
    "--apply"
)
@config_file
@click.option("--apply", "apply_it", is_flag=True, help="Create, add partitions, alter settings.")
@output_format("A table for people, or one JSON object.")
def topics(config: Path, apply_it: bool, style: str) -> None:
    """Show how the topics differ from what is configured; with --apply, mend them.

    No topic is deleted and no partition is taken away. Exit code 1: differences stand.
    """
    settings = configuration.load(config)
    logs.silence()
    specs = topic_specs(settings)
    admin = KafkaTopics(settings.kafka.bootstrap_servers, settings.kafka.librdkafka)
    with Waiting(f"Kafka at {settings.kafka.bootstrap_servers}"):
        planned = plan(admin, specs)
        failures = apply(admin, specs, planned, dry_run=not apply_it)
        if apply_it:
            await_applied(admin, specs, failures)
    if style == "json":
        report = as_json(len(specs), planned, failures, applied=apply_it)
        click.echo(json.dumps(report, indent=2, ensure_ascii=False))
    else:
        console = Console()
        if planned:
            console.print(table_of(planned, failures, applied=apply_it))
        for line in lines_of(len(specs), planned, failures, applied=apply_it):
            console.print(line)
    if stands(planned, failures, applied=apply_it):
        raise SystemExit(1)

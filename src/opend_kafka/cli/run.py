"""opend-kafka run: the worker."""

from __future__ import annotations

import gc
from pathlib import Path

import click
import structlog

from opend_kafka import config as configuration
from opend_kafka import logs
from opend_kafka.cli.options import config_file
from opend_kafka.cli.stopping import run_until_stopped
from opend_kafka.errors import OpendKafkaError
from opend_kafka.worker import Worker

log = structlog.get_logger()


@click.command(
    epilog="\b\nExample:\n  opend-kafka run -c config.yaml\n  opend-kafka run -c config.yaml "
    "--print-config"
)
@config_file
@click.option("--print-config", is_flag=True, help="Show the values in force, and end.")
def run(config: Path, print_config: bool) -> None:
    """Take OpenD's pushes to Kafka, until SIGTERM or SIGINT; then drain.

    SIGHUP has it read the file's subscriptions anew.
    """
    settings = configuration.load(config)
    if print_config:
        click.echo(configuration.effective(settings), nl=False)
        return
    logs.configure(settings.log.level, settings.log.format)
    worker = Worker(settings)
    gc.collect()
    gc.freeze()  # what stands now stays: the collector need not look at it again and again

    async def reload() -> None:
        try:
            await worker.resubscribe(configuration.load(config))
        except OpendKafkaError as error:
            log.error("reload_refused", cause=str(error))

    run_until_stopped(worker.run, on_hangup=reload)

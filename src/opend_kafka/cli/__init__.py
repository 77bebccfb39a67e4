"""The command, one file a subcommand."""

from __future__ import annotations

import io
import os
import sys

import click

from opend_kafka import __version__
from opend_kafka.cli.audit import audit
from opend_kafka.cli.check import check
from opend_kafka.cli.demo import demo
from opend_kafka.cli.record import record
from opend_kafka.cli.run import run
from opend_kafka.cli.schemas import schemas
from opend_kafka.cli.simulate import simulate
from opend_kafka.cli.tail import tail
from opend_kafka.cli.topics import topics
from opend_kafka.errors import ConfigurationError, OpendKafkaError

#: Set to anything, it shows the traceback of an error that nobody foresaw.
TRACEBACK_VARIABLE = "OPEND_KAFKA_TRACEBACK"


class ReaderGone(Exception):
    """Whoever read our output has gone. No OSError: click would end with 1 at that."""


class _Commands(click.Group):
    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise ReaderGone from None


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="\b\nExample:\n  opend-kafka demo --seconds 30",
)
@click.version_option(__version__, prog_name="opend-kafka")
def cli() -> None:
    """Market-data pushes from Futu/moomoo OpenD, as Avro records in Kafka."""


for command in (demo, run, check, topics, schemas, tail, audit, simulate, record):
    cli.add_command(command)


def main() -> None:
    """Run the command; end with 0 done, 1 failed while running, 2 bad usage or configuration."""
    for stream in (sys.stdout, sys.stderr):
        # A locale without ─ and → is no reason to fail.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        cli.main(prog_name="opend-kafka", standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except ConfigurationError as error:
        _say(error)
        sys.exit(2)
    except OpendKafkaError as error:
        _say(error)
        sys.exit(1)
    except ReaderGone:
        # `opend-kafka tail … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        if os.environ.get(TRACEBACK_VARIABLE):
            raise
        _say(
            f"unexpected {type(error).__name__}: {error}\n"
            f"This is a bug of opend-kafka; {TRACEBACK_VARIABLE}=1 shows where, for a report."
        )
        sys.exit(1)


def _say(message: object) -> None:
    click.echo(f"opend-kafka: {message}", err=True)

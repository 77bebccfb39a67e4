"""opend-kafka record: OpenD's pushes to a file."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.live import Live
from rich.text import Text

from opend_kafka import config as configuration
from opend_kafka import logs
from opend_kafka.cli.options import config_file
from opend_kafka.cli.stopping import run_until_stopped
from opend_kafka.recorder import Recorder

#: A second: how often the line on the terminal is drawn.
_REFRESHES = 4


@click.command(
    epilog="\b\nExample:\n  opend-kafka record -c config.yaml --out monday.rec\n"
    "  opend-kafka simulate --replay monday.rec --speed 10"
)
@config_file
@click.option(
    "--out",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The file to make. What is there already is never written over.",
)
def record(config: Path, out: Path) -> None:
    """Take OpenD's pushes to a file, as they come, until SIGTERM or SIGINT.

    It connects and subscribes as `run` does, and needs no Kafka. `simulate --replay` serves the
    file again. Killed at any moment, it leaves all but the last second.
    """
    settings = configuration.load(config)
    recorder = Recorder(settings, out)
    with _line(recorder):
        logs.configure(settings.log.level, settings.log.format)
        run_until_stopped(recorder.run)
    click.echo(_summary(out, recorder))


@contextmanager
def _line(recorder: Recorder) -> Iterator[None]:
    """Show on a terminal how it goes, below the log."""
    console, begun = Console(stderr=True), time.monotonic()
    if not console.is_terminal:
        yield
        return

    def text() -> Text:
        minutes, seconds = divmod(int(time.monotonic() - begun), 60)
        return Text(
            f"{recorder.phase} · {minutes}:{seconds:02} · {recorder.pushes:,} pushes · "
            f"{recorder.received_bytes / 1e6:,.1f} MB received · Ctrl-C ends it",
            style="dim",
        )

    with Live(console=console, get_renderable=text, refresh_per_second=_REFRESHES, transient=True):
        yield


def _summary(out: Path, recorder: Recorder) -> str:
    frames = f"{recorder.received_bytes:,} bytes of frames"
    return f"{out}: {recorder.pushes:,} pushes, {frames} in {recorder.file_bytes:,} bytes"

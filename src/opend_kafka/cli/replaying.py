"""The part of `simulate` that serves a recording: how it goes, and what it came to."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from errno import EADDRNOTAVAIL
from pathlib import Path
from socket import gaierror

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from opend_kafka import logs
from opend_kafka.cli.stopping import run_until_stopped
from opend_kafka.errors import ConfigurationError, RecordingFailed, system_words
from opend_kafka.recording import notes
from opend_kafka.recording.files import Recording
from opend_kafka.simulator.replay import (
    AS_FAST_AS_IT_GOES,
    Played,
    ReplaySettings,
    serve_recording,
)

#: Seconds between two looks at how far it is.
_LOOK_S = 0.1


class Speed(click.ParamType[float]):
    """A factor above 0, or max."""

    name = "factor"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read it; fail as click does where it is none."""
        if isinstance(value, float):
            return value
        if value == "max":
            return AS_FAST_AS_IT_GOES
        try:
            speed = float(str(value))
        except ValueError:
            speed = 0.0
        if not 0 < speed < AS_FAST_AS_IT_GOES:
            self.fail(f"{value!r} is no speed: a number above 0, such as 0.5 or 10, or max")
        return speed


def replay(path: Path, settings: ReplaySettings) -> None:
    """Serve a recording to its end or the first signal, and say what was played.

    Raises:
        RecordingUnusable: there is none, or nothing in it.
        RecordingFailed: a part of it is damaged, or cannot be read.
        ConfigurationError: the address cannot be listened on.
    """
    played: Played

    async def body(stop: asyncio.Event) -> None:
        nonlocal played
        following: list[asyncio.Task[None]] = []

        def on_begin(begun: Played) -> None:
            following.append(asyncio.create_task(_follow(begun, progress)))

        try:
            with telling_taken_ports(settings.host, settings.port, settings.websocket_port):
                played = await serve_recording(recording, settings, stop, on_begin)
        finally:
            for task in following:
                task.cancel()

    with Recording(path) as recording:
        with _progress() as progress:
            logs.configure()
            run_until_stopped(body)
        _say(path, recording, played)


@contextmanager
def telling_taken_ports(host: str, port: int, websocket_port: int | None) -> Iterator[None]:
    """Say what to do where an address cannot be listened on.

    Raises:
        ConfigurationError: with the system's reason.
    """
    ports = str(port) if websocket_port is None else f"{port} and {websocket_port}"
    try:
        yield
    except OSError as error:
        hint = "choose another --port, or 0 for any free one"
        if isinstance(error, gaierror) or error.errno == EADDRNOTAVAIL:
            hint = "--host must be an address of this machine"
        raise ConfigurationError(
            f"cannot listen on {host}:{ports} ({system_words(error)}); {hint}"
        ) from None


@contextmanager
def _progress() -> Iterator[Progress | None]:
    """Show a bar on a terminal, below the log."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("pushes"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    ) as progress:
        yield progress


async def _follow(played: Played, progress: Progress | None) -> None:
    """Move the bar, until cancelled. The time is the one at which was recorded what is played."""
    if progress is None:
        return
    bar = progress.add_task("", total=played.total)
    while True:
        at = datetime.fromtimestamp(played.at_us // 1_000_000, UTC)
        words = "waiting for subscriptions" if played.waiting else f"{at:%Y-%m-%d %H:%M:%S} UTC"
        progress.update(bar, completed=played.pushes, description=words)
        await asyncio.sleep(_LOOK_S)


def _say(path: Path, recording: Recording, played: Played) -> None:
    outline = recording.outline
    recorded_s = (outline.last_us - outline.first_us) / 1_000_000
    click.echo(
        f"{path}: {played.pushes:,} of {played.total:,} pushes played in {played.seconds:,.1f} s "
        f"({recorded_s:,.1f} s as recorded); {played.taken:,} went to clients"
    )
    if not notes.was_ended(outline.notes):
        click.echo(
            f"{path}: it was not ended in order: the recorder was killed or failed, or still writes"
        )
    for damage in played.damages:
        if damage.unfinished:
            click.echo(f"{path}: {damage}")
    damaged = [str(damage) for damage in played.damages if not damage.unfinished]
    if damaged:
        raise RecordingFailed(path, "; ".join(damaged))

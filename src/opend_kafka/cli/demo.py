"""opend-kafka demo: the whole job in one process."""

from __future__ import annotations

import asyncio

import click
from rich.console import Console

from opend_kafka import logs
from opend_kafka.cli.stopping import run_until_stopped
from opend_kafka.demo.screen import Screen
from opend_kafka.demo.stage import play


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Tell it as click's own output does; rich would exit from inside a task."""
        raise BrokenPipeError


@click.command(epilog="\b\nExample:\n  opend-kafka demo --seconds 30 --rate 2000 --securities 20")
@click.option(
    "--seconds",
    type=click.FloatRange(0, min_open=True),
    help="End after so many. [default: Ctrl-C ends it]",
)
@click.option(
    "--rate",
    default=200.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help="Ticks a second, over all securities.",
)
@click.option(
    "--securities",
    "number",
    default=10,
    show_default=True,
    type=click.IntRange(1, 1000),
    help="How many securities trade.",
)
def demo(seconds: float | None, rate: float, number: int) -> None:
    """Show the whole job with nothing installed: simulated OpenD, worker, Kafka, consumer."""
    logs.configure("warning")
    screen = Screen(_Console(), seconds=seconds)

    async def body(stop: asyncio.Event) -> None:
        with screen:
            board = await play(
                rate=rate, number=number, seconds=seconds, stop=stop, show=screen.show
            )
        screen.summarise(board)

    run_until_stopped(body)

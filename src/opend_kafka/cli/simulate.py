"""opend-kafka simulate: an OpenD stand-in."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import click
from click.core import ParameterSource

from opend_kafka import logs
from opend_kafka.cli.options import Securities
from opend_kafka.cli.replaying import Speed, replay, telling_taken_ports
from opend_kafka.cli.stopping import run_until_stopped
from opend_kafka.errors import ConfigurationError
from opend_kafka.opend.ciphers import read_rsa
from opend_kafka.opend.securities import Security
from opend_kafka.simulator import scenario_file
from opend_kafka.simulator.replay import ReplaySettings
from opend_kafka.simulator.server import SimulatorSettings, serve

#: Options that a recording has no use for.
_OF_MARKETS = ("rate", "securities", "seed", "start", "scenario_path")

DEFAULT_SECURITIES = "HK.00700,HK.09988,HK.03690,US.AAPL,US.TSLA"


@click.command(
    epilog="\b\nExample:\n"
    "  opend-kafka simulate --rate 2000 --securities HK.00700,US.AAPL --seed 7\n"
    "  opend-kafka simulate --replay monday.rec --speed max"
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    default=11111,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="The port to listen on; 0 takes any free one and logs it.",
)
@click.option(
    "--rate",
    default=100.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help="Ticks a second, over all securities.",
)
@click.option(
    "--securities",
    default=DEFAULT_SECURITIES,
    show_default=True,
    type=Securities(),
    help="What trades.",
)
@click.option("--seed", default=1, show_default=True, help="The same seed, the same market.")
@click.option(
    "--start",
    type=click.DateTime(),
    help="When the market begins, in UTC; with it, also times and sequences are the same. "
    "[default: now]",
)
@click.option(
    "--quota",
    default=1000,
    show_default=True,
    type=click.IntRange(0),
    help="Subscriptions that all clients together may have; with --replay, as many as they like.",
)
@click.option(
    "--rsa-private-key-file",
    type=click.Path(path_type=Path),
    help="OpenD's RSA key: InitConnect is encrypted with it, and clients may ask for more.",
)
@click.option(
    "--websocket-port",
    type=click.IntRange(0, 65535),
    help="Serve OpenD's WebSocket relay there as well; 0 takes any free port and logs it.",
)
@click.option("--websocket-key", help="The key that the relay's clients must have.")
@click.option(
    "--scenario",
    "scenario_path",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Faults to come, a YAML file: see docs/scenarios.md.",
)
@click.option(
    "--replay",
    "recording_path",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Serve what `record` has taken, in place of a market, and end: see docs/recording.md.",
)
@click.option(
    "--speed",
    default=1.0,
    show_default=True,
    type=Speed(),
    help="How many times as fast as it was recorded; max: as fast as the clients read.",
)
@click.pass_context
def simulate(
    context: click.Context,
    host: str,
    port: int,
    rate: float,
    securities: tuple[Security, ...],
    seed: int,
    start: datetime | None,
    quota: int,
    rsa_private_key_file: Path | None,
    websocket_port: int | None,
    websocket_key: str | None,
    scenario_path: Path | None,
    recording_path: Path | None,
    speed: float,
) -> None:
    """Stand in for OpenD, with a seeded market or a recording, for the official SDKs too."""
    _refuse_mixtures(context, replaying=recording_path is not None)
    rsa = read_rsa(rsa_private_key_file) if rsa_private_key_file else None
    if recording_path is not None:
        given = quota if _was_given(context, "quota") else None
        settings = ReplaySettings(speed, host, port, given, rsa, websocket_port, websocket_key)
        replay(recording_path, settings)
        return
    logs.configure()
    start_us = int(start.replace(tzinfo=UTC).timestamp() * 1_000_000) if start else None
    scenario = scenario_file.load(scenario_path, securities) if scenario_path else None
    market = SimulatorSettings(
        securities,
        host,
        port,
        rate,
        seed,
        start_us,
        quota,
        rsa,
        scenario,
        websocket_port,
        websocket_key,
    )

    async def body(stop: asyncio.Event) -> None:
        try:
            with telling_taken_ports(host, port, websocket_port):
                await serve(market, stop)
        except ValueError as error:
            raise ConfigurationError(str(error)) from None

    run_until_stopped(body)


def _refuse_mixtures(context: click.Context, *, replaying: bool) -> None:
    """Refuse options of a market with a recording, and the other way round."""
    wrong = _OF_MARKETS if replaying else ("speed",)
    for name in wrong:
        if _was_given(context, name):
            option = f"--{name.removesuffix('_path')}"
            raise click.UsageError(
                f"{option} is of a simulated market, and --replay serves a recording: leave one out"
                if replaying
                else f"{option} goes with --replay"
            )


def _was_given(context: click.Context, name: str) -> bool:
    return context.get_parameter_source(name) is not ParameterSource.DEFAULT

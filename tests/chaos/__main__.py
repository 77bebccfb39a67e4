"""`python -m tests.chaos`: play the scenarios, print the table, and write it where asked."""

from __future__ import annotations

import argparse
import asyncio
import logging
import shutil
import sys
import tempfile
import time
from pathlib import Path

import structlog

from tests.chaos.report import machine, replaced, table
from tests.chaos.scenarios import RATE, SCENARIOS, Scenario
from tests.chaos.stage import Outcome, world
from tests.chaos.supervised import WorkerStuck
from tests.clusters.processes import ServiceFailed


def main() -> int:
    """Play; give 1 where something was not kept."""
    arguments = _arguments()
    chosen = [one for one in SCENARIOS if not arguments.names or one.name in arguments.names]
    # The simulator's log says no more than the scenarios do; the workers have their own.
    quiet = structlog.make_filtering_bound_logger(logging.CRITICAL)
    structlog.configure(wrapper_class=quiet)
    folder = Path(tempfile.mkdtemp(prefix="opend-kafka-chaos-"))
    outcomes: list[tuple[Scenario, Outcome]] = []
    with world(folder) as shared:
        for scenario in chosen:
            _say(f"{scenario.name}: {scenario.title}")
            since = time.monotonic()
            try:
                outcome = asyncio.run(
                    scenario.run(
                        shared, seed=arguments.seed, rate=arguments.rate, quick=arguments.quick
                    )
                )
            except (WorkerStuck, AssertionError, ServiceFailed, TimeoutError) as error:
                _say("\n".join([f"  FAILED: {error!r}", *getattr(error, "__notes__", [])]))
                continue
            outcomes.append((scenario, outcome))
            _tell(outcome, time.monotonic() - since)
    text = table(outcomes)
    sys.stdout.write(f"\n{text}\n")
    whole = len(outcomes) == len(SCENARIOS) and not arguments.quick
    if arguments.write is not None and whole:
        command = f'make chaos ARGS="--seed {arguments.seed}"'
        page = arguments.write.read_text()
        arguments.write.write_text(replaced(page, f"{machine(command)}\n\n{text}"))
    kept = [one for one, outcome in outcomes if outcome.kept]
    if len(kept) == len(chosen):
        shutil.rmtree(folder)
        return 0
    _say(f"NOT KEPT; the workers' logs are in {folder}")
    return 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    names = [one.name for one in SCENARIOS]
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of: {', '.join(names)}")
    parser.add_argument("--seed", type=int, default=1, help="what is drawn is drawn from it")
    parser.add_argument("--rate", type=float, default=RATE, help="ticks a second")
    parser.add_argument("--quick", action="store_true", help="a short form of each")
    parser.add_argument(
        "--write",
        type=Path,
        metavar="FILE",
        help="replace the table in FILE, if all is played in full",
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(names):
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}")
    return arguments


def _tell(outcome: Outcome, seconds: float) -> None:
    exits = ", ".join(f"{count} × {code}" for code, count in sorted(outcome.exits.items()))
    _say(
        f"  {'kept' if outcome.kept else 'NOT KEPT'} after {seconds:.0f} s; "
        f"{outcome.rate:.0f} ticks/s; exit codes: {exits}; log: {outcome.log}"
    )
    for line in outcome.complaints():
        _say(f"  {line}")


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())

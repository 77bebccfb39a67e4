"""`make bench`: measure, print, and write docs/performance.md and the JSON where asked."""

from __future__ import annotations

import argparse
import json
import pstats
import shlex
import sys
import tempfile
from pathlib import Path

from benchmarks import brokers, latency, report, throughput
from benchmarks.load import Shape
from benchmarks.machine import machine
from benchmarks.results import OnBrokers, Results
from benchmarks.stage import Setting

SECTIONS = ("bare", "ours", "sdk", "books", "latency")


def main() -> None:
    """Do what the command line asks."""
    options = _options()
    results = Results(shlex.join(["make", "bench", f"ARGS={shlex.join(sys.argv[1:])}"]), machine())
    folder = Path(tempfile.mkdtemp(prefix="opend-kafka-bench-"))
    for name in options.cluster:
        with brokers.RUNNING[name](folder) as running:
            on = results.clusters[name] = OnBrokers()
            measure(running, on, options, folder)
            print(report.text(name, on), flush=True)
    if options.json:
        options.json.write_text(json.dumps(results.as_json(), indent=2, default=str) + "\n")


def measure(
    running: brokers.Brokers, on: OnBrokers, options: argparse.Namespace, folder: Path
) -> None:
    """Measure what is asked for on one cluster."""
    only, ticks, rounds = options.only, options.ticks, options.rounds
    for topics in options.topics if "ours" in only else ():
        on.ticks[topics] = throughput.measure(
            running,
            Setting(Shape(topics, ticks_a_push=options.ticks_a_push)),
            records=ticks,
            rounds=rounds,
            folder=folder,
            bare="bare" in only,
            profile=_profile(folder, topics) if options.profile else None,
        )
        if options.profile:
            _show(_profile(folder, topics))
    if "sdk" in only:
        on.sdk = throughput.sdk_path(
            running, topics=max(options.topics), records=1_000, rounds=3, folder=folder
        )
    if "books" in only:
        on.books[1] = throughput.measure(
            running,
            Setting(Shape(1, "order-book")),
            records=max(1, ticks // 5),
            rounds=rounds,
            folder=folder,
            bare="bare" in only,
        )
    if "latency" in only:
        on.latency = latency.measure(
            running,
            topics=[20] if options.quick else [1, 20, 100],
            rates=[10_000] if options.quick else [1_000, 10_000, 50_000],
            lingers_ms=[5] if options.quick else [0, 1, 5],
            seconds=3,
            folder=folder,
        )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench ARGS=…")
    parser.add_argument("--quick", action="store_true", help="less of all, in 40 s; no real Kafka")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there")
    parser.add_argument("--only", type=_names, default=SECTIONS, help=f"of {','.join(SECTIONS)}")
    parser.add_argument("--cluster", type=_names, help="of embedded,apache")
    parser.add_argument("--topics", type=_numbers, default=[1, 20], help="such as 1,20")
    parser.add_argument("--ticks", type=int, help="ticks a round")
    parser.add_argument("--ticks-a-push", type=int, default=1)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--profile", action="store_true", help="show where the worker's time goes")
    options = parser.parse_args()
    if unknown := set(options.only) - set(SECTIONS):
        parser.error(f"--only: there is no {', '.join(sorted(unknown))}")
    options.cluster = options.cluster or (
        (brokers.EMBEDDED,) if options.quick else (brokers.EMBEDDED, brokers.APACHE)
    )
    options.ticks = options.ticks or (20_000 if options.quick else 100_000)
    options.rounds = options.rounds or (3 if options.quick else 5)
    return options


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _numbers(text: str) -> list[int]:
    return [int(one) for one in text.split(",")]


def _profile(folder: Path, topics: int) -> Path:
    return folder / f"{topics}-topics.profile"


def _show(profile: Path) -> None:
    print(profile)
    pstats.Stats(str(profile)).sort_stats("tottime").print_stats(35)


if __name__ == "__main__":
    main()

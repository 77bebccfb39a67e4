"""`make bench`: measure, print, and write docs/performance.md and the JSON where asked."""

from __future__ import annotations

import argparse
import json
import os
import pstats
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import brokers, consuming, growth, latency, report, soak, throughput
from benchmarks.children import Child
from benchmarks.load import Shape
from benchmarks.machine import machine
from benchmarks.results import OnBrokers, Results
from benchmarks.stage import Setting, configured
from benchmarks.stages import Cost
from opend_kafka.intake import engine
from opend_kafka.opend.subscriptions import Subtype
from tests.clusters.maven import Unavailable

#: The forms of the hot path that are measured; the plain one is the reference, and the fallback.
ENGINES = (engine(),) if engine() == "plain" else (engine(), "plain")


#: Numbers of topics on a real Kafka: docs/kafka.md says from which on a producer is slow.
_TOPICS = (1, 10, 100, 200, 500, 1000)

#: Seconds that the stages of one form have.
_STAGES_S = 120.0


def main() -> None:
    """Do what the command line asks."""
    options = _options()
    results = Results(_command(), machine())
    with tempfile.TemporaryDirectory(prefix="opend-kafka-bench-") as name:
        for cluster in options.cluster:
            try:
                with brokers.RUNNING[cluster](Path(name)) as running:
                    on = results.clusters[cluster] = OnBrokers()
                    _measure(_Run(running, on, options, Path(name)))
            except Unavailable as reason:
                print(f"left out: {cluster}: {reason}", file=sys.stderr)
    if "consuming" in options.only:
        results.consuming = consuming.measure(options.ticks // 4, options.rounds)
    content = report.text(results)
    print(content)
    if options.json:
        options.json.write_text(json.dumps(results.as_json(), indent=2, default=str) + "\n")
    if options.write and not options.part:
        _write(options.write / "performance.md", content)
        if topics := report.topics(results):
            _write(options.write / "kafka.md", topics)


def _write(page: Path, content: str) -> None:
    page.write_text(report.replaced(page.read_text(), content))


@dataclass(frozen=True, slots=True)
class _Run:
    """A cluster, what was asked for, and where the results go."""

    brokers: brokers.Brokers
    on: OnBrokers
    options: argparse.Namespace
    folder: Path

    @property
    def bare(self) -> bool:
        """Whether the bare loop runs beside ours."""
        return "bare" in self.options.only


def _measure(run: _Run) -> None:
    wanted = [name for name in SECTIONS if name in run.options.only]
    for name in wanted:
        since = time.monotonic()
        SECTIONS[name](run)
        seconds = time.monotonic() - since
        print(f"{run.brokers.name}: {name}: {seconds:.0f} s", file=sys.stderr, flush=True)


def _ours(run: _Run) -> None:
    options = run.options
    for topics in options.topics:
        profile = run.folder / "profile" if options.profile else None
        run.on.ticks[topics] = throughput.measure(
            run.brokers,
            Setting(Shape(topics, ticks_a_push=options.ticks_a_push)),
            records=options.ticks,
            rounds=options.rounds,
            folder=run.folder,
            bare=run.bare,
            profile=profile,
        )
        if profile is not None:
            pstats.Stats(str(profile)).sort_stats("tottime").print_stats(40)


def _sdk(run: _Run) -> None:
    run.on.sdk = throughput.sdk_path(
        run.brokers,
        topics=max(run.options.topics),
        records=200 if run.options.quick else 2_000,
        rounds=run.options.rounds,
        folder=run.folder,
    )


def _books(run: _Run) -> None:
    run.on.books[1] = throughput.measure(
        run.brokers,
        Setting(Shape(1, Subtype.ORDER_BOOK)),
        records=max(1, run.options.ticks // 5),
        rounds=run.options.rounds,
        folder=run.folder,
        bare=run.bare,
    )


def _stages(run: _Run) -> None:
    shapes = {"1 tick a push": Shape(20)}
    if not run.options.quick:
        shapes |= {
            "5 ticks a push": Shape(20, ticks_a_push=5),
            "a 10 × 10 book a push": Shape(1, Subtype.ORDER_BOOK),
        }
    records, rounds = (1_000, 3) if run.options.quick else (3_000, 5)
    wanted = [(ENGINES[0], what) for what in shapes]
    if not run.options.quick:
        wanted += [(form, next(iter(shapes))) for form in ENGINES[1:]]
    for form, what in wanted:
        shape = shapes[what]
        path = configured(run.brokers, Setting(shape), run.folder)
        with Child("stages", str(path), log=run.folder / "stages.log") as child:
            arguments = shape.as_arguments()
            child.tell("run", engine=form, shape=arguments, records=records, rounds=rounds)
            said = child.hear(_STAGES_S)
        costs = {name: Cost(**one) for name, one in said["stages"].items()}
        run.on.stages[f"{form}, {what}"] = costs


def _latency(run: _Run) -> None:
    quick = run.options.quick
    run.on.latency = latency.measure(
        run.brokers,
        topics=[20, 100] if quick else [1, 20, 100],
        rates=[10_000] if quick else [1_000, 10_000, 50_000],
        lingers_ms=[5] if quick else [0, 1, 5],
        seconds=2 if quick else 3,
        folder=run.folder,
    )


def _growth(run: _Run) -> None:
    arguments = {"records": run.options.ticks // 2, "rounds": 3, "folder": run.folder}
    if run.brokers.name == brokers.EMBEDDED:
        run.on.growth = growth.topics(run.brokers, (1, 10, 100, 1000), **arguments)
        # What follows has nothing to do with brokers.
        run.on.growth += growth.others(run.brokers, **arguments)
    else:
        run.on.growth = growth.topics(run.brokers, _TOPICS, **arguments)


def _soak(run: _Run) -> None:
    if run.options.soak:
        run.on.soak = soak.measure(run.brokers, seconds=60 * run.options.soak, folder=run.folder)


SECTIONS: dict[str, Callable[[_Run], None]] = {
    "ours": _ours,
    "sdk": _sdk,
    "books": _books,
    "stages": _stages,
    "latency": _latency,
    "growth": _growth,
    "soak": _soak,
}

#: What belongs to no cluster, or beside a section.
_BESIDE = ("bare", "consuming")

#: What the quick run leaves out.
_LONG = ("growth",)


def _options() -> argparse.Namespace:
    names = (*SECTIONS, *_BESIDE)
    parser = argparse.ArgumentParser(prog="make bench ARGS=…")
    parser.add_argument("--quick", action="store_true", help="less of all; no real Kafka")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there")
    parser.add_argument(
        "--write", type=Path, metavar="DOCS", help="put the tables there, where all is measured"
    )
    parser.add_argument("--only", type=_names, help=f"some of {','.join(names)}")
    parser.add_argument("--cluster", type=_names, help="some of embedded,apache")
    parser.add_argument("--topics", type=_numbers, default=[1, 20], help="such as 1,20")
    parser.add_argument("--ticks", type=int, help="ticks a round")
    parser.add_argument("--ticks-a-push", type=int, default=1)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--profile", action="store_true", help="show where the worker's time goes")
    parser.add_argument("--soak", type=float, default=0, metavar="MINUTES", help="a long run too")
    options = parser.parse_args()
    options.part = options.quick or bool(options.only or options.cluster)
    if options.only is None:
        options.only = tuple(name for name in names if not (options.quick and name in _LONG))
    for name in set(options.only) - set(names):
        parser.error(f"--only: there is no {name}")
    both = tuple(brokers.RUNNING)
    options.cluster = options.cluster or (both[:1] if options.quick else both)
    for name in set(options.cluster) - set(both):
        parser.error(f"--cluster: there is no {name}")
    options.ticks = options.ticks or (20_000 if options.quick else 100_000)
    options.rounds = options.rounds or (3 if options.quick else 5)
    return options


def _command() -> str:
    """Give the command as it was typed."""
    arguments = os.environ.get("BENCH_ARGS", " ".join(sys.argv[1:]))
    return f'make bench ARGS="{arguments}"' if arguments else "make bench"


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _numbers(text: str) -> list[int]:
    return [int(one) for one in text.split(",")]


if __name__ == "__main__":
    main()

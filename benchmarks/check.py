"""`make bench-check`: fail where our ratio to the bare loop has fallen by a quarter.

CPU of both processes, in turns, on the embedded cluster; the median of the rounds. What has fallen
is measured a second time before it fails: the better of the two counts.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from benchmarks import brokers, throughput
from benchmarks.judge import better, fallen
from benchmarks.load import Shape
from benchmarks.stage import Setting

BASELINE = Path(__file__).with_name("baseline.json")

_TOPICS = (1, 20)
_RECORDS = 30_000
_ROUNDS = 5

_Ratios = dict[str, float]


def main() -> None:
    """Measure, and compare; or keep what was measured as what is to be reached."""
    parser = argparse.ArgumentParser(prog="make bench-check")
    parser.add_argument("--write", action="store_true", help=f"write {BASELINE.name}")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="opend-kafka-bench-") as name:
        measured = _measured(Path(name))
        if options.write:
            BASELINE.write_text(json.dumps({"ratio_to_bare_produce": measured}, indent=2) + "\n")
            return
        baseline: _Ratios = json.loads(BASELINE.read_text())["ratio_to_bare_produce"]
        if complaints := fallen(baseline, measured):
            print("once more:", *complaints, sep="\n  ")
            measured = better(measured, _measured(Path(name)))
            complaints = fallen(baseline, measured)
    if complaints:
        print("slower than it was:", *complaints, sep="\n  ")
        sys.exit(1)


def _measured(folder: Path) -> _Ratios:
    ratios = {}
    with brokers.embedded(folder) as running:
        for topics in _TOPICS:
            pair = throughput.measure(
                running, Setting(Shape(topics)), records=_RECORDS, rounds=_ROUNDS, folder=folder
            )
            ratios[str(topics)] = round(pair.ratio, 3)
            print(f"{topics} topics: {pair.ratio:.3f} of the bare loop's ticks/s a core")
    return ratios


if __name__ == "__main__":
    main()

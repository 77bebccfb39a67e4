"""Ours beside the limit: the worker and the bare loop in turns, on the same brokers.

Both take the same number of records, to the same topics, with librdkafka's same properties. Each
is charged with the CPU of its own process, user + system, all its threads, from the first byte sent
to the last acknowledgement. Rounds go ours, bare, bare, ours, …: what the machine does meanwhile
falls on both.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.brokers import Brokers
from benchmarks.children import Child
from benchmarks.load import Shape
from benchmarks.stage import Setting, Stage, configured, standing

#: Before anything is measured: a part of a round, to fill caches and to open connections.
_WARM_UP_PART = 0.25

#: Seconds of a paced feed.
_PACED_S = 3

#: The bare loop repeats so many records of ours.
_BARE_RECORDS = 20_000


@dataclass(slots=True)
class Costs:
    """What records cost, a number a round.

    Attributes:
        cpu_us: µs of CPU a record.
        wall_us: µs by the clock a record: how fast this machine does it, all processes together.
    """

    cpu_us: list[float] = field(default_factory=list)
    wall_us: list[float] = field(default_factory=list)

    def add(self, used: dict[str, Any], records: int) -> None:
        """Take a round; raises AssertionError where records are missing."""
        assert used["delivered"] >= records, f"{used['delivered']} of {records} are delivered"
        self.cpu_us.append(used["cpu_ns"] / 1000 / records)
        self.wall_us.append(used["wall_ns"] / 1000 / records)

    @property
    def a_second(self) -> float:
        """Records a second of one core: of the median."""
        return 1e6 / statistics.median(self.cpu_us)


@dataclass(slots=True)
class Pair:
    """What was measured side by side.

    Attributes:
        ours: the worker's.
        bare: the bare loop's; empty where it was left out.
        rss: the worker's resident memory at the end, bytes.
        paced_cpu: the worker's CPU ÷ the seconds of the feed, where it was also fed at a rate.
    """

    ours: Costs = field(default_factory=Costs)
    bare: Costs = field(default_factory=Costs)
    rss: int = 0
    paced_cpu: float | None = None

    @property
    def ratio(self) -> float:
        """Our records a second of a core ÷ the bare loop's: the median over the rounds."""
        pairs = zip(self.bare.cpu_us, self.ours.cpu_us, strict=True)
        return statistics.median(bare / ours for bare, ours in pairs)


def measure(
    brokers: Brokers,
    setting: Setting,
    *,
    records: int,
    rounds: int,
    folder: Path,
    bare: bool = True,
    profile: Path | None = None,
    pace: int | None = None,
) -> Pair:
    """Measure so many rounds of so many records.

    Args:
        brokers: where to.
        setting: what the worker is set to.
        records: of a round.
        rounds: how many.
        folder: for files.
        bare: whether the bare loop runs beside it.
        profile: where a profile of our first round goes.
        pace: records a second that the worker is fed for some seconds at the end.
    """
    pair = Pair()
    warm_up = max(1, int(records * _WARM_UP_PART))
    paced = [pace * _PACED_S] if pace else []
    with standing(brokers, setting, [warm_up, *[records] * rounds, *paced], folder) as stage:
        stage.blast()
        if bare:
            with Child("bare", str(stage.config_path), log=folder / "bare.log") as child:
                topics = list(dict.fromkeys(stage.topics))
                child.ask("load", topics=topics, records=min(_BARE_RECORDS, warm_up))
                child.ask("run", records=warm_up)
                for number in range(rounds):
                    _round(stage, child, pair, records, number, profile)
        else:
            for number in range(rounds):
                _ours(stage, pair, profile if number == 0 else None)
        if pace:
            used = stage.pace(pace, folder / "sent")
            pair.paced_cpu = used["cpu_ns"] / 1e9 * pace / used["records"]
    return pair


def sdk_path(brokers: Brokers, *, topics: int, records: int, rounds: int, folder: Path) -> Costs:
    """Measure what a user would write instead; a tick a push."""
    costs = Costs()
    path = configured(brokers, Setting(Shape(topics)), folder)
    with Child("sdk_path", str(path), log=folder / "sdk_path.log") as child:
        child.ask("run", topics=topics, records=records // 4)
        for _ in range(rounds):
            costs.add(child.ask("run", topics=topics, records=records), records)
    return costs


def _round(
    stage: Stage, child: Child, pair: Pair, records: int, number: int, profile: Path | None
) -> None:
    def ours() -> None:
        _ours(stage, pair, profile if number == 0 else None)

    def bare() -> None:
        pair.bare.add(child.ask("run", records=records, limit_s=150), records)

    for step in (ours, bare) if number % 2 == 0 else (bare, ours):
        step()


def _ours(stage: Stage, pair: Pair, profile: Path | None) -> None:
    used = stage.blast(profile)
    pair.ours.add(used, used["records"])
    pair.rss = used["rss"]

"""Whether memory stays: 10,000 ticks a second on 100 topics, for minutes."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.brokers import Brokers
from benchmarks.load import Shape
from benchmarks.stage import DELIVERED_S, Setting, standing

RATE = 10_000
TOPICS = 100

#: Seconds between two looks.
_LOOK_S = 1.0

_WARM_UP = 5_000


@dataclass(slots=True)
class Soak:
    """What a long run has shown.

    Attributes:
        seconds: how long it was.
        rss: the worker's resident memory, bytes, second by second.
        cpu_part: its CPU ÷ the clock's time.
        delivered: ticks.
    """

    seconds: float
    rss: list[int] = field(default_factory=list)
    cpu_part: float = 0.0
    delivered: int = 0

    @property
    def grown(self) -> float:
        """Bytes between the medians of the second tenth and of the last one."""
        tenth = max(1, len(self.rss) // 10)
        early, late = self.rss[tenth : 2 * tenth] or self.rss, self.rss[-tenth:]
        return statistics.median(late) - statistics.median(early)


def measure(brokers: Brokers, *, seconds: float, folder: Path) -> Soak:
    """Feed a worker at a rate, and look at it."""
    soak = Soak(seconds)
    with standing(brokers, Setting(Shape(TOPICS)), [_WARM_UP], folder) as stage:
        stage.blast()
        stage.worker.ask("begin")
        records = round(RATE * seconds)
        stage.feeder.tell("stream", rate=RATE, records=records)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(_LOOK_S)
            soak.rss.append(_resident(stage.worker.pid))
        stage.feeder.hear(seconds + DELIVERED_S)
        used = stage.until_delivered(records)
        soak.cpu_part = used["cpu_ns"] / used["wall_ns"]
        soak.delivered = used["delivered"]
    return soak


def _resident(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return int(fields["VmRSS"].split()[0]) * 1024

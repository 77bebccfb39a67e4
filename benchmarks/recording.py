"""What a push costs in a recording: bytes on disk beside its frame, and CPU.

    python -m benchmarks.recording

The market's time passes as fast as the machine goes; blocks are cut by the market's time, as the
recorder cuts them by the clock's.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from opend_kafka.config import Config
from opend_kafka.opend.events import Push
from opend_kafka.opend.frames import HEADER
from opend_kafka.opend.securities import Security
from opend_kafka.opend.subscriptions import Subtype
from opend_kafka.recorder import Recorder
from opend_kafka.recording.files import Recording, RecordingFile
from opend_kafka.recording.spool import BLOCK_S, Spool
from opend_kafka.simulator.market import Market
from opend_kafka.simulator.publisher import Publisher
from opend_kafka.simulator.subscriptions import Feed, Subscriptions

_START_US = 1_700_000_000_000_000
_TRADED = tuple(Security("HK", f"{number:05}") for number in range(1, 21))
_TICKS = (Subtype.TICKER,)
_EVERYTHING = tuple(Subtype)

#: Ticks a second, what is subscribed.
_RUNS = ((20, _TICKS), (500, _TICKS), (5_000, _TICKS), (500, _EVERYTHING))


@dataclass(frozen=True, slots=True)
class Cost:
    """Of all pushes of a run: their frames, the file, and CPU seconds to write and to read it."""

    pushes: int
    frame_bytes: int
    file_bytes: int
    write_s: float
    read_s: float


def _pushes(rate: float, subtypes: tuple[Subtype, ...], count: int) -> Iterator[tuple[int, Push]]:
    """Yield pushes, and when each came: the market's time, in microseconds."""
    market, subscriptions = (
        Market(_TRADED, seed=1, rate=rate, start_us=_START_US),
        Subscriptions(10_000),
    )
    feeds = [Feed(security, subtype.number) for security in _TRADED for subtype in subtypes]
    subscriptions.subscribe(1, feeds)
    subscriptions.start_pushes(1, feeds, [0])
    publisher, serial = Publisher(market, subscriptions), 0
    while serial < count:
        for push in publisher.advance(market.time_of(market.trade_count + 1)):
            serial += 1
            body = push.frame[HEADER.size :]
            yield market.now_us, Push(7, push.proto_id, serial, body)


async def _measure(path: Path, rate: float, subtypes: tuple[Subtype, ...], count: int) -> Cost:
    pushes = list(_pushes(rate, subtypes, count))
    now_us = _START_US
    config = Config.model_validate(
        {"subscriptions": [{"securities": list(map(str, _TRADED)), "subtypes": list(subtypes)}]}
    )
    recorder = Recorder(config, path, now_us=lambda: now_us)
    with RecordingFile(path) as file:
        recorder.spool = spool = Spool(file)
        begun, cut_us = time.process_time(), _START_US
        writing = asyncio.create_task(spool.write())
        for now_us, push in pushes:
            if now_us - cut_us >= BLOCK_S * 1_000_000:
                spool.cut()
                cut_us = now_us
                await asyncio.sleep(0)
            recorder.take(push)
        spool.finish()
        await writing
        write_s, size = time.process_time() - begun, file.size
    begun = time.process_time()
    with Recording(path) as recording:
        read = sum(1 for _ in recording.items())
    assert read == len(pushes)
    frames = sum(HEADER.size + len(push.body) for _, push in pushes)
    return Cost(len(pushes), frames, size, write_s, time.process_time() - begun)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.recording")
    parser.add_argument("--pushes", type=int, default=50_000, help="of each run")
    count = parser.parse_args().pushes
    table = Table("subscribed", "ticks/s", "frame B", "file B", "of it", "write µs", "read µs")
    for rate, subtypes in _RUNS:
        with TemporaryDirectory() as folder:
            cost = asyncio.run(_measure(Path(folder) / "pushes.rec", rate, subtypes, count))
        table.add_row(
            "ticker" if subtypes == _TICKS else "all 21 subtypes",
            f"{rate:,}",
            f"{cost.frame_bytes / cost.pushes:.0f}",
            f"{cost.file_bytes / cost.pushes:.1f}",
            f"{cost.file_bytes / cost.frame_bytes:.0%}",
            f"{cost.write_s / cost.pushes * 1e6:.1f}",
            f"{cost.read_s / cost.pushes * 1e6:.1f}",
        )
    Console().print(table)


if __name__ == "__main__":
    main()

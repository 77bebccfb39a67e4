"""The worker, run as its users run it: `opend-kafka run`, and an ear for the benchmark beside it.

The command line, the configuration, the socket, SHA-1, the event loop and the delivery reports are
the real ones. Added are a task that waits for orders, and, where latencies are asked for, a
`Producer` that notes two times of each record. Orders come as JSON lines, see `_Observer`.
"""

from __future__ import annotations

import asyncio
import cProfile
import sys
import time
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.children import Parent, Said
from benchmarks.times import NotedProducer, Notes
from opend_kafka import cli
from opend_kafka import worker as composition
from opend_kafka.kafka.producer import RecordProducer
from opend_kafka.worker import Worker

#: Seconds between two looks at what has been delivered.
_LOOK_S = 0.005


def main() -> None:
    """Run the worker of the configuration that the command line names."""
    parent = Parent()
    notes = Notes()
    if "--times" in sys.argv:
        NotedProducer.notes = notes
        noting: Any = composition
        noting.RecordProducer = partial(RecordProducer, make=NotedProducer)

    class Observed(Worker):
        async def run(self, stop: asyncio.Event) -> None:
            observing = asyncio.create_task(_Observer(self, parent, notes).run(stop))
            try:
                await super().run(stop)
            finally:
                observing.cancel()

    command: Any = import_module("opend_kafka.cli.run")  # the module: `cli.run` is its command
    command.Worker = Observed
    sys.argv = ["opend-kafka", "run", "-c", sys.argv[1]]
    cli.main()


class _Observer:
    """Does what it is told.

    - `live`: answer once every subscription stands and nothing of the start is left to be asked;
    - `begin`: note the CPU used so far; with `profile`, write a profile there at the end;
    - `end`: answer with what was used since, once so many records more are delivered;
    - `note`: keep the times of the records to come, by topic; `times`: write them.
    """

    def __init__(self, worker: Worker, parent: Parent, notes: Notes) -> None:
        self._worker = worker
        self._parent = parent
        self._notes = notes
        self._begun: tuple[int, int, int] = (0, 0, 0)
        self._profile: tuple[cProfile.Profile, str] | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Obey until there are no orders any more; then stop the worker."""
        arrived = asyncio.Event()
        asyncio.get_running_loop().add_reader(self._parent.fileno(), arrived.set)
        try:
            while True:
                await arrived.wait()
                arrived.clear()
                for order in self._parent.orders():
                    self._parent.say(**await self._obey(order))
        except EOFError:
            asyncio.get_running_loop().remove_reader(self._parent.fileno())
            stop.set()

    async def _obey(self, order: Said) -> dict[str, Any]:
        match order["order"]:
            case "live":
                while self._worker.status.session != "live" or self._worker.is_checking:
                    await asyncio.sleep(_LOOK_S)
                return {}
            case "begin":
                return self._begin(order.get("profile"))
            case "end":
                return await self._end(order["records"], order["limit_s"])
            case "note":
                self._notes.begin(order["places"], order["records"])
                return {}
            case "times":
                self._notes.write(Path(order["file"]))
                return {}
        raise ValueError(order)

    def _begin(self, profile: str | None) -> dict[str, Any]:
        self._begun = self._worker.delivered, time.monotonic_ns(), time.process_time_ns()
        if profile is not None:
            self._profile = cProfile.Profile(), profile
            self._profile[0].enable()
        return {}

    async def _end(self, records: int, limit_s: float) -> dict[str, Any]:
        delivered, begun, cpu = self._begun
        deadline = time.monotonic() + limit_s
        while (now := self._worker.delivered - delivered) < records:
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(_LOOK_S)
        used = {
            "cpu_ns": time.process_time_ns() - cpu,
            "wall_ns": time.monotonic_ns() - begun,
            "delivered": now,
            **_memory(),
        }
        if self._profile is not None:
            profile, path = self._profile
            profile.disable()
            profile.dump_stats(path)
            self._profile = None
        return used


def _memory() -> dict[str, int]:
    """Give resident memory now, and at its peak, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return {
        name: int(fields[field].split()[0]) * 1024
        for name, field in (("rss", "VmRSS"), ("peak_rss", "VmHWM"))
    }


if __name__ == "__main__":
    main()

"""The worker as its users run it: a process of its own, which is started again when it ends."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from contextlib import suppress
from pathlib import Path

from tests.clusters.maven import program

#: Seconds between its end and its next start.
_PAUSE_S = 0.2

#: Seconds between two looks at its memory.
_LOOK_S = 0.1

#: Seconds that a stopping worker has: its own limit and some.
_STOP_S = 60.0

#: Bytes of a line of its log, at most.
_LINE = 1 << 20


class WorkerStuck(Exception):
    """The worker did not do what it should have, in a time that suffices for it."""


class SupervisedWorker:
    """Runs `opend-kafka run` again and again, until it is stopped.

    Args:
        configuration: its file.
        log: where its log goes.
    """

    def __init__(self, configuration: Path, log: Path) -> None:
        self._configuration = configuration
        self._log = log
        self._process: Process | None = None
        self._live = asyncio.Event()
        self._running = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None]
        self.starts = 0
        #: Exit codes; a signal's number below 0.
        self.exits: Counter[int] = Counter()
        self.peak_resident_bytes = 0

    async def __aenter__(self) -> SupervisedWorker:
        """Start it."""
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Kill what is left of it."""
        self._stopping = True
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def until_live(self, limit_s: float) -> None:
        """Wait until the worker of now is live, with a process of its own.

        Raises:
            WorkerStuck: it is not, in so many seconds.
        """
        try:
            async with asyncio.timeout(limit_s):
                await self._live.wait()
        except TimeoutError:
            raise WorkerStuck(f"the worker is not live after {limit_s:.0f} s") from None

    async def send(self, number: signal.Signals) -> None:
        """Send a signal to the worker of now; wait for one where there is none."""
        await self._running.wait()
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    def lost_link(self) -> None:
        """Take note that the worker will have to become live again."""
        self._live.clear()

    async def stop(self) -> int:
        """Ask the worker to drain and end; give its exit code.

        Raises:
            WorkerStuck: it does not end.
        """
        await self._running.wait()
        self._stopping = True
        await self.send(signal.SIGTERM)
        try:
            async with asyncio.timeout(_STOP_S):
                await asyncio.shield(self._task)
        except TimeoutError:
            raise WorkerStuck(f"the worker has not ended after {_STOP_S:.0f} s") from None
        assert self._process is not None
        assert self._process.returncode is not None
        return self._process.returncode

    async def _run(self) -> None:
        while not self._stopping:
            await self._run_once()
            await asyncio.sleep(0 if self._stopping else _PAUSE_S)

    async def _run_once(self) -> None:
        # The kernel kills it when this process dies, however that happens.
        command = [program("setpriv"), "--pdeathsig", "KILL", "--"]
        command += [sys.executable, "-m", "opend_kafka", "run", "-c", str(self._configuration)]
        process = await asyncio.create_subprocess_exec(*command, stderr=PIPE, limit=_LINE)
        self._process = process
        self.starts += 1
        self._running.set()
        looking = asyncio.create_task(self._look(process.pid))
        try:
            await self._read(process)
            self.exits[await process.wait()] += 1
        finally:
            looking.cancel()
            self._running.clear()
            self._live.clear()
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _read(self, process: Process) -> None:
        assert process.stderr is not None
        with self._log.open("ab", buffering=0) as log:
            log.write(f"-- worker {self.starts}, process {process.pid}\n".encode())
            async for line in process.stderr:
                log.write(line)
                self._hear(line)

    def _hear(self, line: bytes) -> None:
        with suppress(ValueError):
            said = json.loads(line)
            if said.get("event") == "live":
                self._live.set()
            elif said.get("event") == "link_down":
                self._live.clear()

    async def _look(self, pid: int) -> None:
        while True:
            with suppress(OSError, ValueError):
                lines = Path(f"/proc/{pid}/status").read_text().splitlines()
                fields = dict(line.split(":", 1) for line in lines)
                if fields["Name"].strip() != "setpriv" and "VmHWM" in fields:
                    peak = int(fields["VmHWM"].split()[0]) * 1024
                    self.peak_resident_bytes = max(self.peak_resident_bytes, peak)
            await asyncio.sleep(_LOOK_S)

"""`opend-kafka` in a process of its own, as people and containers run it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from typing import Any

#: Seconds after which a command hangs.
PATIENCE_S = 40.0

_COMMAND = [sys.executable, "-m", "opend_kafka"]


def _environment(changes: dict[str, str]) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", ""),
        "COLUMNS": "200",
        "PYTHONUNBUFFERED": "1",
    } | changes


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, without a terminal."""
    return subprocess.run(
        [*_COMMAND, *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=PATIENCE_S,
        check=False,
        env=_environment(environment),
    )


class Running:
    """A command that runs on; its log is what it has written, to stdout and to stderr."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._lines: Queue[str] = Queue()
        self.log: list[str] = []
        self._reading = threading.Thread(target=self._read)
        self._reading.start()

    def until(self, text: str) -> str:
        """Wait for a line of the log that holds `text`; give the line."""
        try:
            while True:
                self.log.append(self._lines.get(timeout=PATIENCE_S))
                if text in self.log[-1]:
                    return self.log[-1]
                assert self.log[-1], f"it ended without {text!r}:\n{''.join(self.log)}"
        except Empty:
            raise AssertionError(f"no {text!r} in {PATIENCE_S:g} s:\n{''.join(self.log)}") from None

    def event(self, name: str) -> dict[str, Any]:
        """Wait for an event of the log, which is JSON; give its fields."""
        fields: dict[str, Any] = json.loads(self.until(f'"event": "{name}"'))
        return fields

    def until_it_handles(self, number: signal.Signals) -> None:
        """Wait until the process has a handler for a signal, where no line of the log says so."""
        status = Path(f"/proc/{self._process.pid}/status")
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            (caught,) = (
                int(line.split()[1], 16)
                for line in status.read_text().splitlines()
                if line.startswith("SigCgt:")
            )
            # Python itself catches SIGINT from the start, asyncio SIGTERM with it.
            if caught >> (signal.SIGTERM - 1) & 1 and caught >> (number - 1) & 1:
                return
            time.sleep(0.02)
        raise AssertionError(f"no handler for {number.name} in {PATIENCE_S:g} s")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def end(self, *, within_s: float = PATIENCE_S) -> int:
        """Wait for its end; give its exit code. The log is whole then."""
        code = self._process.wait(within_s)
        self._reading.join()
        rest = [self._lines.get() for _ in range(self._lines.qsize())]
        self.log += [line for line in rest if line]
        return code

    def kill(self) -> None:
        """End it at once, whatever it does."""
        if self._process.poll() is None:
            self._process.kill()
        self.end()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as output:
            for line in output:
                self._lines.put(line)
        self._lines.put("")


@contextmanager
def running(*arguments: str, **environment: str) -> Iterator[Running]:
    """Start a command; kill it at the end where it still runs."""
    process = subprocess.Popen(
        [*_COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        env=_environment(environment),
    )
    command = Running(process)
    try:
        yield command
    finally:
        command.kill()


def write_config(
    path: Path, *, bootstrap_servers: str, opend_port: int = 1, prefix: str = "opend"
) -> Path:
    """Write a worker's configuration without a registry, with any admin port; give its path."""
    file = path / "config.yaml"
    file.write_text(
        f"""\
opend:
  port: {opend_port}
  request_timeout_s: 3
  reconnect: {{initial_s: 0.05, max_s: 0.2}}
subscriptions:
  - securities: [HK.00700, US.AAPL]
    subtypes: [ticker, order-book]
kafka:
  bootstrap_servers: {bootstrap_servers}
  topic_prefix: {prefix}
schema_registry: {{url: null}}
admin: {{port: 0}}
"""
    )
    return file


def topics_of(prefix: str) -> list[str]:
    """Give the topics of the configuration that `write_config` writes."""
    return [
        f"{prefix}.events",
        f"{prefix}.dead-letter",
        f"{prefix}.watermark",
        *(
            f"{prefix}.{subtype}.{security}"
            for security in ("HK.00700", "US.AAPL")
            for subtype in ("ticker", "order-book")
        ),
    ]

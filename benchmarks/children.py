"""The processes of the benchmark, and how they speak: a JSON object a line, both ways.

Each part that is measured has a process of its own, so that its CPU is its own.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

#: Seconds that a child has for what it is asked, where no other limit is given.
LIMIT_S = 60.0

#: Seconds that a child has to end when its standard input ends.
_END_S = 40.0

_TAIL_LINES = 25

Said = dict[str, Any]


class ChildFailed(Exception):
    """A child ended or fell silent; str() ends with the tail of its log."""


class Child:
    """A process that runs a module of this package; it ends with this one, or with the block.

    Args:
        module: `feeder` for `benchmarks.feeder`.
        arguments: its command line.
        log: the file for its standard error; what is there already stays.
    """

    def __init__(self, module: str, *arguments: str, log: Path) -> None:
        self.module = module
        self._log = log
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", f"benchmarks.{module}", *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        self._lines = _Lines(_fileno(self._process.stdout))

    def __enter__(self) -> Child:
        """Give it: it runs already."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it."""
        self.close(kill=kind is not None)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def tell(self, order: str, **details: Any) -> None:
        """Give an order."""
        line = json.dumps({"order": order, **details}) + "\n"
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._failure("has gone") from None

    def hear(self, limit_s: float = LIMIT_S) -> Said:
        """Wait for what it says next.

        Raises:
            ChildFailed: it says nothing in so many seconds, or has ended.
        """
        deadline = time.monotonic() + limit_s
        while (said := self._lines.next()) is None:
            if not self._lines.wait(max(0.0, deadline - time.monotonic())):
                raise self._failure(f"says nothing for {limit_s:.0f} s")
            if self._lines.ended:
                raise self._failure("ended")
        return said

    def ask(self, order: str, *, limit_s: float = LIMIT_S, **details: Any) -> Said:
        """Give an order and wait for the answer."""
        self.tell(order, **details)
        return self.hear(limit_s)

    def close(self, *, kill: bool = False) -> None:
        """End it: by the end of its standard input, or by force."""
        if kill:
            self._process.kill()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def _failure(self, what: str) -> ChildFailed:
        lines = self._log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
        return ChildFailed("\n".join([f"benchmarks.{self.module} {what}. Its log ends:", *lines]))


class Parent:
    """The process that started this one. What libraries print goes to the log, not to it."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)
        self._lines = _Lines(0)

    def fileno(self) -> int:
        """Let `select` wait for an order."""
        return 0

    def orders(self) -> list[Said]:
        """Give the orders that have come, without waiting where `fileno` is readable.

        Raises:
            EOFError: there will be none any more.
        """
        self._lines.wait(0)
        found = []
        while (said := self._lines.next()) is not None:
            found.append(said)
        if self._lines.ended and not found:
            raise EOFError
        return found

    def next_order(self) -> Said:
        """Wait for an order.

        Raises:
            EOFError: there will be none any more.
        """
        while (said := self._lines.next()) is None:
            self._lines.wait(None)
            if self._lines.ended:
                raise EOFError
        return said

    def say(self, **details: Any) -> None:
        """Answer."""
        self._out.write(json.dumps(details) + "\n")
        self._out.flush()


class _Lines:
    """JSON objects, a line each, from a file descriptor."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._rest = b""
        self.ended = False

    def wait(self, limit_s: float | None) -> bool:
        """Take what comes; False: nothing has come in time."""
        readable, _, _ = select.select([self._descriptor], [], [], limit_s)
        if not readable:
            return False
        data = os.read(self._descriptor, 1 << 20)
        self.ended = not data
        self._rest += data
        return True

    def next(self) -> Said | None:
        """Give the next one that is there."""
        line, newline, rest = self._rest.partition(b"\n")
        if not newline:
            return None
        self._rest = rest
        said: Said = json.loads(line)
        return said


def _fileno(stream: Any) -> int:
    number: int = stream.fileno()
    return number

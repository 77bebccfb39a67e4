"""The examples in other languages: programs that are started, and judged by what they give."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pytest

from tests.examples.stream import Ticks

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"

#: What `make examples` installs Python's heavy packages in.
VENV = ROOT / ".venv-examples"

HANGS_S = 300

#: Set to 1 where everything that the examples need is said to be there, as in CI.
REQUIRED_VARIABLE = "OPEND_KAFKA_TEST_TOOLS"


def require(program: str | Path, *made: Path) -> str:
    """Give a program's path; where it or what it needs is missing skip, or fail if CI insists."""
    found = shutil.which(program)
    missing = [str(program)] if found is None else [str(one) for one in made if not one.exists()]
    if missing:
        reason = f"no {', '.join(missing)}; make examples installs all but Java, Maven and Node.js"
        if os.environ.get(REQUIRED_VARIABLE) == "1":
            pytest.fail(f"{reason} ({REQUIRED_VARIABLE}=1 forbids skipping)", pytrace=False)
        pytest.skip(reason)
    return str(found)


def run(command: Sequence[str | Path], cwd: Path) -> str:
    """Run a program that ends by itself, in the examples' venv; give its standard output."""
    activated = os.environ | {"PATH": f"{VENV / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    ended = subprocess.run(
        command,
        cwd=cwd,
        env=activated,
        capture_output=True,
        text=True,
        timeout=HANGS_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-4000:]
    return ended.stdout


@contextmanager
def running(command: Sequence[str | Path], cwd: Path, log: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a program that goes on until SIGTERM, and see to it that it obeys."""
    with (
        log.open("w") as errors,
        subprocess.Popen(
            command, cwd=cwd, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as program,
    ):
        hanging = threading.Timer(HANGS_S, program.kill)
        hanging.start()
        try:
            yield program
            if program.poll() is None:
                program.terminate()
            # A Java program that ends in order on SIGTERM says so by 143.
            assert program.wait() in (0, 128 + signal.SIGTERM), log.read_text()[-4000:]
        finally:
            hanging.cancel()
            program.kill()


def printed(command: Sequence[str | Path], cwd: Path, log: Path, wanted: int) -> list[str]:
    """Run a program until it has printed so many lines; give all that it printed."""
    lines: list[str] = []
    with running(command, cwd, log) as program:
        assert program.stdout is not None
        lines += islice(program.stdout, wanted)
        program.terminate()
        lines += program.stdout
        program.wait()
    return lines


def printed_ticks(lines: Sequence[str]) -> Ticks:
    """Give the ticks that a program printed, one a line: security, sequence, price, volume."""
    found: Ticks = {}
    for line in lines:
        security, sequence, price, volume, *_late = line.split()
        found.setdefault(security, []).append((int(sequence), float(price), int(volume)))
    return found

"""Jars for tests: the class path that a pom.xml asks for, resolved by the machine's own Maven."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_BUILD_CLASSPATH = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath"
_ONLINE_LIMIT_S = 900.0
_OFFLINE_LIMIT_S = 120.0
_ANSI_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class Unavailable(Exception):
    """A service cannot run on this machine; str() is a one-line reason, fit for a skip."""


def cache_dir() -> Path:
    """Return the folder, created if need be, for what outlives a test run.

    It is opend-kafka-tests below XDG_CACHE_HOME, or below ~/.cache when that is unset or empty.
    """
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "opend-kafka-tests"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def cache_key(pom: Path) -> str:
    """Return a name for what the pom resolves to: its folder's name and a hash of its content."""
    return f"{pom.parent.name}-{hashlib.sha256(pom.read_bytes()).hexdigest()[:16]}"


def resolve(pom: Path) -> list[Path]:
    """Return the files that the pom's run-time dependencies resolve to, downloading if need be.

    Maven is not started when the answer is cached and its files are still there; otherwise it is
    first asked offline, so that a machine without a network works once the jars are in ~/.m2.
    Of several test processes one asks, and the others wait for its answer.
    Raises Unavailable when Maven is missing or cannot resolve the pom.
    """
    remembered = cache_dir() / f"{cache_key(pom)}.classpath"
    if files := _existing_files(remembered):
        return files
    with _alone():
        return _existing_files(remembered) or _resolve_by_maven(pom, remembered)


def program(name: str) -> str:
    """Return the path of a program on PATH; raises Unavailable when there is none."""
    path = shutil.which(name)
    if path is None:
        raise Unavailable(f"{name} is not on PATH")
    return path


@contextmanager
def _alone() -> Iterator[None]:
    """Keep other test processes waiting: two Mavens at once would harm each other's ~/.m2."""
    with (cache_dir() / "maven.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # freed with the file, also where the process is killed
        yield


def _existing_files(remembered: Path) -> list[Path]:
    if not remembered.exists():
        return []
    files = [Path(entry) for entry in remembered.read_text().split(os.pathsep) if entry]
    return files if all(file.exists() for file in files) else []


def _resolve_by_maven(pom: Path, remembered: Path) -> list[Path]:
    with tempfile.TemporaryDirectory(dir=remembered.parent) as folder:
        answer = Path(folder) / "classpath"
        if _run_maven(pom, answer, offline=True) is not None:
            failure = _run_maven(pom, answer, offline=False)
            if failure is not None:
                raise Unavailable(f"Maven cannot resolve {pom.parent.name}/pom.xml: {failure}")
        # Moved into place whole: another test process may be reading the file.
        os.replace(answer, remembered)
    return _existing_files(remembered)


def _run_maven(pom: Path, answer: Path, *, offline: bool) -> str | None:
    """Write the class path to `answer`; return None, or why it could not be done."""
    command = [program("mvn"), "-B", "-q", *(["-o"] if offline else []), "-f", str(pom)]
    command += [_BUILD_CLASSPATH, "-DincludeScope=runtime", f"-Dmdep.outputFile={answer}"]
    limit_s = _OFFLINE_LIMIT_S if offline else _ONLINE_LIMIT_S
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit_s)
    except subprocess.TimeoutExpired:
        return f"it did not end within {limit_s:.0f} s"
    return None if done.returncode == 0 else _first_error(done.stdout + done.stderr)


def _first_error(output: str) -> str:
    lines = [line for line in _ANSI_COLOUR.sub("", output).splitlines() if line.strip()]
    errors = [line for line in lines if "[ERROR]" in line]
    return (errors or lines or ["it printed nothing"])[0].replace("[ERROR] ", "").strip()

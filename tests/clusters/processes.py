"""Processes of real services in tests: their ports, logs, readiness and certain end. Linux only."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import maven

LOOPBACK = "127.0.0.1"
_POLL_S = 0.02
_STOP_LIMIT_S = 30.0
_TAIL_LINES = 40

# setpriv's --pdeathsig kills a child when the *thread* that started it ends (prctl(2), under
# PR_SET_PDEATHSIG). A service started by a test's own thread must outlive that thread, so all
# are started by this one, which lives as long as the test process.
_LAUNCHER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="service-launcher")


class ServiceFailed(Exception):
    """A service died or did not become ready in time; str() ends with the tail of its log."""


class ReservedPort:
    """A free loopback TCP port that no other program is given by chance until it is released.

    The port is held by a socket that is bound but does not listen. Linux gives such a port to
    nobody who asks for any free port, yet lets a server that asks for it by number bind and
    listen, since both sides set SO_REUSEADDR (Java's server sockets do; socket(7)). So there is
    no bind race, not even while a broker is down between a stop and a start.
    """

    def __init__(self) -> None:
        """Reserve a port; raises OSError when the machine has none left."""
        self._holder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._holder.bind((LOOPBACK, 0))
        self.number: int = self._holder.getsockname()[1]

    @property
    def address(self) -> str:
        """The port with its host, as host:port."""
        return f"{LOOPBACK}:{self.number}"

    def answers(self) -> bool:
        """Return whether a server accepts connections on the port now."""
        try:
            socket.create_connection((LOOPBACK, self.number), timeout=1.0).close()
        except OSError:
            return False
        return True

    def __enter__(self) -> "ReservedPort":
        """Return the port, which is reserved already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Release the port."""
        self._holder.close()


class Service:
    """One running process of a service, in a process group of its own, that writes to a log."""

    def __init__(self, name: str, command: Sequence[str], log: Path) -> None:
        """Start the command; its output is appended to the log.

        The kernel kills the process when the test process dies, however that happens.
        Raises Unavailable without setpriv (util-linux), as `require_support` would have.
        """
        self.name = name
        self._log = log
        self._process = _LAUNCHER.submit(_launch, command, log).result()

    @property
    def pid(self) -> int:
        """The process id, which is also the id of its process group."""
        return self._process.pid

    def stop(self, *, kill: bool = False) -> None:
        """End the process by SIGTERM, or by SIGKILL, and return when it has ended.

        One that ignores SIGTERM for 30 s is killed: a broker that has lost its quorum cannot
        finish its orderly shutdown. Stopping an ended process does nothing.
        """
        self._signal(signal.SIGKILL if kill else signal.SIGTERM)
        try:
            self._process.wait(_STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self._process.wait()

    def is_running(self) -> bool:
        """Return whether the process has not ended yet."""
        return self._process.poll() is None

    def failure(self, what: str) -> ServiceFailed:
        """Return the error that says what went wrong, with the last 40 lines of the log."""
        lines = self._log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
        tail = "\n".join(lines) or "(empty)"
        return ServiceFailed(f"{self.name} {what}. The end of its log:\n{tail}")

    def require_running(self) -> None:
        """Raise ServiceFailed when the process has ended."""
        if not self.is_running():
            raise self.failure(f"ended with exit code {self._process.returncode}")

    def _signal(self, number: signal.Signals) -> None:
        # The group, not the process: a wrapper or helper that it started goes with it.
        if self.is_running():
            os.killpg(self.pid, number)


def await_ready(services: Sequence[Service], is_ready: Callable[[], bool], limit_s: float) -> None:
    """Return once `is_ready` does, polled every 20 ms for at most `limit_s` seconds.

    Raises ServiceFailed at once when one of the services ends, and after the limit otherwise.
    """
    deadline = time.monotonic() + limit_s
    while not is_ready():
        for service in services:
            service.require_running()
        if time.monotonic() > deadline:
            raise services[0].failure(f"was not ready after {limit_s:.0f} s")
        time.sleep(_POLL_S)


def require_support() -> None:
    """Raise Unavailable where services cannot be started: not on Linux, or without setpriv."""
    if sys.platform != "linux":
        raise maven.Unavailable("real services are started on Linux only")
    maven.program("setpriv")


def _launch(command: Sequence[str], log: Path) -> "subprocess.Popen[bytes]":
    # setpriv replaces itself by the command. Popen's preexec_fn could do the same, but Python
    # warns against it in a process with threads, and librdkafka has threads.
    dies_with_us = [maven.program("setpriv"), "--pdeathsig", "KILL", "--"]
    with log.open("ab") as output:
        return subprocess.Popen(
            [*dies_with_us, *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

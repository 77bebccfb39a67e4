"""Processes and ports of test services: none outlives its test, none is taken by chance."""

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from . import processes
from .processes import LOOPBACK, ReservedPort, Service, ServiceFailed, await_ready

_LIMIT_S = 10.0

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("setpriv") is None,
    reason="services start on Linux only, by setpriv (util-linux)",
)

_START_AND_WAIT = """
import sys, pathlib
sys.path.insert(0, sys.argv[1])
import {package}.processes as processes
print(processes.Service("sleeper", ["sleep", "60"], pathlib.Path(sys.argv[2])).pid, flush=True)
sys.stdin.read()
"""


def test_a_service_dies_with_the_test_process(tmp_path: Path) -> None:
    """A service is killed when the process that started it is, so no broker is left behind."""
    clusters = Path(processes.__file__).parent
    script = _START_AND_WAIT.format(package=clusters.name)
    command = [sys.executable, "-c", script, str(clusters.parent), str(tmp_path / "log")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        service_pid = int(starter.stdout.readline())
        _await_command(service_pid, "sleep")
        starter.kill()
    _await_end(service_pid)


def test_a_service_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    """A broker that a test restarts from a thread of its own is still there after the thread."""
    started: list[Service] = []

    def start() -> None:
        started.append(Service("sleeper", ["sleep", "60"], tmp_path / "log"))

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    [service] = started
    # A thread's end reaches its children at once; a dead service would be noticed here.
    with pytest.raises(ServiceFailed, match="not ready after 0 s"):
        await_ready([service], lambda: False, limit_s=0.2)
    service.stop(kill=True)
    assert not service.is_running()


def test_a_service_that_ends_early_is_reported_with_its_log(tmp_path: Path) -> None:
    """Waiting for a service that has died ends at once with its exit code and last words."""
    service = Service("greeter", ["sh", "-c", "echo no luck; exit 3"], tmp_path / "log")
    with pytest.raises(ServiceFailed, match=r"(?s)greeter ended with exit code 3.*no luck"):
        await_ready([service], lambda: False, _LIMIT_S)


def test_a_reserved_port_can_be_listened_on_by_number() -> None:
    """A server that asks for the reserved port gets it, and the port says when it answers."""
    with ReservedPort() as port:
        assert not port.answers()
        with socket.create_server((LOOPBACK, port.number)):
            assert port.answers()


def test_a_reserved_port_is_not_given_to_others() -> None:
    """Programs that ask for any free port are never given a reserved one."""
    with ReservedPort() as reserved:
        others = [ReservedPort() for _ in range(200)]
        numbers = {port.number for port in others}
        for port in others:
            port.__exit__()
    assert reserved.number not in numbers
    assert len(numbers) == len(others)


def _await_command(pid: int, name: str) -> None:
    """Wait until setpriv, which arranges for the death signal, has replaced itself."""
    deadline = time.monotonic() + _LIMIT_S
    while Path(f"/proc/{pid}/comm").read_text().strip() != name:
        assert time.monotonic() < deadline, f"process {pid} is not {name} after {_LIMIT_S:.0f} s"
        time.sleep(0.02)


def _await_end(pid: int) -> None:
    """Wait until a process of another parent is gone."""
    deadline = time.monotonic() + _LIMIT_S
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.02)
    pytest.fail(f"process {pid} still runs after {_LIMIT_S:.0f} s")

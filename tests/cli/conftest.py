"""What the tests of the commands share."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from subprocess import CompletedProcess

import pytest
import structlog

from opend_kafka import cli
from opend_kafka.kafka.topics import TopicSpec
from tests.cli.commands import running, topics_of
from tests.conftest import Cluster

#: Runs a command in this process, to its end.
Invoke = Callable[..., CompletedProcess[str]]


@pytest.fixture
def invoke(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Invoke]:
    """Give a function that runs `main` in this process: quick, and open to monkeypatching."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setenv("COLUMNS", "1000")

    def call(*arguments: str) -> CompletedProcess[str]:
        monkeypatch.setattr(sys, "argv", ["opend-kafka", *arguments])
        code: object = 0
        try:
            cli.main()
        except SystemExit as ending:
            code = ending.code
        out, err = capsys.readouterr()
        return CompletedProcess(arguments, code if isinstance(code, int) else 0, out, err)

    yield call
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def topics(embedded: Cluster, prefix: str) -> list[str]:
    """Give the topics of a configuration with `prefix`: created, and empty."""
    names = topics_of(prefix)
    embedded.topics.create([TopicSpec(name) for name in names])
    return names


class _Http(BaseHTTPRequestHandler):
    """Answers as a web server does, and in silence."""

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its base's
        """Write nothing."""


@pytest.fixture(scope="session")
def http_port() -> Iterator[int]:
    """Give a port where something else answers: a web server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Http) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.05,))
        serving.start()
        yield server.server_port
        server.shutdown()
        serving.join()


@pytest.fixture(scope="session")
def opend_port() -> Iterator[int]:
    """Give the port of an OpenD stand-in: `opend-kafka simulate`."""
    arguments = ("--port", "0", "--securities", "HK.00700,US.AAPL", "--rate", "200")
    with running("simulate", *arguments) as simulator:
        yield simulator.event("simulator_listening")["port"]

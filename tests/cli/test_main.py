"""The command as a whole: help, usage, and how errors end it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import click
import pytest

from opend_kafka import __version__, cli
from opend_kafka.errors import ConfigurationError, KafkaUnreachable
from tests.cli.commands import run
from tests.cli.conftest import Invoke

COMMANDS = sorted(cli.cli.commands)


def _failing(error: Exception) -> click.Command:
    """Give a command that raises."""

    def fail() -> None:
        raise error

    return click.Command("opend-kafka", callback=fail)


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)])
def test_help_shows_an_example(invoke: Invoke, command: list[str]) -> None:
    """Every command's help ends with a line to paste."""
    shown = invoke(*command, "--help")
    assert shown.returncode == 0
    assert " ".join(["  Example:\n    opend-kafka", *command]) in shown.stdout


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)])
def test_help_holds_no_marks_of_click(invoke: Invoke, command: list[str]) -> None:
    r"""No help shows the \b that keeps click from wrapping."""
    assert "\\b" not in invoke(*command, "--help").stdout


def test_help_lists_every_command_in_full(invoke: Invoke) -> None:
    """The list of commands says of each what it does, and cuts none off."""
    shown = invoke("--help").stdout
    assert [name for name in COMMANDS if f"\n  {name} " not in shown] == []
    assert "..." not in shown.partition("Commands:")[2]


def test_no_command_shows_the_usage(invoke: Invoke) -> None:
    """Without a command there is the help, and exit code 2."""
    shown = invoke()
    assert (shown.returncode, "Usage: opend-kafka" in shown.stderr) == (2, True)


def test_unknown_command_is_bad_usage(invoke: Invoke) -> None:
    """A command that does not exist is named, with exit code 2."""
    shown = invoke("frobnicate")
    assert (shown.returncode, "'frobnicate'" in shown.stderr) == (2, True)


def test_unknown_option_is_bad_usage(invoke: Invoke) -> None:
    """An option that does not exist is named, with exit code 2."""
    shown = invoke("demo", "--secnods", "3")
    assert (shown.returncode, "--secnods" in shown.stderr) == (2, True)


def test_version_is_the_packages() -> None:
    """`--version` gives the distribution's version; `python -m opend_kafka` is the command."""
    assert run("--version").stdout == f"opend-kafka, version {__version__}\n"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigurationError("c.yaml:1: opend.prot: unknown key"), 2),
        (KafkaUnreachable("localhost:9092", "timed out"), 1),
    ],
)
def test_known_error_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, invoke: Invoke, error: Exception, code: int
) -> None:
    """An error of ours is its text and its exit code, without a traceback."""
    monkeypatch.setattr(cli, "cli", _failing(error))
    ended = invoke()
    assert (ended.returncode, ended.stderr) == (code, f"opend-kafka: {error}\n")


def test_unexpected_error_is_told_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, invoke: Invoke
) -> None:
    """A bug is owned to, with exit code 1 and the way to its traceback."""
    monkeypatch.setattr(cli, "cli", _failing(RuntimeError("boom")))
    monkeypatch.delenv("OPEND_KAFKA_TRACEBACK", raising=False)
    ended = invoke()
    assert (ended.returncode, ended.stderr) == (
        1,
        "opend-kafka: unexpected RuntimeError: boom\n"
        "This is a bug of opend-kafka; OPEND_KAFKA_TRACEBACK=1 shows where, for a report.\n",
    )


def test_unexpected_error_is_raised_where_asked_for(
    monkeypatch: pytest.MonkeyPatch, invoke: Invoke
) -> None:
    """With OPEND_KAFKA_TRACEBACK=1 Python shows where it was."""
    monkeypatch.setattr(cli, "cli", _failing(RuntimeError("boom")))
    monkeypatch.setenv("OPEND_KAFKA_TRACEBACK", "1")
    with pytest.raises(RuntimeError, match="boom"):
        invoke()


def test_ctrl_c_ends_with_130(monkeypatch: pytest.MonkeyPatch, invoke: Invoke) -> None:
    """An interrupt that no command handles ends as a shell expects, without a traceback."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "cli", click.Command("opend-kafka", callback=interrupt))
    ended = invoke()
    assert (ended.returncode, ended.stderr.strip()) == (130, "")


def _into_a_closed_pipe(*arguments: str) -> tuple[int, str]:
    """Run a command whose reader has gone; give its exit code and its stderr."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "opend_kafka", *arguments],
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(writing)
    return ended.returncode, ended.stderr


def test_closed_pipe_ends_it_quietly() -> None:
    """Where the reader of the output has gone, as with `| head`, it ends with 0, in silence."""
    assert _into_a_closed_pipe("demo", "--seconds", "1") == (0, "")


@pytest.fixture
def finish() -> Callable[[], None]:
    """Give a callback that does nothing."""
    return lambda: None


def test_success_ends_with_0(
    monkeypatch: pytest.MonkeyPatch, invoke: Invoke, finish: Callable[[], None]
) -> None:
    """A command that comes to its end is done."""
    monkeypatch.setattr(cli, "cli", click.Command("opend-kafka", callback=finish))
    assert invoke().returncode == 0

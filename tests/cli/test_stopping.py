"""Signals: the first one stops in good order, the second at once."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from opend_kafka.cli.stopping import run_until_stopped
from opend_kafka.errors import KafkaUnreachable

SIGNALS = [signal.SIGTERM, signal.SIGINT]


@pytest.mark.parametrize("number", SIGNALS)
def test_first_signal_sets_stop(number: signal.Signals) -> None:
    """At the first signal the body is told, and goes to its own end."""
    ended = []

    async def body(stop: asyncio.Event) -> None:
        os.kill(os.getpid(), number)
        await stop.wait()
        await asyncio.sleep(0)
        ended.append("in good order")

    run_until_stopped(body)
    assert ended == ["in good order"]


@pytest.mark.parametrize("number", SIGNALS)
def test_second_signal_abandons_the_body(
    number: signal.Signals, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the second signal a body that takes its time is left, with 130 and what that means."""

    async def body(stop: asyncio.Event) -> None:
        os.kill(os.getpid(), number)
        await stop.wait()
        os.kill(os.getpid(), number)
        await asyncio.Event().wait()

    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with pytest.raises(SystemExit) as ended:
        run_until_stopped(body)
    assert ended.value.code == 130
    assert capsys.readouterr().err.splitlines() == [
        "opend-kafka: stopping; once more to stop at once",
        "opend-kafka: stopped at once; what was not delivered yet may be lost",
    ]


def test_stop_writes_nothing_into_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    """Where stderr is no terminal, it holds JSON lines, and nobody there can press a key."""

    async def body(stop: asyncio.Event) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        await stop.wait()

    run_until_stopped(body)
    assert capsys.readouterr().err == ""


def test_body_that_ends_by_itself_ends_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a signal nothing is said."""

    async def body(stop: asyncio.Event) -> None:
        assert not stop.is_set()

    run_until_stopped(body)
    assert capsys.readouterr() == ("", "")


def test_body_that_fails_raises() -> None:
    """What the body raises comes out as it is."""

    async def body(stop: asyncio.Event) -> None:
        raise KafkaUnreachable("localhost:9092", "refused")

    with pytest.raises(KafkaUnreachable):
        run_until_stopped(body)


def test_body_that_fails_while_it_stops_raises() -> None:
    """A failure on the way down, such as a drain that fails, is not lost."""

    async def body(stop: asyncio.Event) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        await stop.wait()
        raise KafkaUnreachable("localhost:9092", "refused")

    with pytest.raises(KafkaUnreachable):
        run_until_stopped(body)

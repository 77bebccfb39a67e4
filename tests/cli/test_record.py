"""`opend-kafka record`: OpenD's pushes to a file."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from opend_kafka.errors import RecordingUnusable
from opend_kafka.opend.messages import ProtoId, decode_push
from opend_kafka.opend.securities import Security
from opend_kafka.recording import notes
from opend_kafka.recording.files import Recording
from opend_kafka.recording.pushes import RecordedPush
from opend_kafka.simulator import Market, Simulator
from tests.cli.commands import PATIENCE_S, running, write_config
from tests.cli.conftest import Invoke

START_US = 1_700_000_000_000_000
CODES = ("HK.00700", "US.AAPL")


@pytest.fixture
def sent() -> list[int]:
    """The sequence of each tick that the simulator sent."""
    return []


@pytest.fixture
async def simulator(sent: list[int]) -> AsyncIterator[Simulator]:
    """An OpenD whose time the test moves."""
    market = Market([Security.parse(one) for one in CODES], seed=1, rate=500, start_us=START_US)

    def on_sent(conn_id: int, security: Security, ticks: Any) -> None:
        sent.extend(tick.sequence for tick in ticks)

    async with Simulator(market, pace=False, on_sent=on_sent) as simulator:
        yield simulator


def _ticks(path: Path) -> list[int]:
    """Give the sequences of the ticks in a recording that may not be there yet."""
    try:
        with Recording(path) as recording:
            pushes = [item for item in recording.items() if isinstance(item, RecordedPush)]
    except RecordingUnusable:
        return []
    return [
        tick.sequence
        for push in pushes
        if push.proto_id == ProtoId.QOT_UPDATE_TICKER
        for tick in decode_push(push.proto_id, push.body).tickerList
    ]


async def _until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.02)


async def test_record_loses_the_last_second_only_when_it_is_killed(
    simulator: Simulator, sent: list[int], tmp_path: Path
) -> None:
    """What was written stays; of what came right before SIGKILL the file holds a prefix."""
    config = write_config(tmp_path, bootstrap_servers="localhost:1", opend_port=simulator.port)
    out = tmp_path / "pushes.rec"
    with running("record", "-c", str(config), "--out", str(out)) as command:
        await _until(lambda: len(sent) >= 2)
        await simulator.drive(400)
        await _until(lambda: _ticks(out) == sent)
        settled = len(sent)
        await simulator.drive(800)
        command.kill()
    assert _ticks(out) == sent[: len(_ticks(out))]
    assert len(_ticks(out)) >= settled
    with Recording(out) as recording:
        assert not notes.was_ended(recording.outline.notes)


def test_record_ends_with_a_signal(opend_port: int, tmp_path: Path) -> None:
    """At a signal it writes what is left, says what it has, and ends with 0."""
    config = write_config(tmp_path, bootstrap_servers="localhost:1", opend_port=opend_port)
    out = tmp_path / "pushes.rec"
    with running("record", "-c", str(config), "--out", str(out), FORCE_COLOR="1") as command:
        command.until("live ·")
        command.signal(signal.SIGTERM)
        assert command.end() == 0
    with Recording(out) as recording:
        assert notes.was_ended(recording.outline.notes)
        pushes, size = recording.outline.pushes, out.stat().st_size
    summary = command.log[-1]
    assert f"{out}: {pushes:,} pushes, " in summary
    assert f"bytes of frames in {size:,} bytes" in summary


def test_record_writes_over_nothing(invoke: Invoke, tmp_path: Path) -> None:
    """A file that is there ends it with 2, and stays as it is."""
    config = write_config(tmp_path, bootstrap_servers="localhost:1")
    ended = invoke("record", "-c", str(config), "--out", str(config))
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1] == (
        f"opend-kafka: {config}: there is such a file already, and it is not written over; "
        "choose another"
    )


def test_record_needs_a_configuration(invoke: Invoke, tmp_path: Path) -> None:
    """A configuration that cannot be used ends it with 2, and leaves no file behind."""
    out = tmp_path / "pushes.rec"
    ended = invoke("record", "-c", str(tmp_path / "none.yaml"), "--out", str(out))
    assert (ended.returncode, out.exists()) == (2, False)

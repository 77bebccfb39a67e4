"""From OpenD to a file, in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from opend_kafka.config import Config, OpenD
from opend_kafka.errors import ConfigurationError, RecordingFailed, RecordingUnusable
from opend_kafka.opend.events import Push
from opend_kafka.opend.messages import ProtoId, decode_push
from opend_kafka.opend.securities import Security
from opend_kafka.recorder import Recorder
from opend_kafka.recording.files import Recording, RecordingFile
from opend_kafka.recording.pushes import RecordedPush
from opend_kafka.recording.reading import Item, Note
from opend_kafka.simulator import Market, Simulator, faults
from opend_kafka.simulator.relay import Relay
from opend_kafka.transport.connection import Connection

CODES = ("HK.00700", "US.AAPL")
START_US = 1_700_000_000_000_000
PATIENCE_S = 20


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give where the recording is."""
    return tmp_path / "pushes.rec"


@pytest.fixture
def sent() -> list[tuple[int, list[int]]]:
    """The connection and the sequences of each push of ticks that the simulator sent."""
    return []


@pytest.fixture
async def simulator(sent: list[tuple[int, list[int]]]) -> AsyncIterator[Simulator]:
    """An OpenD whose time the test moves."""
    market = Market([Security.parse(code) for code in CODES], seed=1, rate=1_000, start_us=START_US)

    def on_sent(conn_id: int, security: Security, ticks: Any) -> None:
        sent.append((conn_id, [tick.sequence for tick in ticks]))

    async with Simulator(market, pace=False, on_sent=on_sent) as simulator:
        yield simulator


def _config(port: int, **opend: Any) -> Config:
    return Config.model_validate(
        {
            "opend": {"port": port, "reconnect": {"initial_s": 0.01, "max_s": 0.01}} | opend,
            "subscriptions": [{"securities": list(CODES), "subtypes": ["ticker", "order-book"]}],
        }
    )


@asynccontextmanager
async def _recording(recorder: Recorder) -> AsyncIterator[asyncio.Task[None]]:
    """Record while the block runs."""
    stop = asyncio.Event()
    task = asyncio.create_task(recorder.run(stop))
    yield task
    stop.set()
    async with asyncio.timeout(PATIENCE_S):
        await task


async def _until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.002)


def _items(path: Path) -> list[Item]:
    with Recording(path) as recording:
        return list(recording.items())


def _ticks(path: Path) -> list[tuple[int, list[int]]]:
    pushes = [item for item in _items(path) if isinstance(item, RecordedPush)]
    return [
        (push.conn_id, [tick.sequence for tick in decode_push(push.proto_id, push.body).tickerList])
        for push in pushes
        if push.proto_id == ProtoId.QOT_UPDATE_TICKER
    ]


async def test_recorder_takes_what_opend_pushes(
    simulator: Simulator, sent: list[tuple[int, list[int]]], path: Path
) -> None:
    """Every push is in the file, in order; its size and their number are known."""
    recorder = Recorder(_config(simulator.port), path)
    async with _recording(recorder):
        await _until(lambda: recorder.phase == "live")
        await simulator.drive(500)
        await _until(lambda: recorder.pushes >= len(sent) + 4)
    assert _ticks(path) == sent
    pushes = [item for item in _items(path) if isinstance(item, RecordedPush)]
    assert recorder.pushes == len(pushes)
    assert recorder.received_bytes == sum(44 + len(push.body) for push in pushes)
    assert recorder.file_bytes == path.stat().st_size


async def test_recorder_notes_what_it_is_of(simulator: Simulator, path: Path) -> None:
    """The file tells the subscriptions, the link, OpenD's version, the markets, and its end."""
    recorder = Recorder(_config(simulator.port), path)
    async with _recording(recorder):
        await _until(lambda: recorder.phase == "live")
        (conn_id,) = simulator.conn_ids
    notes = [item.values for item in _items(path) if isinstance(item, Note)]
    assert [note["note"] for note in notes] == ["start", "link", "markets", "end"]
    start, link, markets, end = notes
    assert [(one["security"], one["subtype"]) for one in start["subscriptions"]] == [
        (code, subtype) for code in CODES for subtype in ("ticker", "order-book")
    ]
    assert (link["conn_id"], link["server_version"]) == (conn_id, 1011)
    assert markets["states"]["HK"] == 5
    assert end["pushes"] == recorder.pushes


async def test_end_is_noted_behind_the_last_push(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A push that was read already when the recorder is stopped stands before the end."""
    recorder = Recorder(_config(1), path)

    class Keeper:
        async def run(self) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                recorder.take(Push(1, 3999, 1, b"late"))

    monkeypatch.setattr(recorder, "_new_keeper", Keeper)
    async with _recording(recorder):
        await asyncio.sleep(0)
    *_, push, end = _items(path)
    assert isinstance(push, RecordedPush)
    assert isinstance(end, Note)
    assert (push.body, end.values) == (b"late", {"note": "end", "pushes": 1})


async def test_recorder_connects_again(
    simulator: Simulator, sent: list[tuple[int, list[int]]], path: Path
) -> None:
    """A lost link costs what it costs the worker; the next one is noted, and recorded on."""
    recorder = Recorder(_config(simulator.port), path)
    async with _recording(recorder):
        await _until(lambda: recorder.phase == "live")
        first = simulator.conn_ids
        simulator.drop_clients()
        await _until(lambda: simulator.conn_ids not in (first, ()) and recorder.phase == "live")
        await simulator.drive(100)
        await _until(lambda: len(sent) > 100 and recorder.pushes >= len(sent))
    assert [note.values["note"] for note in _items(path) if isinstance(note, Note)] == [
        "start",
        "link",
        "markets",
        "link",
        "end",
    ]
    assert len({conn_id for conn_id, _ in _ticks(path)}) == 2


async def test_recorder_waits_for_opend(path: Path) -> None:
    """Where no OpenD is, it tries again and again, and ends in order all the same."""
    recorder = Recorder(_config(1), path)
    async with _recording(recorder) as task:
        await _until(lambda: recorder.phase == "waiting")
        assert not task.done()
    assert [item.values["note"] for item in _items(path) if isinstance(item, Note)] == [
        "start",
        "end",
    ]


async def test_recorder_keeps_bodies_in_json(simulator: Simulator, path: Path) -> None:
    """What OpenD pushes in JSON is JSON in the file, and is told as such."""
    recorder = Recorder(_config(simulator.port, push_format="json"), path)
    async with _recording(recorder):
        await _until(lambda: recorder.pushes >= 4)
    pushes = [item for item in _items(path) if isinstance(item, RecordedPush)]
    assert {(push.format, push.body[:1]) for push in pushes} == {(1, b"{")}


async def test_recorder_takes_pushes_over_websocket(simulator: Simulator, path: Path) -> None:
    """The transport is the worker's; OpenD's version is not known there."""
    async with Relay("127.0.0.1", simulator.port, key="open") as relay:
        config = _config(relay.port, transport="websocket", websocket={"key": "open"})
        recorder = Recorder(config, path)
        async with _recording(recorder):
            await _until(lambda: recorder.pushes >= 4)
    notes = [item.values for item in _items(path) if isinstance(item, Note)]
    assert [one["server_version"] for one in notes if one["note"] == "link"] == [None]


async def test_recorder_keeps_what_cannot_be_read(simulator: Simulator, path: Path) -> None:
    """A push that is no message is recorded as it came."""
    recorder = Recorder(_config(simulator.port), path)
    async with _recording(recorder):
        await _until(lambda: recorder.phase == "live")
        simulator.inject(faults.BadBody(security=Security("HK", "00700")))
        before = recorder.pushes
        await simulator.drive(50)
        await _until(lambda: recorder.pushes >= before + 50)
    bodies = [item.body for item in _items(path) if isinstance(item, RecordedPush)]
    assert bodies.count(b"\xff" * 32) == 1


async def test_recorder_leaves_no_file_where_it_cannot_begin(
    simulator: Simulator, path: Path, tmp_path: Path
) -> None:
    """What is wrong in the configuration is mended, and the same command works."""
    (tmp_path / "ca.pem").write_text("no certificate")
    ssl = {"key": "open", "ssl": True, "ca_file": str(tmp_path / "ca.pem")}
    config = _config(simulator.port, transport="websocket", websocket=ssl)
    with pytest.raises(ConfigurationError, match=r"opend\.websocket\.ca_file"):
        await Recorder(config, path).run(asyncio.Event())
    assert not path.exists()


async def test_recorder_keeps_what_it_has_where_it_cannot_go_on(
    simulator: Simulator, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A certificate that cannot be used any more, hours later, costs no push that was recorded."""
    recorder = Recorder(_config(simulator.port), path)

    async def unusable(_opend: OpenD) -> Connection:
        raise ConfigurationError("opend.websocket.ca_file cannot be read")

    task = asyncio.create_task(recorder.run(asyncio.Event()))
    await _until(lambda: recorder.pushes >= 4)
    monkeypatch.setattr("opend_kafka.recorder.connect", unusable)
    simulator.drop_clients()
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(ConfigurationError):
            await task
    pushes = [item for item in _items(path) if isinstance(item, RecordedPush)]
    assert len(pushes) == recorder.pushes


async def test_recorder_writes_over_nothing(simulator: Simulator, path: Path) -> None:
    """Where there is such a file, it does not begin."""
    path.touch()
    with pytest.raises(RecordingUnusable):
        await Recorder(_config(simulator.port), path).run(asyncio.Event())


async def test_recorder_ends_where_the_disk_is_full(
    simulator: Simulator, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the disk does not take ends it with the reason, though nobody asked it to stop."""

    def full(file: RecordingFile, block: bytes) -> None:
        raise RecordingFailed(path, "the disk is full")

    monkeypatch.setattr(RecordingFile, "append", full)
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(RecordingFailed, match="the disk is full"):
            await Recorder(_config(simulator.port), path).run(asyncio.Event())

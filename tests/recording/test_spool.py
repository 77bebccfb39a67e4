"""Between the pushes that come and the file."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from opend_kafka.errors import RecordingFailed
from opend_kafka.recording import spool
from opend_kafka.recording.files import Recording, RecordingFile
from opend_kafka.recording.reading import Item, Note, outline
from opend_kafka.recording.spool import BLOCK_BYTES, Spool
from tests.recording.samples import START_US, a_push

PATIENCE_S = 20
PUSHES = [a_push(number) for number in range(4)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give where the recording is."""
    return tmp_path / "pushes.rec"


@pytest.fixture
def file(path: Path) -> Iterator[RecordingFile]:
    """Give a new file."""
    with RecordingFile(path) as file:
        yield file


class SlowFile(RecordingFile):
    """A file on a disk that writes when it is told."""

    def __init__(self, path: Path) -> None:
        """Make the file; nothing can be written yet."""
        super().__init__(path)
        self.may_write = threading.Event()

    def append(self, block: bytes) -> None:
        """Write when it may."""
        assert self.may_write.wait(PATIENCE_S)
        super().append(block)


def _items(path: Path) -> list[Item]:
    with Recording(path) as recording:
        return list(recording.items())


async def test_spool_writes_all_in_order(file: RecordingFile, path: Path) -> None:
    """Pushes and notes are in the file as they came; what was gathered at the end too."""
    spool = Spool(file)
    for push in PUSHES[:2]:
        spool.take(push)
    spool.note({"note": "link"}, START_US)
    for push in PUSHES[2:]:
        spool.take(push)
    spool.finish()
    await spool.write()
    assert _items(path) == [*PUSHES[:2], Note(START_US, {"note": "link"}), *PUSHES[2:]]
    assert spool.waiting == 0


async def test_spool_cuts_in_time(
    file: RecordingFile, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A push is in the file soon, though no other follows."""
    monkeypatch.setattr(spool, "BLOCK_S", 0.01)
    gathering = Spool(file)
    tasks = [asyncio.create_task(one) for one in (gathering.write(), gathering.cut_regularly())]
    gathering.take(PUSHES[0])
    async with asyncio.timeout(PATIENCE_S):
        while gathering.waiting:
            await asyncio.sleep(0.001)
    assert _items(path) == [PUSHES[0]]
    for task in tasks:
        task.cancel()


def test_spool_loses_a_second_at_most() -> None:
    """A block is cut, so that there is time to write it, within the second that is promised."""
    assert spool.BLOCK_S < 1


async def test_spool_cuts_large_blocks(file: RecordingFile, path: Path) -> None:
    """What is enough for a block does not wait for the time."""
    gathering = Spool(file)
    for number in range(3):
        gathering.take(a_push(number, bytes(BLOCK_BYTES // 2)))
    gathering.finish()
    await gathering.write()
    with path.open("rb") as written:
        assert outline(written).pushes == 3
    assert file.size < BLOCK_BYTES // 100


async def test_spool_holds_back_while_the_disk_is_slow(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gate is shut while too much waits, and opens when that is written."""
    monkeypatch.setattr(spool, "WAITING_LIMIT", 100)
    with SlowFile(path) as file:
        gathering = Spool(file)
        await gathering.gate()
        gathering.take(a_push(1, bytes(200)))
        gathering.finish()
        writing = asyncio.create_task(gathering.write())
        passing = asyncio.create_task(gathering.gate())
        await asyncio.sleep(0.05)
        assert not passing.done()
        file.may_write.set()
        async with asyncio.timeout(PATIENCE_S):
            await passing
        await writing


async def test_spool_tells_that_the_disk_is_full(file: RecordingFile) -> None:
    """What the file raises ends the writing."""
    gathering = Spool(file)

    def full(block: bytes) -> None:
        raise RecordingFailed("pushes.rec", "the disk is full")

    file.append = full  # type: ignore[method-assign]
    gathering.take(PUSHES[0])
    gathering.finish()
    with pytest.raises(RecordingFailed, match="the disk is full"):
        await gathering.write()

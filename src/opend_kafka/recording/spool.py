"""Between the pushes that come and the file: blocks are cut in time, and written by a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from opend_kafka.recording.blocks import encode_note
from opend_kafka.recording.files import RecordingFile
from opend_kafka.recording.pushes import ROW_SIZE, RecordedPush, encode_pushes

#: Seconds that a push waits for others, at most: what a SIGKILL costs, but for the writing itself.
BLOCK_S = 0.9

#: Bytes of a block before it is compressed. Larger ones are hardly smaller on disk.
BLOCK_BYTES = 1024 * 1024

#: Bytes that may wait for the disk. Past that OpenD is not read: it holds back, or hangs up.
WAITING_LIMIT = 64 * 1024 * 1024

#: Seconds between two looks whether the disk has caught up.
_LOOK_S = 0.01


class Spool:
    """Gathers pushes to blocks, and has a thread write them: a slow disk stops no one.

    Args:
        file: written on, in order.
    """

    def __init__(self, file: RecordingFile) -> None:
        self._file = file
        self._pushes: list[RecordedPush] = []
        self._gathered = 0
        self._queue: asyncio.Queue[tuple[Callable[[], bytes], int] | None] = asyncio.Queue()
        #: Bytes that are not written yet.
        self.waiting = 0

    def take(self, push: RecordedPush) -> None:
        """Take a push."""
        size = ROW_SIZE + len(push.body)
        self._pushes.append(push)
        self._gathered += size
        self.waiting += size
        if self._gathered >= BLOCK_BYTES:
            self.cut()

    def note(self, values: Mapping[str, Any], at_us: int) -> None:
        """Take a note: behind the pushes that came before it."""
        self.cut()
        self._queue.put_nowait((partial(encode_note, values, at_us), 0))

    def cut(self) -> None:
        """End the block."""
        if self._pushes:
            self._queue.put_nowait((partial(encode_pushes, self._pushes), self._gathered))
            self._pushes, self._gathered = [], 0

    def finish(self) -> None:
        """Take nothing more; `write` ends."""
        self.cut()
        self._queue.put_nowait(None)

    async def gate(self) -> None:
        """Pass at once, or when the disk has caught up."""
        while self.waiting > WAITING_LIMIT:
            await asyncio.sleep(_LOOK_S)

    async def cut_regularly(self) -> None:
        """End blocks in time, until cancelled."""
        while True:
            await asyncio.sleep(BLOCK_S)
            self.cut()

    async def write(self) -> None:
        """Write block after block until `finish`.

        Raises:
            RecordingFailed: the disk does not take them.
        """
        while (block := await self._queue.get()) is not None:
            encode, size = block
            await asyncio.to_thread(lambda: self._file.append(encode()))  # noqa: B023 - awaited
            self.waiting -= size

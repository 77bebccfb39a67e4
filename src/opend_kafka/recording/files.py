"""Recordings on disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from opend_kafka.errors import RecordingFailed, RecordingUnusable, system_words
from opend_kafka.recording.blocks import VERSION
from opend_kafka.recording.reading import Item, outline, read


class RecordingFile:
    """A new file, written block by block; a context manager. Each block is on disk at once."""

    def __init__(self, path: Path) -> None:
        """Make the file.

        Raises:
            RecordingUnusable: there is one already, or none can be made.
        """
        self.path = path
        self.size = 0
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        except FileExistsError:
            raise RecordingUnusable(
                path, "there is such a file already, and it is not written over; choose another"
            ) from None
        except OSError as error:
            raise RecordingUnusable(path, f"cannot be written ({system_words(error)})") from None
        _sync_folder(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._file)

    def append(self, block: bytes) -> None:
        """Write a block, and see it to the disk. A loss of power costs no block before it.

        Raises:
            RecordingFailed: the disk is full, or worse.
        """
        try:
            left = memoryview(block)
            while left:
                left = left[os.write(self._file, left) :]
            os.fsync(self._file)
        except OSError as error:
            raise RecordingFailed(
                self.path,
                f"cannot be written on ({system_words(error)}); what is in it can be replayed",
            ) from None
        self.size += len(block)


class Recording:
    """A file to be read; a context manager.

    `outline` is of its headers; what is damaged among its pushes shows when they are read.
    """

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            RecordingUnusable: there is none, or it is no recording.
        """
        self.path = path
        with ExitStack() as stack:
            try:
                self._file = stack.enter_context(path.open("rb"))
                self.outline = outline(self._file)
            except OSError as error:
                raise RecordingUnusable(path, f"cannot be read ({system_words(error)})") from None
            if not self.outline.notes and not self.outline.pushes:
                raise RecordingUnusable(path, "is no recording: there is no whole block in it")
            if self.outline.version > VERSION:
                raise RecordingUnusable(
                    path,
                    f"is a recording of format {self.outline.version}, and this version reads "
                    f"format {VERSION}; take a newer opend-kafka",
                )
            self._open = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def items(self) -> Iterator[Item]:
        """Yield all that is in it, from its begin.

        Raises:
            RecordingFailed: it cannot be read further.
        """
        try:
            yield from read(self._file)
        except OSError as error:
            raise RecordingFailed(self.path, f"cannot be read ({system_words(error)})") from None


def _sync_folder(path: Path) -> None:
    """See the file's name to the disk, too, where the folder and its file system allow it."""
    with suppress(OSError):
        folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

"""Recordings on disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from opend_kafka.errors import RecordingFailed, RecordingUnusable
from opend_kafka.recording.blocks import HEADER, encode_note
from opend_kafka.recording.files import Recording, RecordingFile
from opend_kafka.recording.reading import Damage
from tests.recording.samples import NOTE, START_US, a_push, written

PUSHES = [a_push(0), a_push(1)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give where a recording may be."""
    return tmp_path / "pushes.rec"


def _write(path: Path) -> int:
    with RecordingFile(path) as file:
        for block in written([PUSHES]):
            file.append(block)
        return file.size


def test_recording_is_read_as_it_was_written(path: Path) -> None:
    """What goes into a file comes out of it, and `size` is the file's."""
    assert _write(path) == path.stat().st_size
    with Recording(path) as recording:
        assert recording.outline.pushes == 2
        assert list(recording.items()) == [NOTE, *PUSHES]


def test_recording_can_be_read_while_it_is_written(path: Path) -> None:
    """Each block is in the file as soon as it was appended."""
    with RecordingFile(path) as file:
        for block in written([PUSHES]):
            file.append(block)
        with Recording(path) as recording:
            assert list(recording.items()) == [NOTE, *PUSHES]


def test_recording_is_never_written_over(path: Path) -> None:
    """Where there is a file already, it stays as it is."""
    path.write_text("precious")
    with pytest.raises(RecordingUnusable, match="there is such a file already"):
        RecordingFile(path)
    assert path.read_text() == "precious"


def test_recording_needs_a_folder(path: Path) -> None:
    """A file that cannot be made is told with the system's reason."""
    with pytest.raises(RecordingUnusable, match=r"cannot be written \(No such file or directory\)"):
        RecordingFile(path / "below")


def test_folder_that_cannot_be_synced_is_written_to(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some folders may be written to and not opened; a recording is made there all the same."""
    really_open = os.open

    def open_files_only(at: Path, flags: int, mode: int = 0o777) -> int:
        if at.is_dir():
            raise PermissionError(13, "Permission denied")
        return really_open(at, flags, mode)

    monkeypatch.setattr(os, "open", open_files_only)
    assert _write(path) == path.stat().st_size


def test_full_disk_is_told() -> None:
    """A disk without room ends the recording with the reason, and what to do with the file."""
    file = RecordingFile.__new__(RecordingFile)
    with Path("/dev/full").open("wb", buffering=0) as full:
        file.path, file.size, file._file = Path("pushes.rec"), 0, full.fileno()
        with pytest.raises(
            RecordingFailed, match=r"\(No space left on device\); what is in it can"
        ):
            file.append(b"block")


def test_what_is_not_there_is_told(path: Path) -> None:
    """A file that cannot be opened is told with the system's reason."""
    with pytest.raises(RecordingUnusable, match=r"cannot be read \(No such file or directory\)"):
        Recording(path)


@pytest.mark.parametrize("content", [b"", b"PK\3\4" * 100, encode_note({}, START_US)[:-1]])
def test_what_is_no_recording_is_told(path: Path, content: bytes) -> None:
    """Empty files, other files and files without a whole block are no recordings."""
    path.write_bytes(content)
    with pytest.raises(RecordingUnusable, match="is no recording"):
        Recording(path)


def test_newer_format_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recording of a newer version is not read by halves."""
    monkeypatch.setattr("opend_kafka.recording.blocks.VERSION", 2)
    _write(path)
    with pytest.raises(RecordingUnusable, match="format 2, and this version reads format 1"):
        Recording(path)


def test_damage_shows_when_it_is_read(path: Path) -> None:
    """A damaged block keeps no other from being read."""
    _write(path)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with Recording(path) as recording:
        note, damage = recording.items()
    assert note == NOTE
    assert isinstance(damage, Damage)
    assert damage.offset == HEADER.size + len('{"note": "start"}')

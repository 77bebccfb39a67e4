"""`opend-kafka simulate --replay`: a recording served again."""

from __future__ import annotations

import re
from errno import EADDRNOTAVAIL
from math import inf
from pathlib import Path
from socket import gaierror

import click
import pytest

from opend_kafka.cli.replaying import Speed, replay, telling_taken_ports
from opend_kafka.errors import ConfigurationError, RecordingUnusable
from opend_kafka.opend.pb.Qot_Common_pb2 import SubType_Ticker
from opend_kafka.recording.pushes import encode_pushes
from opend_kafka.simulator.replay import ReplaySettings
from tests.cli.commands import running
from tests.cli.conftest import Invoke
from tests.cli.test_simulate import first_ticks
from tests.simulator.recordings import recorded, write

TICKS = recorded(SubType_Ticker)


@pytest.mark.parametrize(
    ("text", "speed"), [("1", 1.0), ("0.25", 0.25), ("100", 100.0), ("max", inf)]
)
def test_speed_is_a_factor_or_max(text: str, speed: float) -> None:
    """A number is how many times as fast."""
    assert Speed().convert(text, None, None) == speed


@pytest.mark.parametrize("text", ["0", "-1", "inf", "nan", "fast", ""])
def test_speed_is_above_0(text: str) -> None:
    """Anything else is refused, with what it may be."""
    with pytest.raises(click.BadParameter, match=r"a number above 0, such as 0\.5 or 10, or max"):
        Speed().convert(text, None, None)


def test_replay_says_what_it_played(tmp_path: Path) -> None:
    """It shows how far it is, ends by itself with 0 when all is sent, and says what that was."""
    path = write(tmp_path / "pushes.rec", TICKS, ended=False)
    with path.open("ab") as file:
        file.write(encode_pushes(TICKS)[:-1])
    cut = len(encode_pushes(TICKS)) - 1
    arguments = ("--replay", str(path), "--port", "0", "--speed", "max")
    with running("simulate", *arguments, FORCE_COLOR="1", TERM="xterm") as simulator:
        found = re.search(r'"port": (\d+)', simulator.until('"simulator_listening"'))
        assert found is not None
        simulator.until("waiting for subscriptions")
        assert len(first_ticks(int(found[1]), 5)) == 5
        assert simulator.end() == 0
    said = "".join(simulator.log)
    assert f"{path}: {len(TICKS)} of {len(TICKS)} pushes played in " in said
    assert f"{path}: it was not ended in order" in said
    assert f"{path}: the last {cut} bytes are an unfinished block and are left out" in said


def test_replay_fails_where_a_part_is_damaged(tmp_path: Path) -> None:
    """The rest is served all the same; then it ends with 1, and one line says where it is."""
    path = write(tmp_path / "pushes.rec", TICKS, block=20)
    data = bytearray(path.read_bytes())
    broken = data.index(encode_pushes(TICKS[20:40]))
    data[broken + 60] ^= 1
    path.write_bytes(data)
    arguments = ("--replay", str(path), "--port", "0", "--speed", "max")
    with running("simulate", *arguments) as simulator:
        first_ticks(simulator.event("simulator_listening")["port"], 5)
        assert simulator.end() == 1
    length = len(encode_pushes(TICKS[20:40]))
    assert simulator.log[-1] == (
        f"opend-kafka: {path}: {length} bytes from byte {broken} on are left out: "
        "its checksum is wrong\n"
    )


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (None, "cannot be read (No such file or directory)"),
        (b"", "is no recording: there is no whole block in it"),
        (b"PK\3\4", "is no recording: there is no whole block in it"),
    ],
)
def test_replay_refuses_what_is_no_recording(
    invoke: Invoke, tmp_path: Path, content: bytes | None, cause: str
) -> None:
    """One line says what is wrong with the file, and it ends with 2."""
    path = tmp_path / "pushes.rec"
    if content is not None:
        path.write_bytes(content)
    ended = invoke("simulate", "--replay", str(path))
    assert (ended.returncode, ended.stderr) == (2, f"opend-kafka: {path}: {cause}\n")


def test_replay_refuses_a_recording_of_nothing(tmp_path: Path) -> None:
    """A recorder that was killed before anything came leaves nothing to serve."""
    with pytest.raises(RecordingUnusable, match="there are no pushes in this recording"):
        replay(write(tmp_path / "pushes.rec", []), ReplaySettings(port=0))


@pytest.mark.parametrize(
    ("option", "value"),
    [("--rate", "5"), ("--securities", "HK.00700"), ("--seed", "1"), ("--start", "2024-01-02")],
)
def test_replay_refuses_options_of_a_market(invoke: Invoke, option: str, value: str) -> None:
    """A recording has its own securities and its own times."""
    ended = invoke("simulate", "--replay", "pushes.rec", option, value)
    assert (ended.returncode, f"{option} is of a simulated market" in ended.stderr) == (2, True)


def test_market_refuses_a_speed(invoke: Invoke) -> None:
    """What is not replayed has a rate, and no speed."""
    ended = invoke("simulate", "--speed", "2")
    assert (ended.returncode, "--speed goes with --replay" in ended.stderr) == (2, True)


def test_taken_port_is_told() -> None:
    """Both ports are named, where there are two."""
    with (
        pytest.raises(ConfigurationError, match="cannot listen on ::1:1 and 2") as told,
        telling_taken_ports("::1", 1, 2),
    ):
        raise OSError(98, "Address already in use")
    assert "(Address already in use)" in str(told.value)


@pytest.mark.parametrize(
    "error", [OSError(EADDRNOTAVAIL, "no address of ours"), gaierror(-2, "no such name")]
)
def test_host_that_is_not_here_is_told(error: OSError) -> None:
    """Another port would not help."""
    with (
        pytest.raises(ConfigurationError, match="--host must be an address of this machine"),
        telling_taken_ports("192.0.2.1", 1, None),
    ):
        raise error

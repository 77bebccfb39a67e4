"""The official JavaScript SDK as the judge of the relay: what it receives is what was sent.

The SDK comes from npm as tests/sdk/javascript/package-lock.json has it; after the first run no
network is needed. Node runs it in a process of its own.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.json_format import MessageToDict

from opend_kafka.opend.messages import ProtoId
from opend_kafka.opend.pb import InitWebSocket_pb2
from opend_kafka.opend.pb.Qot_Common_pb2 import Ticker
from opend_kafka.opend.pb.Qot_UpdateOrderBook_pb2 import S2C as BookMessage  # noqa: N811 - its use
from opend_kafka.opend.securities import Security
from opend_kafka.simulator import Market, Simulator
from opend_kafka.simulator.relay import Relay
from tests.clusters.maven import Unavailable, cache_dir, program
from tests.clusters.requirement import skipping_unless_required

SCRIPTS = Path(__file__).parent / "javascript"

#: Node reads the SDK's modules, which have no "type" in their package.json, from this one on.
OLDEST_NODE = (20, 19)

INSTALL_LIMIT_S = 300
PATIENCE_S = 30

#: Pushes to compare: ticks and books of both securities, some hundreds of each.
PUSHES = 600

KEY = "a key, 钥匙"

#: The SDK's own time-out of a login, 20 s, in the tests.
LOGIN_TIMEOUT_MS = 20_000
SHORT_LOGIN_TIMEOUT_MS = 300


def _installed() -> Path:
    """Give a folder with the scripts and the SDK, from the cache or from npm.

    Raises:
        Unavailable: Node is missing or too old, or npm cannot install.
    """
    found = subprocess.run([program("node"), "--version"], capture_output=True, text=True)
    version = tuple(int(part) for part in found.stdout.strip().lstrip("v").split(".")[:2])
    if version < OLDEST_NODE:
        raise Unavailable(f"node is {found.stdout.strip()}; 20.19 is the oldest that will do")
    files = sorted(path for path in SCRIPTS.iterdir() if path.suffix in (".js", ".json"))
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.name.encode() + path.read_bytes())
    folder = cache_dir() / f"javascript-sdk-{digest.hexdigest()[:16]}"
    if not folder.exists():
        _install(files, folder)
    return folder


def _install(files: Sequence[Path], folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        fresh = Path(scratch) / "whole"
        fresh.mkdir()
        for path in files:
            shutil.copy(path, fresh)
        command = [program("npm"), "ci", "--prefer-offline", "--ignore-scripts"]
        command += ["--no-audit", "--no-fund", "--loglevel=error"]
        try:
            done = subprocess.run(
                command, cwd=fresh, capture_output=True, text=True, timeout=INSTALL_LIMIT_S
            )
        except subprocess.TimeoutExpired:
            raise Unavailable(f"npm ci did not end within {INSTALL_LIMIT_S} s") from None
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip().splitlines() or ["it printed nothing"]
            raise Unavailable(f"npm cannot install the JavaScript SDK: {said[0]}")
        # Moved into place whole: another test process may be doing the same.
        try:
            os.rename(fresh, folder)
        except OSError:
            if not folder.exists():
                raise


@pytest.fixture(scope="module")
def sdk() -> Path:
    """The folder that the scripts run in."""
    with skipping_unless_required():
        return _installed()


class Record:
    """What the simulator says it sent, in order, as the SDK's script prints it."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.pushes: list[tuple[int, str, Any]] = []

    def on_sent(self, _conn_id: int, security: Security, ticks: Sequence[Ticker]) -> None:
        """Note ticks."""
        self.pushes.append((ProtoId.QOT_UPDATE_TICKER, security.code, [_json(t) for t in ticks]))

    def on_book_sent(self, _conn_id: int, security: Security, book: BookMessage) -> None:
        """Note a book."""
        self.pushes.append((ProtoId.QOT_UPDATE_ORDER_BOOK, security.code, _json(book)))


def _json(message: Any) -> dict[str, Any]:
    """Give a message as JSON has it, 64-bit integers as strings."""
    return MessageToDict(message, preserving_proto_field_name=True)


def _parts(line: dict[str, Any]) -> tuple[int, str, Any]:
    """Give the same of a line that the script printed."""
    s2c = line["push"]["s2c"]
    told = s2c["tickerList"] if line["cmd"] == ProtoId.QOT_UPDATE_TICKER else s2c
    return line["cmd"], s2c["security"]["code"], told


@pytest.fixture
def record() -> Record:
    """What `simulator` says it sent."""
    return Record()


@pytest.fixture
async def simulator(record: Record) -> AsyncIterator[Simulator]:
    """A simulator whose time the test moves."""
    market = Market(
        [Security("HK", "00700"), Security("US", "AAPL")],
        seed=1,
        rate=1_000,
        start_us=1_700_000_000_000_000,
    )
    async with Simulator(
        market,
        pace=False,
        book_interval_us=2_000,
        on_sent=record.on_sent,
        on_book_sent=record.on_book_sent,
    ) as simulator:
        yield simulator


@pytest.fixture
async def relay(simulator: Simulator) -> AsyncIterator[Relay]:
    """A relay in front of it."""
    async with Relay("127.0.0.1", simulator.port, key=KEY) as relay:
        yield relay


class Receiver:
    """The script receive.js, running."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        """Read what a process prints."""
        self._process = process

    async def line(self) -> dict[str, Any]:
        """Wait for the next line."""
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        assert line, "the script ended: run it by hand to see why"
        value: dict[str, Any] = json.loads(line)
        return value


@asynccontextmanager
async def receiving(
    sdk: Path, relay: Relay, *, key: str = KEY, login_timeout_ms: int = LOGIN_TIMEOUT_MS
) -> AsyncIterator[Receiver]:
    """Run the script, within the test's patience."""
    arguments = ["127.0.0.1", str(relay.port), key, str(PUSHES), str(login_timeout_ms)]
    process = await asyncio.create_subprocess_exec(
        program("node"),
        str(sdk / "receive.js"),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=1 << 20,
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield Receiver(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()  # to the end: asyncio closes the pipe only then


async def test_sdk_receives_every_push_as_it_was_sent(
    sdk: Path, simulator: Simulator, relay: Relay, record: Record
) -> None:
    """Each tick and each book reaches the SDK in order and value for value, to the last bit.

    They are of both kinds and both securities, with sequences that no JavaScript number holds.
    """
    async with receiving(sdk, relay) as receiver:
        assert await receiver.line() == {"login": True}
        assert await receiver.line() == {"subscribed": True}
        while len(record.pushes) < PUSHES:
            simulator.advance(0.1)
        received = [_parts(await receiver.line()) for _ in range(PUSHES)]
    assert received == record.pushes[:PUSHES]
    assert len({(cmd, code) for cmd, code, _ in received}) == 4
    assert min(_sequences(received)) > 2**53


def _sequences(pushes: Sequence[tuple[int, str, Any]]) -> list[int]:
    return [
        int(tick["sequence"])
        for cmd, _, ticks in pushes
        if cmd == ProtoId.QOT_UPDATE_TICKER
        for tick in ticks
    ]


async def test_sdk_with_wrong_key_is_not_logged_in(sdk: Path, relay: Relay) -> None:
    """A wrong key shows to the SDK as its own time-out."""
    async with receiving(
        sdk, relay, key="another key", login_timeout_ms=SHORT_LOGIN_TIMEOUT_MS
    ) as receiver:
        assert await receiver.line() == {"login": False, "cause": "timeout"}


async def test_init_web_socket_has_exactly_the_fields_of_sdk(sdk: Path) -> None:
    """Our InitWebSocket is the npm package's: the Python SDK has none to compare with."""
    done = await asyncio.create_subprocess_exec(
        program("node"),
        str(sdk / "describe.js"),
        "InitWebSocket",
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(PATIENCE_S):
        described, _ = await done.communicate()
    messages = InitWebSocket_pb2.DESCRIPTOR.message_types_by_name
    ours = {name: _described(message) for name, message in messages.items()}
    assert ours == json.loads(described)


_TYPES = {
    FieldDescriptor.TYPE_STRING: "string",
    FieldDescriptor.TYPE_INT32: "int32",
    FieldDescriptor.TYPE_INT64: "int64",
    FieldDescriptor.TYPE_UINT64: "uint64",
}


def _described(message: Descriptor) -> dict[str, dict[str, Any]]:
    return {
        field.name: {
            "number": field.number,
            "type": field.message_type.name if field.message_type else _TYPES[field.type],
            "rule": "required" if field.is_required else "optional",
            "default": field.default_value if field.has_default_value else None,
        }
        for field in message.fields
    }

"""The page's files, and its stream, as a browser's EventSource reads it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from importlib.resources import files
from typing import Any

import aiohttp
import pytest

from opend_kafka.admin import page
from opend_kafka.admin.history import History
from opend_kafka.admin.server import serving
from opend_kafka.admin.status import Status
from opend_kafka.metrics import Metrics

#: Seconds after which something hangs.
HANGS_S = 20


@pytest.fixture
def status() -> Status:
    """Give the status that is shown."""
    return Status()


@pytest.fixture
def history() -> History:
    """Give the history that is shown."""
    return History(Metrics("0"))


@pytest.fixture
async def client(status: Status, history: History) -> AsyncIterator[aiohttp.ClientSession]:
    """Give a client of the server."""
    metrics = Metrics("0")
    async with (
        serving("127.0.0.1", 0, status, metrics, history) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
    ):
        yield session


async def _next(answer: aiohttp.ClientResponse) -> dict[str, Any]:
    """Read the stream's next event."""
    async with asyncio.timeout(HANGS_S):
        while not (line := await answer.content.readline()).startswith(b"data: "):
            assert line
    told: dict[str, Any] = json.loads(line.removeprefix(b"data: "))
    return told


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html"),
        ("/page.css", "text/css"),
        ("/page.js", "text/javascript"),
        ("/icon.svg", "image/svg+xml"),
    ],
)
async def test_file_is_served_with_its_type(
    client: aiohttp.ClientSession, path: str, kind: str
) -> None:
    """Each part of the page is there, with the type that nosniff asks for."""
    async with client.get(path) as answer:
        assert (answer.status, answer.content_type, answer.charset) == (200, kind, "utf-8")


def test_page_loads_nothing_from_elsewhere() -> None:
    """Every address in it is relative: it works behind a path too, and without the Internet."""
    parts = files("opend_kafka.admin")
    text = "".join(parts.joinpath(f"page.{kind}").read_text() for kind in ("html", "css", "js"))
    addresses = set(re.findall(r"https?://[^\s\"']+", text)) - {"http://www.w3.org/2000/svg"}
    assert addresses == set()
    assert re.findall(r"(?:src|href)=\"/", text) == []


def test_page_has_nothing_inline() -> None:
    """No script, style or handler stands in the HTML: the policy forbids them."""
    html = files("opend_kafka.admin").joinpath("page.html").read_text()
    assert re.findall(r"<style|<script(?![^>]* src=)|\sstyle=|\son\w+=", html) == []


async def test_stream_tells_at_once_and_then_what_is_new(
    client: aiohttp.ClientSession, status: Status
) -> None:
    """Who comes is told how it stands; a change follows without waiting for the next point."""
    async with client.get("/status/stream") as answer:
        assert answer.content_type == "text/event-stream"
        assert (await _next(answer))["session"] == "connecting"
        status.moved("live", 0)
        assert (await _next(answer))["session"] == "live"


async def test_stream_tells_each_new_point(client: aiohttp.ClientSession, history: History) -> None:
    """A look at the metrics is news."""
    async with client.get("/status/stream") as answer:
        assert (await _next(answer))["history"]["buffered_bytes"] == []
        history.look(1.0, 5)
        history.look(2.0, 7)
        assert (await _next(answer))["history"]["buffered_bytes"] == [7]


async def test_stream_shows_its_life_when_there_is_no_news(
    client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A comment comes now and then, so that nobody between takes the connection for dead."""
    monkeypatch.setattr(page, "ALIVE_S", 0.0)
    monkeypatch.setattr(page, "LOOK_S", 0.0)
    async with client.get("/status/stream") as answer:
        await _next(answer)
        async with asyncio.timeout(HANGS_S):
            while await answer.content.readline() != b": alive\n":
                pass


async def test_viewers_are_bounded_and_let_go(
    client: aiohttp.ClientSession, status: Status, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One too many is refused; when another has gone, there is room again."""
    monkeypatch.setattr(page, "MOST_VIEWERS", 2)
    async with AsyncExitStack() as viewers:
        for _ in range(2):
            await _next(await viewers.enter_async_context(client.get("/status/stream")))
        async with client.get("/status/stream") as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    async with asyncio.timeout(HANGS_S):
        while True:
            status.moved("live", 0)  # news, at which it is seen that a viewer has gone
            async with client.get("/status/stream") as answer:
                if answer.status == 200:
                    break
            await asyncio.sleep(0.05)


async def test_open_page_does_not_keep_the_worker_from_ending(status: Status) -> None:
    """The server ends while somebody looks."""
    metrics = Metrics("0")
    async with aiohttp.ClientSession() as session, asyncio.timeout(HANGS_S):
        async with serving("127.0.0.1", 0, status, metrics) as port:
            answer = await session.get(f"http://127.0.0.1:{port}/status/stream")
            await _next(answer)
        answer.close()

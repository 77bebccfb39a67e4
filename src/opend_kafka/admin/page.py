"""The page for people: its files, and the stream of events that keeps it live."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from importlib.resources import files

from aiohttp import web

from opend_kafka.admin.guard import HEADERS

#: Path → file and its type. They are small, and read once.
_FILES = {
    "/": ("page.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}

#: Pages that are open at once, at most: each is sent all that is shown, every other second.
MOST_VIEWERS = 20

#: Seconds between two looks for something new, and after which a silent stream shows its life.
LOOK_S = 0.25
ALIVE_S = 10.0


def add_page(app: web.Application, shown: Callable[[], str], number: Callable[[], object]) -> None:
    """Serve the page.

    Args:
        app: gets the routes.
        shown: gives what the page shows, as JSON in one line.
        number: gives something else whenever there is news.
    """
    for path, (name, kind) in _FILES.items():
        app.router.add_get(path, _file(name, kind))
    viewers = 0
    made_of: object = None
    made = ""

    def news() -> str:
        """Make it once for all who look."""
        nonlocal made, made_of
        if (now := number()) != made_of:
            made, made_of = shown(), now
        return made

    async def stream(request: web.Request) -> web.StreamResponse:
        nonlocal viewers
        if viewers >= MOST_VIEWERS:
            raise web.HTTPServiceUnavailable(
                text=f"{MOST_VIEWERS} pages look already; close one\n", headers={"Retry-After": "5"}
            )
        viewers += 1
        try:
            return await _stream(request, news, number)
        finally:
            viewers -= 1

    app.router.add_get("/status/stream", stream, allow_head=False)


def _file(name: str, kind: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    text = files("opend_kafka.admin").joinpath(name).read_text(encoding="utf-8")

    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=text, content_type=kind, charset="utf-8")

    return answer


async def _stream(
    request: web.Request, news: Callable[[], str], number: Callable[[], object]
) -> web.StreamResponse:
    response = web.StreamResponse(headers=HEADERS)
    response.content_type = "text/event-stream"
    await response.prepare(request)
    told: object = None
    loop = asyncio.get_running_loop()
    silent_since = loop.time()
    with suppress(ConnectionResetError):  # the viewer has gone
        while True:
            now = number()
            if now != told:
                told, silent_since = now, loop.time()
                await response.write(f"event: status\ndata: {news()}\n\n".encode())
            elif loop.time() - silent_since >= ALIVE_S:
                silent_since = loop.time()
                await response.write(b": alive\n\n")
            await asyncio.sleep(LOOK_S)
    return response

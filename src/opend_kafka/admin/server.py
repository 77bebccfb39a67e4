"""The admin endpoint: /livez, /readyz, /metrics, /status and the page on /. Read-only."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog
from aiohttp import web
from prometheus_client import exposition

from opend_kafka.admin import view
from opend_kafka.admin.guard import guarded
from opend_kafka.admin.history import History
from opend_kafka.admin.page import add_page
from opend_kafka.admin.status import Status
from opend_kafka.errors import ConfigurationError, system_words
from opend_kafka.metrics import Metrics

log = structlog.get_logger()

_Handler = Callable[[web.Request], Awaitable[web.Response]]


@asynccontextmanager
async def serving(
    host: str, port: int, status: Status, metrics: Metrics, history: History | None = None
) -> AsyncIterator[int]:
    """Serve while the context lasts; give the port, which is a free one where 0 was asked.

    Raises:
        ConfigurationError: the address cannot be listened on.
    """
    app = application(status, metrics, history or History(metrics), host=host)
    # The page's connections stay open for as long as somebody looks: they are not waited for.
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise ConfigurationError(
                f"admin: cannot listen on {host}:{port} ({system_words(error)}); "
                "set admin.port to a free port, or to 0 for any"
            ) from None
        bound: int = runner.addresses[0][1]
        log.info("admin_listening", host=host, port=bound, page=_address(host, bound))
        yield bound
    finally:
        await runner.cleanup()


def application(
    status: Status, metrics: Metrics, history: History, *, host: str = "127.0.0.1"
) -> web.Application:
    """Give the endpoint's routes.

    Args:
        status: what is shown, and what /readyz judges.
        metrics: what is scraped, and shown.
        history: what the charts show.
        host: the address that is listened on.
    """

    async def livez(request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(request: web.Request) -> web.Response:
        reasons = status.reasons_not_ready()
        return web.json_response({"reasons": reasons}, status=503 if reasons else 200)

    async def prometheus(request: web.Request) -> web.Response:
        encode, content_type = exposition.choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(metrics.registry), headers={"Content-Type": content_type})

    async def as_json(request: web.Request) -> web.Response:
        return web.json_response(view.whole(status, metrics, history))

    app = web.Application(middlewares=[guarded(host)])
    handlers: dict[str, _Handler] = {
        "/livez": livez, "/readyz": readyz, "/metrics": prometheus, "/status": as_json
    }  # fmt: skip
    for path, handler in handlers.items():
        app.router.add_get(path, handler)
    add_page(
        app,
        lambda: json.dumps(view.for_page(status, metrics, history), separators=(",", ":")),
        lambda: (status.changes, history.looks),
    )
    return app


def _address(host: str, port: int) -> str:
    """Give the page's address, as a browser on this machine takes it."""
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - only compared
    return f"http://[{here}]:{port}/" if ":" in here else f"http://{here}:{port}/"

"""The admin endpoint: /livez, /readyz, /metrics, /status. Read-only."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from aiohttp import web
from prometheus_client import exposition

from opend_kafka.admin.history import History
from opend_kafka.admin.status import Status
from opend_kafka.errors import ConfigurationError, system_words
from opend_kafka.metrics import Metrics

log = structlog.get_logger()


@asynccontextmanager
async def serving(
    host: str, port: int, status: Status, metrics: Metrics, history: History | None = None
) -> AsyncIterator[int]:
    """Serve while the context lasts; give the port, which is a free one where 0 was asked.

    Raises:
        ConfigurationError: the address cannot be listened on.
    """
    runner = web.AppRunner(application(status, metrics), access_log=None)
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
        log.info("admin_listening", host=host, port=bound)
        yield bound
    finally:
        await runner.cleanup()


def application(status: Status, metrics: Metrics) -> web.Application:
    """Give the endpoint's routes."""

    async def livez(request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(request: web.Request) -> web.Response:
        reasons = status.reasons_not_ready()
        return web.json_response({"reasons": reasons}, status=503 if reasons else 200)

    async def prometheus(request: web.Request) -> web.Response:
        encode, content_type = exposition.choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(metrics.registry), headers={"Content-Type": content_type})

    async def status_page(request: web.Request) -> web.Response:
        return web.json_response(status.as_json())

    app = web.Application()
    app.router.add_get("/livez", livez)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", prometheus)
    app.router.add_get("/status", status_page)
    return app

"""The container's health check."""

from __future__ import annotations

import asyncio
import os
import sys

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from opend_kafka.admin import probe


def test_address_is_the_environments() -> None:
    """Host and port are read where the image sets them."""
    given = {"OPEND_KAFKA__ADMIN__HOST": "10.0.0.7", "OPEND_KAFKA__ADMIN__PORT": "9090"}
    assert probe.address(given) == ("10.0.0.7", 9090)


@pytest.mark.parametrize(("bound", "asked"), [("0.0.0.0", "127.0.0.1"), ("::", "::1")])  # noqa: S104
def test_address_of_all_interfaces_is_the_machines_own(bound: str, asked: str) -> None:
    """What listens everywhere is asked from within."""
    assert probe.address({"OPEND_KAFKA__ADMIN__HOST": bound})[0] == asked


@pytest.mark.parametrize(("status", "code"), [(200, 0), (500, 1)])
async def test_exit_code_tells_what_livez_says(status: int, code: int) -> None:
    """200 is healthy, all else is not."""

    async def livez(request: web.Request) -> web.Response:
        return web.Response(status=status)

    app = web.Application()
    app.router.add_get("/livez", livez)
    async with TestServer(app) as server:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "opend_kafka.admin.probe",
            env={**os.environ, "OPEND_KAFKA__ADMIN__PORT": str(server.port)},
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert await process.wait() == code


async def test_complaint_gives_the_answers_reasons() -> None:
    """Another path can be asked, and what it answers is shown."""

    async def readyz(request: web.Request) -> web.Response:
        return web.json_response({"reasons": ["OpenD: waiting"]}, status=503)

    app = web.Application()
    app.router.add_get("/readyz", readyz)
    async with TestServer(app) as server:
        environment = {"OPEND_KAFKA__ADMIN__PORT": str(server.port)}
        said = await asyncio.to_thread(probe.complaint, environment, "/readyz")
    assert said is not None
    assert said.endswith('/readyz answered 503: {"reasons": ["OpenD: waiting"]}')


def test_complaint_says_that_nothing_answers() -> None:
    """Where nobody listens, that is what is wrong."""
    said = probe.complaint({"OPEND_KAFKA__ADMIN__PORT": "1"})
    assert said is not None
    assert said.startswith("127.0.0.1:1/livez does not answer")

"""Who may look at the admin endpoint."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from opend_kafka.admin.guard import HEADERS
from opend_kafka.admin.server import serving
from opend_kafka.admin.status import Status
from opend_kafka.metrics import Metrics


async def _ask(listening: str, path: str, **request: Any) -> aiohttp.ClientResponse:
    async with (
        serving(listening, 0, Status(), Metrics("0")) as port,
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}{path}", **request) as answer,
    ):
        await answer.read()
        return answer


@pytest.mark.parametrize("path", ["/", "/page.js", "/page.css", "/status", "/metrics", "/nothing"])
async def test_every_answer_carries_the_security_headers(path: str) -> None:
    """Also what is not there: nothing is cached, sniffed, framed or loaded from elsewhere."""
    answer = await _ask("127.0.0.1", path)
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS


@pytest.mark.parametrize(
    "host", ["localhost:8080", "LOCALHOST", "127.0.0.1", "[::1]:1", "127.9.9.9"]
)
async def test_names_of_this_machine_are_answered(host: str) -> None:
    """A tunnel or a port forward brings another port, and any of this machine's names."""
    assert (await _ask("127.0.0.1", "/status", headers={"Host": host})).status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8080", "localhost.evil.example", "10.0.0.1"]
)
async def test_other_names_are_refused_where_only_this_machine_may_look(host: str) -> None:
    """A site whose name was made to lead here reads nothing, and is told why."""
    answer = await _ask("127.0.0.1", "/status", headers={"Host": host})
    assert answer.status == 421
    assert "admin.host" in await answer.text()


async def test_any_name_is_answered_where_others_may_look() -> None:
    """Which names lead to this machine nobody knows, in a cluster for one."""
    everywhere = "0.0.0.0"  # noqa: S104 - that is what is tested
    answer = await _ask(everywhere, "/livez", headers={"Host": "worker.example"})
    assert answer.status == 200

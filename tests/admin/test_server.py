"""The admin endpoint, asked as a probe, a scraper and a person would."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from opend_kafka.admin.server import serving
from opend_kafka.admin.status import Status
from opend_kafka.errors import ConfigurationError
from opend_kafka.metrics import Metrics


@pytest.fixture
def status() -> Status:
    """Give the status that is served."""
    return Status()


@pytest.fixture
def metrics() -> Metrics:
    """Give the metrics that are served."""
    return Metrics("1.2.3")


@pytest.fixture
async def client(status: Status, metrics: Metrics) -> AsyncIterator[aiohttp.ClientSession]:
    """Give a client of a server on a free port."""
    async with (
        serving("127.0.0.1", 0, status, metrics) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
    ):
        yield session


async def test_livez_answers_from_the_start(client: aiohttp.ClientSession) -> None:
    """The process lives, whatever OpenD and Kafka do."""
    async with client.get("/livez") as answer:
        assert (answer.status, await answer.text()) == (200, "ok\n")


async def test_readyz_is_503_with_the_reasons(client: aiohttp.ClientSession) -> None:
    """As long as something is missing, the answer is 503 and says what."""
    async with client.get("/readyz") as answer:
        assert (answer.status, await answer.json()) == (503, {"reasons": ["OpenD: connecting"]})


async def test_readyz_turns_200(client: aiohttp.ClientSession, status: Status) -> None:
    """Once nothing is missing, the next answer is 200."""
    async with client.get("/readyz") as answer:
        assert answer.status == 503
    status.session = "live"
    async with client.get("/readyz") as answer:
        assert (answer.status, await answer.json()) == (200, {"reasons": []})


async def test_status_is_json(client: aiohttp.ClientSession, status: Status) -> None:
    """`/status` gives what the worker knows of itself, as it is now."""
    status.standing.add("ticker of HK.00700")
    async with client.get("/status") as answer:
        shown = await answer.json()
    assert answer.content_type == "application/json"
    assert shown["subscriptions"]["standing"] == ["ticker of HK.00700"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
@pytest.mark.parametrize("path", ["/", "/status", "/status/stream", "/metrics", "/livez"])
async def test_only_reading_is_allowed(
    client: aiohttp.ClientSession, path: str, method: str
) -> None:
    """Whatever would change something is refused."""
    async with client.request(method, path) as answer:
        assert answer.status == 405


async def test_head_is_answered_without_a_body(client: aiohttp.ClientSession) -> None:
    """A probe that asks for the head alone gets it."""
    async with client.head("/livez") as answer:
        assert (answer.status, await answer.text()) == (200, "")


@pytest.mark.parametrize(
    ("host", "page"),
    [
        ("127.0.0.1", "http://127.0.0.1:{}/"),
        ("0.0.0.0", "http://127.0.0.1:{}/"),  # noqa: S104 - that is what is tested
        ("::1", "http://[::1]:{}/"),
    ],
)
async def test_log_names_the_pages_address(
    status: Status, metrics: Metrics, host: str, page: str
) -> None:
    """What `admin_listening` says can be opened in a browser on this machine."""
    with capture_logs() as lines:
        async with serving(host, 0, status, metrics) as port:
            pass
    (line,) = lines
    assert (line["event"], line["page"]) == ("admin_listening", page.format(port))


async def test_metrics_are_prometheus_text(client: aiohttp.ClientSession, metrics: Metrics) -> None:
    """Prometheus' own parser reads `/metrics`, the values of now."""
    metrics.bytes_received.inc(42)
    async with client.get("/metrics") as answer:
        families = list(text_string_to_metric_families(await answer.text()))
    samples = {sample.name: sample.value for one in families for sample in one.samples}
    assert samples["opend_kafka_bytes_received_total"] == 42


async def test_metrics_are_openmetrics_where_asked_for(client: aiohttp.ClientSession) -> None:
    """A scraper that prefers OpenMetrics gets it, with the content type that says so."""
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
    async with client.get("/metrics", headers=accept) as answer:
        assert answer.content_type == "application/openmetrics-text"
        assert list(openmetrics_families(await answer.text()))  # type: ignore[no-untyped-call]


async def test_unknown_page_is_404(client: aiohttp.ClientSession) -> None:
    """What is not there is said not to be there."""
    async with client.get("/nothing") as answer:
        assert answer.status == 404


async def test_port_in_use_is_a_configuration_error(status: Status, metrics: Metrics) -> None:
    """A port that another listens on is refused, with its number and what to set."""
    async with serving("127.0.0.1", 0, status, metrics) as port:
        with pytest.raises(
            ConfigurationError,
            match=rf"127\.0\.0\.1:{port} \(Address already in use\); set admin\.port",
        ):
            async with serving("127.0.0.1", port, status, metrics):
                pass


async def test_host_that_does_not_exist_is_a_configuration_error(
    status: Status, metrics: Metrics
) -> None:
    """An address that is not this machine's is refused, and named."""
    with pytest.raises(ConfigurationError, match=r"cannot listen on 192\.0\.2\.1:0"):
        async with serving("192.0.2.1", 0, status, metrics):
            pass


async def test_port_is_free_again_afterwards(status: Status, metrics: Metrics) -> None:
    """When the context ends, the next worker can listen there."""
    async with serving("127.0.0.1", 0, status, metrics) as port:
        pass
    async with serving("127.0.0.1", port, status, metrics) as again:
        assert again == port

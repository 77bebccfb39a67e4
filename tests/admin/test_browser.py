"""The page in a browser, as people see it: while all is well, and while it is not."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Literal

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from structlog.testing import capture_logs

from opend_kafka.admin.history import INTERVAL_S, POINTS, History
from opend_kafka.admin.server import serving
from opend_kafka.admin.status import Status
from opend_kafka.config import Config
from opend_kafka.kafka.embedded import EmbeddedTopics
from opend_kafka.metrics import Hop, Metrics
from opend_kafka.opend.securities import Security
from opend_kafka.simulator.faults import Restart
from opend_kafka.simulator.market import Market
from opend_kafka.simulator.server import Simulator
from opend_kafka.worker import Worker
from tests.admin.browser import DESKTOP, PHONE, barriers, browsing, looking_at
from tests.conftest import Cluster
from tests.workers import running, until

TRADED = (Security.parse("HK.00700"), Security.parse("US.AAPL"))

#: Milliseconds after which something hangs.
HANGS_MS = 20_000
expect.set_options(timeout=HANGS_MS)

#: One browser for all of them: it takes a second to start.
pytestmark = pytest.mark.asyncio(loop_scope="module")

NOW_US = time.time_ns() // 1000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Give a browser."""
    async with browsing() as running_browser:
        yield running_browser


def _troubled() -> tuple[Status, Metrics, History]:
    """Give a worker with something of everything, and with long words in it."""
    status = Status(
        version="1.2.3",
        worker="opend-kafka-0.opend-kafka.market-data.svc.cluster.local",
        opend="opend.market-data.svc.cluster.local:11111",
        conn_id=2**64 - 1,
        max_buffered_bytes=2**28,
        traded=("HK", "US"),
        wanted={"ticker": 2500, "order-book-odd": 2500},
        standing={f"ticker of HK.{number:05}" for number in range(2400)},
        standing_by_subtype={"ticker": 2400},
        refused={"ticker of HK.99999": "unknown stock <script>alert(1)</script>"},
        short=[f"order-book-odd of HK.{number:05}" for number in range(2500)],
        stale=["ticker of US.AAPL"],
        markets={"HK": "REST", "US": "PRE_MARKET_BEGIN"},
        quota=(2400, 0),
        delivery_failures=2,
        unacknowledged_s=75.0,
    )
    status.moved("live", NOW_US)
    for number in range(30):
        status.happened(
            {
                "time": NOW_US // 1000 + number,
                "kind": ("LINK_DOWN", "LIVE", "BACKPRESSURE_BEGAN", "LINK_DOWN")[number % 4],
                "about": None,
                "detail": "the connection to OpenD broke: <b>Connection reset by peer</b>",
            }
        )
        status.gap_ended(
            {
                "time": NOW_US // 1000 + number,
                "security": "US.SPXW260116C6000000",
                "outcome": ("repaired", "unrepairable", "disproved")[number % 3],
                "reason": "sequence_step",
                "ticks_missing": None if number % 2 else 12345,
                "ticks_repaired": 3,
            }
        )
    metrics = Metrics("1.2.3")
    metrics.expect(["ticker", "order-book-odd"])
    metrics.gaps.labels("unrepairable").inc(10)
    metrics.ticks_missing.inc(123_456)
    metrics.dead_letters.labels("malformed").inc(3)
    metrics.buffered_bytes.set(200_000_000)
    metrics.buffered_records.set(400_000)
    history = History(metrics)
    for look in range(POINTS + 1):
        metrics.records_delivered.labels("ticker").inc(40_000 + 2000 * (look % 7))
        history.latency("ticker", 0.004 + 0.001 * (look % 5))
        history.latency(Hop.OPEND_TO_WORKER, 0.0012)
        history.look(look * INTERVAL_S, 200_000_000)
    return status, metrics, history


@dataclass(frozen=True, slots=True)
class _Seen:
    """A page that is looked at, and what the browser complained of."""

    page: Page
    troubles: list[str]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def troubled(browser: Browser) -> AsyncIterator[_Seen]:
    """Give the page of a worker in every trouble."""
    troubles: list[str] = []
    async with (
        serving("127.0.0.1", 0, *_troubled()) as port,
        looking_at(browser, f"http://127.0.0.1:{port}/", troubles=troubles) as page,
    ):
        await expect(page.locator("#state-words")).to_have_text("Live")
        yield _Seen(page, troubles)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
async def test_page_can_be_read_by_everybody(
    troubled: _Seen, size: tuple[int, int], scheme: Literal["light", "dark"]
) -> None:
    """In each theme and width there is no barrier that axe knows, and nothing is cut off."""
    page = troubled.page
    await page.set_viewport_size({"width": size[0], "height": size[1]})
    await page.emulate_media(color_scheme=scheme)
    assert await page.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert await barriers(page) == []


async def test_what_others_have_written_is_text(troubled: _Seen) -> None:
    """OpenD's words stand on the page as they are, and nothing in them is run."""
    await expect(troubled.page.locator("#trouble")).to_contain_text("<script>alert(1)</script>")
    await expect(troubled.page.locator("#events")).to_contain_text("<b>Connection reset")


async def test_title_tells_the_state(troubled: _Seen) -> None:
    """Who has the page in a tab behind others sees how it stands."""
    await expect(troubled.page).to_have_title("Live · opend-kafka")


async def test_browser_has_nothing_to_complain_of(troubled: _Seen) -> None:
    """No script fails, and nothing breaks the page's own policy."""
    assert troubled.troubles == []


async def test_page_can_be_walked_by_keyboard(troubled: _Seen) -> None:
    """Every link is reached with Tab, in its order, and shows that it is."""
    for name in ("status", "metrics", "readyz"):
        await troubled.page.keyboard.press("Tab")
        reached = troubled.page.locator(":focus-visible")
        await expect(reached).to_have_text(name)
        outline = await reached.evaluate("it => getComputedStyle(it).outlineStyle")
        assert outline == "solid"


async def test_page_keeps_still_for_those_who_want_it(browser: Browser) -> None:
    """With prefers-reduced-motion nothing moves."""
    async with (
        serving("127.0.0.1", 0, Status(), Metrics("0")) as port,
        looking_at(browser, f"http://127.0.0.1:{port}/") as page,
    ):
        await expect(page.locator("#session")).to_have_attribute("data-tone", "warn")
        asked = "getComputedStyle(document.querySelector('.dot')).animationName"
        assert await page.evaluate(asked) == "breathe"
        await page.emulate_media(reduced_motion="reduce")
        assert await page.evaluate(asked) == "none"


async def test_page_shows_a_fault_while_it_happens(
    browser: Browser, embedded: Cluster, prefix: str
) -> None:
    """The link is lost, comes back, and its gap appears; the worker goes, and another comes."""
    market = Market(TRADED, seed=1, rate=200, start_us=NOW_US)
    async with Simulator(market) as simulator:

        def worker(port: int) -> Worker:
            config = Config.model_validate(
                {
                    "opend": {"port": simulator.port, "reconnect": {"max_s": 0.5}},
                    "subscriptions": [
                        {
                            "securities": [str(one) for one in TRADED],
                            "subtypes": ["ticker", "order-book"],
                        }
                    ],
                    "kafka": {
                        "bootstrap_servers": embedded.bootstrap_servers,
                        "topic_prefix": prefix,
                    },
                    "schema_registry": {"url": None},
                    "admin": {"port": port},
                }
            )
            assert isinstance(embedded.topics, EmbeddedTopics)
            return Worker(config, topic_admin=embedded.topics)

        async with AsyncExitStack() as stack:
            lines = stack.enter_context(capture_logs())
            first = worker(0)
            async with running(first) as task:
                await until(lambda: first.status.session == "live", task)
                (address,) = (one["page"] for one in lines if one["event"] == "admin_listening")
                page = await stack.enter_async_context(looking_at(browser, address))
                state = page.locator("#state-words")
                await expect(state).to_have_text("Live")
                await expect(page.locator("#subscriptions")).to_have_text("4 of 4")
                await expect(page.locator("#gaps tbody")).to_have_text("None")
                simulator.inject(Restart(duration_s=1.0))
                await expect(state).to_have_text("Reconnecting")
                await expect(page.locator("#cause")).to_be_visible()
                await expect(state).to_have_text("Live")
                await expect(page.locator("#gaps tbody")).to_contain_text("repaired")
                await expect(page.locator("#events")).to_contain_text("Link down")
                chart = page.get_by_role("img", name="ticker, records a second: between")
                await expect(chart).to_be_visible()
            await expect(state).to_have_text("The worker does not answer")
            async with running(worker(int(address.rstrip("/").rpartition(":")[2]))):
                await expect(state).to_have_text("Live")
                await expect(page.locator("body")).not_to_have_class("gone")

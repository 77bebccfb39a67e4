"""Silent streams, closed markets, lost logins: from the simulated OpenD to Kafka's events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from opend_kafka.config import Config
from opend_kafka.consuming.decoding import Decoder
from opend_kafka.consuming.reading import TopicReader
from opend_kafka.opend import session, staleness
from opend_kafka.opend.reconciler import Reconciler
from opend_kafka.opend.securities import Security
from opend_kafka.simulator.faults import Fault, MarketClosed, NotReady, Stall
from opend_kafka.simulator.market import Market
from opend_kafka.simulator.server import Simulator
from opend_kafka.stream_watch import StreamWatch
from opend_kafka.worker import Worker
from tests.conftest import Cluster

TRADED = tuple(Security.parse(one) for one in ("HK.00700", "HK.09988", "US.AAPL"))
TENCENT = TRADED[0]
START_US = 1_700_000_000_000_000
#: Seconds of the market: longer than any test.
EVER_S = 1e6
#: Seconds after which something hangs.
HANGS_S = 30


class Stage:
    """A worker on a market that trades as long as somebody waits for something."""

    def __init__(self, simulator: Simulator, worker: Worker, task: asyncio.Task[None]) -> None:
        self.simulator = simulator
        self.worker = worker
        self.status = worker.status
        self.looks = 0
        self._task = task

    async def until(self, condition: Callable[[], Any]) -> None:
        """Let the market trade until the condition holds; fail with the worker if it fails."""
        async with asyncio.timeout(HANGS_S):
            while not condition():
                if self._task.done():
                    self._task.result()
                self.simulator.advance(0.02)
                await asyncio.sleep(0.005)

    async def looked(self, times: int) -> None:
        """Let the market trade until the streams were looked at so often."""
        enough = self.looks + times
        await self.until(lambda: self.looks >= enough)

    async def ended(self) -> None:
        """Wait for the worker's end, and raise what it raised."""
        async with asyncio.timeout(HANGS_S):
            await self._task

    def begin(self, fault: Fault) -> None:
        """Let a fault begin."""
        self.simulator.inject(fault)


@asynccontextmanager
async def on_stage(
    cluster: Cluster, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Stage]:
    """Run a worker whose streams' habits are known, with a minute as short as 0.3 s."""
    monkeypatch.setattr(staleness, "LOOK_S", 0.02)
    monkeypatch.setattr(staleness, "STALE_AFTER_S", 0.3)
    monkeypatch.setattr(staleness, "HABIT_LOOKS", 5)
    monkeypatch.setattr(staleness, "FIRST_PUSH_S", 0.3)
    monkeypatch.setattr(session, "STATE_INTERVAL_S", 0.1)
    monkeypatch.setattr(session, "CHECK_INTERVAL_S", 0.1)
    market = Market(TRADED, seed=1, rate=1000, start_us=START_US)
    async with Simulator(market, pace=False) as simulator:
        content = {
            "opend": {"port": simulator.port},
            "subscriptions": [{"securities": [*map(str, TRADED)], "subtypes": ["ticker"]}],
            "kafka": {"bootstrap_servers": cluster.bootstrap_servers, "topic_prefix": prefix},
            "schema_registry": {"url": None},
            "admin": {"port": 0},
        }
        worker = Worker(Config.model_validate(content), topic_admin=cluster.topics)
        stop = asyncio.Event()
        stage = Stage(simulator, worker, asyncio.create_task(worker.run(stop)))
        look = StreamWatch.look

        def counting_look(watch: StreamWatch, now: float) -> None:
            look(watch, now)
            stage.looks += 1

        monkeypatch.setattr(StreamWatch, "look", counting_look)
        try:
            await stage.until(lambda: stage.status.session == "live")
            await stage.looked(3 * staleness.HABIT_LOOKS)
            yield stage
        finally:
            stop.set()
            await stage.ended()


def events(cluster: Cluster, prefix: str, *kinds: str) -> list[dict[str, Any]]:
    """Read the session events of these kinds, up to STOPPED; `key` is the decoded key."""
    decoder = Decoder()
    read: list[dict[str, Any]] = []
    with TopicReader(cluster.bootstrap_servers, [f"{prefix}.events"]) as reader:
        while not read or read[-1]["kind"] != "STOPPED":
            for message in reader.read(HANGS_S, at_most=1):
                key = message.key()
                event = decoder.decode(message.value() or b"").fields
                read.append(event | {"key": decoder.decode(key).fields if key else None})
    return [event for event in read if event["kind"] in kinds]


async def test_stalled_stream_is_subscribed_again_and_heals(
    cluster: Cluster, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told once, shown while it lasts, and speaks again because it was subscribed again."""
    async with on_stage(cluster, prefix, monkeypatch) as stage:
        stage.begin(Stall(security=TENCENT, duration_s=EVER_S, until_resubscribed=True))
        await stage.until(lambda: stage.status.stale)
        assert stage.status.stale == ["ticker of HK.00700"]
        assert not stage.status.reasons_not_ready()
        await stage.until(lambda: not stage.status.stale)
        await stage.looked(10)
    (stale,) = await asyncio.to_thread(events, cluster, prefix, "STREAM_STALE")
    assert (stale["key"], stale["subtype"]) == ({"market": "HK", "code": "00700"}, "ticker")


async def test_stream_that_subscribing_does_not_wake_is_told_once(
    embedded: Cluster, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often it is subscribed again, it is one episode."""
    asked: list[Any] = []
    resubscribe = Reconciler.resubscribe

    def counting_resubscribe(*asking: Any) -> None:
        asked.append(asking)
        resubscribe(*asking)

    monkeypatch.setattr(Reconciler, "resubscribe", counting_resubscribe)
    async with on_stage(embedded, prefix, monkeypatch) as stage:
        stage.begin(Stall(security=TENCENT, duration_s=EVER_S))
        await stage.until(lambda: len(asked) == 2)
        assert stage.status.stale == ["ticker of HK.00700"]
    assert len(await asyncio.to_thread(events, embedded, prefix, "STREAM_STALE")) == 1


async def test_silence_of_a_closed_market_is_no_news(
    embedded: Cluster, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The market's close is told, and shown; that nothing comes from there any more is not."""
    async with on_stage(embedded, prefix, monkeypatch) as stage:
        stage.begin(MarketClosed(market="HK", duration_s=EVER_S))
        await stage.until(lambda: stage.status.markets["HK"] == "CLOSED")
        await stage.looked(45)
        assert stage.status.markets["US"] == "AFTERNOON"
    told = await asyncio.to_thread(
        events, embedded, prefix, "MARKET_STATE_CHANGED", "STREAM_STALE", "LINK_DOWN"
    )
    assert [(event["kind"], event["reason"]) for event in told] == [
        ("MARKET_STATE_CHANGED", "HK CLOSED")
    ]


async def test_login_lost_without_a_notice_is_noticed(
    embedded: Cluster, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker asks; once OpenD is ready again, all is subscribed anew on the same link."""
    async with on_stage(embedded, prefix, monkeypatch) as stage:
        conn_id = stage.status.conn_id
        stage.begin(NotReady(duration_s=5))
        await stage.until(lambda: stage.status.session == "degraded")
        assert stage.status.standing == set()
        stage.simulator.advance(5)
        await stage.until(lambda: stage.status.session == "live")
        assert (stage.status.conn_id, len(stage.status.standing)) == (conn_id, len(TRADED))
    told = await asyncio.to_thread(events, embedded, prefix, "NOT_READY", "LIVE", "LINK_DOWN")
    assert [event["kind"] for event in told][:2] == ["LIVE", "NOT_READY"]
    assert told[-1]["kind"] == "LIVE"

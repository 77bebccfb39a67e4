"""The official SDK as the judge of a replay: what it receives is what was recorded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from opend_kafka.opend.messages import decode_push
from opend_kafka.opend.pb.Qot_Common_pb2 import SubType_Basic, SubType_OrderBook, SubType_Ticker
from opend_kafka.recording.files import Recording
from opend_kafka.simulator.replay import AS_FAST_AS_IT_GOES, Replay
from tests.sdk.test_official_sdk import Sdk, connect, futu, row, sdk, shown  # noqa: F401 - fixtures
from tests.simulator.clients import SECURITIES
from tests.simulator.recordings import recorded, write

CODES = list(map(str, SECURITIES))
PUSHES = recorded(SubType_Ticker, SubType_OrderBook, SubType_Basic)
SENT = [(push.proto_id, decode_push(push.proto_id, push.body)) for push in PUSHES]


@pytest.fixture
def key_file() -> None:
    """No encryption."""


@pytest.fixture
def recording(tmp_path: Path) -> Iterator[Recording]:
    """A second of ticks, books and quotes."""
    with Recording(write(tmp_path / "pushes.rec", PUSHES)) as recording:
        yield recording


@pytest.fixture
async def simulator(recording: Recording) -> AsyncIterator[Replay]:
    """An OpenD stand-in with the recording."""
    replay = Replay(recording, speed=AS_FAST_AS_IT_GOES, settle_s=0.1, linger_s=0)
    async with replay:
        yield replay


async def test_sdk_receives_what_was_recorded(sdk: Sdk, simulator: Replay) -> None:  # noqa: F811
    """Every tick, book and quote arrives, in the order of the recording, value for value."""
    playing = asyncio.create_task(simulator.play())
    assert await sdk.call("subscribe", CODES, ["TICKER", "ORDER_BOOK", "QUOTE"]) == (True, None)
    pushed = await sdk.received(len(PUSHES))
    await playing
    ticks = [one for kind, frame in pushed if kind == "tick" for one in frame.to_dict("records")]
    assert ticks == [
        row(s2c.name, tick) for number, s2c in SENT if number == 3011 for tick in s2c.tickerList
    ]
    books = [book for kind, book in pushed if kind == "book"]
    assert books == [shown(s2c.name, s2c) for number, s2c in SENT if number == 3013]
    quotes = [list(frame["last_price"]) for kind, frame in pushed if kind == "quote"]
    assert quotes == [
        [quote.curPrice for quote in s2c.basicQotList] for number, s2c in SENT if number == 3005
    ]


async def test_sdk_may_ask_for_what_was_played(sdk: Sdk, simulator: Replay) -> None:  # noqa: F811
    """GetTicker, GetGlobalState and the subscriptions are answered as an OpenD answers them."""
    playing = asyncio.create_task(simulator.play())
    assert await sdk.call("subscribe", CODES, ["TICKER"]) == (True, None)
    await playing
    granted, ticks = await sdk.call("get_rt_ticker", CODES[0], 1_000)
    assert granted
    assert list(ticks["sequence"]) == [
        tick.sequence
        for number, s2c in SENT
        if number == 3011 and s2c.security.code == SECURITIES[0].code
        for tick in s2c.tickerList
    ]
    assert (await sdk.call("get_global_state"))[0]
    assert (await sdk.call("query_subscription"))[1]["own_used"] == 2

"""The stand-in that serves a recording, over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from opend_kafka.errors import RecordingUnusable
from opend_kafka.opend.frames import Frame
from opend_kafka.opend.messages import decode_push, decode_reply
from opend_kafka.opend.pb import Qot_GetSubInfo_pb2, Qot_GetTicker_pb2
from opend_kafka.opend.pb.Qot_Common_pb2 import Security as SecurityMessage
from opend_kafka.opend.pb.Qot_Common_pb2 import (
    SubType_OrderBook,
    SubType_RT,
    SubType_Ticker,
    Ticker,
)
from opend_kafka.recording import notes
from opend_kafka.recording.blocks import encode_note
from opend_kafka.recording.files import Recording
from opend_kafka.recording.pushes import RecordedPush, encode_pushes
from opend_kafka.simulator.replay import (
    AS_FAST_AS_IT_GOES,
    Played,
    Replay,
    ReplaySettings,
    serve_recording,
)
from tests.simulator.clients import PATIENCE_S, START_US, Client
from tests.simulator.recordings import recorded, write

TICKS = recorded(SubType_Ticker)
#: Seconds without a subscription after which all have what they want, in these tests.
SETTLE_S = 0.1


@asynccontextmanager
async def replaying(path: Path, *, speed: float = AS_FAST_AS_IT_GOES) -> AsyncIterator[Replay]:
    """Serve a recording, without playing it yet."""
    with Recording(path) as recording:
        replay = Replay(recording, speed=speed, settle_s=SETTLE_S, linger_s=0)
        async with replay:
            yield replay


def _bodies(client: Client) -> list[bytes]:
    return [frame.body for frame in client.pushes()]


def _of_tencent(frame: Frame) -> list[Ticker]:
    s2c = decode_push(frame.proto_id, frame.body)
    return list(s2c.tickerList) if s2c.security.code == "00700" else []


async def _until_played(client: Client, pushes: Sequence[RecordedPush]) -> None:
    await client.until(lambda: len(client.pushes()) >= len(pushes))
    assert _bodies(client) == [push.body for push in pushes]


async def test_client_gets_what_was_recorded(tmp_path: Path) -> None:
    """Every push that it takes comes, in order, with the body that it had."""
    async with replaying(write(tmp_path / "r.rec", TICKS)) as replay:
        playing = asyncio.create_task(replay.play())
        client = await Client.connect(replay.port, SubType_Ticker)
        await _until_played(client, TICKS)
        await playing
        assert replay.played.pushes == replay.played.taken == replay.played.total == len(TICKS)
        await client.close()


async def test_time_begins_when_all_have_subscribed(tmp_path: Path) -> None:
    """Clients that subscribe one soon after the other miss nothing."""
    pushes = recorded(SubType_Ticker, SubType_OrderBook)
    async with replaying(write(tmp_path / "r.rec", pushes)) as replay:
        playing = asyncio.create_task(replay.play())
        one = await Client.connect(replay.port, SubType_Ticker)
        other = await Client.connect(replay.port, SubType_Ticker)
        await other.ask(Client.subscription([SubType_OrderBook]))
        await _until_played(other, pushes)
        await _until_played(one, [push for push in pushes if push.proto_id == 3011])
        await playing
        await one.close()
        await other.close()


async def test_time_stands_still_while_nobody_takes_anything(tmp_path: Path) -> None:
    """A client that comes back, later than all would have been played, gets the rest."""
    late = [push._replace(received_us=push.received_us + 100_000) for push in TICKS[4:]]
    path = write(tmp_path / "r.rec", [*TICKS[:4], *late])
    async with replaying(path, speed=1) as replay:
        playing = asyncio.create_task(replay.play())
        client = await Client.connect(replay.port, SubType_Ticker)
        await client.until(lambda: len(client.pushes()) >= 4)
        await client.close()
        await asyncio.sleep(0.2)
        assert replay.played.pushes == 4
        client = await Client.connect(replay.port, SubType_Ticker)
        first_pushes = 2
        await client.until(lambda: len(client.pushes()) >= first_pushes + len(late))
        assert _bodies(client)[first_pushes:] == [push.body for push in late]
        await playing
        await client.close()


@pytest.mark.parametrize(("speed", "expected_s"), [(1.0, 0.4), (4.0, 0.1)])
async def test_pushes_come_as_far_apart_as_recorded(
    tmp_path: Path, speed: float, expected_s: float
) -> None:
    """Never earlier than they came, by the factor; a slow machine may be later."""
    spread = [
        push._replace(received_us=START_US + number * 100_000)
        for number, push in enumerate(TICKS[:5])
    ]
    async with replaying(write(tmp_path / "r.rec", spread), speed=speed) as replay:
        playing = asyncio.create_task(replay.play())
        client = await Client.connect(replay.port, SubType_Ticker)
        await _until_played(client, spread)
        await playing
        assert replay.played.seconds > expected_s * 0.9
        await client.close()


async def test_slow_client_is_waited_for(tmp_path: Path) -> None:
    """A client that reads late gets all of it: it is not dropped, and the replay does not end."""
    large = [
        RecordedPush(START_US + number, 1, 3999, number, 0, bytes([number % 256]) * 100_000)
        for number in range(1_000)
    ]
    async with replaying(write(tmp_path / "r.rec", large)) as replay:
        playing = asyncio.create_task(replay.play())
        client = await Client.connect(replay.port, SubType_Ticker)
        await asyncio.sleep(SETTLE_S * 3)
        assert not playing.done()
        assert replay.played.pushes < len(large)
        await _until_played(client, large)
        await playing
        await client.close()


async def test_worker_may_ask_what_was_played(tmp_path: Path) -> None:
    """GetTicker gives the ticks that were played, GetSubInfo what is subscribed."""
    async with replaying(write(tmp_path / "r.rec", TICKS)) as replay:
        client = await Client.connect(replay.port, SubType_Ticker)
        request = Qot_GetTicker_pb2.Request(
            c2s=Qot_GetTicker_pb2.C2S(
                security=SecurityMessage(market=1, code="00700"), maxRetNum=1_000
            )
        )
        before = await client.ask(request)
        assert decode_reply(before.proto_id, before.body).tickerList == []
        await replay.play()
        await client.until(lambda: len(client.pushes()) == len(TICKS))
        client.received = [frame for frame in client.received if frame.proto_id != 3010]
        after = await client.ask(request)
        told = decode_reply(after.proto_id, after.body).tickerList
        pushed = [tick.sequence for push in client.pushes() for tick in _of_tencent(push)]
        assert [tick.sequence for tick in told] == pushed
        asked = Qot_GetSubInfo_pb2.Request(c2s=Qot_GetSubInfo_pb2.C2S(isReqAllConn=True))
        reply = await client.ask(asked)
        assert decode_reply(reply.proto_id, reply.body).totalUsedQuota == 2
        await client.close()


async def test_markets_stand_as_they_did(tmp_path: Path) -> None:
    """GetGlobalState tells the states that were noted, and at the begin the first of them."""
    path = write(tmp_path / "r.rec", TICKS, ended=False)
    with path.open("ab") as file:
        file.write(encode_note(notes.markets({"HK": 3, "US": 6}), START_US))
        file.write(encode_note(notes.markets({"HK": 4, "US": 6}), START_US))
    async with replaying(path) as replay:
        client = await Client.connect(replay.port, SubType_Ticker)
        assert (await client.state()).marketHK == 3
        await replay.play()
        client.received.clear()
        state = await client.state()
        assert (state.marketHK, state.marketUS) == (4, 6)
        await client.close()


async def test_damage_is_told_and_the_rest_is_played(tmp_path: Path) -> None:
    """A block that is damaged is left out, and where it was is known."""
    path = write(tmp_path / "r.rec", TICKS, block=20)
    data = bytearray(path.read_bytes())
    broken = data.index(encode_pushes(TICKS[20:40]))
    data[broken + 60] ^= 1
    path.write_bytes(data)
    rest = TICKS[:20] + TICKS[40:]
    async with replaying(path) as replay:
        playing = asyncio.create_task(replay.play())
        client = await Client.connect(replay.port, SubType_Ticker)
        await _until_played(client, rest)
        await playing
        assert [damage.offset for damage in replay.played.damages] == [broken]
        assert (replay.played.pushes, replay.played.total) == (len(rest), len(TICKS))
        await client.close()


def test_recording_without_pushes_is_refused(tmp_path: Path) -> None:
    """There is nothing to serve."""
    with (
        Recording(write(tmp_path / "r.rec", [])) as recording,
        pytest.raises(RecordingUnusable, match="there are no pushes"),
    ):
        Replay(recording)


def test_recording_without_its_begin_is_refused(tmp_path: Path) -> None:
    """Without the first note nobody knows what was subscribed."""
    path = tmp_path / "r.rec"
    path.write_bytes(encode_pushes(TICKS))
    with (
        Recording(path) as recording,
        pytest.raises(RecordingUnusable, match="what was subscribed is not known"),
    ):
        Replay(recording)


async def test_serving_ends_when_it_is_stopped(tmp_path: Path) -> None:
    """A signal ends it, however far it is."""
    stop = asyncio.Event()
    begun: list[Played] = []

    def on_begin(played: Played) -> None:
        begun.append(played)
        stop.set()

    with Recording(write(tmp_path / "r.rec", TICKS)) as recording:
        async with asyncio.timeout(PATIENCE_S):
            played = await serve_recording(recording, ReplaySettings(port=0), stop, on_begin)
    assert [played] == begun
    assert played.pushes == 0


async def test_client_may_take_what_was_not_recorded(tmp_path: Path) -> None:
    """A subtype of which nothing was recorded is granted, and silent."""
    async with replaying(write(tmp_path / "r.rec", TICKS)) as replay:
        playing = asyncio.create_task(replay.play())
        client = await Client.connect(replay.port, SubType_RT)
        await playing
        assert client.pushes() == []
        assert (replay.played.pushes, replay.played.taken) == (len(TICKS), 0)
        await client.close()

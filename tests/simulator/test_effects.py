"""Each kind of fault, as a client of the simulator sees it over a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from itertools import pairwise
from typing import Any

import pytest

from opend_kafka.errors import MessageMalformed, PushFailed, RequestRefused
from opend_kafka.opend.frames import BodyFormat, Frame
from opend_kafka.opend.messages import ProtoId, decode_push, decode_reply
from opend_kafka.opend.pb import KeepAlive_pb2, Qot_GetTicker_pb2
from opend_kafka.opend.pb.Qot_Common_pb2 import Security as SecurityMessage
from opend_kafka.opend.pb.Qot_Common_pb2 import Ticker
from opend_kafka.opend.securities import Security
from opend_kafka.simulator import Scenario, Simulator, faults
from opend_kafka.simulator.effects import _EFFECTS
from opend_kafka.simulator.faults import Fault
from opend_kafka.simulator.scenario import At, Mix, Step
from tests.simulator.clients import PATIENCE_S, SECURITIES, START_US, Client, Record, a_market

TENCENT, APPLE = SECURITIES
KEEP_ALIVE = KeepAlive_pb2.Request(c2s=KeepAlive_pb2.C2S(time=1))


class Damages:
    """What a simulator says it damaged, and which faults it had."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.told: list[tuple[Security, list[int], str]] = []
        self.faults: list[tuple[Fault, int]] = []

    def on_damaged(
        self, conn_id: int, security: Security, ticks: Sequence[Ticker], reason: str
    ) -> None:
        """Note a damaged push."""
        self.told.append((security, [tick.sequence for tick in ticks], reason))

    def on_fault(self, fault: Fault, at_us: int) -> None:
        """Note a fault."""
        self.faults.append((fault, at_us))


@pytest.fixture
def record() -> Record:
    """What `simulator` says it sent."""
    return Record()


@pytest.fixture
def damages() -> Damages:
    """What `simulator` says it damaged."""
    return Damages()


@pytest.fixture
async def simulator(record: Record, damages: Damages) -> AsyncIterator[Simulator]:
    """A simulator of 1000 ticks a second whose time the test moves."""
    simulator = Simulator(
        a_market(),
        pace=False,
        on_sent=record.on_sent,
        on_damaged=damages.on_damaged,
        on_fault=damages.on_fault,
    )
    async with simulator:
        yield simulator


@pytest.fixture
async def client(simulator: Simulator) -> AsyncIterator[Client]:
    """A client that takes all ticks."""
    client = await Client.connect(simulator.port, 4)
    yield client
    await hang_up(client)


async def hang_up(client: Client) -> None:
    """Close a client's side, whatever the other side did."""
    client.writer.transport.abort()
    await asyncio.sleep(0)


async def seen(client: Client) -> None:
    """Receive all that was pushed: the reply comes behind it."""
    await client.ask(KEEP_ALIVE)


def sequences(ticks: Sequence[Ticker]) -> list[int]:
    """Give the ticks' sequences."""
    return [tick.sequence for tick in ticks]


def sent(simulator: Simulator, record: Record, security: Security) -> list[int]:
    """Give what the simulator says it sent to its first client."""
    return sequences(record.ticks[simulator.conn_ids[0]][security])


def traded(simulator: Simulator, security: Security) -> list[int]:
    """Give the latest ticks of a security, pushed or not."""
    return sequences(simulator.market.stock(security).latest(1_000))


async def refusal(client: Client, request: Any) -> str:
    """Send a request that must be refused; give the reason."""
    reply = await client.ask(request)
    with pytest.raises(RequestRefused) as refused:
        decode_reply(reply.proto_id, reply.body)
    return refused.value.ret_msg


async def pieces(client: Client, size: int = 1 << 20) -> list[bytes]:
    """Read until the other side ends; give what each read gave."""
    read: list[bytes] = []
    async with asyncio.timeout(PATIENCE_S):
        try:
            while data := await client.reader.read(size):
                read.append(data)
        except ConnectionResetError:
            read.append(b"RST")
    return read


def test_every_kind_has_an_effect() -> None:
    """No kind of fault is without effect, and none has one that cannot be named."""
    assert set(_EFFECTS) == set(faults.KINDS.values())


async def test_split_frames_arrive_whole(simulator: Simulator, client: Client) -> None:
    """What would be one write arrives in many reads, and every tick of it."""
    simulator.inject(faults.Split(duration_s=0.2))
    arrived: list[int] = []

    def complete() -> bool:
        arrived.append(len(client.received))
        return sum(len(client.ticks(one)) for one in SECURITIES) == 110

    simulator.advance(0.1)
    await client.until(complete)
    assert sequences(client.ticks(TENCENT)) == traded(simulator, TENCENT)
    assert len(arrived) > 10


async def test_merged_frames_wait_for_each_other(
    simulator: Simulator, client: Client, record: Record
) -> None:
    """Nothing is sent until enough frames wait; what waits at the end is sent then."""
    simulator.inject(faults.Merge(duration_s=1, frames=50))
    before = sum(map(len, record.ticks[simulator.conn_ids[0]].values()))
    told = []
    for _ in range(12):
        simulator.advance(0.01)
        told.append(sum(map(len, record.ticks[simulator.conn_ids[0]].values())) - before)
    assert set(told) == {0, 50, 100}
    simulator.advance(1)
    await seen(client)
    assert sequences(client.ticks(TENCENT)) == sent(simulator, record, TENCENT)


async def test_delayed_frames_come_later(
    simulator: Simulator, client: Client, record: Record
) -> None:
    """A push and a reply take as long as the fault says, and keep their order."""
    simulator.inject(faults.Delay(duration_s=1, by_s=0.5))
    cached = len(sent(simulator, record, TENCENT))
    simulator.advance(0.4)
    assert len(sent(simulator, record, TENCENT)) == cached
    simulator.advance(0.3)
    assert (
        sequences(simulator.market.stock(TENCENT).latest(1_000))[: cached + 1]
        == (sent(simulator, record, TENCENT)[: cached + 1])
    )
    simulator.advance(1)
    await seen(client)
    assert sequences(client.ticks(TENCENT)) == traded(simulator, TENCENT)


async def test_cut_ends_inside_a_frame(
    simulator: Simulator, client: Client, record: Record
) -> None:
    """A part of the next frame arrives, then a RST; its tick does not count as sent."""
    before = sum(map(len, record.ticks[simulator.conn_ids[0]].values()))
    simulator.inject(faults.Cut())
    simulator.advance(0.1)
    *read, end = await pieces(client)
    assert sum(map(len, record.ticks[next(iter(record.ticks))].values())) == before
    assert (len(b"".join(read)) > 0, end) == (True, b"RST")


async def test_reset_is_a_reset(simulator: Simulator, client: Client) -> None:
    """The client's connection ends with a TCP RST."""
    simulator.inject(faults.Reset())
    assert (await pieces(client))[-1] == b"RST"


async def test_reset_is_for_the_clients_it_names(simulator: Simulator, client: Client) -> None:
    """`oldest` leaves the others alone."""
    other = await Client.connect(simulator.port)
    simulator.inject(faults.Reset(clients="oldest"))
    await client.end()
    await seen(other)
    assert len(simulator.conn_ids) == 1
    await hang_up(other)


async def test_half_open_is_silent_until_it_is_reset(
    simulator: Simulator, client: Client, record: Record
) -> None:
    """The connection stands, and nothing comes or is told of; a RST ends it."""
    simulator.inject(faults.HalfOpen(duration_s=1))
    cached = sent(simulator, record, TENCENT)
    simulator.advance(0.5)
    client.send(KEEP_ALIVE)
    await simulator.written()
    assert sent(simulator, record, TENCENT) == cached
    assert simulator.conn_ids
    simulator.advance(1)
    assert await pieces(client) == [b"RST"]


async def test_refuse_login_refuses_so_many(simulator: Simulator) -> None:
    """The next InitConnect is refused; the one after it is not."""
    simulator.inject(faults.RefuseLogin(count=1))
    client = Client(*await asyncio.open_connection("127.0.0.1", simulator.port))
    assert "refuses this login" in await refusal(client, client.login())
    reply = await client.ask(client.login())
    assert decode_reply(reply.proto_id, reply.body).connID
    await hang_up(client)


async def test_refuse_code_fails_the_whole_request(simulator: Simulator, client: Client) -> None:
    """An unknown code takes its neighbours with it; after a while it is known again."""
    simulator.inject(faults.RefuseCode(security=APPLE, duration_s=1))
    assert await refusal(client, client.subscription([4])) == "unknown stock US.AAPL"
    simulator.advance(1)
    reply = await client.ask(client.subscription([4]))
    decode_reply(reply.proto_id, reply.body)


async def test_login_lost_is_told_and_ends(
    simulator: Simulator, client: Client, record: Record
) -> None:
    """Notify and GetGlobalState say so, pushes stop; then all is as before."""
    simulator.inject(faults.LoginLost(duration_s=1))
    cached = sent(simulator, record, TENCENT)
    simulator.advance(0.5)
    assert (await client.state()).qotLogined is False
    assert sent(simulator, record, TENCENT) == cached
    simulator.advance(1)
    assert (await client.state()).qotLogined is True
    assert [notice.connectStatus.qotLogined for notice in client.notices()] == [False, True]
    assert sent(simulator, record, TENCENT)[-1] == traded(simulator, TENCENT)[-1]


async def test_login_lost_twice_ends_with_the_later(simulator: Simulator, client: Client) -> None:
    """Of two losses that overlap the second decides when OpenD is back."""
    simulator.inject(faults.LoginLost(duration_s=1))
    simulator.inject(faults.LoginLost(duration_s=2))
    logged_in = []
    for _ in range(2):
        simulator.advance(1.2)
        logged_in.append((await client.state()).qotLogined)
    assert logged_in == [False, True]


async def test_kicked_out_is_an_event_and_a_lost_login(
    simulator: Simulator, client: Client
) -> None:
    """GtwEvent 7 comes first, the lost login after it."""
    simulator.inject(faults.KickedOut())
    await seen(client)
    assert [notice.type for notice in client.notices()] == [1, 3]
    assert client.notices()[0].event.eventType == 7


async def test_forced_logout_is_told_and_ends_every_connection(
    simulator: Simulator, client: Client
) -> None:
    """ProgramStatus 11 comes, then the end; a new connection is told the same."""
    simulator.inject(faults.ForcedLogout(duration_s=1))
    client.received += client._frames.receive(b"".join(await pieces(client)))
    assert client.notices()[0].programStatus.programStatus.type == 11
    again = await Client.connect(simulator.port)
    assert (await again.state()).programStatus.type == 11
    simulator.advance(1)
    assert (await again.state()).programStatus.type == 10
    await hang_up(again)


async def test_not_ready_is_told_to_who_asks(simulator: Simulator, client: Client) -> None:
    """GetGlobalState gives the status, Notify does not."""
    simulator.inject(faults.NotReady(status=2, duration_s=1))
    assert (await client.state()).programStatus.type == 2
    simulator.advance(1)
    assert (await client.state()).programStatus.type == 10
    assert client.notices() == []


async def test_quote_right_bmp_stops_one_market(
    simulator: Simulator, client: Client, record: Record
) -> None:
    """At BMP a market is neither pushed nor subscribable; another is; later all is as before."""
    simulator.inject(faults.QuoteRight(market="HK", right="bmp", duration_s=1))
    hong_kong, american = (sent(simulator, record, one) for one in SECURITIES)
    simulator.advance(0.5)
    assert sent(simulator, record, TENCENT) == hong_kong
    assert len(sent(simulator, record, APPLE)) > len(american)
    assert "no quote right" in await refusal(client, client.subscription([4]))
    simulator.advance(1)
    await seen(client)
    assert len(sent(simulator, record, TENCENT)) > len(hong_kong)
    assert [notice.qotRight.hkQotRight for notice in client.notices()] == [1, 3]


async def test_quota_refuses_new_subscriptions_only(simulator: Simulator, client: Client) -> None:
    """What is held stays, also when it is asked for again; anything more is refused."""
    simulator.inject(faults.Quota(quota=1, duration_s=1))
    reply = await client.ask(client.subscription([4]))
    decode_reply(reply.proto_id, reply.body)
    assert "quota exceeded" in await refusal(client, client.subscription([4, 2]))
    simulator.advance(1)
    reply = await client.ask(client.subscription([4, 2]))
    decode_reply(reply.proto_id, reply.body)
    told = client.notices()
    assert [notice.apiQuota.subQuota for notice in told if notice.type == 6] == [1, 1000]
    assert [notice.usedQuota.usedSubQuota for notice in told if notice.type == 7] == [2, 2]


@pytest.mark.parametrize("push_format", BodyFormat)
@pytest.mark.parametrize(
    ("fault", "intact", "error"),
    [
        (faults.BadSha1(count=2), False, None),
        (faults.BadBody(count=2), True, MessageMalformed),
        (faults.PushError(count=2), True, PushFailed),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
async def test_damaged_pushes_are_told_apart(
    simulator: Simulator,
    record: Record,
    damages: Damages,
    push_format: BodyFormat,
    fault: Fault,
    intact: bool,
    error: type[Exception] | None,
) -> None:
    """As many pushes as ordered are unusable, and told of as such; the next ones are good."""
    client = Client(*await asyncio.open_connection("127.0.0.1", simulator.port))
    await client.ask(client.login(push_format))
    await client.ask(client.subscription([4]))
    await seen(client)
    first = len(client.received)
    simulator.inject(fault)
    simulator.advance(0.01)
    await seen(client)
    bad, good = client.received[first : first + 2], client.received[first + 2]
    assert [frame.intact for frame in bad] == [intact, intact]
    for frame in bad if error else []:
        with pytest.raises(error or Exception):
            decode_push(frame.proto_id, frame.body, frame.format)
    assert decode_push(good.proto_id, good.body, good.format).tickerList
    told = [sequence for _, ticks, _ in damages.told for sequence in ticks]
    assert {reason for _, _, reason in damages.told} == {fault.kind}
    every = sent(simulator, record, TENCENT) + sent(simulator, record, APPLE) + told
    assert sorted(every) == sorted(traded(simulator, TENCENT) + traded(simulator, APPLE))
    await hang_up(client)


async def test_damage_is_of_the_security_it_names(
    simulator: Simulator, client: Client, damages: Damages
) -> None:
    """With a security, the next push of that one is damaged."""
    simulator.inject(faults.BadSha1(security=APPLE))
    simulator.advance(0.1)
    assert [security for security, _, _ in damages.told] == [APPLE]


async def test_restart_forgets_everything(simulator: Simulator, client: Client) -> None:
    """The port is shut; when it is open again, connections are new and hold nothing."""
    (conn_id,) = simulator.conn_ids
    simulator.inject(faults.Restart(duration_s=1))
    await client.end()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", simulator.port)
    simulator.advance(1)
    await simulator.written()
    again = await Client.connect(simulator.port)
    simulator.advance(0.1)
    await seen(again)
    assert (again.pushes(), simulator.conn_ids == (conn_id,)) == ([], False)
    await hang_up(again)


async def test_no_reply_is_of_the_request_it_names(simulator: Simulator, client: Client) -> None:
    """One request of the kind gets no reply; others do, and so does the next."""
    simulator.inject(faults.NoReply(request="keep_alive"))
    unanswered = client.send(KEEP_ALIVE)
    await client.state()
    await client.ask(KEEP_ALIVE)
    assert unanswered not in [(frame.proto_id, frame.serial) for frame in client.received]


async def test_burst_multiplies_the_rate(simulator: Simulator) -> None:
    """For as long as it lasts there are so many times as many ticks."""
    counts = [0]
    simulator.inject(faults.Burst(factor=10, duration_s=0.5))
    for _ in range(3):
        simulator.advance(0.5)
        counts.append(simulator.market.trade_count)
    assert [b - a for a, b in pairwise(counts)] == [5000, 500, 500]


async def test_drive_stops_at_its_tick_in_a_burst(simulator: Simulator) -> None:
    """A burst that begins on the way lets `drive` push no tick too many."""
    burst = faults.Burst(factor=100, duration_s=5)
    scenario = Scenario(steps=(Step(At(0.05), burst),))
    async with Simulator(a_market(), pace=False, scenario=scenario) as simulator:
        await simulator.drive(1_000)
        assert simulator.market.trade_count == 1_000


async def test_late_ticks_are_overtaken(simulator: Simulator, client: Client) -> None:
    """The next tick comes after so many of its successors, and none is missing."""
    simulator.inject(faults.Late(security=TENCENT, after=3))
    simulator.advance(0.1)
    await seen(client)
    expected = traded(simulator, TENCENT)
    expected.insert(8, expected.pop(5))
    assert sequences(client.ticks(TENCENT)) == expected


async def test_duplicate_ticks_come_twice(simulator: Simulator, client: Client) -> None:
    """The next tick is pushed again, under a serial of its own."""
    simulator.inject(faults.Duplicate(security=TENCENT))
    simulator.advance(0.1)
    await seen(client)
    expected = traded(simulator, TENCENT)
    expected.insert(5, expected[5])
    assert sequences(client.ticks(TENCENT)) == expected
    serials = [frame.serial for frame in client.pushes()]
    assert serials == list(range(1, len(serials) + 1))


async def test_replay_brings_the_latest_back(simulator: Simulator, client: Client) -> None:
    """After the silence come the latest 50 as ByDisConn; the older ones only GetTicker has."""
    simulator.inject(faults.Replay(duration_s=1))
    simulator.advance(0.999)
    await seen(client)
    assert len(client.ticks(TENCENT)) == 5
    simulator.advance(0.001)
    await seen(client)
    replayed = client.ticks(TENCENT)[5:]
    assert {tick.pushDataType for tick in replayed} == {2}
    assert sequences(replayed) == traded(simulator, TENCENT)[-50:]
    request = Qot_GetTicker_pb2.Request(
        c2s=Qot_GetTicker_pb2.C2S(security=SecurityMessage(market=1, code="00700"), maxRetNum=1_000)
    )
    reply = await client.ask(request)
    known = decode_reply(reply.proto_id, reply.body).tickerList
    assert sequences(known) == traded(simulator, TENCENT)


async def test_stall_is_silent(simulator: Simulator, client: Client, record: Record) -> None:
    """One security is not pushed for a while; nothing says so, and the other goes on."""
    simulator.inject(faults.Stall(security=TENCENT, duration_s=1))
    simulator.advance(0.9)
    await seen(client)
    assert (len(client.ticks(TENCENT)), client.notices()) == (5, [])
    assert len(client.ticks(APPLE)) > 100
    simulator.advance(0.2)
    assert sent(simulator, record, TENCENT)[-1] == traded(simulator, TENCENT)[-1]


async def test_stall_may_end_with_a_subscription(
    simulator: Simulator, client: Client, record: Record
) -> None:
    """Where it is so wished, subscribing the security again ends the stall, and no other one."""
    simulator.inject(faults.Stall(security=APPLE, duration_s=9))
    simulator.inject(faults.Stall(security=TENCENT, duration_s=9, until_resubscribed=True))
    simulator.advance(0.5)
    await client.ask(client.subscription([4]))
    simulator.advance(0.5)
    assert sent(simulator, record, TENCENT)[-1] == traded(simulator, TENCENT)[-1]
    assert sent(simulator, record, APPLE)[-1] != traded(simulator, APPLE)[-1]
    simulator.advance(9)
    assert sent(simulator, record, APPLE)[-1] == traded(simulator, APPLE)[-1]


async def test_stall_outlives_a_subscription(
    simulator: Simulator, client: Client, record: Record
) -> None:
    """As a rule, subscribing the security again does not help."""
    simulator.inject(faults.Stall(security=TENCENT, duration_s=9))
    simulator.advance(0.5)
    await client.ask(client.subscription([4]))
    simulator.advance(0.5)
    assert sent(simulator, record, TENCENT)[-1] != traded(simulator, TENCENT)[-1]


async def test_market_closed_stops_trade(simulator: Simulator, client: Client) -> None:
    """A closed market says so and trades nothing; the other one trades as it would have."""
    simulator.inject(faults.MarketClosed(market="HK", duration_s=1))
    simulator.advance(0.9)
    state = await client.state()
    assert (state.marketHK, state.marketUS) == (6, 5)
    assert len(traded(simulator, TENCENT)) == 5
    undisturbed = a_market()
    list(undisturbed.advance(START_US + 900_000))
    assert traded(simulator, APPLE) == sequences(undisturbed.stock(APPLE).latest(1_000))
    simulator.advance(0.2)
    assert ((await client.state()).marketHK, len(traded(simulator, TENCENT)) > 5) == (5, True)


async def test_faults_are_told_with_what_was_drawn(simulator: Simulator, damages: Damages) -> None:
    """`on_fault` gives the fault as it was applied, and the market's time."""
    simulator.advance(0.5)
    simulator.inject(faults.Stall())
    ((fault, at_us),) = damages.faults
    assert isinstance(fault, faults.Stall)
    assert (fault.security in SECURITIES, at_us) == (True, START_US + 500_000)


async def test_scenario_comes_when_it_says(damages: Damages) -> None:
    """A scenario's faults begin at their times of the market, however it is advanced."""
    mix = Mix(200, over_s=10)
    scenario = Scenario(seed=3, mix=mix)
    simulator = Simulator(a_market(), pace=False, scenario=scenario, on_fault=damages.on_fault)
    async with simulator:
        for _ in range(7):
            simulator.advance(1.7)
        await simulator.written()
    planned = [(fault, START_US + at_us) for at_us, fault in scenario.schedule(SECURITIES)]
    assert damages.faults == planned
    assert {fault.kind for fault, _ in damages.faults} == set(faults.KINDS)


async def test_scenario_gives_the_same_again() -> None:
    """The same scenario, market and requests give the same ticks, in the same order."""
    kinds = ("late", "duplicate", "replay", "stall", "burst", "market_closed", "bad_sha1")
    runs: list[list[Frame]] = []
    for _ in range(2):
        scenario = Scenario(seed=5, mix=Mix(30, over_s=1, kinds=kinds))
        async with Simulator(a_market(), pace=False, scenario=scenario) as simulator:
            client = await Client.connect(simulator.port, 4)
            simulator.advance(2)
            await seen(client)
            runs.append([one for one in client.received if one.proto_id != ProtoId.KEEP_ALIVE])
            await hang_up(client)
    assert runs[0] == runs[1]

"""The OpenD stand-in, over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from opend_kafka.opend.frames import encode
from opend_kafka.simulator import Simulator, SimulatorSettings, serve
from tests.simulator.clients import SECURITIES, START_US, Client, Record, a_market


@pytest.fixture
def record() -> Record:
    """What `simulator` says it sent."""
    return Record()


@pytest.fixture
async def simulator(record: Record) -> AsyncIterator[Simulator]:
    """A simulator whose time the test moves."""
    async with Simulator(a_market(), pace=False, on_sent=record.on_sent) as simulator:
        yield simulator


async def test_simulator_sends_each_client_what_it_says(
    simulator: Simulator, record: Record
) -> None:
    """Several clients receive, value for value and in order, the ticks the simulator tells of."""
    clients = [await Client.connect(simulator.port, 4) for _ in range(3)]
    await simulator.drive(500)
    for client, conn_id in zip(clients, simulator.conn_ids, strict=True):
        for security in SECURITIES:
            sent = record.ticks[conn_id][security]
            await client.until_ticks(security, len(sent))
            assert client.ticks(security) == sent
        await client.close()


async def test_simulator_sends_the_cache_and_then_every_trade(simulator: Simulator) -> None:
    """A subscriber sees the cached ticks first, and from there all of them, without a gap."""
    list(simulator.market.advance(START_US + 10_000))
    client = await Client.connect(simulator.port, 4)
    simulator.advance(0.5)
    tencent = simulator.market.stock(SECURITIES[0])
    expected = [tick.sequence for tick in tencent.latest(1_000)]
    await client.until_ticks(SECURITIES[0], len(expected))
    ticks = client.ticks(SECURITIES[0])
    assert [tick.sequence for tick in ticks] == expected
    assert [tick.pushDataType for tick in ticks] == sorted(
        (tick.pushDataType for tick in ticks), reverse=True
    )
    await client.close()


async def test_simulator_sends_the_same_bytes_again() -> None:
    """The same market and the same requests give the same frames, the connection id included."""
    runs = []
    for _ in range(2):
        async with Simulator(a_market(), pace=False) as simulator:
            client = await Client.connect(simulator.port, 4, 2, 22)
            await simulator.drive(200)
            for security in SECURITIES:
                stock = simulator.market.stock(security)
                await client.until_ticks(security, len(stock.latest(1_000)))
            runs.append([encode(frame) for frame in client.received])
            await client.close()
    assert runs[0] == runs[1]


async def test_simulator_numbers_pushes_by_connection(simulator: Simulator) -> None:
    """Every connection's pushes are numbered from 1 without a gap."""
    for _ in range(2):
        client = await Client.connect(simulator.port, 4, 2)
        await simulator.drive(simulator.market.trade_count + 50)
        await client.until_ticks(SECURITIES[0], 20)
        serials = [frame.serial for frame in client.pushes()]
        assert serials == list(range(1, len(serials) + 1))
        await client.close()


async def test_simulator_cuts_one_client_only(simulator: Simulator) -> None:
    """A client that sends garbage is cut; its neighbour is served on."""
    good, bad = await Client.connect(simulator.port), await Client.connect(simulator.port)
    bad.writer.write(b"GET / HTTP/1.1\r\n" * 4)
    await bad.end()
    await good.ask(Client.subscription([4]))
    assert len(simulator.conn_ids) == 1
    await good.close()
    await bad.close()


async def test_simulator_drops_a_client_that_does_not_read() -> None:
    """A client that reads nothing is cut when too much waits for it; the market goes on."""
    simulator = Simulator(a_market(), pace=False, write_limit=100_000)
    async with simulator:
        client = await Client.connect(simulator.port, 4, 2)
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        while simulator.conn_ids:
            simulator.advance(1)
            await asyncio.sleep(0)
        assert simulator.market.trade_count > 0
        client.writer.transport.abort()


async def test_simulator_cuts_everyone_when_asked(simulator: Simulator) -> None:
    """After `drop_clients` the connections end, and new ones are welcome."""
    client = await Client.connect(simulator.port, 4)
    simulator.drop_clients()
    await client.end()
    again = await Client.connect(simulator.port, 4)
    assert len(simulator.conn_ids) == 1
    await client.close()
    await again.close()


async def test_simulator_goes_with_the_clock() -> None:
    """Paced, the simulator pushes without being driven."""
    async with Simulator(a_market()) as simulator:
        client = await Client.connect(simulator.port, 4)
        await client.until_ticks(SECURITIES[0], 50)
        await client.close()


async def test_simulator_closes_with_clients_connected(record: Record) -> None:
    """Closing ends every connection, after what was pushed."""
    simulator = Simulator(a_market(), pace=False, on_sent=record.on_sent)
    await simulator.start()
    client = await Client.connect(simulator.port, 4)
    simulator.advance(0.1)
    await simulator.close()
    await client.end()
    assert simulator.conn_ids == ()
    await client.close()


async def test_simulator_says_when_its_port_is_taken(simulator: Simulator) -> None:
    """Starting on a port that another listens on raises OSError."""
    with pytest.raises(OSError, match="address already in use"):
        await Simulator(a_market(), port=simulator.port).start()


async def test_serve_runs_until_it_is_stopped(unused_tcp_port: int) -> None:
    """`serve` listens where it is told, and returns when `stop` is set."""
    settings = SimulatorSettings(tuple(SECURITIES), port=unused_tcp_port, rate=1_000)
    stop = asyncio.Event()
    serving = asyncio.create_task(serve(settings, stop))
    while True:
        try:
            client = await Client.connect(unused_tcp_port, 4)
            break
        except ConnectionRefusedError:
            await asyncio.sleep(0)
    await client.until_ticks(SECURITIES[1], 1)
    stop.set()
    await serving
    await client.close()


async def test_serve_refuses_an_impossible_market() -> None:
    """Settings that make no market raise ValueError before anything listens."""
    with pytest.raises(ValueError, match="at least one security"):
        await serve(SimulatorSettings(()), asyncio.Event())

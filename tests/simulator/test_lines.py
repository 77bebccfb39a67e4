"""Lines between a connection and the network, without either."""

from __future__ import annotations

import asyncio
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opend_kafka.opend.securities import Security
from opend_kafka.simulator.agenda import Agenda
from opend_kafka.simulator.lines import (
    LONGEST_PIECE,
    CuttingLine,
    DeadLine,
    DelayingLine,
    Line,
    MergingLine,
    Packet,
    SplittingLine,
)
from opend_kafka.simulator.market import Market
from opend_kafka.simulator.pushes import Push, ticker_push

MARKET = Market([Security("HK", "00700")], seed=1, rate=100, start_us=10**15)
STOCK = MARKET.stock(MARKET.securities[0])
PUSH = ticker_push((1,), STOCK, STOCK.latest(1))


class Network:
    """What a line hands over."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.writes: list[bytes] = []
        self.pushes: list[Push] = []
        self.was_reset = False

    def hand_over(self, *packets: Packet) -> None:
        """Note one write."""
        self.writes.append(b"".join(packet.data for packet in packets))
        self.pushes += [packet.push for packet in packets if packet.push is not None]

    def reset(self) -> None:
        """Note the end."""
        self.was_reset = True


@pytest.fixture
def network() -> Network:
    """A network."""
    return Network()


def test_merging_line_joins(network: Network) -> None:
    """So many frames become one write; the rest waits for the end."""
    line = MergingLine(network, 2)
    for data in (b"a", b"b", b"c"):
        line.take(Packet(data, PUSH))
    assert (network.writes, line.held_bytes, len(network.pushes)) == ([b"ab"], 1, 2)
    line.end()
    assert network.writes == [b"ab", b"c"]


def test_delaying_line_waits_for_the_market(network: Network) -> None:
    """A frame goes on so many microseconds later, and counts as sent only then."""
    agenda = Agenda()
    line = DelayingLine(network, agenda, MARKET, 500)
    line.take(Packet(b"a", PUSH))
    assert (network.pushes, agenda.next_us) == ([], MARKET.now_us + 500)
    agenda.run_next()
    assert (network.writes, network.pushes) == ([b"a"], [PUSH])


def test_delaying_line_passes_on_at_its_end(network: Network) -> None:
    """What waits goes at once when the line is taken away, and not again when it would be due."""
    agenda = Agenda()
    line = DelayingLine(network, agenda, MARKET, 500)
    line.take(Packet(b"a", None))
    line.end()
    agenda.run_next()
    assert network.writes == [b"a"]


@given(
    frames=st.lists(st.binary(min_size=1, max_size=1_000), min_size=1, max_size=5),
    seed=st.integers(),
)
def test_splitting_line_loses_nothing(frames: list[bytes], seed: int) -> None:
    """Whatever the frames and the seed, the pieces are short and make the same stream."""
    network = Network()

    async def split() -> None:
        line = SplittingLine(network, Random(seed))
        for data in frames:
            line.take(Packet(data, PUSH))
        while line.busy:
            await asyncio.sleep(0)

    asyncio.run(split())
    assert b"".join(network.writes) == b"".join(frames)
    assert max(map(len, network.writes)) <= 2 * LONGEST_PIECE
    assert len(network.pushes) == len(frames)


async def test_splitting_line_counts_a_push_with_its_last_byte(network: Network) -> None:
    """A push is sent when all of it is."""
    line = SplittingLine(network, Random(1))
    line.take(Packet(bytes(1_000), PUSH))
    while line.busy:
        assert network.pushes == []
        await asyncio.sleep(0)
    assert network.pushes == [PUSH]


@given(size=st.integers(2, 200), seed=st.integers())
def test_cutting_line_sends_a_part(size: int, seed: int) -> None:
    """At least one byte of the frame is sent, never all; then comes the end, and no push."""
    network = Network()
    CuttingLine(network, Random(seed)).take(Packet(bytes(size), PUSH))
    (part,) = network.writes
    assert (0 < len(part) < size, network.was_reset, network.pushes) == (True, True, [])


def test_dead_line_sends_nothing(network: Network) -> None:
    """Not even at its end."""
    line = DeadLine(network)
    line.take(Packet(b"a", PUSH))
    line.end()
    assert (network.writes, network.pushes) == ([], [])


@pytest.mark.parametrize(("line", "final"), [(Line, False), (CuttingLine, True), (DeadLine, True)])
def test_lines_that_end_the_connection_are_final(line: type[Line], final: bool) -> None:
    """What nothing comes after cannot be replaced."""
    assert line.final is final

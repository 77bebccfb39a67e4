"""The demo's whole way, from the simulated OpenD to the consumer, for real."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from functools import partial

import pytest

from opend_kafka.demo import stage
from opend_kafka.demo.board import Board
from opend_kafka.demo.stage import NAMES, configuration, play, securities
from opend_kafka.opend.pb.Qot_Common_pb2 import Ticker
from opend_kafka.opend.securities import Security
from opend_kafka.simulator.server import Simulator

#: Seconds after which something hangs.
HANGS_S = 60


def _ignore(board: Board) -> None:
    """Show nothing."""


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[int]]:
    """Give the sequences that the simulator has pushed, by security."""
    sequences: dict[str, list[int]] = defaultdict(list)

    def note(conn_id: int, security: Security, ticks: Sequence[Ticker]) -> None:
        sequences[str(security)] += [tick.sequence for tick in ticks]

    monkeypatch.setattr(stage, "Simulator", partial(Simulator, on_sent=note))
    return sequences


async def test_play_brings_every_tick_once_and_in_order(sent: dict[str, list[int]]) -> None:
    """Up to the last tick read, each security's ticks are all that were pushed, once each."""
    async with asyncio.timeout(HANGS_S):
        board = await play(rate=500, number=5, seconds=2, stop=asyncio.Event(), show=_ignore)
    assert (board.duplicates, board.late, len(board.lines)) == (0, 0, 5)
    for name, line in board.lines.items():
        assert line.ticks > 0
        assert sent[name][line.ticks - 1] == line.last_sequence


async def test_play_ends_when_it_is_told() -> None:
    """Without a time, `stop` ends it, and what was read is given."""
    stop = asyncio.Event()

    def stop_at_the_first_tick(board: Board) -> None:
        if board.ticks:
            stop.set()

    async with asyncio.timeout(HANGS_S):
        board = await play(rate=200, number=2, seconds=None, stop=stop, show=stop_at_the_first_tick)
    assert board.ticks > 0


async def test_play_raises_what_a_part_of_it_raised() -> None:
    """A part that fails ends the demo, with its own error."""

    def fail(board: Board) -> None:
        raise ValueError("no screen")

    with pytest.raises(ValueError, match="no screen"):
        async with asyncio.timeout(HANGS_S):
            await play(rate=200, number=2, seconds=None, stop=asyncio.Event(), show=fail)


@pytest.mark.parametrize("number", [1, len(NAMES), 1000])
def test_securities_gives_as_many_as_asked_for(number: int) -> None:
    """Known names come first, then made-up ones; none comes twice."""
    traded = securities(number)
    assert len(set(traded)) == number
    assert tuple(str(one) for one in traded[: len(NAMES)]) == NAMES[:number]


def test_configuration_is_what_a_user_would_write() -> None:
    """The worker is told where OpenD and Kafka are and what is wanted, and takes any admin port."""
    config = configuration(5, "127.0.0.1:6", securities(2))
    assert (config.opend.port, config.kafka.bootstrap_servers) == (5, "127.0.0.1:6")
    assert (config.schema_registry.url, config.admin.port) == (None, 0)
    assert [str(one) for one in config.wanted()] == [
        "ticker of HK.00700",
        "order-book of HK.00700",
        "ticker of HK.09988",
        "order-book of HK.09988",
    ]

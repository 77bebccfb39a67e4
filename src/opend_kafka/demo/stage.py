"""The demo's parts, on one stage: simulated OpenD → worker → embedded Kafka → consumer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import Message

from opend_kafka.config import Config
from opend_kafka.consuming.decoding import Decoder
from opend_kafka.consuming.reading import TopicReader
from opend_kafka.demo.board import Board
from opend_kafka.kafka.embedded import EmbeddedKafka, EmbeddedTopics
from opend_kafka.kafka.topics import ensure
from opend_kafka.opend.securities import Security
from opend_kafka.plan import topic_specs, topics_of
from opend_kafka.simulator.market import Market
from opend_kafka.simulator.server import Simulator
from opend_kafka.worker import Worker

#: What trades, as far as `--securities` reaches.
NAMES = (
    "HK.00700", "HK.09988", "HK.03690", "HK.01810", "HK.00005",
    "US.AAPL", "US.NVDA", "US.TSLA", "US.MSFT", "SH.600519",
    "SZ.000001", "SH.601318", "US.AMZN", "US.GOOG", "US.META",
    "HK.00388", "HK.01299", "HK.02318", "US.AMD", "US.NFLX",
)  # fmt: skip

#: Seconds between two frames of the picture.
FRAME_S = 0.25

_READ_WAIT_S = 0.02


def securities(number: int) -> tuple[Security, ...]:
    """Give so many securities; made-up Hong Kong codes follow the known ones."""
    made_up = (f"HK.{80000 + index}" for index in range(max(0, number - len(NAMES))))
    return tuple(Security.parse(name) for name in (*NAMES[:number], *made_up))


def configuration(port: int, bootstrap_servers: str, traded: tuple[Security, ...]) -> Config:
    """Give the worker's configuration: what a user would write, without a registry."""
    return Config.model_validate(
        {
            "opend": {"port": port},
            "subscriptions": [
                {
                    "securities": [str(security) for security in traded],
                    "subtypes": ["ticker", "order-book"],
                }
            ],
            "kafka": {"bootstrap_servers": bootstrap_servers},
            "schema_registry": {"url": None},
            "admin": {"port": 0},
        }
    )


async def play(
    *,
    rate: float,
    number: int,
    seconds: float | None,
    stop: asyncio.Event,
    show: Callable[[Board], None],
) -> Board:
    """Run the demo; give what the consumer has read.

    Args:
        rate: ticks a second over all securities.
        number: how many securities.
        seconds: after which it ends; None: when `stop` is set.
        stop: ends it.
        show: called for each frame.
    """
    traded = securities(number)
    board = Board()
    with EmbeddedKafka() as kafka:
        market = Market(traded, seed=1, rate=rate, start_us=time.time_ns() // 1000)
        async with Simulator(market) as simulator:
            config = configuration(simulator.port, kafka.bootstrap_servers, traded)
            topics = EmbeddedTopics(kafka)
            specs = topic_specs(config)
            # Both wait for Kafka, now and then for seconds; the market's clock goes on meanwhile.
            await asyncio.to_thread(ensure, topics, specs, create=True)
            names = list(topics_of(config).values())
            with await asyncio.to_thread(TopicReader, kafka.bootstrap_servers, names) as reader:
                worker = Worker(config, topic_admin=topics)
                consumer = _Consumer(board, reader)
                ending = asyncio.Event()
                tasks = [
                    asyncio.create_task(worker.run(ending)),
                    asyncio.create_task(consumer.follow()),
                    asyncio.create_task(_frames(board, show)),
                    asyncio.create_task(stop.wait()),
                ]
                await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
                ending.set()
                await _settle(tasks)
                await consumer.read_up_to(worker.delivered)
    board.finish(time.monotonic())
    return board


async def _settle(tasks: list[asyncio.Task[Any]]) -> None:
    """Let the worker drain, end the others; raise what the first failure was."""
    _, *others = tasks
    for task in others:
        if not task.done():
            task.cancel()
    await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled():
            task.result()


async def _frames(board: Board, show: Callable[[Board], None]) -> None:
    while True:
        show(board)
        await asyncio.sleep(FRAME_S)


class _Consumer:
    """Reads the topics onto the board."""

    def __init__(self, board: Board, reader: TopicReader) -> None:
        self._board = board
        self._reader = reader
        self._decoder = Decoder()
        self._read = 0

    async def follow(self) -> None:
        """Read until cancelled; what a cancelled read held is on the board."""
        while True:
            await self._turn()

    async def read_up_to(self, records: int) -> None:
        """Read until so many records have come in all."""
        while self._read < records:
            await self._turn()

    async def _turn(self) -> None:
        reading = asyncio.ensure_future(asyncio.to_thread(self._reader.read, _READ_WAIT_S))
        try:
            messages = await asyncio.shield(reading)
        except asyncio.CancelledError:
            self._take(await reading)
            raise
        self._take(messages)

    def _take(self, messages: list[Message]) -> None:
        now, wall = time.monotonic(), datetime.now(UTC)
        for message in messages:
            record = self._decoder.decode(message.value() or b"")
            self._board.take(record.schema, record.fields, now, wall)
        self._board.settle(now)
        self._read += len(messages)

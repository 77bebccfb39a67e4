"""The faults that the suite plays, by name. What is drawn is drawn from the seed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM

from opend_kafka.simulator.faults import HalfOpen, Reset, Restart
from tests.chaos.stage import Outcome, Stage, World, staged

#: Ticks a second, over all securities.
RATE = 5000.0

Play = Callable[[Stage], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One of them.

    Args:
        name: what it is called.
        title: what it does, for the table.
        play: does it.
        kafka: of the worker's configuration.
        write_limit: bytes that OpenD keeps for a client that does not read.
        registry_open: whether the registry is there at the start.
    """

    name: str
    title: str
    play: Play
    kafka: dict[str, object] = field(default_factory=dict)
    write_limit: int = 1 << 26
    registry_open: bool = True

    async def run(self, world: World, *, seed: int, rate: float, quick: bool) -> Outcome:
        """Play it, and judge."""
        async with staged(
            world,
            self.name,
            seed=seed,
            rate=rate,
            quick=quick,
            kafka=self.kafka,
            write_limit=self.write_limit,
            registry_open=self.registry_open,
        ) as (stage, outcome):
            await self.play(stage)
        return await outcome


async def _calm(stage: Stage) -> None:
    """Nothing happens."""
    await stage.trade(2 if stage.quick else 10)


async def _killed(stage: Stage) -> None:
    """20 SIGKILLs and 10 SIGTERMs, at any moment: also while the worker starts or repairs."""
    kills, terms = (3, 1) if stage.quick else (20, 10)
    signals = [SIGKILL] * kills + [SIGTERM] * terms
    stage.random.shuffle(signals)
    for number in signals:
        # Its start takes a part of that; some hit it, most hit it at work.
        await stage.trade(stage.random.uniform(0.2, 2.5 if stage.quick else 5.0))
        await stage.signal(number)
    await stage.live()


async def _brokers(stage: Stage) -> None:
    """Each broker in its turn: whichever of them is the controller, it is among them."""
    for number in (0,) if stage.quick else (0, 1, 2):
        await stage.kill_brokers(number)
        await stage.trade(1 if stage.quick else 6)
        await stage.start_brokers(number)
        await stage.trade(1 if stage.quick else 3)


async def _no_broker(stage: Stage) -> None:
    """None of them for 30 s."""
    await stage.kill_brokers(0, 1, 2)
    await stage.trade(3 if stage.quick else 30)
    await stage.start_brokers(0, 1, 2)
    await stage.trade(2)


async def _reset(stage: Stage) -> None:
    """The link is reset, at any moment."""
    for _ in range(1 if stage.quick else 8):
        await stage.trade(stage.random.uniform(0.5, 2.0))
        await stage.strike(Reset())


async def _half_open(stage: Stage) -> None:
    """The link is dead and stands: the worker has to notice by itself."""
    for _ in range(1 if stage.quick else 2):
        await stage.strike(HalfOpen(duration_s=30))
        await stage.trade(stage.random.uniform(1, 3))


async def _stalled(stage: Stage) -> None:
    """The worker does not read for a while; the last time for so long that OpenD gives it up."""
    for seconds in (1.0,) if stage.quick else (1.0, 3.0, 20.0):
        await stage.signal(SIGSTOP)
        await stage.trade(seconds)
        await stage.signal(SIGCONT)
        await stage.trade(3)


async def _opend_restarted(stage: Stage) -> None:
    """OpenD ends and comes back: after a moment, and after longer than its ticks go back."""
    for seconds in (1,) if stage.quick else (1, 3, 8):
        await stage.strike(Restart(duration_s=seconds))
        await stage.trade(2)


async def _registry(stage: Stage) -> None:
    """Gone at the first start, while the worker runs, and when it starts anew."""
    await stage.trade(2 if stage.quick else 12)
    await stage.registry.open()
    await stage.live()
    await stage.settled()
    stage.registry.shut()
    await stage.trade(1 if stage.quick else 5)
    await stage.signal(SIGKILL)
    await stage.trade(2 if stage.quick else 15)
    await stage.registry.open()
    await stage.live()


async def _full_queue(stage: Stage) -> None:
    """No broker, and room for half a second of ticks: the worker does not read for two minutes."""
    await stage.kill_brokers(0, 1, 2)
    await stage.trade(3 if stage.quick else 120)
    await stage.start_brokers(0, 1, 2)
    await asyncio.sleep(2)


async def _each_in_turn(stage: Stage) -> None:
    """The short form: what ends a worker, a broker, a link and OpenD, one after the other."""
    for play in (_killed, _brokers, _reset, _opend_restarted):
        await play(stage)


#: What `make test` plays, with `quick`.
SHORT = Scenario("short", "worker, a broker, the link and OpenD in turn", _each_in_turn)

SCENARIOS = (
    Scenario("calm", "nothing: what the rest is compared with", _calm),
    Scenario("worker-killed", "worker: 20 × SIGKILL, 10 × SIGTERM at random moments", _killed),
    Scenario(
        "brokers-killed", "each broker SIGKILLed for 6 s and back, the controller too", _brokers
    ),
    Scenario("no-broker", "all three brokers SIGKILLed, gone for 30 s", _no_broker),
    Scenario("link-reset", "OpenD's link reset, 8 times", _reset),
    Scenario("link-half-open", "OpenD's link dead without a word, twice", _half_open),
    Scenario(
        "reader-stalled",
        "worker stopped (SIGSTOP) for 1, 3 and 20 s; OpenD keeps 1 MiB for it",
        _stalled,
        write_limit=1 << 20,
    ),
    Scenario("opend-restarted", "OpenD restarted: gone for 1, 3 and 8 s", _opend_restarted),
    Scenario(
        "registry-gone",
        "registry gone at the start, while the worker runs, when it is SIGKILLed and starts anew",
        _registry,
        registry_open=False,
    ),
    Scenario(
        "queue-full",
        "all brokers gone for 2 minutes, with kafka.max_buffered_bytes of 2 MiB",
        _full_queue,
        kafka={"max_buffered_bytes": 2 << 20},
    ),
)

"""A market that follows a clock."""

import pytest
from structlog.testing import capture_logs

from opend_kafka.opend.securities import Security
from opend_kafka.simulator.market import Market
from opend_kafka.simulator.pacing import LATE_US, PULSE_S, STEP_US, follow_the_clock

START_US = 1_700_000_000_000_000


class NightFell(Exception):
    """Ends a pacing, which has no end of its own."""


class Day:
    """A clock that stands still between sleeps. A sleep takes the next of `delays_s` longer."""

    def __init__(self, *delays_s: float) -> None:
        """Begin at some odd time, as monotonic clocks do."""
        self.now_s = 12345.678
        self.slept_s: list[float] = []
        self._delays_s = list(delays_s)

    async def sleep(self, seconds: float) -> None:
        """Let the time pass."""
        if not self._delays_s:
            raise NightFell
        self.slept_s.append(seconds)
        self.now_s += seconds + self._delays_s.pop(0)


async def steps_of(day: Day) -> list[int]:
    """Follow a day's clock to its end; give the times advanced to, in us after the start."""
    market = Market([Security("HK", "00700")], seed=1, rate=1_000, start_us=START_US)
    steps: list[int] = []

    def advance_to(until_us: int) -> None:
        list(market.advance(until_us))
        steps.append(until_us - START_US)

    with pytest.raises(NightFell):
        await follow_the_clock(market, advance_to, clock=lambda: day.now_s, sleep=day.sleep)
    return steps


async def test_market_goes_with_the_clock() -> None:
    """On time, each pulse of the clock is a step of the market."""
    pulse_us = PULSE_S * 1_000_000
    assert await steps_of(Day(0, 0, 0)) == [
        pytest.approx(pulse_us * pulses, abs=1) for pulses in range(4)
    ]


async def test_market_makes_up_for_a_delay_in_small_steps() -> None:
    """After a stall the market catches up without a rest, but lets requests in between."""
    day = Day(0.12, 0, 0, 0)
    steps = await steps_of(day)
    assert steps[:3] == [0, STEP_US, 2 * STEP_US]
    assert steps[3] == pytest.approx(125_000, abs=1)
    assert day.slept_s == [PULSE_S, 0, 0, PULSE_S]


async def test_market_that_cannot_keep_up_says_so_once() -> None:
    """A market more than a second behind the clock is worth a warning, and not one a step."""
    with capture_logs() as logs:
        await steps_of(Day(LATE_US / 1_000_000 + 1, 0, 0))
    assert [log["event"] for log in logs] == ["market_late"]

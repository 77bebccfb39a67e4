"""When faults come: a pure function of a seed."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opend_kafka.opend.securities import Security
from opend_kafka.simulator.faults import KINDS, Duplicate, LoginLost, Reset, Stall
from opend_kafka.simulator.scenario import At, AtRandom, Every, Mix, Planned, Scenario, Step

SECURITIES = [Security("HK", "00700"), Security("US", "AAPL")]
SECOND_US = 1_000_000

seconds = st.floats(0.001, 1_000)
kinds = st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=5).map(tuple)
times = st.one_of(
    st.builds(At, seconds),
    st.builds(Every, seconds, st.none() | st.integers(1, 20)),
    st.builds(AtRandom, st.integers(1, 20), st.tuples(seconds, seconds)),
)
steps = st.builds(Step, times, st.sampled_from([Reset(), Stall(), LoginLost(), Duplicate()]))
scenarios = st.builds(
    Scenario,
    st.integers(0, 2**63),
    st.lists(steps, max_size=5).map(tuple),
    st.none() | st.builds(Mix, st.integers(1, 50), seconds, kinds),
)


def planned(scenario: Scenario) -> list[Planned]:
    """Give the first faults of a scenario."""
    return list(islice(scenario.schedule(SECURITIES), 100))


@given(scenarios)
def test_scenario_is_the_same_with_the_same_seed(scenario: Scenario) -> None:
    """Two schedules of a scenario are alike, to the microsecond and to what is drawn."""
    assert planned(scenario) == planned(replace(scenario))


@given(scenarios)
def test_scenario_is_in_order_of_time(scenario: Scenario) -> None:
    """However its parts overlap, a scenario's faults come one after another."""
    at_us = [one.at_us for one in planned(scenario)]
    assert at_us == sorted(at_us)


@given(scenarios)
def test_scenario_leaves_nothing_open(scenario: Scenario) -> None:
    """Whatever a fault leaves to the seed is drawn in the schedule."""
    assert all(
        getattr(one.fault, name) is not None
        for one in planned(scenario)
        for name in one.fault.drawn
    )


@given(st.integers(0, 2**63), st.lists(steps, min_size=2, max_size=5))
def test_scenarios_steps_do_not_disturb_each_other(seed: int, some: list[Step]) -> None:
    """A step that is added at the end changes nothing about those before it."""
    before = Counter(planned(Scenario(seed, tuple(some[:-1]))))
    after = Counter(islice(Scenario(seed, tuple(some)).schedule(SECURITIES), 200))
    last_us = max(one.at_us for one in after)
    assert not Counter(one for one in before.elements() if one.at_us < last_us) - after


def test_scenario_with_another_seed_is_another() -> None:
    """The seed decides."""
    assert planned(Scenario(1, mix=Mix(10, 60))) != planned(Scenario(2, mix=Mix(10, 60)))


@pytest.mark.parametrize(
    ("when", "at_s"),
    [(At(2.5), [2.5]), (At(0), [0]), (Every(2, 3), [2, 4, 6]), (Every(0.1, 3), [0.1, 0.2, 0.3])],
)
def test_step_comes_at_its_times(when: At | Every, at_s: list[float]) -> None:
    """Once, or after each so many seconds."""
    scenario = Scenario(steps=(Step(when, Reset()),))
    assert [one.at_us / SECOND_US for one in planned(scenario)] == at_s


def test_step_can_go_on_for_ever() -> None:
    """Without a number of times there is always a next one."""
    assert len(planned(Scenario(steps=(Step(Every(1), Reset()),)))) == 100


def test_step_at_random_stays_between() -> None:
    """So many times are drawn, all between the two."""
    scenario = Scenario(steps=(Step(AtRandom(50, (3, 4)), Reset()),))
    at_us = [one.at_us for one in planned(scenario)]
    assert (len(set(at_us)), min(at_us) >= 3 * SECOND_US, max(at_us) <= 4 * SECOND_US) == (
        50,
        True,
        True,
    )


def test_mix_has_every_kind() -> None:
    """200 faults of all kinds are eight of each."""
    mix = list(Scenario(mix=Mix(200, 60)).schedule(SECURITIES))
    assert Counter(one.fault.kind for one in mix) == dict.fromkeys(KINDS, 8)


def test_mix_draws_durations() -> None:
    """What lasts, lasts as long as is allowed, one longer than another."""
    mix = Scenario(mix=Mix(20, 60, ("stall",), (0.5, 0.6))).schedule(SECURITIES)
    durations = {one.fault.duration_s for one in mix if isinstance(one.fault, Stall)}
    assert (len(durations), min(durations) >= 0.5, max(durations) <= 0.6) == (20, True, True)

"""Ticks each once, and in order: for any sequence of arrivals."""

from __future__ import annotations

import gc
import tracemalloc
import weakref
from collections import defaultdict
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from opend_kafka.consuming.records import Ticker
from opend_kafka.consuming.ticks import TickDeduplicator, TickOrderer
from tests.consuming.samples import a_tick

WINDOW = 8
DELAY_S = 0.1

_SECURITIES = st.sampled_from([("HK", "00700"), ("US", "AAPL"), ("US", "00700")])
_ARRIVALS = st.lists(st.tuples(_SECURITIES, st.integers(0, 30)), max_size=80)
#: The same, each with the seconds that pass before it.
_TIMED = st.lists(
    st.tuples(_SECURITIES, st.integers(-(2**63), 2**63 - 1) | st.integers(0, 30), st.floats(0, 0.2))
)


class _Tick(dict[str, Any]):
    """A tick that can be watched: a plain dict takes no weak reference."""


def _tick(security: tuple[str, str], sequence: int) -> _Tick:
    market, code = security
    return _Tick(market=market, code=code, sequence=sequence)


def _security(tick: dict[str, Any]) -> tuple[str, str]:
    return tick["market"], tick["code"]


@given(arrivals=_ARRIVALS)
def test_deduplicator_is_exact_inside_its_window(
    arrivals: list[tuple[tuple[str, str], int]],
) -> None:
    """A tick is new just when it is not among the last `window` new ones of its security."""
    deduplicator = TickDeduplicator(WINDOW)
    remembered: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for security, sequence in arrivals:
        last = remembered[security][-WINDOW:]
        assert deduplicator.is_new(_tick(security, sequence)) == (sequence not in last)
        if sequence not in last:
            remembered[security].append(sequence)


@given(arrivals=_ARRIVALS)
def test_deduplicator_counts_what_it_tells(arrivals: list[tuple[tuple[str, str], int]]) -> None:
    """New ticks and duplicates together are all ticks."""
    deduplicator = TickDeduplicator(WINDOW)
    new = sum(deduplicator.is_new(_tick(*arrival)) for arrival in arrivals)
    assert new + deduplicator.duplicates == len(arrivals)


def test_deduplicator_forgets_what_is_older_than_its_window() -> None:
    """Memory is bounded: the oldest sequence goes when one more than the window has come."""
    deduplicator = TickDeduplicator(WINDOW)
    for sequence in range(WINDOW + 1):
        deduplicator.is_new(_tick(("HK", "00700"), sequence))
    assert not deduplicator.is_new(_tick(("HK", "00700"), 1))
    assert deduplicator.is_new(_tick(("HK", "00700"), 0))


def test_deduplicator_takes_no_more_memory_with_time() -> None:
    """Ten windows later it holds as many bytes, but for what Python itself keeps in reserve."""
    window = 1000
    deduplicator = TickDeduplicator(window)
    sizes = []
    tracemalloc.start()
    for begin in (0, 2 * window, 12 * window):
        for sequence in range(begin, begin + 2 * window):
            deduplicator.is_new(_tick(("HK", "00700"), 2**62 + sequence))
        sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert sizes[2] < 1.1 * sizes[0]


def test_deduplicator_remembers_more_than_opend_repeats() -> None:
    """By default a repetition of 1000 ticks, as Qot_GetTicker gives them, is told."""
    deduplicator = TickDeduplicator()
    ticks = [_tick(("HK", "00700"), sequence) for sequence in range(1000)]
    new = [[deduplicator.is_new(tick) for tick in ticks] for _ in range(2)]
    assert new == [[True] * 1000, [False] * 1000]


def test_deduplicator_picks_the_unique_ones() -> None:
    """`unique` works over any iterable, of decoded fields or of typed records."""
    ticks = [Ticker.from_fields(a_tick(sequence)) for sequence in (1, 2, 1, 3, 3)]
    assert [tick.sequence for tick in TickDeduplicator().unique(ticks)] == [1, 2, 3]


def test_deduplicator_forgets_a_security_when_told() -> None:
    """One that is traded no more takes no memory, and the others are remembered."""
    deduplicator = TickDeduplicator()
    for code in ("00700", "09988"):
        deduplicator.is_new(_tick(("HK", code), 1))
    deduplicator.forget("HK", "00700")
    deduplicator.forget("HK", "never seen")
    assert deduplicator.is_new(_tick(("HK", "00700"), 1))
    assert not deduplicator.is_new(_tick(("HK", "09988"), 1))


def _given_on(
    orderer: TickOrderer[Any], arrivals: list[tuple[tuple[str, str], int, float]]
) -> tuple[list[_Tick], list[Any]]:
    """Let all arrive, and flush; give the ticks that went in and those that came out."""
    now = 0.0
    ticks: list[_Tick] = []
    out: list[Any] = []
    for security, sequence, pause_s in arrivals:
        now += pause_s
        ticks.append(_tick(security, sequence))
        out += [one for one, _ in orderer.take(ticks[-1], now)]
    return ticks, [*out, *(one for one, _ in orderer.flush())]


@given(arrivals=_TIMED)
def test_orderer_gives_every_tick_once(
    arrivals: list[tuple[tuple[str, str], int, float]],
) -> None:
    """What goes in comes out: nothing is lost, nothing doubled."""
    ticks, out = _given_on(TickOrderer(DELAY_S), arrivals)
    assert sorted(map(id, out)) == sorted(map(id, ticks))


@given(arrivals=_TIMED)
def test_orderer_gives_by_sequence_but_for_the_late(
    arrivals: list[tuple[tuple[str, str], int, float]],
) -> None:
    """Within a security sequences rise; each tick that breaks this is marked and counted."""
    orderer: TickOrderer[Any] = TickOrderer(DELAY_S)
    now = 0.0
    marked: list[tuple[Any, bool]] = []
    for security, sequence, pause_s in arrivals:
        now += pause_s
        marked += orderer.take(_tick(security, sequence), now)
    marked += orderer.flush()
    highest: dict[tuple[str, str], int] = {}
    for tick, late in marked:
        reached = highest.get(_security(tick), tick["sequence"])
        assert late == (tick["sequence"] < reached)
        highest[_security(tick)] = max(tick["sequence"], reached)
    assert orderer.late == sum(late for _, late in marked)


@given(arrivals=_TIMED)
def test_orderer_holds_nothing_longer_than_its_delay(
    arrivals: list[tuple[tuple[str, str], int, float]],
) -> None:
    """Once the delay has passed since its arrival, a tick is out."""
    orderer: TickOrderer[Any] = TickOrderer(DELAY_S)
    now, held = 0.0, {}
    for security, sequence, pause_s in arrivals:
        now += pause_s
        tick = _tick(security, sequence)
        held[id(tick)] = (now, tick)
        for one, _ in orderer.take(tick, now):
            del held[id(one)]
        assert all(now < arrival + DELAY_S for arrival, _ in held.values())


@given(sequences=st.permutations(range(12)))
def test_orderer_sorts_what_comes_within_its_delay(sequences: list[int]) -> None:
    """Ticks in any order within the delay come out in order, none of them late."""
    orderer: TickOrderer[Any] = TickOrderer(DELAY_S)
    arrivals = [(("HK", "00700"), sequence, DELAY_S / 20) for sequence in sequences]
    _, out = _given_on(orderer, arrivals)
    assert ([tick["sequence"] for tick in out], orderer.late) == (list(range(12)), 0)


def test_orderer_gives_a_late_tick_at_once() -> None:
    """A tick whose successor is out already is not held, and is counted."""
    orderer: TickOrderer[Any] = TickOrderer(DELAY_S)
    assert list(orderer.take(_tick(("HK", "00700"), 2), 0.0)) == []
    assert [tick["sequence"] for tick, _ in orderer.due(DELAY_S)] == [2]
    late = _tick(("HK", "00700"), 1)
    assert (list(orderer.take(late, DELAY_S)), orderer.late) == ([(late, True)], 1)


def test_orderer_keeps_securities_apart() -> None:
    """One security's sequences say nothing about another's, also where the codes are equal."""
    orderer: TickOrderer[Any] = TickOrderer(DELAY_S)
    list(orderer.take(_tick(("US", "00700"), 9), 0.0))
    list(orderer.due(DELAY_S))
    list(orderer.take(_tick(("HK", "00700"), 1), DELAY_S))
    assert orderer.late == 0


def test_orderer_keeps_no_tick_that_it_has_given_on() -> None:
    """A tick that is out, late or not, is no longer in memory."""
    orderer: TickOrderer[Any] = TickOrderer(DELAY_S)
    watched = []
    for number, sequence in enumerate([3, 1, 2, 9, 4, 8, 0, 5]):
        tick = _tick(("HK", "00700"), sequence)
        watched.append(weakref.ref(tick))
        list(orderer.take(tick, number * DELAY_S / 3))
        del tick
    list(orderer.flush())
    gc.collect()
    assert [one() for one in watched] == [None] * 8


def test_orderer_takes_typed_ticks() -> None:
    """Typed records are ordered as decoded fields are."""
    orderer: TickOrderer[Ticker] = TickOrderer(DELAY_S)
    for sequence in (2, 1):
        list(orderer.take(Ticker.from_fields(a_tick(sequence)), 0.0))
    assert [tick.sequence for tick, _ in orderer.flush()] == [1, 2]

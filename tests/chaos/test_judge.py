"""The judge of the fault suite: it finds what it is there to find, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.chaos.judge import (
    HOLD_US,
    Announced,
    Disorder,
    Landed,
    Security,
    Verdict,
    judge,
)

ONE = "HK.00700"


def _of(*sequences: int) -> list[Landed]:
    return [Landed(one) for one in sequences]


def _judged(security: Security) -> Verdict:
    return judge({ONE: security})


def test_ticks_that_came_once_and_in_order_are_upheld() -> None:
    """Nothing is missing, nothing came twice."""
    verdict = _judged(Security([1, 2, 3], _of(1, 2, 3)))
    assert verdict.upheld
    assert (verdict.sent, verdict.delivered, verdict.duplicates) == (3, 3, 0)


def test_a_missing_tick_is_silent_without_an_event() -> None:
    """One that no record, event or dead letter has is named."""
    verdict = _judged(Security([1, 2, 3], _of(1, 3)))
    assert verdict.silently_missing == {ONE: [2]}
    assert verdict.complaints() == ["HK.00700: 1 silently missing: 2"]


def test_a_security_of_which_nothing_landed_is_silently_missing() -> None:
    """An empty topic hides nothing."""
    assert _judged(Security([1, 2])).silent == 2


@pytest.mark.parametrize("gap", [Announced(1, 3), Announced(None, 3), Announced(None, None, 99)])
def test_a_missing_tick_inside_an_event_is_announced(gap: Announced) -> None:
    """Strictly between the two sequences of an event; null leaves an end open."""
    verdict = _judged(Security([1, 2, 3], _of(1, 3), [gap]))
    assert verdict.upheld
    assert verdict.announced_missing == 1


@pytest.mark.parametrize("gap", [Announced(2, 3), Announced(1, 2), Announced(3, None)])
def test_an_event_about_others_announces_nothing(gap: Announced) -> None:
    """The ends of an event are not inside it."""
    assert _judged(Security([1, 2, 3], _of(1, 3), [gap])).silently_missing == {ONE: [2]}


def test_an_event_of_another_security_announces_nothing() -> None:
    """Sequences are a security's own."""
    verdict = judge(
        {ONE: Security([1, 2], _of(1)), "US.AAPL": Security([1], _of(1), [Announced(1, 3)])}
    )
    assert verdict.silently_missing == {ONE: [2]}


def test_an_open_event_ends_with_the_next_tick_that_came() -> None:
    """An event without an end does not excuse what goes missing long after it."""
    landed = [Landed(1, ingest_us=10), Landed(4, ingest_us=30), Landed(6, ingest_us=40)]
    verdict = _judged(Security([1, 2, 3, 4, 5, 6], landed, [Announced(1, None, 20)]))
    assert verdict.silently_missing == {ONE: [5]}
    assert verdict.announced_missing == 2


def test_a_tick_in_a_dead_letter_is_announced() -> None:
    """Its bytes are kept."""
    verdict = _judged(Security([1, 2, 3], _of(1, 3), dead={2}))
    assert (verdict.upheld, verdict.announced_missing) == (True, 1)


def test_duplicates_are_counted_and_break_no_order() -> None:
    """Of each tick the first record counts; the second may stand anywhere."""
    verdict = _judged(Security([1, 2, 3], _of(1, 2, 3, 1, 2, 2)))
    assert verdict.upheld
    assert (verdict.delivered, verdict.duplicates) == (3, 3)


def test_a_push_behind_a_newer_one_is_a_violation() -> None:
    """First occurrences come in the order of sequences."""
    verdict = _judged(Security([1, 2, 3], _of(1, 3, 2)))
    assert verdict.disorders == {ONE: [Disorder(2, 3, "PUSH")]}
    assert verdict.complaints() == ["HK.00700: 1 out of order: 2 (PUSH) < 3"]


def test_every_tick_of_a_run_out_of_order_is_a_violation() -> None:
    """Also where it is in order among themselves."""
    assert _judged(Security([1, 2, 3, 4], _of(4, 1, 2, 3))).violations == 3


def test_a_tick_that_opend_pushed_late_may_stand_late() -> None:
    """It is counted apart."""
    verdict = _judged(Security([1, 2, 3], _of(1, 3, 2), pushed_late={2}))
    assert (verdict.upheld, verdict.pushed_late) == (True, 1)


def test_a_repair_after_the_hold_limit_may_stand_late() -> None:
    """Newer ticks are held for three seconds, no longer; it is counted apart."""
    landed = [Landed(3, ingest_us=0), Landed(2, "REPAIR", ingest_us=HOLD_US)]
    verdict = _judged(Security([2, 3], landed))
    assert (verdict.upheld, verdict.repaired_late, verdict.repaired) == (True, 1, 1)


def test_a_repair_within_the_hold_limit_must_stand_in_its_place() -> None:
    """The newer one should have been held."""
    landed = [Landed(3, ingest_us=0), Landed(2, "REPAIR", ingest_us=HOLD_US // 2)]
    assert _judged(Security([2, 3], landed)).violations == 1


def test_the_hold_is_counted_from_the_first_newer_one() -> None:
    """Newer ones that came later do not make a repair early."""
    landed = [
        Landed(3, ingest_us=0),
        Landed(4, ingest_us=HOLD_US - 1),
        Landed(2, "REPAIR", ingest_us=HOLD_US),
    ]
    assert _judged(Security([2, 3, 4], landed)).upheld


def test_a_push_is_not_excused_by_the_hold_limit() -> None:
    """Pushes come in OpenD's order, however late."""
    landed = [Landed(3, ingest_us=0), Landed(2, ingest_us=2 * HOLD_US)]
    assert _judged(Security([2, 3], landed)).violations == 1


def test_a_tick_that_opend_never_had_is_found() -> None:
    """Nothing is made up; the cache of before the first subscription is not."""
    verdict = judge({ONE: Security([5, 6], _of(4, 5, 6, 7))}, earlier={ONE: 4})
    assert verdict.made_up == {ONE: [7]}
    assert not verdict.upheld


@given(st.integers(2, 60), st.data())
def test_whatever_is_taken_away_is_found(count: int, data: st.DataObject) -> None:
    """Each record that is removed is missing, silently unless an event covers it."""
    had = list(range(count))
    gone = data.draw(st.sets(st.sampled_from(had)))
    told = data.draw(st.sets(st.sampled_from(sorted(gone) or had))) & gone
    verdict = _judged(
        Security(
            had,
            _of(*(one for one in had if one not in gone)),
            [Announced(one - 1, one + 1) for one in told],
        )
    )
    assert verdict.silently_missing.get(ONE, []) == sorted(gone - told)
    assert verdict.delivered + verdict.announced_missing + verdict.silent == verdict.sent


@given(st.permutations(range(8)))
def test_whatever_is_moved_is_found(sequences: list[int]) -> None:
    """There is a violation unless the records are in order."""
    verdict = _judged(Security(range(8), _of(*sequences)))
    assert verdict.upheld == (sequences == sorted(sequences))

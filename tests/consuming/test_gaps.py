"""What is missing between sequences, and who says so."""

from __future__ import annotations

import pytest

from opend_kafka.consuming.gaps import (
    ENOUGH,
    Announcement,
    Evidence,
    Gap,
    Line,
    announced,
    count_between,
)

EVENT = Announcement("GAP_UNREPAIRABLE", 1)
DAY = 86_400


def _at(second: int, low: int) -> int:
    return second << 32 | low


@pytest.mark.parametrize(
    ("steps", "of_one", "skipping", "counts_on"),
    [
        (ENOUGH - 1, ENOUGH - 1, False, None),
        (ENOUGH, ENOUGH, False, True),
        (30, 20, False, True),
        (30, 19, False, False),
        (30, 30, True, False),
        (0, 0, False, None),
    ],
)
def test_evidence_needs_enough_steps_of_one(
    steps: int, of_one: int, skipping: bool, counts_on: bool | None
) -> None:
    """Two of three steps or more, of five or more, and no security that itself skips."""
    assert Evidence(steps, of_one, skipping).counts_on is counts_on


def test_evidence_looks_at_steps_between_seconds_only() -> None:
    """Within a second both ways of counting look the same."""
    line = Line([_at(1, 0), _at(1, 1), _at(1, 2), _at(2, 3), _at(3, 0)], set())
    assert line.evidence() == Evidence(2, 1)


@pytest.mark.parametrize(
    ("before", "after", "missing"),
    [
        (_at(100, 5), _at(100, 6), []),
        (_at(100, 5), _at(100, 8), [2]),
        (_at(100, 5), _at(101, 8), [2]),
        (_at(100, 5), _at(101, 5), []),
        (_at(100, 5), _at(101, 2), []),
        (_at(100, 5), _at(100 + 2 * 3600, 8), [2]),
        (_at(100, 5), _at(100 + DAY, 8), []),
        # Eight in the evening UTC and after: past midnight in Hong Kong, and minutes apart.
        (_at(16 * 3600 - 60, 5), _at(16 * 3600 + 60, 8), [2]),
    ],
)
def test_line_tells_gaps_by_the_table(before: int, after: int, missing: list[int]) -> None:
    """A jump is a gap; a counter that begins anew, or may have, is none."""
    assert [gap.missing for gap in Line([before, after], set()).gaps(set())] == missing


def test_line_has_no_gap_where_opend_skips() -> None:
    """Two that OpenD pushed as neighbours have nothing between them."""
    before, after = _at(100, 5), _at(100, 8)
    assert list(Line([before, after], set()).gaps({(before, after)})) == []


def test_late_ticks_of_elsewhere_fill_by_their_number() -> None:
    """Two late trades that bear the second of their trade: their numbers are not missing."""
    late = [_at(99, 7), _at(99, 8)]
    line = Line([_at(98, 4), *late, _at(100, 5), _at(100, 6), _at(101, 10)], set(late))
    assert [gap.missing for gap in line.gaps(set())] == [1]


def test_late_tick_of_another_day_fills_nothing() -> None:
    """The same number of a day before is another tick's."""
    late = _at(90, 7)
    line = Line([_at(80, 3), late, _at(95, 4), _at(2 * DAY, 6), _at(2 * DAY, 8)], {late})
    assert [gap.missing for gap in line.gaps(set())] == [1]


def _parts(*ends: tuple[int | None, int | None]) -> list[tuple[int | None, int | None, int]]:
    gap = Gap(_at(1, 10), _at(1, 20), 9)
    covers = [
        (None if a is None else _at(1, a), None if b is None else _at(1, b), EVENT) for a, b in ends
    ]
    return [
        ((part.before or 0) & 0xFF, (part.after or 0) & 0xFF, part.missing or 0)
        for part in announced(gap, covers)
        if part.announced_by
    ]


@pytest.mark.parametrize(
    ("ends", "parts"),
    [
        ([(10, 20)], [(10, 20, 9)]),
        ([(5, 25)], [(10, 20, 9)]),
        ([(None, None)], [(10, 20, 9)]),
        ([(None, 15)], [(10, 15, 4)]),
        ([(15, None)], [(15, 20, 4)]),
        ([(10, 14), (14, 20)], [(10, 14, 3), (14, 20, 5)]),
        ([(10, 16), (12, 20)], [(10, 16, 5), (12, 20, 4)]),
        ([(10, 11)], []),
        ([(1, 10)], []),
        ([(20, 30)], []),
        ([], []),
    ],
)
def test_events_cover_what_lies_between_their_ends(
    ends: list[tuple[int | None, int | None]], parts: list[tuple[int, int, int]]
) -> None:
    """Each part is told by one event, and no tick is told twice."""
    assert _parts(*ends) == parts


def test_what_no_event_covers_stands_unannounced() -> None:
    """What is left of a gap is a gap of its own, with its size."""
    gap = Gap(_at(1, 10), _at(1, 20), 9)
    *_, rest = announced(gap, [(_at(1, 10), _at(1, 14), EVENT)])
    assert rest == Gap(_at(1, 10), _at(1, 20), 6)


def test_parts_mean_nothing_where_the_low_word_does_not_count_on() -> None:
    """A gap without a way of counting is told as a whole or not at all."""
    gap = Gap(_at(1, 10), _at(1, 20), 9)
    assert list(announced(gap, [(_at(1, 10), _at(1, 14), EVENT)], in_parts=False)) == [gap]


@pytest.mark.parametrize(
    ("before", "after", "number"),
    [(None, None, 4), (1, 4, 2), (0, 9, 4), (2, 3, 0), (4, 1, 0), (None, 2, 1), (3, None, 1)],
)
def test_count_between_leaves_its_ends_out(
    before: int | None, after: int | None, number: int
) -> None:
    """Strictly between two sequences, either of which may be open."""
    assert count_between([1, 2, 3, 4], before, after) == number

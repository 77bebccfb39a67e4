"""What has come, against what OpenD lists."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from opend_kafka.continuity.window import BLOCK, REMEMBERED, Window

SEQUENCES = st.sets(st.integers(1, 400), min_size=1)


def _window(sequences: set[int] | list[int], base: int | None = 0) -> Window:
    window = Window(base)
    for one in sequences:
        window.add(one)
    return window


@given(SEQUENCES, SEQUENCES)
def test_missing_is_what_is_listed_and_has_not_come(came: set[int], listed: set[int]) -> None:
    """Exactly that, in its order."""
    missing = sorted(listed - came)
    assert _window(came).missing(sorted(listed)) == (missing, len(missing))


@given(SEQUENCES, st.sets(st.integers(1, 400)))
def test_next_worker_finds_what_was_not_delivered(listed: set[int], undelivered: set[int]) -> None:
    """From the watermark's sums alone, nothing undelivered stays unseen."""
    delivered = listed - undelivered
    window = Window(*_window(delivered).delivered(()))
    missing, count = window.missing(sorted(listed))
    assert set(missing) >= listed - delivered
    assert count == len(listed - delivered)
    assert missing == sorted(missing)


@given(SEQUENCES)
def test_next_worker_finds_nothing_where_all_was_delivered(delivered: set[int]) -> None:
    """Equal sums: the same ticks."""
    window = Window(*_window(delivered).delivered(()))
    assert window.missing(sorted(delivered)) == ([], 0)


@given(SEQUENCES, st.sets(st.integers(1, 400)))
def test_what_is_outstanding_is_not_delivered(came: set[int], outstanding: set[int]) -> None:
    """Such a tick is missing for the next worker."""
    window = Window(*_window(came).delivered(outstanding))
    missing, _ = window.missing(sorted(came))
    assert set(missing) >= came & outstanding


@given(SEQUENCES, SEQUENCES)
def test_absorbed_is_missing_no_more(came: set[int], listed: set[int]) -> None:
    """What has been made up for once is not made up for again."""
    window = Window(*_window(came).delivered(()))
    window.absorb(sorted(listed))
    assert window.missing(sorted(listed)) == ([], 0)


def test_what_opend_lists_less_of_is_no_loss() -> None:
    """It has forgotten ticks that were delivered."""
    window = Window(*_window([1, 2, 3]).delivered(()))
    assert window.missing([1, 3]) == ([], 0)


def test_range_that_opend_lists_a_part_of_is_not_compared() -> None:
    """The sums are of all of it."""
    window = Window(*_window(list(range(1, 100))).delivered(()))
    assert window.missing(list(range(30, 100))) == ([], 0)


def test_what_is_older_than_the_watch_is_not_missing() -> None:
    """A window begins after its base."""
    assert Window(10).missing([8, 9, 10, 11]) == ([11], 1)


def test_without_a_base_all_is_missing() -> None:
    """There was nothing when the watch began: all of it came since."""
    assert Window().missing([1, 2]) == ([1, 2], 2)


def test_memory_is_bounded() -> None:
    """Old ones are forgotten, and count as come."""
    window = _window(list(range(1, 10 * REMEMBERED)))
    assert window.missing(list(range(1, 10 * REMEMBERED))) == ([], 0)
    _, blocks = window.delivered(())
    assert len(blocks) == REMEMBERED // BLOCK


def test_neighbours_are_the_nearest_that_came() -> None:
    """On both sides; the base counts, nothing does not."""
    window = _window([5, 9], base=2)
    assert window.around(6, 8) == (5, 9)
    assert window.around(3, 4) == (2, 5)
    assert window.around(10, 12) == (9, None)
    assert Window().around(1, 1) == (None, None)

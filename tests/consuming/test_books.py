"""The latest book of each security."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opend_kafka.consuming.books import BookView
from opend_kafka.consuming.records import OrderBook
from tests.consuming.samples import PROVENANCE, RECEIVED, a_book


def _book(serial: int, security: str = "HK.00700", **fields: Any) -> OrderBook:
    """Give the book that came so many milliseconds after the first."""
    provenance = PROVENANCE | {
        "push_serial": serial,
        "ingest_time": RECEIVED + timedelta(milliseconds=serial),
    }
    return OrderBook.from_fields(a_book(security, provenance=provenance, **fields))


def _serial(view: BookView) -> int:
    book = view.latest("HK", "00700")
    assert book is not None
    return book.provenance.push_serial


@given(
    books=st.integers(1, 20),
    rereads=st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=5),
)
def test_view_never_goes_back(books: int, rereads: list[tuple[int, int]]) -> None:
    """However often a consumer goes back in the topic, the view stays at the latest book."""
    view = BookView()
    highest = -1
    for begin, end in [*rereads, (0, books)]:
        for offset in range(begin, min(end, books)):
            view.take(_book(offset), offset)
            highest = max(highest, offset)
            assert _serial(view) == highest


def test_book_that_a_worker_sent_again_is_refused() -> None:
    """A higher offset alone does not make a book newer: a new producer sends some again."""
    view = BookView()
    taken = [view.take(_book(serial), offset) for offset, serial in enumerate([1, 2, 3, 2, 3, 4])]
    assert (taken, view.refused) == ([True, True, True, False, False, True], 2)


def test_book_without_an_offset_is_judged_by_its_provenance() -> None:
    """Who has no offsets at hand is served too."""
    view = BookView()
    assert [view.take(_book(serial)) for serial in (2, 1, 2, 3)] == [True, False, False, True]


def test_book_after_the_workers_clock_was_set_back_is_taken() -> None:
    """A view that waited for the clock would be wrong for as long."""
    view = BookView()
    earlier = PROVENANCE | {"push_serial": 9, "ingest_time": RECEIVED - timedelta(hours=1)}
    view.take(_book(1), 0)
    assert view.take(a_book(provenance=earlier), 1)


def test_books_of_one_moment_follow_each_other() -> None:
    """Two frames read at once bear the same time: the later one counts."""
    view = BookView()
    same = {"ingest_time": RECEIVED}
    view.take(a_book(provenance=PROVENANCE | same | {"push_serial": 1}), 0)
    assert view.take(a_book(provenance=PROVENANCE | same | {"push_serial": 2}), 1)


def test_odd_lots_are_a_book_of_their_own() -> None:
    """A type that OpenD did not send is NORMAL."""
    view = BookView()
    view.take(_book(1, order_book_type=None), 0)
    view.take(_book(2, order_book_type="ODD"), 0)
    assert _serial(view) == 1
    odd = view.latest("HK", "00700", "ODD")
    assert odd is not None
    assert odd.provenance.push_serial == 2


def test_securities_are_kept_apart() -> None:
    """All that there are can be walked through."""
    view = BookView()
    for security in ("HK.00700", "US.00700"):
        view.take(_book(1, security), 0)
    assert ([book.market for book in view], len(view)) == (["HK", "US"], 2)


@pytest.mark.parametrize("market", ["US", "HK"])
def test_security_without_a_book_has_none(market: str) -> None:
    """Nothing is made up."""
    assert BookView().latest(market, "00700") is None

"""The latest book of each security. Pure.

Books have no sequence number. Kafka has those of one security in the order in which OpenD pushed
them; but a consumer that reads again, or a worker that sends again, would bring back older ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from opend_kafka.consuming.records import OrderBook

#: Older than the latest by more than this, by the worker's clock: the clock was set back.
_CLOCK_SET_BACK = timedelta(minutes=1)

_Key = tuple[str, str, str]


class BookView:
    """Keeps the latest book of each security, and of its odd lots."""

    def __init__(self) -> None:
        #: The latest book, and the offset of its record where it was told.
        self._latest: dict[_Key, tuple[OrderBook, int | None]] = {}
        self.refused = 0

    def take(self, book: OrderBook | dict[str, Any], offset: int | None = None) -> bool:
        """Take a book; say whether it is the latest now. One that is older is refused and counted.

        Args:
            book: typed, or a decoded record's fields.
            offset: its record's. All books of a security stand in one partition: an offset that is
                not above the last one is of a record that was read before.
        """
        typed = book if isinstance(book, OrderBook) else OrderBook.from_fields(book)
        key = typed.market, typed.code, typed.order_book_type or "NORMAL"
        last = self._latest.get(key)
        if last is not None and not _follows(last, typed, offset):
            self.refused += 1
            return False
        self._latest[key] = typed, offset
        return True

    def latest(self, market: str, code: str, order_book_type: str = "NORMAL") -> OrderBook | None:
        """Give a security's latest book; None where none has come."""
        found = self._latest.get((market, code, order_book_type))
        return found and found[0]

    def __iter__(self) -> Iterator[OrderBook]:
        """Yield the latest book of each."""
        return (book for book, _ in self._latest.values())

    def __len__(self) -> int:
        """Give how many there are."""
        return len(self._latest)


def _follows(last: tuple[OrderBook, int | None], book: OrderBook, offset: int | None) -> bool:
    latest, reached = last
    if offset is not None and reached is not None and offset <= reached:
        return False
    was, now = latest.provenance, book.provenance
    if (was.conn_id, was.push_serial, was.push_index) == (
        now.conn_id,
        now.push_serial,
        now.push_index,
    ):
        return was.ingest_time != now.ingest_time  # the very same push, sent again
    older = was.ingest_time - now.ingest_time
    return older <= timedelta(0) or older > _CLOCK_SET_BACK

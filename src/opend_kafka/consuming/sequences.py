"""What came of one security's ticks: counted, and each sequence kept once. Pure."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from heapq import merge

#: The part of a sequence that may count on; what is above it is the trade's second.
LOW_WORD = 0xFFFF_FFFF

#: Skips remembered. A security with more of them does not count on.
_SKIPS = 10_000


def low_word(sequence: int) -> int:
    """Give the part that may count on."""
    return sequence & LOW_WORD


class TickLog:
    """Takes one security's ticks in the order of their records.

    Of a tick it keeps 16 bytes: its sequence, and when it was received. Late ones cost a set's
    entry more; there are few of them.
    """

    def __init__(self) -> None:
        self.records = 0
        #: (push_data_type, origin) → records of ticks that had come before.
        self.duplicates: Counter[tuple[str | None, str]] = Counter()
        #: origin → ticks that came for the first time after one with a higher sequence.
        self.out_of_order: Counter[str] = Counter()
        #: Sequences in dead letters.
        self.accounted: set[int] = set()
        #: Late ones, by sequence.
        self.late: set[int] = set()
        #: Rows that a push had, by their places, and no record has: (before, after, how many).
        self.holes: list[tuple[int, int, int]] = []
        #: Rows next to each other in a push; how many of them have low words further apart, and
        #: which, where they are few enough to be exceptions.
        self.neighbours = 0
        self.skipped = 0
        self.skips: set[tuple[int, int]] = set()
        self._spine = array("q")
        self._received = array("q")
        self._newest_us = 0
        #: conn_id → push_serial, place and sequence of the last row. Two workers' may alternate.
        self._rows: dict[int, tuple[int, int, int]] = {}

    def take(
        self,
        sequence: int,
        push_data_type: str | None,
        origin: str,
        conn_id: int,
        push_serial: int,
        push_index: int,
        ingest_us: int,
    ) -> None:
        """Take the next record's tick. `ingest_us`: microseconds since 1970."""
        self.records += 1
        spine = self._spine
        if not spine or sequence > spine[-1]:
            spine.append(sequence)
            self._received.append(ingest_us)
        elif self._came(sequence):
            self.duplicates[push_data_type, origin] += 1
        else:
            self.late.add(sequence)
            self.out_of_order[origin] += 1
        if ingest_us > self._newest_us:
            self._newest_us = ingest_us
        if origin == "PUSH":
            self._place(sequence, conn_id, push_serial, push_index)

    def _place(self, sequence: int, conn_id: int, serial: int, index: int) -> None:
        """Look at the tick's place in its push: nothing comes between two rows of one frame."""
        last = self._rows.get(conn_id)
        self._rows[conn_id] = serial, index, sequence
        if last is None:
            return  # the range may begin amidst a push
        last_serial, last_index, before = last
        expected = last_index + 1 if serial == last_serial else 0
        if index > expected:
            self.holes.append((before, sequence, index - expected))
        elif index == expected and serial == last_serial:
            self.neighbours += 1
            if (sequence & LOW_WORD) - (before & LOW_WORD) > 1:
                self.skipped += 1
                if len(self.skips) < _SKIPS:
                    self.skips.add((before, sequence))

    def _came(self, sequence: int) -> bool:
        if sequence in self.late:
            return True
        index = bisect_left(self._spine, sequence)
        return index < len(self._spine) and self._spine[index] == sequence

    @property
    def unique(self) -> int:
        """How many ticks came."""
        return len(self._spine) + len(self.late)

    @property
    def newest_us(self) -> int:
        """When the latest record was received."""
        return self._newest_us

    def known(self) -> array[int]:
        """Give every sequence that came or is accounted for, in order, each once."""
        others = self.late | self.accounted
        if not others:
            return self._spine
        came = self._came
        extra = sorted(one for one in others if one in self.late or not came(one))
        return array("q", merge(self._spine, extra))

    def next_after(self, time_us: int) -> int | None:
        """Give the first tick, none of the late ones, that was received at that time or later."""
        index = bisect_left(self._received, time_us)
        return self._spine[index] if index < len(self._spine) else None

    def received_by(self, sequence: int) -> int:
        """Give when the tick was received, or for a late one the tick before it."""
        index = bisect_right(self._spine, sequence)
        return self._received[index - 1] if index else 0

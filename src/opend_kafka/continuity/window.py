"""What has come of one security's ticks, as far back as OpenD lists them. Pure.

A check compares it with the latest ticks that OpenD has, 1,000 at most: so much is remembered.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Collection, Sequence

from opend_kafka.records.watermark import Block

#: Sequences remembered at least, once so many have come.
REMEMBERED = 1024

#: Sequences that one block of a watermark stands for, at most.
BLOCK = 64

#: A block's checksum is a sum below this, so that an Avro long holds it.
_CHECKSUM_END = 1 << 63


class Window:
    """The latest sequences that have come, over what a worker before this one has delivered.

    Args:
        base: the last tick before those of this window; None: there was none.
        blocks: sums of what was delivered up to it, where a watermark tells them.
    """

    def __init__(self, base: int | None = None, blocks: Sequence[Block] = ()) -> None:
        self._base = base
        self._blocks = tuple(blocks)
        #: Those that have come, in their order; always the same array.
        self.sequences = array("q")
        #: Whatever is below it has come, or is older than the watch. None: nothing is.
        self._floor = blocks[0].first if blocks else None if base is None else base + 1

    @property
    def last(self) -> int | None:
        """The highest that has come; the base where none has."""
        return self.sequences[-1] if self.sequences else self._base

    @property
    def first(self) -> int | None:
        """The lowest that is remembered."""
        return self.sequences[0] if self.sequences else None

    def add(self, sequence: int) -> None:
        """Remember one."""
        sequences = self.sequences
        if not sequences or sequence > sequences[-1]:
            sequences.append(sequence)
            if len(sequences) > 2 * REMEMBERED:
                del sequences[:-REMEMBERED]
                self._floor, self._blocks = sequences[0], ()
            return
        index = bisect_left(sequences, sequence)
        if sequences[index] != sequence:
            sequences.insert(index, sequence)

    def begin(self, base: int | None, floor: int | None) -> None:
        """Begin the watch: what is below `floor` is older than it; `base` is the last of that."""
        self._base, self._floor = base, floor

    def missing(self, listed: Sequence[int]) -> tuple[list[int], int]:
        """Tell what has not come of what OpenD lists.

        Of what a worker before this one delivered only sums are known: a block in which OpenD lists
        more than was delivered, or others, counts as missing as a whole.

        Args:
            listed: each sequence once, in their order.

        Returns:
            Those sequences, in their order, and how many of them are missing for certain.
        """
        old: list[int] = []
        count = 0
        ends = [*(block.first for block in self._blocks[1:]), (self._base or 0) + 1]
        for block, end in zip(self._blocks, ends, strict=False):
            part = listed[bisect_left(listed, block.first) : bisect_left(listed, end)]
            # Where OpenD lists fewer, it has forgotten some: there is nothing to compare.
            if len(part) >= block.count and summed(block.first, part) != block:
                old += part
                count += max(len(part) - block.count, 1)
        start = self._base + 1 if self._blocks and self._base is not None else self._floor
        newer = listed if start is None else listed[bisect_left(listed, start) :]
        new = [one for one in newer if not self._has(one)]
        return old + new, count + len(new)

    def absorb(self, listed: Sequence[int]) -> None:
        """Remember all that OpenD lists: what of it had not come has been made up for."""
        if self._blocks:
            self._blocks = ()
            self._floor = (self._base or 0) + 1
            if listed:
                self._floor = min(self._floor, listed[0])
        for one in listed:
            if self._floor is None or one >= self._floor:
                self.add(one)

    def around(self, low: int, high: int) -> tuple[int | None, int | None]:
        """Give the nearest below `low` and the nearest above `high` that have come."""
        below = bisect_left(self.sequences, low)
        above = bisect_left(self.sequences, high + 1)
        base = self._base if self._base is not None and self._base < low else None
        return (
            self.sequences[below - 1] if below else base,
            self.sequences[above] if above < len(self.sequences) else None,
        )

    def delivered(self, outstanding: Collection[int]) -> tuple[int | None, tuple[Block, ...]]:
        """Give the highest sequence delivered, and the sums of what was delivered up to it."""
        delivered = [one for one in self.sequences if one not in outstanding]
        if not delivered:
            return self._base, self._blocks
        latest = delivered[-REMEMBERED:]
        parts = [latest[start : start + BLOCK] for start in range(0, len(latest), BLOCK)]
        firsts = [part[0] for part in parts]
        if len(latest) == len(delivered) and self._floor is not None:
            firsts[0] = min(self._floor, firsts[0])
        return delivered[-1], tuple(map(summed, firsts, parts))

    def _has(self, sequence: int) -> bool:
        index = bisect_left(self.sequences, sequence)
        return index < len(self.sequences) and self.sequences[index] == sequence


def summed(first: int, sequences: Sequence[int]) -> Block:
    """Sum up the sequences of a range that begins with `first`."""
    return Block(first, len(sequences), sum(sequences) % _CHECKSUM_END)

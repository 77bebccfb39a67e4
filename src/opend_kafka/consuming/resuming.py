"""Ticks each once, also across a consumer's restart and its rebalances. Pure.

What a deduplicator remembers stands in the topic itself: so a consumer that takes up a partition
begins to read a little before the offset that it had committed, and only remembers what it reads
there. Nothing has to be stored beside the offsets, and nothing can disagree with them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opend_kafka.consuming.records import Ticker
from opend_kafka.consuming.ticks import TickDeduplicator

_Partition = tuple[str, int]


class ResumingDeduplicator:
    """Tells ticks that have come before; each partition that is taken up begins anew.

    Args:
        read_back: records read again before the committed offset. A tick that comes again is told
            where it first came within them. In a topic of one security 4096 hold what OpenD and
            the worker repeat at most; a topic of many takes as many more as there are securities.
        make: makes a partition's deduplicator.
    """

    def __init__(
        self, read_back: int = 4096, make: Callable[[], TickDeduplicator] = TickDeduplicator
    ) -> None:
        self._read_back = read_back
        self._make = make
        self._partitions: dict[_Partition, tuple[TickDeduplicator, int]] = {}
        self.duplicates = 0

    def assigned(self, topic: str, partition: int, committed: int | None, first: int = 0) -> int:
        """Take up a partition; give the offset to read from.

        Args:
            topic: its topic.
            partition: its number.
            committed: the offset that the consumer goes on at; None where there is none yet.
            first: the offset of the first record that is still there.
        """
        going_on = max(committed or 0, first)
        self._partitions[topic, partition] = self._make(), going_on
        return max(first, going_on - self._read_back)

    def revoked(self, topic: str, partition: int) -> None:
        """Forget a partition that somebody else reads now."""
        self._partitions.pop((topic, partition), None)

    def is_new(
        self, tick: dict[str, Any] | Ticker, topic: str, partition: int, offset: int
    ) -> bool:
        """Remember the tick; say whether it is to be processed.

        It is not where it was read only to be remembered, nor where it has come before.

        Raises:
            KeyError: the partition is not assigned.
        """
        deduplicator, going_on = self._partitions[topic, partition]
        new = deduplicator.is_new(tick)
        if offset < going_on:
            return False
        self.duplicates += not new
        return new

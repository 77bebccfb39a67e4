"""Up to where a partition is processed, though its records are processed in another order. Pure."""

from __future__ import annotations

_Partition = tuple[str, int]


class Progress:
    """Knows the offsets to commit while records are held back or overtake each other.

    Each record is taken when it is read and done when it is processed. What is committed lies below
    every record that is not done yet, so that a restart reads that one again: none is lost, some
    may be processed twice.
    """

    def __init__(self) -> None:
        #: Each partition's offsets that are not done, in their order, and the next one to come.
        self._open: dict[_Partition, dict[int, None]] = {}
        self._next: dict[_Partition, int] = {}

    def assigned(self, topic: str, partition: int, going_on: int) -> None:
        """Take up a partition: all below that offset has been committed."""
        self._open[topic, partition] = {}
        self._next[topic, partition] = going_on

    def taken(self, topic: str, partition: int, offset: int) -> None:
        """Note a record that was read. Those of a partition come by offset.

        One from below what has been committed is not noted.
        """
        if offset >= self._next.get((topic, partition), 0):
            self._open.setdefault((topic, partition), {})[offset] = None
            self._next[topic, partition] = offset + 1

    def done(self, topic: str, partition: int, offset: int) -> None:
        """Note that a record was processed, or is not to be."""
        self._open.get((topic, partition), {}).pop(offset, None)

    def revoked(self, topic: str, partition: int) -> None:
        """Forget a partition that somebody else reads now."""
        self._open.pop((topic, partition), None)
        self._next.pop((topic, partition), None)

    def offsets(self) -> dict[tuple[str, int], int]:
        """Give the offset of each partition at which a restart may go on."""
        return {
            partition: next(iter(self._open[partition]), following)
            for partition, following in self._next.items()
        }

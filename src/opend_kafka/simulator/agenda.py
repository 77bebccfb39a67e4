"""What is to happen at times of the market."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count

#: Later than any time of a market, in microseconds.
NEVER_US = 2**63


class Agenda:
    """Actions by Unix time in microseconds; of the same time, in the order of their entry."""

    def __init__(self) -> None:
        self._entries: list[tuple[int, int, Callable[[], None]]] = []
        self._numbers = count()

    @property
    def next_us(self) -> int:
        """When the next action is due; NEVER_US without one."""
        return self._entries[0][0] if self._entries else NEVER_US

    def at(self, at_us: int, action: Callable[[], None]) -> None:
        """Enter an action."""
        heapq.heappush(self._entries, (at_us, next(self._numbers), action))

    def run_next(self) -> None:
        """Run the next action. Raises IndexError where there is none."""
        _, _, action = heapq.heappop(self._entries)
        action()

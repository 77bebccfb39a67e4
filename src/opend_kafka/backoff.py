"""How long to wait before the next attempt: exponential, with full jitter."""

from __future__ import annotations

from collections.abc import Callable
from random import random


class Backoff:
    """Delays in seconds, each drawn between 0 and a ceiling that doubles from attempt to attempt.

    Full jitter keeps many workers from coming back in step (the AWS Architecture Blog, 2015,
    "Exponential Backoff And Jitter").
    """

    def __init__(
        self, initial_s: float, max_s: float, *, draw: Callable[[], float] = random
    ) -> None:
        self._initial_s = initial_s
        self._max_s = max_s
        self._draw = draw
        self._ceiling_s = initial_s

    def next_s(self) -> float:
        """Give the next delay."""
        delay_s = self._ceiling_s * self._draw()
        self._ceiling_s = min(self._ceiling_s * 2, self._max_s)
        return delay_s

    def reset(self) -> None:
        """Begin anew: an attempt has succeeded."""
        self._ceiling_s = self._initial_s

"""librdkafka's log lines: what it says with each attempt is said now and then, and counted."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

#: Seconds in which a line comes once.
PERIOD_S = 60.0

#: Lines remembered: many brokers and topics, each with a few kinds of trouble.
_REMEMBERED = 1000

#: What differs from attempt to attempt.
_VARIES = re.compile(r"\(after \d+ms in state \w+[^)]*\)|\d+ms|\d+ (?:identical|request)")


@dataclass(slots=True)
class _Said:
    since: float
    held_back: int = 0


class Seldom(logging.Filter):
    """Lets a line pass once a period; the next one tells how many were held back.

    A broker that refuses the login is tried again ten times a second, and each time it is logged.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._said: dict[str, _Said] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether the line is to be written."""
        text = record.getMessage()
        now = self._clock()
        key = _VARIES.sub("", text)
        said = self._said.get(key)
        if said is not None and now - said.since < PERIOD_S:
            said.held_back += 1
            return False
        if said is not None and said.held_back:
            record.msg, record.args = f"{text} ({said.held_back} like it were held back)", ()
        self._said.pop(key, None)
        if len(self._said) >= _REMEMBERED:
            del self._said[next(iter(self._said))]
        self._said[key] = _Said(now)
        return True


#: librdkafka's own log lines go where ours go.
LIBRARY_LOGGER = logging.getLogger("librdkafka")

#: What all clients are given.
CLIENTS_LOGGER = LIBRARY_LOGGER.getChild("clients")
CLIENTS_LOGGER.addFilter(Seldom())

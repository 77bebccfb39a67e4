"""How long a session takes to be whole again after a fault: what is noted, and how it is judged.

Whole is a session that is live, with everything wanted standing.

A recovery begins when the obstacle is gone and the worker can know it, and ends when the session
is whole. The obstacle is gone

- at the end of a fault that lasts, by the market's clock;
- when a link meets it, where a fault is for so many requests of a new link;
- at once where a fault breaks the link and nothing hinders the next one.

What the worker cannot know at once it knows after the limit that the configuration sets for it:
`Limits.noticed_after_s`. Past that, the recovery may take the longest backoff and one round trip,
for which the request time-out stands.

Time is the event loop's: what a busy machine withholds from this process is not held against the
worker, see `LoopClock`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from opend_kafka.admin.status import Status

#: What a link that stands does not feel: only the next one meets it.
MET_BY_A_NEW_LINK = frozenset(
    {"refuse_login", "refuse_code", "not_ready", "quote_right", "quota", "no_reply"}
)

#: Those of them that are gone once a link has met them.
USED_UP = frozenset({"refuse_login", "no_reply"})

#: What a session stays whole through.
UNFELT = frozenset(
    {
        "split",
        "merge",
        "delay",
        "bad_sha1",
        "bad_body",
        "push_error",
        "burst",
        "late",
        "duplicate",
        "replay",
        "stall",
        "market_closed",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Seconds, all of them from the configuration of the run."""

    max_backoff_s: float
    request_timeout_s: float
    silence_s: float
    check_interval_s: float
    retry_refused_s: float
    sub_info_interval_s: float

    @property
    def recovery_s(self) -> float:
        """What a recovery must stay below."""
        return self.max_backoff_s + self.request_timeout_s

    def noticed_after_s(self, kind: str) -> float:
        """Give how long the worker may not know that a fault began, or that it is over."""
        return {
            # By silence, or by what is asked from time to time and is not answered.
            "half_open": min(self.silence_s, self.sub_info_interval_s + self.request_timeout_s),
            "no_reply": self.request_timeout_s,
            "not_ready": self.check_interval_s,
            "forced_logout": self.check_interval_s,
            "refuse_code": self.retry_refused_s,
            "quota": self.sub_info_interval_s,
        }.get(kind, 0.0)


@dataclass(frozen=True, slots=True)
class Trial:
    """One fault: when it began, when its obstacle was gone, when the session was whole after it."""

    kind: str
    began_at: float
    gone_at: float
    whole_at: float

    def recovery_s(self, limits: Limits) -> float:
        """Give how long the recovery took; 0 where the session was whole before it was due."""
        known_at = self.gone_at + limits.noticed_after_s(self.kind)
        return max(0.0, self.whole_at - known_at)


def slow(trials: Iterable[Trial], limits: Limits) -> list[Trial]:
    """Give the trials whose recovery took too long."""
    return [one for one in trials if one.recovery_s(limits) >= limits.recovery_s]


def table(trials: Iterable[Trial], limits: Limits) -> str:
    """Show the worst recovery of each kind, the slowest first."""
    by_kind: dict[str, list[Trial]] = {}
    for one in trials:
        by_kind.setdefault(one.kind, []).append(one)
    worst = [
        (max(all_of_it, key=lambda one: one.recovery_s(limits)), len(all_of_it))
        for all_of_it in by_kind.values()
    ]
    worst.sort(key=lambda row: row[0].recovery_s(limits), reverse=True)
    rows = [
        f"{one.kind:<14}{count:>6}{one.recovery_s(limits):>10.3f} s"
        f"{one.gone_at - one.began_at:>9.3f} s{one.whole_at - one.began_at:>9.3f} s"
        for one, count in worst
    ]
    head = f"{'kind':<14}{'times':>6}{'recovery':>12}{'gone':>11}{'whole':>11}"
    return "\n".join([f"each below {limits.recovery_s:g} s; the worst of each kind:", head, *rows])


#: Seconds between two looks at how the loop gets on.
PULSE_S = 0.01


def lived_s(elapsed_s: float, busy_s: float) -> float:
    """Give what of a pulse counts: work and the pulse's own wait, not a wait for a processor."""
    return min(elapsed_s, busy_s + 2 * PULSE_S)


class LoopClock:
    """Seconds that the event loop has lived through, while `run` runs."""

    def __init__(self) -> None:
        self._now = 0.0

    def __call__(self) -> float:
        """Give the time."""
        return self._now

    async def run(self) -> None:
        """Count, for ever."""
        while True:
            begun_at, busy_s = time.monotonic(), time.thread_time()
            await asyncio.sleep(PULSE_S)
            self._now += lived_s(time.monotonic() - begun_at, time.thread_time() - busy_s)


class WatchedStatus(Status):
    """A worker's status that notes when the session is whole, and wakes who waits for it.

    Args:
        wanted: how many subscriptions.
        clock: seconds.
    """

    def __init__(self, wanted: int, clock: Callable[[], float]) -> None:
        self._wanted = wanted
        self._clock = clock
        self._changed = asyncio.Event()
        self.whole = False
        #: When it last became whole.
        self.whole_at = float("-inf")
        #: When a connection was last established, with InitConnect on its way.
        self.linked_at = float("-inf")
        super().__init__()

    def __setattr__(self, name: str, value: object) -> None:
        """Set an attribute, and look what it means for the whole."""
        super().__setattr__(name, value)
        if name == "session" and value == "initialising":
            self.linked_at = self._clock()
        if name in ("session", "standing", "refused", "short"):
            self._look()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until the condition holds, looking at each change. One may wait at a time."""
        while not condition():
            self._changed.clear()
            await self._changed.wait()

    def _look(self) -> None:
        whole = self.session == "live" and len(self.standing) == self._wanted
        if whole and not self.whole:
            self.whole_at = self._clock()
        self.whole = whole
        self._changed.set()

"""Which ticks are known to be missing, and when one has stepped over them. Pure.

`{prefix}.events` says what is missing, the tick topics hold what is there, and nothing orders the
one against the other. So both are handed to a `GapTracker` as they come; of each gap it tells once,
when it knows both: the event, and that a tick from behind the gap is about to be processed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from opend_kafka.consuming.records import Ticker

#: Events that say that ticks are missing, and those that say that they are not.
_MISSING = frozenset({"GAP_UNREPAIRABLE", "DELIVERY_FAILED"})
_THERE = frozenset({"GAP_REPAIRED", "GAP_DISPROVED"})

_LOWEST, _HIGHEST = -(2**63) - 1, 2**63


@dataclass(frozen=True, slots=True)
class MissingTicks:
    """Ticks that are missing strictly between two sequences.

    `before` None: from the beginning. `after` None: nobody knows where it ends; what was received
    later than `time` is behind it. `number` None: nobody knows how many.
    """

    market: str
    code: str
    before: int | None
    after: int | None
    number: int | None
    reason: str | None
    time: datetime

    def covers(self, before: int | None, after: int | None) -> bool:
        """Tell whether another range lies within this one."""
        return _low(self.before) <= _low(before) and _high(after) <= _high(self.after)


@dataclass(slots=True)
class _Security:
    ranges: deque[MissingTicks]
    waiting: list[MissingTicks] = field(default_factory=list)
    highest: int = _LOWEST
    received: datetime | None = None


class GapTracker:
    """Joins ticks with events.

    Args:
        remembered: ranges kept a security, the newest ones.
    """

    def __init__(self, remembered: int = 1000) -> None:
        self._remembered = remembered
        self._securities: dict[tuple[str, str], _Security] = {}

    def take_event(
        self, key: Mapping[str, Any] | None, event: Mapping[str, Any]
    ) -> MissingTicks | None:
        """Take an event with its record's key; both are decoded fields.

        Returns:
            The gap, if a tick from behind it has been taken already. Else `take_tick` will tell.
        """
        kind = event["kind"]
        if key is None or kind not in _MISSING | _THERE:
            return None
        before, after = event["sequence_before"], event["sequence_after"]
        if kind == "DELIVERY_FAILED" and before is None and after is None:
            return None  # of a record that is no tick
        gap = MissingTicks(
            key["market"], key["code"], before, after, event["ticks_missing"], event["reason"],
            event["time"],
        )  # fmt: skip
        security = self._security(gap.market, gap.code)
        if kind in _THERE:
            self._withdraw(security, gap)
        elif not any((one.before, one.after) == (before, after) for one in security.ranges):
            security.ranges.append(gap)
            if _is_behind(gap, security.highest, security.received):
                return gap
            security.waiting = [*security.waiting, gap][-self._remembered :]
        return None

    def take_tick(self, tick: Mapping[str, Any] | Ticker) -> tuple[MissingTicks, ...]:
        """Take a tick that is about to be processed; give the gaps that it is the first behind."""
        if isinstance(tick, Ticker):
            market, code, sequence = tick.market, tick.code, tick.sequence
            received = tick.provenance.ingest_time
        else:
            market, code, sequence = tick["market"], tick["code"], tick["sequence"]
            received = tick["provenance"]["ingest_time"]
        security = self._security(market, code)
        if sequence > security.highest:
            security.highest, security.received = sequence, received
        if not security.waiting:
            return ()
        told = tuple(gap for gap in security.waiting if _is_behind(gap, sequence, received))
        security.waiting = [gap for gap in security.waiting if gap not in told]
        return told

    def missing(self, market: str, code: str) -> tuple[MissingTicks, ...]:
        """Give what is known to be missing of a security, in the order of the events."""
        security = self._securities.get((market, code))
        return tuple(security.ranges) if security else ()

    def _security(self, market: str, code: str) -> _Security:
        known = self._securities.get((market, code))
        if known is None:
            known = _Security(deque(maxlen=self._remembered))
            self._securities[market, code] = known
        return known

    def _withdraw(self, security: _Security, there: MissingTicks) -> None:
        """Forget what has come after all."""
        left = [gap for gap in security.ranges if not there.covers(gap.before, gap.after)]
        security.ranges = deque(left, self._remembered)
        security.waiting = [gap for gap in security.waiting if gap in left]


def _is_behind(gap: MissingTicks, sequence: int, received: datetime | None) -> bool:
    """Tell whether a tick, or the highest so far, stands behind a gap."""
    if gap.after is not None:
        return sequence >= gap.after
    return received is not None and received >= gap.time and sequence > _low(gap.before)


def _low(before: int | None) -> int:
    return _LOWEST if before is None else before


def _high(after: int | None) -> int:
    return _HIGHEST if after is None else after

"""The link to OpenD over all its connections, as a table. Pure.

Two rules. Every move is a row of the table: one that is not there is a fault of this program, and
raises at once. Whatever fails, in whatever phase, leads to WAITING, and that to CONNECTING: there
is no failure after which nothing is tried any more.

    phase          signal         next
    CONNECTING     connected      INITIALISING
    INITIALISING   logged in      CHECKING
    CHECKING       not ready      CHECKING
                   ready          SUBSCRIBING
    SUBSCRIBING    settled        LIVE
    LIVE           login lost     DEGRADED      the link stands, and no quotes come
    DEGRADED       not ready      DEGRADED
                   ready          SUBSCRIBING
    all of these   failed         WAITING
    WAITING        retry          CONNECTING
    all of these   stop           CLOSING
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, StrEnum, auto


class Phase(StrEnum):
    """How far the link has come."""

    CONNECTING = "connecting"
    INITIALISING = "initialising"
    CHECKING = "checking"
    SUBSCRIBING = "subscribing"
    LIVE = "live"
    DEGRADED = "degraded"
    WAITING = "waiting"
    CLOSING = "closing"


class Signal(Enum):
    """What moves it."""

    CONNECTED = auto()
    LOGGED_IN = auto()
    NOT_READY = auto()
    READY = auto()
    SETTLED = auto()
    LOGIN_LOST = auto()
    FAILED = auto()
    RETRY = auto()
    STOP = auto()


_LINKED = (Phase.INITIALISING, Phase.CHECKING, Phase.SUBSCRIBING, Phase.LIVE, Phase.DEGRADED)

TABLE: dict[tuple[Phase, Signal], Phase] = {
    (Phase.CONNECTING, Signal.CONNECTED): Phase.INITIALISING,
    (Phase.INITIALISING, Signal.LOGGED_IN): Phase.CHECKING,
    (Phase.CHECKING, Signal.NOT_READY): Phase.CHECKING,
    (Phase.CHECKING, Signal.READY): Phase.SUBSCRIBING,
    (Phase.SUBSCRIBING, Signal.SETTLED): Phase.LIVE,
    # Settled again: a refused one was taken at last, or the wish has changed.
    (Phase.LIVE, Signal.SETTLED): Phase.LIVE,
    (Phase.SUBSCRIBING, Signal.LOGIN_LOST): Phase.DEGRADED,
    (Phase.LIVE, Signal.LOGIN_LOST): Phase.DEGRADED,
    (Phase.CHECKING, Signal.LOGIN_LOST): Phase.CHECKING,
    (Phase.DEGRADED, Signal.LOGIN_LOST): Phase.DEGRADED,
    (Phase.DEGRADED, Signal.NOT_READY): Phase.DEGRADED,
    (Phase.DEGRADED, Signal.READY): Phase.SUBSCRIBING,
    # A reply that was on its way when the login was lost.
    (Phase.DEGRADED, Signal.SETTLED): Phase.DEGRADED,
    (Phase.WAITING, Signal.RETRY): Phase.CONNECTING,
    **{(phase, Signal.FAILED): Phase.WAITING for phase in (Phase.CONNECTING, *_LINKED)},
    **{(phase, Signal.STOP): Phase.CLOSING for phase in Phase},
}


class Lifecycle:
    """Where the link is in the table, and since when, in seconds of the `now` handed in."""

    def __init__(self, *, on_move: Callable[[Phase], None] = lambda phase: None) -> None:
        self.phase = Phase.CONNECTING
        self.since = 0.0
        self._on_move = on_move

    def on(self, signal: Signal, now: float) -> Phase:
        """Move; give the phase moved to.

        Raises:
            LookupError: the table has no such row.
        """
        moved = TABLE.get((self.phase, signal))
        if moved is None:
            raise LookupError(f"no move from {self.phase} on {signal.name}")
        if moved is not self.phase:
            self.phase, self.since = moved, now
            self._on_move(moved)
        return moved

"""All securities' ticks: which are to be asked about, and which watermarks are due. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import ceil
from typing import Generic, TypeVar

from opend_kafka.continuity.gap import Cause, Gap
from opend_kafka.continuity.steps import Steps
from opend_kafka.continuity.stream import Repair, TickStream
from opend_kafka.continuity.window import Window
from opend_kafka.opend.securities import Security
from opend_kafka.records.watermark import Block, Watermark

#: Questions to OpenD that are under way at once, at most.
ASKS_AT_ONCE = 8

R = TypeVar("R")


class Tracker(Generic[R]):
    """Follows the ticks of every security that is wanted.

    Args:
        emit: takes a record on its way to Kafka, and what is to be told of its delivery.
        publish: the same for a watermark.
        on_gap: told of each gap, once it has its outcome.
        watermarks: what a worker before this one has left.
        worker: this one's name.
        clock: seconds, monotonic.
        now_us: microseconds since 1970.
        repairs: whether OpenD may be asked; where not, what may be missing counts as lost.
        max_ticks: how many ticks OpenD is asked for.
        watermark_interval_s: seconds between two watermarks of one security, at least.
        max_held_bytes: past it, held ticks go on unjudged.
        freeze_on_failure: as for `TickStream`.
    """

    def __init__(
        self,
        *,
        emit: Callable[[R, Callable[[bool], None]], None],
        publish: Callable[[Watermark, Callable[[bool], None]], None],
        on_gap: Callable[[Gap], None],
        watermarks: Mapping[Security, Watermark],
        worker: str,
        clock: Callable[[], float],
        now_us: Callable[[], int],
        repairs: bool = True,
        max_ticks: int = 1000,
        watermark_interval_s: float = 1.0,
        max_held_bytes: int = 1 << 26,
        freeze_on_failure: bool = True,
    ) -> None:
        self._emit = emit
        self._publish = publish
        self._on_gap = on_gap
        self._watermarks = watermarks
        self._worker = worker
        self._clock = clock
        self._now_us = now_us
        self._repairs = repairs
        self._max_ticks = max_ticks
        self._interval_s = watermark_interval_s
        self._max_held_bytes = max_held_bytes
        self._freeze_on_failure = freeze_on_failure
        self._streams: dict[tuple[int, str], TickStream[R]] = {}
        self._steps: defaultdict[str, Steps] = defaultdict(Steps)
        self._asked: set[TickStream[R]] = set()
        #: Bytes of the ticks that wait for an answer of OpenD, as `on_time` found them.
        self.held_bytes = 0
        #: Streams that have delivered since their last watermark, and when the next may be written.
        self._changed: set[TickStream[R]] = set()
        self._not_before: dict[TickStream[R], float] = {}

    def watch(self, securities: Iterable[Security]) -> None:
        """Follow these too."""
        for security in securities:
            key = security.market_number, security.code
            if key not in self._streams:
                self._streams[key] = self._stream(security)

    def _stream(self, security: Security) -> TickStream[R]:
        earlier = self._watermarks.get(security)
        return TickStream(
            security,
            self._steps[security.market],
            Window(earlier.sequence, earlier.blocks) if earlier else None,
            emit=self._emit,
            on_answer=self._changed.add,
            on_gap=self._on_gap,
            on_baseline=self._on_baseline,
            clock=self._clock,
            max_ticks=self._max_ticks,
            freeze_on_failure=self._freeze_on_failure,
        )

    @property
    def is_checking(self) -> bool:
        """Whether anything is being looked into."""
        return any(stream.is_checking for stream in self._streams.values())

    def stream(self, market_number: int, code: str) -> TickStream[R] | None:
        """Give the stream of a security, as a push names it."""
        return self._streams.get((market_number, code))

    def subscribed(self, securities: Iterable[Security]) -> None:
        """OpenD has taken the subscriptions to their ticks."""
        for stream in self._of(securities):
            stream.subscribed()

    def unsubscribed(self, securities: Iterable[Security]) -> None:
        """OpenD has ended the subscriptions to their ticks."""
        for stream in self._of(securities):
            stream.unsubscribed()

    def _of(self, securities: Iterable[Security]) -> list[TickStream[R]]:
        keys = [(security.market_number, security.code) for security in securities]
        return [self._streams[key] for key in keys if key in self._streams]

    def link_ended(self, cause: Cause = Cause.RECONNECTED) -> None:
        """The link to OpenD is gone, or OpenD's own login: and with it all that was asked."""
        self._asked.clear()
        for stream in self._streams.values():
            stream.link_ended(cause)

    def suspect_all(self, cause: Cause) -> None:
        """Something may be missing of any security."""
        for stream in self._streams.values():
            stream.suspect(cause)

    def asks(self) -> list[Security]:
        """Give the securities whose latest ticks are to be asked for now: once each."""
        asks = []
        for stream in self._streams.values():
            if not stream.wants_ask or stream in self._asked:
                continue  # an answer on its way is older than the question would be
            if not self._repairs:
                stream.give_up("repair is disabled")
            elif len(self._asked) < ASKS_AT_ONCE:
                stream.asked()
                self._asked.add(stream)
                asks.append(stream.security)
        return asks

    def replied(self, security: Security, sequences: Sequence[int], repair: Repair[R]) -> None:
        """Take OpenD's latest ticks of one security."""
        for stream in self._answered(security):
            stream.replied(sequences, repair)

    def refused(self, security: Security, why: str) -> None:
        """OpenD has refused to say them."""
        for stream in self._answered(security):
            stream.refused(why)

    def _answered(self, security: Security) -> list[TickStream[R]]:
        streams = [stream for stream in self._of([security]) if stream in self._asked]
        self._asked.difference_update(streams)
        return streams

    def on_time(self) -> None:
        """Do what time asks for."""
        self.held_bytes = 0
        for stream in self._streams.values():
            if stream.is_checking:
                stream.on_time()
                self.held_bytes += stream.held_bytes
        if self.held_bytes > self._max_held_bytes:
            self.release()

    def release(self) -> None:
        """Let all that is held go on."""
        for stream in self._streams.values():
            stream.release()
        self.held_bytes = 0

    def write_watermarks(self, *, part: float = 1.0) -> None:
        """Publish the watermarks that are due, `part` of all at most: the rest waits for a turn.

        Each takes a fraction of a millisecond, in which no tick goes on.
        """
        now = self._clock()
        due = [one for one in self._changed if self._not_before.get(one, now) <= now]
        for stream in due[: ceil(part * len(self._changed))]:
            self._write(stream, now)

    def write_all_watermarks(self) -> None:
        """Publish at once all that have changed."""
        now = self._clock()
        for stream in tuple(self._changed):
            self._write(stream, now)

    def _write(self, stream: TickStream[R], now: float) -> None:
        delivered = stream.delivered()
        if delivered is not None:
            self._changed.discard(stream)
            self._not_before[stream] = now + self._interval_s
            self._publish(self._watermark(stream, *delivered), _nobody)

    def _watermark(
        self, stream: TickStream[R], sequence: int | None, blocks: tuple[Block, ...]
    ) -> Watermark:
        return Watermark(stream.security, sequence, blocks, self._now_us(), self._worker)

    def _on_baseline(self, stream: TickStream[R]) -> None:
        delivered = stream.delivered()
        if delivered is None:
            stream.open()
            return
        self._publish(self._watermark(stream, *delivered), lambda ok: stream.open())


def _nobody(delivered: bool) -> None:
    """A watermark that failed is written again with the next tick."""

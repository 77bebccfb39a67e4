"""A model of one OpenD, one security, Kafka and its worker, for tests of continuity."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from opend_kafka.continuity.gap import Cause, Gap, Outcome
from opend_kafka.continuity.tracker import Tracker
from opend_kafka.opend.securities import Security
from opend_kafka.records.watermark import Watermark

SECURITY = Security("HK", "00700")
KEY = (SECURITY.market_number, SECURITY.code)

#: Ticks that the modelled OpenD lists at most: few, so that overlaps end within a test.
LISTED = 200

#: A trade is reported late by fewer ticks than this: of what is older a watermark may know nothing.
LATE = 50


@dataclass
class Model:
    """Everything around a tracker. Ticks are their sequences; a record is (sequence, origin)."""

    counts_up: bool = True
    #: Else in the order in which it got to know them: OpenD's documentation does not say.
    lists_by_sequence: bool = True
    now: float = 1000.0
    #: All that was traded, in the order in which OpenD got to know it.
    history: list[int] = field(default_factory=list)
    #: What a worker that never failed would have had to deliver: traded since the watch began.
    due: list[int] = field(default_factory=list)
    late: set[int] = field(default_factory=set)
    #: Trades to be reported late, and how many ticks there were before them.
    kept_back: list[tuple[int, int]] = field(default_factory=list)
    #: What Kafka has, in its order, and what the worker of now has handed over beyond that.
    kafka: list[tuple[int, str]] = field(default_factory=list)
    in_flight: list[tuple[object, Callable[[bool], None]]] = field(default_factory=list)
    watermark: Watermark | None = None
    written_watermarks: int = 0
    #: What Kafka had when each watermark was written, by its time.
    delivered_at: dict[int, frozenset[int]] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    pushed: set[int] = field(default_factory=set)
    #: Ticks that no push of the present worker's life has brought to Kafka.
    unpushed: set[int] = field(default_factory=set)
    linked: bool = False
    question: bool = False
    second: int = 1_700_000_000
    low: int = 0
    tracker: Tracker[tuple[int, str]] = field(init=False)

    def __post_init__(self) -> None:
        """Start a worker."""
        self._start()

    def _start(self) -> None:
        self.tracker = Tracker(
            emit=self._emit,
            publish=self._publish,
            on_gap=self.gaps.append,
            watermarks={SECURITY: self.watermark} if self.watermark else {},
            worker="test",
            clock=lambda: self.now,
            now_us=lambda: int(self.now * 1e6),
            max_ticks=LISTED,
        )
        self.tracker.watch([SECURITY])
        self.question = False

    def _emit(self, record: tuple[int, str], on_delivered: Callable[[bool], None]) -> None:
        self.in_flight.append((record, on_delivered))

    def _publish(self, watermark: Watermark, on_delivered: Callable[[bool], None]) -> None:
        self.written_watermarks += 1
        self.delivered_at[watermark.time_us] = frozenset(one for one, _ in self.kafka)
        self.in_flight.append((watermark, on_delivered))

    def acknowledge(self, records: int) -> None:
        """Kafka takes the oldest ones."""
        for _ in range(min(records, len(self.in_flight))):
            record, on_delivered = self.in_flight.pop(0)
            if isinstance(record, Watermark):
                self.watermark = record
            else:
                assert isinstance(record, tuple)
                self.kafka.append(record)
            on_delivered(True)

    def kill(self, taken: int) -> None:
        """The worker dies; Kafka takes some of what was under way, and nobody hears of it."""
        for record, _ in self.in_flight[:taken]:
            if isinstance(record, Watermark):
                self.watermark = record
            else:
                assert isinstance(record, tuple)
                self.kafka.append(record)
        self.in_flight.clear()
        # What was delivered after the watermark was written is not known to the next worker.
        recorded = self.delivered_at[self.watermark.time_us] if self.watermark else ()
        self.unpushed.update(one for one in self.due if one not in recorded)
        self.linked = False
        self._start()

    def trade(self, ticks: int, *, seconds: int = 0, pushed: bool = True) -> list[int]:
        """Trade some ticks; they are pushed where there is a link, and it is not said otherwise."""
        self.second += seconds
        if seconds and not self.counts_up:
            self.low = 0
        made = []
        for _ in range(ticks):
            self.low += 1
            made.append(self.second << 32 | self.low)
        for sequence in made:
            self._known(sequence, pushed)
        return made

    def keep_back(self) -> None:
        """A trade has its sequence, and is not reported yet."""
        self.low += 1
        self.kept_back.append((self.second << 32 | self.low, len(self.history)))

    def report_late(self, *, pushed: bool = True) -> None:
        """Report what was kept back."""
        for sequence, since in self.kept_back:
            if len(self.history) - since < LATE:
                self.late.add(sequence)
                self._known(sequence, pushed)
        self.kept_back.clear()

    def _known(self, sequence: int, pushed: bool) -> None:
        self.history.append(sequence)
        self.due.append(sequence)
        if pushed and self.linked:
            self.push(sequence)
        else:
            self.unpushed.add(sequence)

    def push(self, sequence: int, *, cached: bool = False) -> None:
        """Push one tick, whatever came before."""
        stream = self.tracker.stream(*KEY)
        assert stream is not None
        stream.take(sequence, (sequence, "PUSH"), 100, cached=cached)

    def link(self, cached: int = 0) -> None:
        """The link comes up, OpenD pushes some of its cache and takes the subscription."""
        self.linked = True
        for sequence in self.history[-cached:] if cached else ():
            self.push(sequence, cached=True)
        self.tracker.subscribed([SECURITY])

    def cut(self) -> None:
        """The link goes down."""
        self.linked = False
        self.question = False
        self.tracker.link_ended()

    def lose_in_sight(self, ticks: int) -> None:
        """OpenD pushes ticks whose frame comes damaged."""
        self.trade(ticks, pushed=False)
        self.tracker.suspect_all(Cause.DAMAGED)

    def replay(self, ticks: int) -> None:
        """OpenD was cut off from its server; afterwards it pushes the last of what it missed."""
        made = self.trade(ticks, pushed=False)
        if self.linked:
            self.tracker.suspect_all(Cause.BYDISCONN)
            for sequence in made[-5:]:
                self.push(sequence)

    def ask(self) -> None:
        """The worker asks, where it wants to; the answer waits."""
        if self.tracker.asks():
            self.question = True

    def answer(self) -> None:
        """OpenD answers what it was asked."""
        if self.question and self.linked:
            self.question = False
            self.tracker.replied(SECURITY, self._listed(), lambda one: (one, "REPAIR"))

    def _listed(self) -> list[int]:
        if self.lists_by_sequence:
            return sorted(self.history)[-LISTED:]
        listed = self.history[-LISTED:]
        # Nobody could tell a late one at its head, with nothing else late in it, from a timely one.
        while listed and listed[0] in self.late:
            del listed[0]
        return listed

    def refuse(self) -> None:
        """OpenD refuses it."""
        if self.question and self.linked:
            self.question = False
            self.tracker.refused(SECURITY, "no")

    def wait(self, seconds: float) -> None:
        """Time goes by."""
        self.now += seconds
        self.tracker.on_time()
        self.tracker.write_watermarks()

    def settle(self) -> None:
        """All goes well for a while: everything that is open comes to its end."""
        if not self.linked:
            self.link()
        for _ in range(8):
            self.ask()
            self.answer()
            self.wait(0.5)
            self.acknowledge(10**6)
        assert not self.tracker.is_checking

    @property
    def silently_missing(self) -> list[int]:
        """Give what is neither in Kafka nor in a gap that was told."""
        has = {sequence for sequence, _ in self.kafka}
        return [one for one in self.due if one not in has and not self._told(one)]

    def _told(self, sequence: int) -> bool:
        return any(
            (gap.before is None or gap.before < sequence)
            and (gap.after is None or sequence < gap.after)
            for gap in self.gaps
            if gap.outcome is Outcome.UNREPAIRABLE
        )

    @property
    def false_gaps(self) -> list[Gap]:
        """Give the gaps in which no tick is that no push brought.

        Where OpenD lists nothing as old as the last tick before a gap, nobody can tell.
        """
        return [gap for gap in self.gaps if not self._is_genuine(gap)]

    def _is_genuine(self, gap: Gap) -> bool:
        if gap.outcome is Outcome.DISPROVED:
            return True
        inside = [one for one in self.history if gap.before is None or gap.before < one]
        if gap.missing is None and len(inside) >= LISTED:
            return True
        return any(
            one in self.unpushed and (gap.after is None or one < gap.after) for one in inside
        )

    @property
    def first_occurrences(self) -> list[int]:
        """Give Kafka's ticks, each once, in its order, without those that were reported late."""
        return [one for one in dict.fromkeys(one for one, _ in self.kafka) if one not in self.late]

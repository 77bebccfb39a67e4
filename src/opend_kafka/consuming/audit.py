"""What the records themselves say of «no silent loss»: proved, refuted, or not to be judged. Pure.

Fed with ticks and events one by one, in any order but that of each security's ticks. Three things
show that ticks are missing:

- a jump of sequences, where the low word counts on (`gaps` says when);
- a hole in the places (`push_index`) of the rows that one push had: in any market;
- an event that says that ticks were repaired, and they are not there: in any market.

Each must be announced by an event, or it refutes. Dead letters are no loss: what they hold counts
as if it had come. A security of which sequences show nothing is not judged: what events announce is
told, and what they do not announce nobody can know.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from opend_kafka.consuming.gaps import (
    SKIPS,
    Announcement,
    Cover,
    Evidence,
    Gap,
    Line,
    announced,
    count_between,
)
from opend_kafka.consuming.sequences import TickLog, low_word

#: The fields of opend.Ticker that `Audit.tick` takes, in their order.
FIELDS = (
    "market",
    "code",
    "sequence",
    "push_data_type",
    "provenance.origin",
    "provenance.conn_id",
    "provenance.push_serial",
    "provenance.push_index",
    "provenance.ingest_time",
)

#: The kinds of opend.SessionEvent that announce something.
KINDS = ("GAP_UNREPAIRABLE", "GAP_REPAIRED", "GAP_DISPROVED", "DELIVERY_FAILED")

#: Microseconds. The worker has librdkafka try for a day (message.timeout.ms); an hour is spare.
_DELIVERY_US = 25 * 3600 * 1_000_000


class Verdict(StrEnum):
    """What an audit says."""

    PROVED = "proved"
    REFUTED = "refuted"
    NOT_JUDGED = "not judged"


@dataclass(frozen=True, slots=True)
class SecurityReport:
    """One security. Duplicates are by (push_data_type, origin), late ticks by origin."""

    market: str
    code: str
    records: int
    unique: int
    duplicates: dict[tuple[str | None, str], int]
    out_of_order: dict[str, int]
    dead_letters: int
    first: int | None
    last: int | None
    gaps: tuple[Gap, ...]
    verdict: Verdict

    @property
    def unannounced(self) -> tuple[Gap, ...]:
        """The gaps of which no event tells."""
        return tuple(gap for gap in self.gaps if gap.announced_by is None)


@dataclass(frozen=True, slots=True)
class MarketReport:
    """One market: how its low words count, and the worst verdict of its securities."""

    market: str
    evidence: Evidence
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Report:
    """The whole."""

    securities: tuple[SecurityReport, ...]
    markets: tuple[MarketReport, ...]
    verdict: Verdict


class Audit:
    """Takes ticks, dead letters and events, and reports."""

    def __init__(self) -> None:
        self._logs: defaultdict[tuple[str, str], TickLog] = defaultdict(TickLog)
        self._events: defaultdict[tuple[str, str], list[Announcement]] = defaultdict(list)

    def expect(self, market: str, code: str) -> None:
        """Report a security also where nothing of it comes."""
        self._logs.setdefault((market, code), TickLog())

    def tick(self, market: str, code: str, *fields: Any) -> None:
        """Take the next record of a tick topic: the `FIELDS` of it."""
        self._logs[market, code].take(*fields)

    def account(self, market: str, code: str, sequence: int) -> None:
        """Take a tick of a dead letter."""
        self._logs[market, code].accounted.add(sequence)

    def announce(self, market: str, code: str, event: Announcement) -> None:
        """Take an event that is about one security; kinds that announce nothing are passed over."""
        if event.kind in KINDS:
            self.expect(market, code)
            self._events[market, code].append(event)

    def report(self) -> Report:
        """Judge everything that has been taken so far."""
        lines = {key: _Examined(log, self._events[key]) for key, log in self._logs.items()}
        pooled: defaultdict[str, Evidence] = defaultdict(Evidence)
        for (market, _), one in lines.items():
            pooled[market] += one.evidence
        securities = []
        for (market, code), one in lines.items():
            counts_on = one.evidence.counts_on
            if counts_on is None:
                counts_on = pooled[market].counts_on
            securities.append(one.report(market, code, counts_on is True))
        markets = tuple(
            MarketReport(
                market, evidence, _worst(one for one in securities if one.market == market)
            )
            for market, evidence in pooled.items()
        )
        return Report(tuple(securities), markets, _worst(securities))


def _worst(securities: Any) -> Verdict:
    verdicts = {one.verdict for one in securities}
    if Verdict.REFUTED in verdicts:
        return Verdict.REFUTED
    return Verdict.PROVED if verdicts == {Verdict.PROVED} else Verdict.NOT_JUDGED


def _overlaps(gap: Gap, cover: Cover) -> bool:
    """Tell whether a gap lies, in part at least, in what an event tells."""
    before, after, _ = cover
    is_below = before is not None and gap.after is not None and gap.after <= before
    is_above = after is not None and gap.before is not None and gap.before >= after
    return not is_below and not is_above


class _Examined:
    """One security's log, looked at."""

    def __init__(self, log: TickLog, events: list[Announcement]) -> None:
        self._log = log
        self._events = sorted(events, key=lambda event: event.time_us)
        self._known = log.known()
        self._line = Line(self._known, log.late | log.accounted)
        evidence = self._line.evidence()
        skipping = log.skipped > SKIPS * log.neighbours
        self.evidence = Evidence(evidence.steps, evidence.of_one, skipping)

    def report(self, market: str, code: str, counts_on: bool) -> SecurityReport:
        log, known = self._log, self._known
        gaps = tuple(self._gaps(counts_on and len(known) > 0))
        if any(gap.announced_by is None for gap in gaps):
            verdict = Verdict.REFUTED
        else:
            verdict = Verdict.PROVED if counts_on and len(known) else Verdict.NOT_JUDGED
        return SecurityReport(
            market,
            code,
            log.records,
            log.unique,
            dict(log.duplicates),
            dict(log.out_of_order),
            len(known) - log.unique,
            known[0] if known else None,
            known[-1] if known else None,
            gaps,
            verdict,
        )

    def _gaps(self, counts_on: bool) -> Iterator[Gap]:
        # A failed delivery is one tick's; which one, only its sequences would tell.
        failures = [
            event
            for event in self._events
            if event.kind == "DELIVERY_FAILED" and event.before is None
        ]
        covers = [self._cover(event) for event in self._events if event not in failures]
        kept = [cover for cover in covers if self._shortfall(cover) == 0]
        shown = self._jumps() if counts_on else self._holes()
        seen: list[Gap] = []
        for gap in shown:
            for part in announced(gap, kept, in_parts=counts_on):
                seen.append(part if part.announced_by else self._failed(part, failures))
        for cover in covers:
            if not any(
                gap.announced_by is cover[2] or (counts_on and _overlaps(gap, cover))
                for gap in tuple(seen)
            ):
                seen += self._only_told(cover, counts_on)
        yield from sorted(
            seen, key=lambda gap: (gap.before is not None, gap.before, gap.after or 0)
        )

    def _jumps(self) -> Iterator[Gap]:
        return self._line.gaps(self._log.skips)

    def _holes(self) -> Iterator[Gap]:
        """Yield the holes in pushes that nothing has filled since."""
        for before, after, number in self._log.holes:
            if before < after:
                missing = number - count_between(self._known, before, after)
                if missing > 0:
                    yield Gap(before, after, missing)

    def _cover(self, event: Announcement) -> Cover:
        after = event.after
        if after is None:
            after = self._log.next_after(event.time_us)
        return event.before, after, event

    def _shortfall(self, cover: Cover) -> int:
        """Give how many ticks an event says were repaired, and are not there."""
        before, after, event = cover
        # Where the range does not reach so far, nothing can be said.
        if before is None or not self._has(before) or event.time_us >= self._log.newest_us:
            return 0
        return max(0, event.repaired - count_between(self._known, before, after))

    def _has(self, sequence: int) -> bool:
        return count_between(self._known, sequence - 1, sequence + 1) > 0

    def _failed(self, gap: Gap, failures: list[Announcement]) -> Gap:
        """Look for the failed deliveries behind a gap: each tells of one tick, or of so many."""
        begin = self._log.received_by(gap.before or 0)
        end = self._log.received_by(gap.after or 0) + _DELIVERY_US
        missing, used = gap.missing or 0, []
        for event in failures:
            if missing > 0 and begin <= event.time_us <= end:
                missing -= event.missing or 1
                used.append(event)
        if missing > 0 or not used:
            return gap
        for event in used:
            failures.remove(event)
        return Gap(gap.before, gap.after, gap.missing, used[-1])

    def _only_told(self, cover: Cover, counts_on: bool) -> Iterator[Gap]:
        """Yield what an event tells and the sequences do not show."""
        before, after, event = cover
        shortfall = self._shortfall(cover)
        if counts_on and self._shown(before, after):
            return
        if shortfall:
            yield Gap(before, after, shortfall)
        elif event.kind == "GAP_UNREPAIRABLE" and event.missing != 0 and self._touches(cover):
            yield Gap(before, after, event.missing, event)

    def _shown(self, before: int | None, after: int | None) -> bool:
        """Tell whether the sequences would show what is missing between two of them."""
        if before is None or after is None or not self._has(before) or not self._has(after):
            return False
        # Where the counter began anew in between, they show nothing.
        filled = count_between(self._known, before, after) > 0
        return filled or low_word(after) - low_word(before) == 1

    def _touches(self, cover: Cover) -> bool:
        """Tell whether it is about the range that was read."""
        before, after, _ = cover
        known = self._known
        if not known:
            return True
        return (before is None or before <= known[-1]) and (after is None or after >= known[0])

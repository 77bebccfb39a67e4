"""An audit's report for people, who see trouble first, and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from opend_kafka.consuming.audit import MarketReport, Report, SecurityReport, Verdict
from opend_kafka.consuming.gaps import Announcement, Gap

#: Gaps shown of one security; the rest is counted. JSON has all.
_SHOWN = 10

#: Securities without a gap that have a row of their own; the rest is added up.
_ROWS = 40

_STYLES = {Verdict.PROVED: "green", Verdict.REFUTED: "bold red", Verdict.NOT_JUDGED: "yellow"}

#: Seconds between which the high word of a sequence is taken for a time: 2000 to 2100.
_TIMES = range(946_684_800, 4_102_444_800)


def table_of(report: Report) -> Table:
    """Give a row for each security, those in trouble first."""
    # It fits into 80 columns: what is seldom comes only where it is.
    letters = any(one.dead_letters for one in report.securities)
    table = Table(box=box.SIMPLE, padding=(0, 0 if letters else 1, 0, 0))
    table.add_column("security", no_wrap=True)
    names = ("records", "ticks", "duplicates", "out of\norder", "gaps", "missing")
    for name in (*names[:4], *("dead\nletters",) * letters, *names[4:]):
        apart = 10 if name.startswith("out") else None  # from the kinds of duplicates
        table.add_column(name, justify="right", no_wrap=True, min_width=apart)
    table.add_column("verdict", no_wrap=True)
    sorted_ = by_trouble(report.securities)
    own = sum(bool(one.gaps) for one in sorted_) + _ROWS
    rows = [(_name(one), [one]) for one in sorted_[:own]]
    for verdict in _STYLES:
        if others := [one for one in sorted_[own:] if one.verdict is verdict]:
            rows.append((f"{len(others):,} more", others))
    for name, some in rows:
        table.add_row(name, *_cells(some, letters), Text(some[0].verdict, _STYLES[some[0].verdict]))
    return table


def _cells(some: list[SecurityReport], letters: bool) -> list[str]:
    """Give what a row says of a security, or of several together."""
    gaps = [gap for one in some for gap in one.gaps]
    return [
        f"{sum(one.records for one in some):,}",
        f"{sum(one.unique for one in some):,}",
        _counted(_sum(_by_type(one) for one in some)),
        _counted(_sum(one.out_of_order for one in some)),
        *[f"{sum(one.dead_letters for one in some):,}"] * letters,
        f"{len(gaps):,}",
        _missing(gaps),
    ]


def _sum(counts: Iterable[dict[str, int]]) -> Counter[str]:
    added: Counter[str] = Counter()
    for one in counts:
        added.update(one)
    return added


def lines_of(report: Report) -> Iterator[Text]:
    """Yield a line for each gap, and one for each market, and the sentence that says it all."""
    for one in by_trouble(report.securities):
        shown = sorted(one.gaps, key=lambda gap: gap.announced_by is not None)
        for gap in shown[:_SHOWN]:
            yield _gap_line(_name(one), gap)
        if len(shown) > _SHOWN:
            yield Text(f"{_name(one)}: {len(shown) - _SHOWN:,} gaps more; --format json has all")
    for market in report.markets:
        yield Text(_market_line(market))
    yield Text(summary_of(report), _STYLES[report.verdict])


def summary_of(report: Report) -> str:
    """Say in one sentence what was found."""
    silent = [one for one in report.securities if one.unannounced]
    gaps = [gap for one in silent for gap in one.unannounced]
    if silent:
        return (
            f"Refuted: {_number(len(gaps), 'gap')} of {_number(len(silent), 'security')} "
            f"(ticks missing: {_missing(gaps)}) announced by nothing."
        )
    told = [gap for one in report.securities for gap in one.gaps]
    announced = f"; {_number(len(told), 'gap')} announced" if told else ""
    judged = [one for one in report.securities if one.verdict is Verdict.PROVED]
    ticks = _number(sum(one.unique for one in judged), "tick")
    if report.verdict is Verdict.PROVED:
        return (
            f"Proved: no silent loss in {ticks} of {_number(len(judged), 'security')}{announced}."
        )
    others = len(report.securities) - len(judged)
    proved = f"Proved for {_number(len(judged), 'security')} ({ticks}), not" if judged else "Not"
    return (
        f"{proved} judged for {_number(others, 'security')}: "
        f"no gap stands unannounced, but sequences cannot show each{announced}."
    )


def as_json(report: Report) -> dict[str, Any]:
    """Give the whole report as JSON has it."""
    return {
        "verdict": report.verdict,
        "summary": summary_of(report),
        "markets": [
            {
                "market": one.market,
                "verdict": one.verdict,
                "steps": one.evidence.steps,
                "steps_of_one": one.evidence.of_one,
            }
            for one in report.markets
        ],
        "securities": [
            {
                "market": one.market,
                "code": one.code,
                "verdict": one.verdict,
                "records": one.records,
                "unique": one.unique,
                "duplicates": [
                    {"push_data_type": kind, "origin": origin, "records": number}
                    for (kind, origin), number in sorted(one.duplicates.items(), key=str)
                ],
                "out_of_order": one.out_of_order,
                "dead_letters": one.dead_letters,
                "first_sequence": one.first,
                "last_sequence": one.last,
                "gaps": [_gap_as_json(gap) for gap in one.gaps],
            }
            for one in by_trouble(report.securities)
        ],
    }


def by_trouble(securities: Iterable[SecurityReport]) -> list[SecurityReport]:
    """Sort: unannounced gaps first, then announced ones, then names."""
    return sorted(
        securities,
        key=lambda one: (-len(one.unannounced), -len(one.gaps), one.market, one.code),
    )


def _gap_as_json(gap: Gap) -> dict[str, Any]:
    event = gap.announced_by
    return {
        "sequence_before": gap.before,
        "sequence_after": gap.after,
        "ticks_missing": gap.missing,
        "announced_by": None
        if event is None
        else {"kind": event.kind, "time": _time(event.time_us // 1_000_000)},
    }


def _gap_line(name: str, gap: Gap) -> Text:
    number = "an unknown number of ticks" if gap.missing is None else _number(gap.missing, "tick")
    line = Text(f"{name}: {number} missing between {_end(gap.before)} and {_end(gap.after)}: ")
    if gap.announced_by is None:
        return line.append("ANNOUNCED BY NOTHING", "bold red")
    return line.append(_event(gap.announced_by))


def _event(event: Announcement) -> str:
    return f"announced by {event.kind} at {_time(event.time_us // 1_000_000)}"


def _end(sequence: int | None) -> str:
    if sequence is None:
        return "an open end"
    second = sequence >> 32
    # The sequence itself is long; its low word is what the eye compares.
    return f"{sequence}" + (f" ({_time(second)})" if second in _TIMES else "")


def _market_line(market: MarketReport) -> str:
    evidence = market.evidence
    seen = f"{evidence.of_one:,} of {evidence.steps:,} steps from second to second are of one"
    counts = {
        True: "its sequences count on, so a jump is a gap",
        False: "its sequences do not count on, so only holes in pushes and events show a loss",
        None: "too few to judge by",
    }
    return f"{market.market}: {market.verdict}; {seen}: {counts[evidence.counts_on]}."


def _name(security: SecurityReport) -> str:
    return f"{security.market}.{security.code}"


def _by_type(security: SecurityReport) -> Counter[str]:
    """Count duplicates by push_data_type, and apart those that repair brought."""
    counted: Counter[str] = Counter()
    for (kind, origin), number in security.duplicates.items():
        counted["REPAIR" if origin == "REPAIR" else kind or "none"] += number
    return counted


def _counted(numbers: dict[str, int] | Counter[str]) -> str:
    if not numbers:
        return "0"
    return "\n".join(f"{kind} {number:,}" for kind, number in sorted(numbers.items()))


def _missing(gaps: Iterable[Gap]) -> str:
    """Add up what is missing; `+` where some of it is not known, `?` where nothing is."""
    numbers = [gap.missing for gap in gaps]
    known = sum(number for number in numbers if number is not None)
    if None not in numbers:
        return f"{known:,}"
    return f"{known:,}+" if known else "?"


def _number(number: int, what: str) -> str:
    if number == 1:
        return f"1 {what}"
    return f"{number:,} {what[:-1]}ies" if what.endswith("y") else f"{number:,} {what}s"


def _time(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

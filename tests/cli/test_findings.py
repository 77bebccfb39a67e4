"""An audit's report as people read it."""

from __future__ import annotations

import io
import json
from typing import Any

from rich.console import Console

from opend_kafka.cli.findings import as_json, by_trouble, lines_of, summary_of, table_of
from opend_kafka.consuming.audit import MarketReport, Report, SecurityReport, Verdict
from opend_kafka.consuming.gaps import Announcement, Evidence, Gap

EVENT = Announcement("GAP_UNREPAIRABLE", 1_700_000_100_000_000)
SILENT = Gap(1_700_000_000 << 32 | 5867, 1_700_000_009 << 32 | 5870, 2)
TOLD = Gap(1_700_000_000 << 32 | 5867, None, None, EVENT)


def _security(code: str, *gaps: Gap, verdict: Verdict = Verdict.PROVED, **fields: Any) -> Any:
    values: dict[str, Any] = {
        "market": "HK",
        "code": code,
        "records": 1200,
        "unique": 1100,
        "duplicates": {("CACHE", "PUSH"): 60, ("REALTIME", "REPAIR"): 40},
        "out_of_order": {"REPAIR": 3},
        "dead_letters": 1,
        "first": 1,
        "last": 2,
        "gaps": gaps,
        "verdict": verdict,
    }
    return SecurityReport(**(values | fields))


def _report(*securities: SecurityReport, verdict: Verdict = Verdict.PROVED) -> Report:
    return Report(securities, (MarketReport("HK", Evidence(40, 39), verdict),), verdict)


def _text(report: Report) -> list[str]:
    return [str(line) for line in lines_of(report)]


def test_gap_line_says_all_of_a_silent_loss() -> None:
    """Security, how many, between which sequences and times, and that nothing tells of it."""
    line, *_ = _text(_report(_security("00700", SILENT)))
    assert line == (
        "HK.00700: 2 ticks missing between 7301444403200005867 (2023-11-14T22:13:20Z) and "
        "7301444441854711534 (2023-11-14T22:13:29Z): ANNOUNCED BY NOTHING"
    )


def test_gap_line_names_the_event() -> None:
    """An announced gap has the event's kind and time; what nobody knows is said so."""
    line, *_ = _text(_report(_security("00700", TOLD)))
    assert line == (
        "HK.00700: an unknown number of ticks missing between 7301444403200005867 "
        "(2023-11-14T22:13:20Z) and an open end: "
        "announced by GAP_UNREPAIRABLE at 2023-11-14T22:15:00Z"
    )


def test_trouble_comes_first() -> None:
    """Silent losses stand above announced ones, those above sound securities."""
    sound, told, silent = _security("1"), _security("2", TOLD), _security("3", SILENT)
    assert [one.code for one in by_trouble([sound, told, silent])] == ["3", "2", "1"]


def test_many_gaps_of_a_security_are_counted() -> None:
    """Ten gaps are shown; the rest is a number, and the silent ones come first."""
    lines = _text(_report(_security("1", *[TOLD] * 12, SILENT)))
    assert "NOTHING" in lines[0]
    assert lines[10] == "HK.1: 3 gaps more; --format json has all"


def test_market_line_says_how_its_sequences_count() -> None:
    """What the verdict rests on is said with its numbers."""
    assert _text(_report(_security("1")))[0] == (
        "HK: proved; 39 of 40 steps from second to second are of one: "
        "its sequences count on, so a jump is a gap."
    )


def test_summary_of_a_proof() -> None:
    """How many ticks and securities, and how many gaps were announced."""
    assert summary_of(_report(_security("1"), _security("2", TOLD))) == (
        "Proved: no silent loss in 2,200 ticks of 2 securities; 1 gap announced."
    )


def test_summary_of_a_refutation() -> None:
    """How many gaps of how many securities stand unannounced."""
    refuted = _report(_security("1", SILENT, TOLD), _security("2"), verdict=Verdict.REFUTED)
    assert summary_of(refuted) == (
        "Refuted: 1 gap of 1 security (ticks missing: 2) announced by nothing."
    )


def test_summary_of_what_is_not_judged() -> None:
    """What is proved and what is not stand apart."""
    us = _security("AAPL", verdict=Verdict.NOT_JUDGED)
    assert summary_of(_report(_security("1"), us, verdict=Verdict.NOT_JUDGED)) == (
        "Proved for 1 security (1,100 ticks), not judged for 1 security: "
        "no gap stands unannounced, but sequences cannot show each."
    )


def test_summary_of_nothing_judged() -> None:
    """Where nothing can be judged, no proof is claimed."""
    us = _security("AAPL", verdict=Verdict.NOT_JUDGED)
    assert summary_of(_report(us, verdict=Verdict.NOT_JUDGED)).startswith("Not judged for 1 ")


def test_table_has_a_row_for_each_security() -> None:
    """Counts, duplicates by what brought them, gaps, what is missing, and the verdict."""
    out = io.StringIO()
    table = table_of(_report(_security("00700", SILENT, TOLD, verdict=Verdict.REFUTED)))
    Console(file=out, width=80).print(table)
    first, second = [line.split() for line in out.getvalue().splitlines() if line.strip()][-2:]
    assert first == [
        "HK.00700", "1,200", "1,100", "CACHE", "60", "REPAIR", "3", "1", "2", "2+", "refuted",
    ]  # fmt: skip
    assert second == ["REPAIR", "40"]


def test_table_adds_up_what_is_sound() -> None:
    """Of many securities those with gaps have a row each, 40 more have, and the rest is a sum."""
    us = [_security(f"{n:03}", market="US", verdict=Verdict.NOT_JUDGED) for n in range(60)]
    report = _report(_security("00700", SILENT, verdict=Verdict.REFUTED), *us)
    out = io.StringIO()
    Console(file=out, width=80).print(table_of(report))
    rows = [line.split() for line in out.getvalue().splitlines() if line[1:3].strip()]
    names = [row[0] for row in rows if row[0].startswith(("HK", "US"))]
    assert names == ["HK.00700", *[f"US.{n:03}" for n in range(40)]]
    assert rows[-1] == [
        "20", "more", "24,000", "22,000", "CACHE", "1,200", "REPAIR", "60", "20", "0", "0",
        "not", "judged",
    ]  # fmt: skip


def test_json_has_everything() -> None:
    """Every number and every gap is in the JSON, which JSON can carry."""
    report = _report(_security("00700", SILENT, TOLD, verdict=Verdict.REFUTED))
    shown = json.loads(json.dumps(as_json(report)))
    (security,) = shown["securities"]
    assert security["duplicates"] == [
        {"push_data_type": "CACHE", "origin": "PUSH", "records": 60},
        {"push_data_type": "REALTIME", "origin": "REPAIR", "records": 40},
    ]
    assert security["gaps"][0] == {
        "sequence_before": SILENT.before,
        "sequence_after": SILENT.after,
        "ticks_missing": 2,
        "announced_by": None,
    }
    assert security["gaps"][1]["announced_by"] == {
        "kind": "GAP_UNREPAIRABLE",
        "time": "2023-11-14T22:15:00Z",
    }
    assert shown["markets"] == [
        {"market": "HK", "verdict": "proved", "steps": 40, "steps_of_one": 39}
    ]


def test_table_says_that_a_number_is_not_known() -> None:
    """Where no gap's size is known, a question mark stands for it."""
    out = io.StringIO()
    Console(file=out, width=80).print(table_of(_report(_security("00700", TOLD, dead_letters=0))))
    assert out.getvalue().split()[-4:-2] == ["?", "proved"]

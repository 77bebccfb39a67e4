"""The table of the fault suite stands in its page, and nothing else of the page is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.judge import Verdict
from tests.chaos.report import BEGIN, END, replaced, table
from tests.chaos.scenarios import SCENARIOS
from tests.chaos.stage import Outcome

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"


def _outcome(verdict: Verdict, *, resident_bytes: int) -> Outcome:
    return Outcome("calm", verdict, 12.3, 4999.6, 1, {0: 1}, resident_bytes, 120 << 20, Path("log"))


def test_only_what_is_between_the_marks_is_replaced() -> None:
    """Words before and after stay; what stood there goes."""
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert replaced(page, "new") == f"before\n{BEGIN}\nnew\n{END}\nafter\n"


def test_a_page_without_marks_is_refused() -> None:
    """Nothing is written where nobody looks for it."""
    with pytest.raises(ValueError, match="lacks"):
        replaced("words", "new")


def test_the_table_has_what_was_counted() -> None:
    """A row a scenario, each as wide as the head."""
    verdict = Verdict(sent=1000, delivered=990, announced_missing=10)
    outcome = _outcome(verdict, resident_bytes=100 << 20)
    head, _, row = table([(SCENARIOS[0], outcome)]).splitlines()
    assert head.count("|") == row.count("|")
    assert "| 12 | 5,000 | 1,000 | 990 |" in row
    assert row.endswith("| 100 | 120 |")


def test_memory_above_its_bound_is_not_kept() -> None:
    """No tick is missing, and still it is a failure."""
    assert _outcome(Verdict(), resident_bytes=120 << 20).kept
    (complaint,) = _outcome(Verdict(), resident_bytes=121 << 20).complaints()
    assert complaint == "121 MiB were resident, and 120 may be"


def test_the_page_has_a_row_for_each_scenario() -> None:
    """What the suite plays is what the page shows."""
    page = PAGE.read_text()
    assert [one.name for one in SCENARIOS if f"| `{one.name}`:" not in page] == []

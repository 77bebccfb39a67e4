"""Gaps and their outcome."""

from __future__ import annotations

import pytest

from opend_kafka.continuity.gap import Cause, Gap, Outcome
from tests.continuity.opend import SECURITY


@pytest.mark.parametrize(
    ("missing", "repaired", "outcome"),
    [
        (0, 3, Outcome.REPAIRED),
        (1, 3, Outcome.UNREPAIRABLE),
        (None, 0, Outcome.UNREPAIRABLE),
        (0, 0, Outcome.DISPROVED),
    ],
)
def test_gap_has_one_outcome(missing: int | None, repaired: int, outcome: Outcome) -> None:
    """Unknown is not nothing."""
    assert Gap(SECURITY, Cause.STARTED, 1, 9, missing, repaired).outcome is outcome

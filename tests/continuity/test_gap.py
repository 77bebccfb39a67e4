"""Gaps and their outcome."""

from __future__ import annotations

import pytest

from opend_kafka.continuity.gap import Cause, Gap
from tests.continuity.opend import SECURITY


@pytest.mark.parametrize(("missing", "repaired"), [(0, True), (1, False), (None, False)])
def test_gap_is_repaired_where_nothing_stays_missing(missing: int | None, repaired: bool) -> None:
    """Unknown is not nothing."""
    assert Gap(SECURITY, Cause.STARTED, 1, 9, missing, 3).is_repaired is repaired

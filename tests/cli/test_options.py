"""Options that several commands share."""

from __future__ import annotations

import click
import pytest

from opend_kafka.cli.options import Securities
from opend_kafka.opend.securities import Security


@pytest.mark.parametrize("text", ["HK.00700,US.AAPL", " HK.00700 , US.AAPL "])
def test_securities_are_a_list_with_commas(text: str) -> None:
    """A list is read with or without spaces, in its order."""
    expected = (Security("HK", "00700"), Security("US", "AAPL"))
    assert Securities().convert(text, None, None) == expected


def test_securities_are_left_as_they_are() -> None:
    """A list that was read already, as click's defaults may be, stays."""
    read = (Security("HK", "00700"),)
    assert Securities().convert(read, None, None) is read


@pytest.mark.parametrize("text", ["", "HK", "HK.", "XX.1", "HK.00700,,US.AAPL", "HK.00700,"])
def test_securities_that_are_none_are_refused(text: str) -> None:
    """What is no list of securities fails as click's own options do, with what to write."""
    with pytest.raises(click.BadParameter, match=r"write MARKET\.CODE, such as HK\.00700"):
        Securities().convert(text, None, None)

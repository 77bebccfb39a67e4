"""The kinds of fault, as values."""

from random import Random

import pytest

from opend_kafka.opend.securities import Security
from opend_kafka.simulator.faults import KINDS, Fault, MarketClosed, Reset, Stall, resolved

SECURITIES = [Security("HK", "00700"), Security("US", "AAPL")]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_do_without_parameters(kind: str) -> None:
    """Each kind has defaults, and the name under which it is listed."""
    assert KINDS[kind]().kind == kind


def test_every_kind_is_listed() -> None:
    """A kind that is defined can be named in a scenario."""
    assert {kind.__name__ for kind in Fault.__subclasses__()} == {
        kind.__name__ for kind in KINDS.values()
    }


def test_resolved_draws_what_is_open() -> None:
    """The seed chooses among what is traded, and in time everything."""
    random = Random(1)
    stalls = {resolved(Stall(), SECURITIES, random) for _ in range(20)}
    closed = {resolved(MarketClosed(), SECURITIES, random) for _ in range(20)}
    assert stalls == {Stall(security=security) for security in SECURITIES}
    assert closed == {MarketClosed(market=market) for market in ("HK", "US")}


@pytest.mark.parametrize("fault", [Stall(security=Security("HK", "1")), Reset()])
def test_resolved_leaves_what_is_said(fault: Fault) -> None:
    """What a fault says is not drawn, and takes no number from the seed."""
    random = Random(1)
    assert resolved(fault, SECURITIES, random) == fault
    assert random.random() == Random(1).random()

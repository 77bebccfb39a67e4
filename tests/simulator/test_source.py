"""The seam between what is served and its front: whatever stands behind it keeps to this."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from opend_kafka.opend.pb import GetGlobalState_pb2
from opend_kafka.opend.pb.Qot_Common_pb2 import SubType_Ticker
from opend_kafka.opend.securities import Security
from opend_kafka.simulator.recorded import RecordedMarket, RecordedPublisher
from opend_kafka.simulator.source import Source
from opend_kafka.simulator.subscriptions import Subscriptions
from tests.simulator.clients import SECURITIES, START_US, a_market
from tests.simulator.recordings import recorded


def a_recording() -> RecordedMarket:
    """Give a recording of both securities, played to its end."""
    market = RecordedMarket(SECURITIES, start_us=START_US)
    publisher = RecordedPublisher(market, Subscriptions(1))
    for push in recorded(SubType_Ticker):
        publisher.publish(push)
    return market


#: What makes a source that knows SECURITIES.
SOURCES: list[Callable[[], Source]] = [a_market, a_recording]


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest) -> Source:
    """Give one source after the other."""
    made: Source = request.param()
    return made


def test_source_knows_its_securities_and_no_others(source: Source) -> None:
    """What is served is in it."""
    assert all(security in source for security in SECURITIES)
    assert Security("HK", "99999") not in source


def test_source_names_each_security_as_opend_does(source: Source) -> None:
    """A security's message carries its market's number and its code."""
    for security in SECURITIES:
        message = source.stock(security).message
        assert (message.market, message.code) == (security.market_number, security.code)


def test_source_raises_for_what_it_does_not_know(source: Source) -> None:
    """A security that is not served is a KeyError."""
    with pytest.raises(KeyError):
        source.stock(Security("HK", "99999"))


def test_source_states_fill_a_reply(source: Source) -> None:
    """Its market states are all that GetGlobalState's reply must have, and nothing unknown."""
    required = {
        field.name
        for field in GetGlobalState_pb2.S2C.DESCRIPTOR.fields
        if field.is_required and field.name.startswith("market")
    }
    states = source.market_states()
    assert required <= set(states)
    assert set(states) <= set(GetGlobalState_pb2.S2C.DESCRIPTOR.fields_by_name)


def test_source_gives_no_more_ticks_than_asked_for(source: Source) -> None:
    """`latest` gives the last of them, the oldest first."""
    for security in SECURITIES:
        latest = source.stock(security).latest(3)
        assert len(latest) == 3
        assert [one.sequence for one in latest] == sorted(one.sequence for one in latest)

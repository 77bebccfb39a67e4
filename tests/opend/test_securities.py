"""Securities in the SDK's form, and the names of markets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opend_kafka.opend.pb import Qot_Common_pb2
from opend_kafka.opend.securities import MARKETS, Security, market_name


@pytest.mark.parametrize(
    ("text", "market", "code", "number"),
    [
        ("HK.00700", "HK", "00700", 1),
        ("US.AAPL", "US", "AAPL", 11),
        ("SH.600519", "SH", "600519", 21),
        ("SZ.000001", "SZ", "000001", 22),
        ("US..DJI", "US", ".DJI", 11),
        ("US.BRK.B", "US", "BRK.B", 11),
        ("US.AAPL210115C185000", "US", "AAPL210115C185000", 11),
        ("HK.HSImain", "HK", "HSImain", 1),
        ("HK_FUTURE.999010", "HK_FUTURE", "999010", 2),
        ("CC.BTC", "CC", "BTC", 91),
    ],
)
def test_security_reads_form_of_sdk(text: str, market: str, code: str, number: int) -> None:
    """The market stands before the first dot; the code may hold dots."""
    security = Security.parse(text)
    assert (security.market, security.code, security.market_number) == (market, code, number)


@pytest.mark.parametrize("text", ["", "HK", "00700", "HK.", ".DJI", "XX.1", "hk.00700", "HK 00700"])
def test_security_refuses_what_is_no_security(text: str) -> None:
    """What cannot be one is refused, with an example of what can."""
    with pytest.raises(ValueError, match=r"write MARKET\.CODE, such as HK\.00700") as caught:
        Security.parse(text)
    assert repr(text) in str(caught.value)


@given(st.sampled_from(sorted(MARKETS.values())), st.text(min_size=1))
def test_security_prints_what_it_reads(market: str, code: str) -> None:
    """Printing and reading again gives the same security, whatever the code holds."""
    security = Security(market, code)
    assert Security.parse(str(security)) == security


@pytest.mark.parametrize("number", MARKETS)
def test_market_has_its_name(number: int) -> None:
    """A known market's number gives its name, and the name leads back to the number."""
    assert Security(market_name(number), "1").market_number == number


def test_every_market_of_protocol_has_a_name() -> None:
    """No QotMarket but Unknown is left out."""
    assert {*MARKETS, 0} == set(Qot_Common_pb2.QotMarket.values())


@pytest.mark.parametrize("number", [0, -1, 3, 111, 2**31 - 1])
def test_newer_market_is_its_number(number: int) -> None:
    """A number newer than the table is that number as a string."""
    assert market_name(number) == str(number)


def test_securities_sort_by_market_and_code() -> None:
    """Securities have an order, for output that does not jump."""
    hk, us, other = map(Security.parse, ("HK.00700", "US.AAPL", "HK.00005"))
    assert sorted([us, hk, other]) == [other, hk, us]

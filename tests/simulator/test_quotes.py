"""The quote requests."""

from typing import Any

import pytest

from opend_kafka.opend.pb import (
    Qot_GetSubInfo_pb2,
    Qot_GetTicker_pb2,
    Qot_RegQotPush_pb2,
    Qot_Sub_pb2,
)
from opend_kafka.opend.pb.Qot_Common_pb2 import Security as SecurityMessage
from opend_kafka.opend.securities import Security
from opend_kafka.simulator.market import Market
from opend_kafka.simulator.quotes import Quotes
from opend_kafka.simulator.subscriptions import Feed, Refused, Subscriptions

TENCENT = Security("HK", "00700")
APPLE = Security("US", "AAPL")
TICKER, BOOK = 4, 2


@pytest.fixture
def market() -> Market:
    """Two securities."""
    return Market([TENCENT, APPLE], seed=1, rate=100, start_us=1_700_000_000_000_000)


@pytest.fixture
def subscriptions() -> Subscriptions:
    """A quota of three."""
    return Subscriptions(quota=3)


@pytest.fixture
def quotes(market: Market, subscriptions: Subscriptions) -> Quotes:
    """What is tested."""
    return Quotes(market, subscriptions)


def message(security: Security) -> SecurityMessage:
    """Give a security as a request names it."""
    return SecurityMessage(market=security.market_number, code=security.code)


def sub(*securities: Security, subtypes: tuple[int, ...] = (TICKER,), **more: Any) -> Any:
    """Make a Qot_Sub request that subscribes."""
    listed = [message(security) for security in securities]
    return Qot_Sub_pb2.C2S(
        securityList=listed, subTypeList=subtypes, **{"isSubOrUnSub": True, **more}
    )


def test_sub_takes_each_security_with_each_subtype(
    quotes: Quotes, subscriptions: Subscriptions
) -> None:
    """One security with two subtypes is two feeds."""
    quotes.sub(1, sub(TENCENT, subtypes=(TICKER, BOOK)))
    assert subscriptions.held_by(1) == (Feed(TENCENT, TICKER), Feed(TENCENT, BOOK))


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (sub(TENCENT, Security("HK", "99999")), r"unknown stock HK\.99999"),
        (sub(TENCENT, subtypes=(TICKER, 0)), "unknown subType 0"),
        (sub(TENCENT, subtypes=(TICKER, 77)), "unknown subType 77"),
        (sub(), "must both have an entry"),
        (sub(TENCENT, subtypes=()), "must both have an entry"),
        (sub(TENCENT, APPLE, subtypes=(TICKER, BOOK)), "quota exceeded: 4 needed"),
    ],
)
def test_sub_fails_as_a_whole(
    quotes: Quotes, subscriptions: Subscriptions, request_: Any, reason: str
) -> None:
    """One thing that cannot be had rejects all of the request."""
    with pytest.raises(Refused, match=reason):
        quotes.sub(1, request_)
    assert subscriptions.used == 0


@pytest.mark.parametrize(
    ("options", "takes", "first"),
    [
        ({}, False, False),
        ({"isRegOrUnRegPush": True}, True, True),
        ({"isRegOrUnRegPush": True, "isFirstPush": True}, True, True),
        ({"isRegOrUnRegPush": True, "isFirstPush": False}, True, False),
        ({"isRegOrUnRegPush": False, "isFirstPush": True}, False, False),
    ],
)
def test_sub_starts_pushes_as_asked(
    quotes: Quotes, subscriptions: Subscriptions, options: dict[str, Any], takes: bool, first: bool
) -> None:
    """Pushes are started where that is asked; the cache follows unless it is declined."""
    outcome = quotes.sub(1, sub(TENCENT, **options))
    feed = Feed(TENCENT, TICKER)
    assert (1 in subscriptions.takers(feed)) is takes
    assert outcome.first_feeds == ((feed,) if first else ())


def test_sub_without_a_word_on_pushes_leaves_them(
    quotes: Quotes, subscriptions: Subscriptions
) -> None:
    """Left out, isRegOrUnRegPush changes nothing."""
    quotes.sub(1, sub(TENCENT, isRegOrUnRegPush=True))
    quotes.sub(1, sub(TENCENT))
    assert 1 in subscriptions.takers(Feed(TENCENT, TICKER))


def test_sub_unsubscribes_what_is_named(quotes: Quotes, subscriptions: Subscriptions) -> None:
    """With isSubOrUnSub false the named feeds go, and their pushes."""
    quotes.sub(1, sub(TENCENT, subtypes=(TICKER, BOOK), isRegOrUnRegPush=True))
    quotes.sub(1, sub(TENCENT, isSubOrUnSub=False))
    assert subscriptions.held_by(1) == (Feed(TENCENT, BOOK),)
    assert not subscriptions.takers(Feed(TENCENT, TICKER))


def test_sub_unsubscribes_everything_of_this_connection(
    quotes: Quotes, subscriptions: Subscriptions
) -> None:
    """`isUnsubAll` needs no lists, and leaves other connections alone."""
    quotes.sub(1, sub(TENCENT, subtypes=(TICKER, BOOK)))
    quotes.sub(2, sub(TENCENT))
    quotes.sub(1, Qot_Sub_pb2.C2S(isSubOrUnSub=False, isUnsubAll=True))
    assert (subscriptions.held_by(1), subscriptions.used) == ((), 1)


def test_reg_push_starts_and_stops(quotes: Quotes, subscriptions: Subscriptions) -> None:
    """Qot_RegQotPush alone starts the pushes of what is subscribed, and stops them."""
    quotes.sub(1, sub(TENCENT))
    feed = Feed(TENCENT, TICKER)
    for wanted in (True, False):
        c2s = Qot_RegQotPush_pb2.C2S(
            securityList=[message(TENCENT)], subTypeList=[TICKER], isRegOrUnReg=wanted
        )
        assert quotes.reg_push(1, c2s).first_feeds == ((feed,) if wanted else ())
        assert (1 in subscriptions.takers(feed)) is wanted


def test_reg_push_after_unsubscribing_is_no_error(quotes: Quotes) -> None:
    """The official SDK stops the pushes of what it has just unsubscribed."""
    c2s = Qot_RegQotPush_pb2.C2S(
        securityList=[message(TENCENT)], subTypeList=[TICKER], isRegOrUnReg=False
    )
    assert quotes.reg_push(1, c2s).first_feeds == ()


def sub_info(quotes: Quotes, conn_id: int, *, everyone: bool) -> Any:
    """Ask what is subscribed."""
    request = Qot_GetSubInfo_pb2.C2S(isReqAllConn=everyone)
    reply: Any = quotes.get_sub_info(conn_id, request).reply
    return reply.s2c


def test_get_sub_info_lists_securities_by_subtype(quotes: Quotes) -> None:
    """A connection's feeds come by subtype, with the quota they use."""
    quotes.sub(1, sub(TENCENT, subtypes=(TICKER, BOOK)))
    quotes.sub(1, sub(APPLE))
    (own,) = sub_info(quotes, 1, everyone=False).connSubInfoList
    listed = {
        entry.subType: [security.code for security in entry.securityList]
        for entry in own.subInfoList
    }
    assert (listed, own.usedQuota) == ({2: ["00700"], 4: ["00700", "AAPL"]}, 3)


def test_get_sub_info_counts_the_quota_of_all(quotes: Quotes) -> None:
    """Used and remaining quota are those of the whole OpenD, shared feeds counted once."""
    quotes.sub(1, sub(TENCENT))
    quotes.sub(2, sub(TENCENT, APPLE))
    s2c = sub_info(quotes, 1, everyone=False)
    assert (s2c.totalUsedQuota, s2c.remainQuota) == (2, 1)


@pytest.mark.parametrize(("everyone", "own"), [(False, [True]), (True, [True, False])])
def test_get_sub_info_tells_connections_apart(
    quotes: Quotes, everyone: bool, own: list[bool]
) -> None:
    """On request all connections are listed; only one of them is marked as the asker's own."""
    quotes.sub(1, sub(TENCENT))
    quotes.sub(2, sub(TENCENT))
    listed = sub_info(quotes, 2, everyone=everyone).connSubInfoList
    assert [entry.isOwnConnData for entry in listed] == own


def test_get_ticker_gives_the_latest(quotes: Quotes, market: Market) -> None:
    """The reply has the last ticks, oldest first, without recvTime and pushDataType."""
    quotes.sub(1, sub(TENCENT))
    list(market.advance(market.time_of(100)))
    request = Qot_GetTicker_pb2.C2S(security=message(TENCENT), maxRetNum=3)
    reply: Any = quotes.get_ticker(1, request).reply
    expected = market.stock(TENCENT).cached(3)
    for tick in expected:
        tick.ClearField("recvTime")
        tick.ClearField("pushDataType")
    assert list(reply.s2c.tickerList) == expected


@pytest.mark.parametrize("count", [0, -1, 1_001])
def test_get_ticker_refuses_an_impossible_number(quotes: Quotes, count: int) -> None:
    """It gives from 1 to 1000 ticks."""
    quotes.sub(1, sub(TENCENT))
    with pytest.raises(Refused, match=f"from 1 to 1000, not {count}"):
        quotes.get_ticker(1, Qot_GetTicker_pb2.C2S(security=message(TENCENT), maxRetNum=count))


def test_get_ticker_wants_a_subscription(quotes: Quotes) -> None:
    """Ticks of a security that this connection has not subscribed are refused."""
    quotes.sub(2, sub(TENCENT))
    with pytest.raises(Refused, match=r"subscribe HK\.00700"):
        quotes.get_ticker(1, Qot_GetTicker_pb2.C2S(security=message(TENCENT), maxRetNum=1))

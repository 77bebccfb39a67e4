"""From trades to pushes."""

import pytest

from opend_kafka.opend.securities import Security
from opend_kafka.simulator.market import Market
from opend_kafka.simulator.publisher import CACHED_TICKS, Publisher
from opend_kafka.simulator.subscriptions import Feed, Subscriptions

START_US = 1_700_000_000_000_000
SECOND_US = 1_000_000
TENCENT = Security("HK", "00700")
TICKS, BOOK, ODD_BOOK = Feed(TENCENT, 4), Feed(TENCENT, 2), Feed(TENCENT, 22)


@pytest.fixture
def market() -> Market:
    """A hundred ticks of Tencent a second."""
    return Market([TENCENT], seed=1, rate=100, start_us=START_US)


@pytest.fixture
def subscriptions() -> Subscriptions:
    """Nothing held yet."""
    return Subscriptions(quota=10)


def take(subscriptions: Subscriptions, conn_id: int, feed: Feed, *, detailed: bool = False) -> None:
    """Subscribe a connection to a feed and its pushes."""
    subscriptions.subscribe(conn_id, [feed], detailed=detailed)
    subscriptions.start_pushes(conn_id, [feed])


def test_publisher_pushes_every_tick_that_is_taken(
    market: Market, subscriptions: Subscriptions
) -> None:
    """Each tick goes out once, in order, to all that take it."""
    take(subscriptions, 1, TICKS)
    take(subscriptions, 2, TICKS)
    pushes = list(Publisher(market, subscriptions).advance(START_US + SECOND_US))
    assert {push.conn_ids for push in pushes} == {(1, 2)}
    assert [tick for push in pushes for tick in push.ticks] == market.stock(TENCENT).latest(100)


def test_publisher_pushes_nothing_that_nobody_takes(
    market: Market, subscriptions: Subscriptions
) -> None:
    """The market goes on without takers, silently."""
    assert list(Publisher(market, subscriptions).advance(START_US + SECOND_US)) == []
    assert market.trade_count == 100


@pytest.mark.parametrize(("ticks_per_push", "sizes"), [(40, {40, 20}), (1, {1}), (1_000, {100})])
def test_publisher_bundles_ticks(
    market: Market, subscriptions: Subscriptions, ticks_per_push: int, sizes: set[int]
) -> None:
    """A push carries as many ticks as allowed; what is left at the end of a step goes as it is."""
    take(subscriptions, 1, TICKS)
    publisher = Publisher(market, subscriptions, ticks_per_push=ticks_per_push)
    assert {len(push.ticks) for push in publisher.advance(START_US + SECOND_US)} == sizes


def test_publisher_pushes_a_book_once_an_interval(
    market: Market, subscriptions: Subscriptions
) -> None:
    """However fast the trades, a security's book is pushed at most every 100 ms."""
    take(subscriptions, 1, BOOK)
    assert len(list(Publisher(market, subscriptions).advance(START_US + SECOND_US))) == 10


def test_publisher_names_orders_to_who_asked(market: Market, subscriptions: Subscriptions) -> None:
    """Of two takers of a book only the one that wants detail is sent the orders."""
    take(subscriptions, 1, BOOK)
    take(subscriptions, 2, BOOK, detailed=True)
    plain, detailed = Publisher(market, subscriptions).advance(START_US + 1)
    assert (plain.conn_ids, detailed.conn_ids) == ((1,), (2,))
    assert plain.book is not None
    assert detailed.book is not None
    assert not plain.book.orderBookAskList[0].detailList
    assert detailed.book.orderBookAskList[0].detailList


def test_publisher_pushes_odd_lots_to_their_takers(
    market: Market, subscriptions: Subscriptions
) -> None:
    """Who subscribed the odd-lot book is sent that, and no other."""
    take(subscriptions, 1, ODD_BOOK)
    (push,) = Publisher(market, subscriptions).advance(START_US + 1)
    assert push.book is not None
    assert push.book.orderBookType == 1


def test_publisher_pushes_the_cache_first(market: Market, subscriptions: Subscriptions) -> None:
    """A new taker is sent the latest ticks as cached ones, and the book without times."""
    take(subscriptions, 1, TICKS)
    take(subscriptions, 1, BOOK)
    publisher = Publisher(market, subscriptions)
    list(market.advance(START_US + SECOND_US))
    ticks, book = publisher.first_pushes(1, [TICKS, BOOK])
    assert ticks.ticks == market.stock(TENCENT).cached(CACHED_TICKS)
    assert book.book is not None
    assert book.book.svrRecvTimeBid == ""


def test_publisher_forgets_takers_that_left(market: Market, subscriptions: Subscriptions) -> None:
    """A tick that waits for company is not pushed to a connection that left meanwhile."""
    take(subscriptions, 1, TICKS)
    publisher = Publisher(market, subscriptions, ticks_per_push=50)
    for push in publisher.advance(START_US + SECOND_US):
        subscriptions.unsubscribe_all(1)
        assert len(push.ticks) == 50
    assert market.trade_count == 100


def test_publisher_pushes_quotes_together_once_an_interval(subscriptions: Subscriptions) -> None:
    """What traded meanwhile is quoted in one push, at most every 100 ms."""
    apple = Security("US", "AAPL")
    market = Market([TENCENT, apple], seed=1, rate=100, start_us=START_US)
    for security in (TENCENT, apple):
        take(subscriptions, 1, Feed(security, 1))
    pushes = list(Publisher(market, subscriptions).advance(START_US + SECOND_US))
    sizes = {len(push.response.s2c.basicQotList) for push in pushes}  # type: ignore[attr-defined]
    assert (len(pushes), sizes) == (10, {1, 2})


def test_publisher_pushes_lines_with_the_book(market: Market, subscriptions: Subscriptions) -> None:
    """K-lines come as often as books do."""
    take(subscriptions, 1, Feed(TENCENT, 11))
    assert len(list(Publisher(market, subscriptions).advance(START_US + SECOND_US))) == 10

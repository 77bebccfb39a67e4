"""Simulated order books."""

from itertools import pairwise
from random import Random

import pytest

from opend_kafka.opend.securities import Security
from opend_kafka.simulator.books import DEPTH, order_book
from opend_kafka.simulator.stocks import Stock

AT_US = 1_624_586_852_841_000
TENCENT = Security("HK", "00700")
APPLE = Security("US", "AAPL")


@pytest.fixture
def stock() -> Stock:
    """Tencent after a trade."""
    random = Random(1)
    stock = Stock(TENCENT, random)
    stock.trade(AT_US, random)
    return stock


def test_book_is_ten_levels_deep_on_both_sides(stock: Stock) -> None:
    """Each side shows ten levels."""
    book = order_book(stock, 1, AT_US)
    assert (len(book.orderBookAskList), len(book.orderBookBidList)) == (DEPTH, DEPTH)


def test_book_has_its_best_prices_first_and_uncrossed(stock: Stock) -> None:
    """From the worst bid over the best bid and the best ask to the worst ask, prices rise."""
    book = order_book(stock, 1, AT_US)
    bids = [level.price for level in reversed(book.orderBookBidList)]
    prices = bids + [level.price for level in book.orderBookAskList]
    assert all(lower < higher for lower, higher in pairwise(prices))


def test_book_has_the_last_price_at_its_top(stock: Stock) -> None:
    """The last trade took place at the best bid or the best ask."""
    book = order_book(stock, 1, AT_US)
    last = stock.latest(1)[0].price
    assert last in {book.orderBookAskList[0].price, book.orderBookBidList[0].price}


def test_book_ends_at_the_lowest_price(stock: Stock) -> None:
    """No level has a price of 0 or less: near it, the bid side is short."""
    stock.mils = 3
    book = order_book(stock, 1, AT_US)
    assert min(level.price for level in book.orderBookBidList) == 0.001


def test_book_is_the_same_when_asked_again(stock: Stock) -> None:
    """Asking for a book draws nothing from the market's random numbers."""
    assert order_book(stock, 1, AT_US) == order_book(stock, 1, AT_US)


def test_book_differs_with_the_seed(stock: Stock) -> None:
    """The seed decides the volumes."""
    assert order_book(stock, 1, AT_US) != order_book(stock, 2, AT_US)


def test_book_names_orders_that_make_up_the_level(stock: Stock) -> None:
    """With detail, each level names as many orders as it counts, and all of its volume."""
    for level in order_book(stock, 1, AT_US, detailed=True).orderBookAskList:
        assert len(level.detailList) == level.orederCount
        assert sum(order.volume for order in level.detailList) == level.volume


def test_book_with_details_is_otherwise_the_same(stock: Stock) -> None:
    """Detail adds the orders and changes nothing else."""
    detailed = order_book(stock, 1, AT_US, detailed=True)
    for level in [*detailed.orderBookAskList, *detailed.orderBookBidList]:
        level.ClearField("detailList")
    assert detailed == order_book(stock, 1, AT_US)


def test_book_of_odd_lots_says_so(stock: Stock) -> None:
    """The odd-lot book has orderBookType 1; the normal one leaves it out."""
    assert order_book(stock, 1, AT_US, odd=True).orderBookType == 1
    assert not order_book(stock, 1, AT_US).HasField("orderBookType")


def test_book_tells_when_it_was_received_in_hong_kong(stock: Stock) -> None:
    """A Hong Kong book has its time as text and as a timestamp, as in OpenD's samples."""
    book = order_book(stock, 1, AT_US)
    assert (book.svrRecvTimeBid, book.svrRecvTimeBidTimestamp) == (
        "2021-06-25 10:07:32.841",
        1624586852.841,
    )


@pytest.mark.parametrize(("security", "at_us"), [(TENCENT, None), (APPLE, AT_US)])
def test_book_leaves_unknown_times_empty(security: Security, at_us: int | None) -> None:
    """A cached book has no receiving time, and no book outside Hong Kong has."""
    book = order_book(Stock(security, Random(1)), 1, at_us)
    assert (book.svrRecvTimeAsk, book.svrRecvTimeAskTimestamp) == ("", 0.0)

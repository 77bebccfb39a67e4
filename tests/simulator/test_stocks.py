"""One security's ticks."""

from random import Random

import pytest

from opend_kafka.opend.pb.Qot_Common_pb2 import TickerType_OddLot
from opend_kafka.opend.securities import Security
from opend_kafka.simulator.stocks import HISTORY, Stock

START_US = 1_700_000_000_000_000
TENCENT = Security("HK", "00700")
APPLE = Security("US", "AAPL")


def traded(security: Security, count: int) -> Stock:
    """Give a stock after some trades, 100 ms apart."""
    random = Random(1)
    stock = Stock(security, random)
    for number in range(count):
        stock.trade(START_US + number * 100_000, random)
    return stock


def test_stock_has_the_fields_of_a_hong_kong_sample() -> None:
    """A real-time Hong Kong tick has every field but hpVolume, as OpenD's samples have."""
    (tick,) = traded(TENCENT, 1).latest(1)
    assert {field.name for field, _ in tick.ListFields()} == {
        *("time", "sequence", "dir", "price", "volume", "turnover", "recvTime"),
        *("type", "typeSign", "pushDataType", "timestamp"),
    }


def test_stock_puts_the_second_above_the_sequence() -> None:
    """`sequence >> 32` is the Unix second of the trade."""
    ticks = traded(APPLE, 50).latest(50)
    assert [tick.sequence >> 32 for tick in ticks] == [int(tick.timestamp) for tick in ticks]


def test_stock_counts_on_in_hong_kong() -> None:
    """The low word of a Hong Kong sequence goes up by one a tick, across seconds."""
    lows = [tick.sequence & 0xFFFFFFFF for tick in traded(TENCENT, 50).latest(50)]
    assert lows == list(range(lows[0], lows[0] + 50))


def test_stock_counts_anew_each_second_in_the_us() -> None:
    """The low word of a US sequence starts at 0 in each second."""
    lows = [tick.sequence & 0xFFFFFFFF for tick in traded(APPLE, 50).latest(50)]
    assert lows == [*range(10)] * 5


def test_stock_keeps_as_many_ticks_as_can_be_asked_for() -> None:
    """The history ends with the last tick and has 1000."""
    stock = traded(TENCENT, HISTORY + 5)
    assert len(stock.latest(HISTORY + 5)) == HISTORY


@pytest.mark.parametrize("count", [0, 1, 3, 7])
def test_stock_gives_the_last_ticks_oldest_first(count: int) -> None:
    """`latest` gives the end of the history, in the order of trading."""
    stock = traded(APPLE, 5)
    assert stock.latest(count) == stock.latest(5)[max(0, 5 - count) :]


def test_stock_gives_cached_ticks_without_a_receiving_time() -> None:
    """A cached tick has pushDataType 3 and recvTime 0, as in OpenD's samples."""
    assert {(tick.pushDataType, tick.recvTime) for tick in traded(APPLE, 5).cached(5)} == {(3, 0.0)}


def test_stock_leaves_its_history_alone_when_it_gives_cached_ticks() -> None:
    """Ticks that were pushed in real time stay so in the history."""
    stock = traded(APPLE, 5)
    stock.cached(5)
    assert {tick.pushDataType for tick in stock.latest(5)} == {1}


def test_stock_trades_odd_lots_below_a_lot() -> None:
    """An odd lot is less than a lot; everything else is whole lots."""
    ticks = traded(APPLE, 1_000).latest(1_000)
    odd = {tick.volume for tick in ticks if tick.type == TickerType_OddLot}
    whole = {tick.volume % 100 for tick in ticks if tick.type != TickerType_OddLot}
    assert odd <= set(range(1, 100))
    assert whole == {0}


def test_stock_multiplies_the_turnover() -> None:
    """Turnover is price times volume."""
    ticks = traded(TENCENT, 100).latest(100)
    assert [tick.turnover for tick in ticks] == [
        pytest.approx(tick.price * tick.volume) for tick in ticks
    ]

"""Between the publisher and the connections."""

from __future__ import annotations

from typing import Any, cast

import pytest

from opend_kafka.opend.securities import Security
from opend_kafka.simulator.basic_quotes import basic_quote
from opend_kafka.simulator.conditions import Conditions
from opend_kafka.simulator.damage import misdigested
from opend_kafka.simulator.market import Market
from opend_kafka.simulator.pushes import Push, quotes_push, ticker_push
from opend_kafka.simulator.sieve import Orders, Sieve
from opend_kafka.simulator.subscriptions import Feed, Subscriptions

TENCENT, APPLE = Security("HK", "00700"), Security("US", "AAPL")


class Bench:
    """A sieve, and pushes of two securities that connection 1 takes."""

    def __init__(self) -> None:
        """Make them."""
        self.market = Market([TENCENT, APPLE], seed=1, rate=100, start_us=10**15)
        self.conditions = Conditions()
        self.subscriptions = Subscriptions(10)
        feeds = [Feed(TENCENT, 4), Feed(APPLE, 4)]
        self.subscriptions.subscribe(1, feeds)
        self.subscriptions.start_pushes(1, feeds)
        self.sieve = Sieve(self.conditions, self.market, self.subscriptions)

    def push(self, security: Security = TENCENT) -> list[Push]:
        """Push a new tick; give what comes of it."""
        stock = self.market.stock(security)
        ticks = [stock.trade(self.market.now_us, self.market._random)]
        return list(self.sieve.through(ticker_push((1,), stock, ticks)))


@pytest.fixture
def bench() -> Bench:
    """A sieve and pushes."""
    return Bench()


def test_orders_are_for_the_securities_they_name() -> None:
    """An order is used up by its own security only; one without, by any."""
    orders: Orders[str] = Orders()
    orders.add("apple", APPLE, 1)
    orders.add("any", None, 2)
    assert [orders.take(TENCENT), orders.take(APPLE), orders.take(TENCENT)] == [
        "any",
        "apple",
        "any",
    ]
    assert (orders.take(APPLE), bool(orders)) == (None, False)


def test_sieve_is_idle_without_faults(bench: Bench) -> None:
    """With nothing ordered every push goes through as it is."""
    assert bench.sieve.idle
    assert [len(push.ticks) for push in bench.push()] == [1]


def test_sieve_is_idle_again(bench: Bench) -> None:
    """When all that was ordered is done, it need not be asked any more."""
    bench.sieve.delays.add(1, None, 1)
    bench.sieve.duplicates.add(True, None, 1)
    bench.sieve.damages.add(misdigested, None, 1)
    assert not bench.sieve.idle
    assert [len(bench.push()) for _ in range(2)] == [0, 3]
    assert bench.sieve.idle


def test_sieve_drops_what_is_withheld(bench: Bench) -> None:
    """What conditions withhold does not come back."""
    bench.conditions.stalled[TENCENT] += 1
    assert (bench.push(TENCENT), len(bench.push(APPLE))) == ([], 1)


def test_sieve_forgets_takers_that_left(bench: Bench) -> None:
    """A push that waited is not for a connection that is gone meanwhile."""
    bench.sieve.delays.add(1, None, 1)
    bench.push()
    bench.subscriptions.unsubscribe_all(1)
    assert len(bench.push()) == 1


@pytest.mark.parametrize(("missed", "limit", "replayed"), [(3, 50, 3), (60, 50, 50), (9, 0, 0)])
def test_sieve_replays_the_latest(bench: Bench, missed: int, limit: int, replayed: int) -> None:
    """Of what was missed, the latest come back, up to the limit."""
    bench.sieve.begin_replay(limit)
    assert [push for _ in range(missed) for push in bench.push()] == []
    ticks = [tick for push in bench.sieve.end_replay(limit) for tick in push.ticks]
    latest = bench.market.stock(TENCENT).latest(replayed)
    assert [tick.sequence for tick in ticks] == [tick.sequence for tick in latest]
    assert bench.sieve.idle


def test_sieve_replays_once_for_two_breaks(bench: Bench) -> None:
    """Of two breaks that overlap, the later end brings everything."""
    bench.sieve.begin_replay(50)
    bench.push()
    bench.sieve.begin_replay(40)
    assert list(bench.sieve.end_replay(50)) == []
    bench.push()
    assert [len(push.ticks) for push in bench.sieve.end_replay(40)] == [2]


@pytest.mark.parametrize(
    ("stalled", "codes"), [((), ["00700", "AAPL"]), ((TENCENT,), ["AAPL"]), ((TENCENT, APPLE), [])]
)
def test_sieve_withholds_single_quotes(
    bench: Bench, stalled: tuple[Security, ...], codes: list[str]
) -> None:
    """Of a push of several quotes, those of a silent security are left out; an empty one goes."""
    for security in stalled:
        bench.conditions.stalled[security] += 1
    quotes = [basic_quote(bench.market.stock(one)) for one in (TENCENT, APPLE)]
    pushed = [
        quote.security.code
        for push in bench.sieve.through(quotes_push((1,), quotes))
        for quote in cast(Any, push.response).s2c.basicQotList
    ]
    assert pushed == codes

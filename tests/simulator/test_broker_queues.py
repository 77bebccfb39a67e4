"""Simulated queues of brokers."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest

from opend_kafka.opend.securities import Security
from opend_kafka.simulator.broker_queues import LENGTH, broker_queues
from opend_kafka.simulator.stocks import Stock


@pytest.fixture
def stock() -> Stock:
    """Tencent after a trade."""
    random = Random(1)
    stock = Stock(Security("HK", "00700"), random)
    stock.trade(1_624_586_852_841_000, random)
    return stock


def test_queues_have_ten_brokers_a_side(stock: Stock) -> None:
    """Each side shows ten brokers, from the best level on."""
    queues = broker_queues(stock, 1)
    for side in (queues.brokerAskList, queues.brokerBidList):
        levels = [broker.pos for broker in side]
        assert (len(levels), levels[0]) == (LENGTH, 1)
        assert all(next_ - level in (0, 1) for level, next_ in pairwise(levels))


def test_queues_are_the_same_when_asked_again(stock: Stock) -> None:
    """Asking draws nothing from the market's random numbers; the seed decides."""
    assert broker_queues(stock, 1) == broker_queues(stock, 1) != broker_queues(stock, 2)


def test_queues_name_orders_on_demand(stock: Stock) -> None:
    """With detail each broker has its order, as HK SF shows; without, none has."""
    plain, detailed = broker_queues(stock, 1), broker_queues(stock, 1, detailed=True)
    assert not any(broker.HasField("orderID") for broker in plain.brokerAskList)
    ids = [broker.orderID for broker in detailed.brokerAskList]
    assert len(set(ids)) == LENGTH
    assert min(ids) > 2**53

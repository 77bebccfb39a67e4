"""Queues of brokers: a pure function of a stock's state and a seed, as books are."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from opend_kafka.opend.pb.Qot_Common_pb2 import Broker
from opend_kafka.opend.pb.Qot_UpdateBroker_pb2 import S2C
from opend_kafka.simulator.stocks import Stock

#: Brokers a side.
LENGTH = 10

#: Order ids lie above 2**53, where a float can no longer tell neighbours apart.
_FIRST_ORDER_ID = 2**53 + 1


def broker_queues(stock: Stock, seed: int, *, detailed: bool = False) -> S2C:
    """Make both queues as they stand after the stock's last trade.

    Args:
        stock: whose queues.
        seed: the market's.
        detailed: name each broker's order, as Hong Kong's SF does.
    """
    random = Random(f"{seed}/{stock.security}/{stock.trade_count}/brokers")
    return S2C(
        security=stock.message,
        name=stock.name,
        brokerAskList=_queue(stock, random, detailed=detailed),
        brokerBidList=_queue(stock, random, detailed=detailed),
    )


def _queue(stock: Stock, random: Random, *, detailed: bool) -> Iterator[Broker]:
    """Yield the brokers of one side, best price first."""
    level = 1
    for number in range(LENGTH):
        broker_id = 1_000 + int(random.random() * 9_000)
        broker = Broker(id=broker_id, name=f"Broker {broker_id}", pos=level)
        if detailed:
            broker.orderID = _FIRST_ORDER_ID + stock.trade_count * 1_000 + number
            broker.volume = stock.venue.lot * (1 + int(random.random() * 20))
        yield broker
        level += random.random() < 0.4

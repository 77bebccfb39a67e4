"""The front of a stand-in: the same whatever is served behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from opend_kafka.simulator.desk import Desk
from opend_kafka.simulator.front import Front
from opend_kafka.simulator.publisher import Publisher
from opend_kafka.simulator.pushes import Push, ticker_push
from opend_kafka.simulator.subscriptions import Subscriptions
from tests.simulator.clients import SECURITIES, Client, a_market

#: Somebody who is not connected.
STRANGER = 7


@pytest.fixture
def told() -> list[tuple[int, Push]]:
    """What the front says it sent."""
    return []


@pytest.fixture
async def front(told: list[tuple[int, Push]]) -> AsyncIterator[Front]:
    """A front of a market that nobody moves."""
    market, subscriptions = a_market(), Subscriptions(10)
    publisher = Publisher(market, subscriptions)
    desk = Desk(market, subscriptions, publisher, login_user_id=1, keep_alive_interval_s=10)
    async with Front(desk, on_push=lambda *push: told.append(push)) as front:
        yield front


def _push(*conn_ids: int) -> Push:
    stock = a_market().stock(SECURITIES[0])
    return ticker_push(conn_ids, stock, stock.latest(1))


async def test_front_sends_to_the_takers_that_are_connected(
    front: Front, told: list[tuple[int, Push]]
) -> None:
    """A push reaches its takers; one that has gone does not matter."""
    client = await Client.connect(front.port)
    (conn_id,) = front.conn_ids
    push = _push(STRANGER, conn_id)
    front.send(push)
    front.flush()
    await client.until(lambda: bool(client.pushes()))
    assert told == [(conn_id, push)]
    await client.close()


async def test_front_sends_what_is_queued_before_it_closes(front: Front) -> None:
    """A client that reads gets all that was sent, and then the end."""
    client = await Client.connect(front.port)
    for _ in range(100):
        front.send(_push(*front.conn_ids))
    await front.close()
    await client.until(lambda: len(client.pushes()) == 100)
    await client.end()
    await client.close()


async def test_front_cuts_its_clients_when_it_shuts(front: Front) -> None:
    """After `shut` nobody is connected, and nobody gets in."""
    client = await Client.connect(front.port)
    front.shut()
    await client.end()
    with pytest.raises(ConnectionRefusedError):
        await Client.connect(front.port)
    await client.close()


async def test_front_listens_again_on_its_port(front: Front) -> None:
    """After `reopen` clients get in as before."""
    front.shut()
    front.reopen()
    await front.written()
    client = await Client.connect(front.port)
    await client.close()

"""Subscriptions and their quota."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opend_kafka.opend.securities import Security
from opend_kafka.simulator.subscriptions import Feed, Refused, Subscriptions

TICKS = Feed(Security("HK", "00700"), 4)
BOOK = Feed(Security("HK", "00700"), 2)
OTHER = Feed(Security("US", "AAPL"), 4)
FEEDS = (TICKS, BOOK, OTHER)


@pytest.fixture
def subscriptions() -> Subscriptions:
    """A quota of two, and nothing held."""
    return Subscriptions(quota=2)


def test_subscriptions_cost_one_a_feed(subscriptions: Subscriptions) -> None:
    """Each feed costs 1 of the quota."""
    subscriptions.subscribe(1, [TICKS, BOOK])
    assert (subscriptions.used, subscriptions.remaining) == (2, 0)


def test_subscriptions_share_a_feed_for_one(subscriptions: Subscriptions) -> None:
    """A feed that two connections hold costs 1 altogether."""
    subscriptions.subscribe(1, [TICKS])
    subscriptions.subscribe(2, [TICKS])
    assert subscriptions.used == 1


def test_subscriptions_refuse_beyond_the_quota(subscriptions: Subscriptions) -> None:
    """A request that the quota does not cover is refused whole: nothing of it is held."""
    with pytest.raises(Refused, match="3 needed, the limit is 2"):
        subscriptions.subscribe(1, FEEDS)
    assert subscriptions.held_by(1) == ()


def test_subscriptions_free_the_quota(subscriptions: Subscriptions) -> None:
    """What is given up can be taken by another."""
    subscriptions.subscribe(1, [TICKS, BOOK])
    subscriptions.unsubscribe(1, [TICKS])
    subscriptions.subscribe(2, [OTHER])
    assert (subscriptions.held_by(1), subscriptions.held_by(2)) == ((BOOK,), (OTHER,))


def test_subscriptions_end_with_their_connection(subscriptions: Subscriptions) -> None:
    """A connection that gives up everything holds nothing and takes nothing."""
    subscriptions.subscribe(1, [TICKS, BOOK])
    subscriptions.start_pushes(1, [TICKS, BOOK])
    subscriptions.unsubscribe_all(1)
    assert (subscriptions.conn_ids, subscriptions.used, dict(subscriptions.takers(TICKS))) == (
        (),
        0,
        {},
    )


def test_subscriptions_push_to_nobody_unasked(subscriptions: Subscriptions) -> None:
    """Subscribing alone starts no pushes."""
    subscriptions.subscribe(1, [TICKS])
    assert not subscriptions.takers(TICKS)


def test_subscriptions_push_to_who_asked(subscriptions: Subscriptions) -> None:
    """Pushes go to the connections that asked, each with its own wish for detail."""
    subscriptions.subscribe(1, [BOOK])
    subscriptions.subscribe(2, [BOOK], detailed=True)
    subscriptions.start_pushes(1, [BOOK])
    subscriptions.start_pushes(2, [BOOK])
    assert subscriptions.takers(BOOK) == {1: False, 2: True}


def test_subscriptions_stop_pushes_and_stay(subscriptions: Subscriptions) -> None:
    """Without pushes a feed is still held."""
    subscriptions.subscribe(1, [TICKS])
    subscriptions.start_pushes(1, [TICKS])
    subscriptions.stop_pushes(1, [TICKS])
    assert (dict(subscriptions.takers(TICKS)), subscriptions.held_by(1)) == ({}, (TICKS,))


def test_subscriptions_refuse_pushes_of_what_is_not_held(subscriptions: Subscriptions) -> None:
    """Pushes of a feed that another connection holds are refused, and none is started."""
    subscriptions.subscribe(1, [TICKS])
    subscriptions.subscribe(2, [BOOK])
    with pytest.raises(Refused, match=r"HK\.00700 is not subscribed for subType 2"):
        subscriptions.start_pushes(1, [TICKS, BOOK])
    assert not subscriptions.takers(TICKS)


_steps = st.tuples(
    st.sampled_from(["subscribe", "unsubscribe", "unsubscribe_all", "start", "stop"]),
    st.integers(1, 3),
    st.lists(st.sampled_from(FEEDS), min_size=1),
)


@given(st.lists(_steps))
def test_subscriptions_keep_their_promises(steps: list[tuple[str, int, list[Feed]]]) -> None:
    """Whatever is asked, the quota holds, and pushes go only to connections that subscribed."""
    subscriptions = Subscriptions(quota=2)
    actions = {
        "subscribe": subscriptions.subscribe,
        "unsubscribe": subscriptions.unsubscribe,
        "unsubscribe_all": lambda conn_id, _: subscriptions.unsubscribe_all(conn_id),
        "start": subscriptions.start_pushes,
        "stop": subscriptions.stop_pushes,
    }
    for action, conn_id, feeds in steps:
        with suppress(Refused):
            actions[action](conn_id, feeds)
        assert 0 <= subscriptions.remaining <= 2
        for feed in FEEDS:
            for taker in subscriptions.takers(feed):
                assert feed in subscriptions.held_by(taker)


def test_subscriptions_tell_what_is_taken_of_a_security(subscriptions: Subscriptions) -> None:
    """What anybody is pushed of a security is listed until the last one leaves."""
    for conn_id in (1, 2):
        subscriptions.subscribe(conn_id, [TICKS, BOOK])
        subscriptions.start_pushes(conn_id, [TICKS])
    subscriptions.unsubscribe_all(1)
    assert subscriptions.taken(TICKS.security) == (TICKS.subtype,)
    subscriptions.unsubscribe_all(2)
    assert subscriptions.taken(TICKS.security) == ()


def test_subscriptions_keep_how_k_lines_are_adjusted(subscriptions: Subscriptions) -> None:
    """Forward where nothing is asked for, as OpenD does."""
    subscriptions.subscribe(1, [TICKS, BOOK])
    subscriptions.start_pushes(1, [TICKS], [0])
    subscriptions.start_pushes(1, [BOOK])
    assert [subscriptions.rehab_types(1, feed) for feed in (TICKS, BOOK)] == [(0,), (1,)]


def test_subscriptions_tell_who_takes_anything(subscriptions: Subscriptions) -> None:
    """Each connection that is pushed to once, and how many feeds are pushed to all together."""
    for conn_id in (1, 2):
        subscriptions.subscribe(conn_id, [TICKS, BOOK])
    subscriptions.start_pushes(1, [TICKS, BOOK])
    assert (subscriptions.all_takers(), subscriptions.pushed) == ((1,), 2)
    subscriptions.start_pushes(2, [TICKS])
    assert (subscriptions.all_takers(), subscriptions.pushed) == ((1, 2), 3)
    subscriptions.unsubscribe_all(1)
    assert (subscriptions.all_takers(), subscriptions.pushed) == ((2,), 1)

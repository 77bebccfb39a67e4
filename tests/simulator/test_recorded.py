"""A recording as what a stand-in serves."""

from __future__ import annotations

from itertools import chain
from typing import Any

import pytest

from opend_kafka.opend.frames import FrameReader
from opend_kafka.opend.messages import decode_push
from opend_kafka.opend.pb.Qot_Common_pb2 import (
    PushDataType_Cache,
    SubType_Basic,
    SubType_OrderBook,
    SubType_Ticker,
)
from opend_kafka.opend.securities import Security
from opend_kafka.opend.subscriptions import Subtype
from opend_kafka.recording.pushes import RecordedPush
from opend_kafka.simulator.pushes import Push
from opend_kafka.simulator.recorded import RecordedMarket, RecordedPublisher
from opend_kafka.simulator.stocks import HISTORY
from opend_kafka.simulator.subscriptions import Feed, Subscriptions
from tests.simulator.clients import SECURITIES, START_US
from tests.simulator.recordings import recorded

TENCENT, APPLE = SECURITIES
ONE, OTHER = 1, 2


class Room:
    """A recording that is played, and who takes what."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self.subscriptions = Subscriptions(100)
        self.market = RecordedMarket(SECURITIES, start_us=START_US)
        self.publisher = RecordedPublisher(self.market, self.subscriptions)

    def subscribe(self, conn_id: int, *feeds: Feed) -> None:
        """Take feeds."""
        self.subscriptions.subscribe(conn_id, feeds)
        self.subscriptions.start_pushes(conn_id, feeds)

    def play(self, pushes: list[RecordedPush]) -> list[Push]:
        """Play some; give what they become."""
        return list(chain.from_iterable(map(self.publisher.publish, pushes)))

    def first(self, *feeds: Feed) -> list[Any]:
        """Give the s2c of each first push."""
        return [_s2c(push) for push in self.market.first_pushes(ONE, feeds)]


@pytest.fixture
def room() -> Room:
    """A recording of which nothing was played."""
    return Room()


def _body(push: Push) -> bytes:
    (frame,) = FrameReader().receive(push.numbered(1))
    return frame.body


def _s2c(push: Push) -> Any:
    return decode_push(push.proto_id, _body(push))


def _sequences(ticks: Any) -> list[int]:
    return [tick.sequence for tick in ticks]


def test_all_that_was_recorded_is_pushed_to_who_takes_all(room: Room) -> None:
    """Of every subtype: the same bodies, in the same order."""
    numbers = [subtype.number for subtype in Subtype]
    pushes = recorded(*numbers)
    room.subscribe(ONE, *(Feed(who, number) for who in SECURITIES for number in numbers))
    played = room.play(pushes)
    assert [_body(push) for push in played] == [push.body for push in pushes]
    assert {push.conn_ids for push in played} == {(ONE,)}


def test_each_connection_gets_what_it_takes(room: Room) -> None:
    """A push goes to its feed's takers, and to nobody else."""
    room.subscribe(ONE, Feed(TENCENT, SubType_Ticker))
    room.subscribe(OTHER, Feed(APPLE, SubType_OrderBook), Feed(TENCENT, SubType_Ticker))
    played = room.play(recorded(SubType_Ticker, SubType_OrderBook))
    assert {(one.proto_id, _s2c(one).security.code, one.conn_ids) for one in played} == {
        (3011, "00700", (ONE, OTHER)),
        (3013, "AAPL", (OTHER,)),
    }


def test_what_nobody_takes_is_not_pushed(room: Room) -> None:
    """Without takers a push becomes nothing."""
    assert room.play(recorded(SubType_Ticker)) == []


def test_quotes_are_picked(room: Room) -> None:
    """Of a push of several quotes a connection gets those that it takes; one of all gets all."""
    (both, *_) = recorded(SubType_Basic)
    room.subscribe(ONE, Feed(APPLE, SubType_Basic))
    room.subscribe(OTHER, Feed(APPLE, SubType_Basic), Feed(TENCENT, SubType_Basic))
    played = {push.conn_ids: _s2c(push).basicQotList for push in room.play([both])}
    assert {who: [one.security.code for one in quotes] for who, quotes in played.items()} == {
        (ONE,): ["AAPL"],
        (OTHER,): ["00700", "AAPL"],
    }


@pytest.mark.parametrize(("proto_id", "body"), [(3011, b"\xff"), (3999, b"news"), (3011, b"")])
def test_what_cannot_be_read_goes_to_all(room: Room, proto_id: int, body: bytes) -> None:
    """A push of nobody knows what goes to everybody who takes anything, as it came."""
    room.subscribe(ONE, Feed(TENCENT, SubType_Ticker), Feed(APPLE, SubType_Ticker))
    room.subscribe(OTHER, Feed(APPLE, SubType_OrderBook))
    (push,) = room.play([RecordedPush(START_US, 1, proto_id, 1, 0, body)])
    assert (set(push.conn_ids), _body(push)) == ({ONE, OTHER}, body)


def test_latest_ticks_are_those_that_were_played(room: Room) -> None:
    """Each once, whether it came as cached or as new: so a worker finds what it has missed."""
    pushes = recorded(SubType_Ticker)
    ticks = [
        tick.sequence
        for push in pushes
        if (s2c := decode_push(push.proto_id, push.body)).security.code == "00700"
        for tick in s2c.tickerList
    ]
    room.play(pushes + pushes)
    assert _sequences(room.market.stock(TENCENT).latest(HISTORY)) == ticks


def test_latest_ticks_are_a_thousand_at_most(room: Room) -> None:
    """OpenD gives no more either; a tick that was forgotten is a new one."""
    pushes = recorded(SubType_Ticker, rate=3_000)
    room.play(pushes)
    stock = room.market.stock(TENCENT)
    latest = _sequences(stock.latest(10**6))
    assert len(latest) == HISTORY
    room.play(pushes[:1])
    assert _sequences(stock.latest(5)) != latest[-5:]


def test_first_push_of_ticks_is_of_the_cache(room: Room) -> None:
    """Who subscribes in the middle gets the last ticks as cached ones."""
    room.play(recorded(SubType_Ticker, seconds=3))
    (s2c,) = room.first(Feed(TENCENT, SubType_Ticker))
    latest = room.market.stock(TENCENT).latest(50)
    assert _sequences(s2c.tickerList) == _sequences(latest)
    assert {(tick.pushDataType, tick.recvTime) for tick in s2c.tickerList} == {
        (PushDataType_Cache, 0.0)
    }
    assert latest[-1].pushDataType != PushDataType_Cache


def test_first_push_of_a_state_is_its_last(room: Room) -> None:
    """Who subscribes a book in the middle gets the last one of that security."""
    pushes = recorded(SubType_OrderBook)
    room.play(pushes)
    (s2c,) = room.first(Feed(APPLE, SubType_OrderBook))
    books = [decode_push(push.proto_id, push.body) for push in pushes]
    assert s2c == [book for book in books if book.security.code == "AAPL"][-1]


def test_first_push_of_quotes_is_one(room: Room) -> None:
    """The last quotes of all securities that were asked for come together."""
    room.play(recorded(SubType_Basic))
    (s2c,) = room.first(*(Feed(security, SubType_Basic) for security in SECURITIES))
    assert [quote.security.code for quote in s2c.basicQotList] == ["00700", "AAPL"]


def test_first_push_is_none_before_anything_was_played(room: Room) -> None:
    """At the begin the recording's own first pushes are still to come."""
    feeds = [Feed(who, subtype.number) for who in SECURITIES for subtype in Subtype]
    assert room.first(*feeds) == []


def test_time_is_that_of_the_recording(room: Room) -> None:
    """It shows when was received what was played last, and does not go back."""
    early, late = recorded(SubType_Ticker)[:2]
    room.play([late, early])
    assert room.market.now_us == late.received_us


def test_markets_stand_as_recorded(room: Room) -> None:
    """A market's state is the one that was noted; what was not noted is NONE."""
    room.market.take_states({"HK": 4})
    states = room.market.market_states()
    assert (states["marketHK"], states["marketUS"]) == (4, 0)


def test_push_of_what_was_not_subscribed_is_left_out(room: Room) -> None:
    """A recording may hold a push of a security that its notes do not name."""
    other = RecordedMarket([Security("SG", "D05")], start_us=START_US)
    publisher = RecordedPublisher(other, room.subscriptions)
    assert [publisher.publish(push) for push in recorded(SubType_OrderBook)[:2]] == [[], []]

"""What the feeder sends."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.load import Load, Prepared, Shape, securities
from opend_kafka.opend.frames import FrameReader
from opend_kafka.opend.messages import decode_push
from opend_kafka.opend.subscriptions import Subtype

START_US = 1_700_000_000_000_000


def messages(pushes: list[Prepared]) -> list[Any]:
    """Give the s2c of each push, as the worker reads them."""
    frames = FrameReader().receive(b"".join(push.frame for push in pushes))
    return [decode_push(frame.proto_id, frame.body) for frame in frames if frame.intact]


def test_ticks_never_come_twice() -> None:
    """One batch goes on where the last one ended: the worker drops nothing as a duplicate."""
    load = Load(Shape(3), START_US)
    pushes = load.take(100) + load.take(100)
    ticks = [(s2c.security.code, s2c.tickerList[0].sequence) for s2c in messages(pushes)]
    assert len(set(ticks)) == 200


@pytest.mark.parametrize("ticks_a_push", [1, 5])
def test_push_has_as_many_ticks_as_its_shape_says(ticks_a_push: int) -> None:
    """They are of one security, and count as so many records."""
    pushes = Load(Shape(4, ticks_a_push=ticks_a_push), START_US).take(60)
    assert [len(s2c.tickerList) for s2c in messages(pushes)] == [ticks_a_push] * len(pushes)
    assert sum(push.records for push in pushes) == 60


def test_push_is_of_the_security_it_says() -> None:
    """By its number the feeder finds the place of its times."""
    traded = securities(4)
    pushes = Load(Shape(4), START_US).take(50)
    codes = [s2c.security.code for s2c in messages(pushes)]
    assert codes == [traded[push.security].code for push in pushes]


@pytest.mark.parametrize("orders", [0, 1, 30])
def test_book_has_ten_levels_a_side_and_names_its_orders(orders: int) -> None:
    """Its depth is the single orders that its levels name, in all."""
    (s2c,) = messages(Load(Shape(1, Subtype.ORDER_BOOK, orders=orders), START_US).take(1))
    levels = [*s2c.orderBookAskList, *s2c.orderBookBidList]
    assert len(levels) == 20
    assert sum(len(level.detailList) for level in levels) == orders

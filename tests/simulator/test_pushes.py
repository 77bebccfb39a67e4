"""Encoded pushes."""

from random import Random
from typing import Any

import pytest

from opend_kafka.opend.frames import FrameReader
from opend_kafka.opend.messages import ProtoId, decode_push
from opend_kafka.opend.pb import Qot_UpdateBroker_pb2, Qot_UpdateKL_pb2, Qot_UpdateRT_pb2
from opend_kafka.opend.securities import Security
from opend_kafka.simulator.basic_quotes import basic_quote
from opend_kafka.simulator.books import order_book
from opend_kafka.simulator.pushes import book_push, quotes_push, state_push, ticker_push
from opend_kafka.simulator.stocks import Stock

AT_US = 1_700_000_000_000_000


def a_stock() -> Stock:
    """Apple after three trades."""
    random = Random(1)
    stock = Stock(Security("US", "AAPL"), random)
    for _ in range(3):
        stock.trade(AT_US, random)
    return stock


def test_push_carries_its_ticks() -> None:
    """A ticker push decodes to the security, its name and the ticks it was made from."""
    stock = a_stock()
    push = ticker_push((1,), stock, stock.latest(3))
    (frame,) = FrameReader().receive(push.numbered(1))
    s2c = decode_push(frame.proto_id, frame.body)
    assert (s2c.security.code, s2c.name, list(s2c.tickerList)) == (
        "AAPL",
        "US.AAPL",
        stock.latest(3),
    )


def test_push_carries_its_book() -> None:
    """A book push decodes to the book it was made from."""
    book = order_book(a_stock(), 1, AT_US)
    (frame,) = FrameReader().receive(book_push((1,), a_stock(), book).numbered(1))
    assert decode_push(frame.proto_id, frame.body) == book


def test_push_differs_in_the_serial_only() -> None:
    """Under another serial a push is the same intact frame; serials wrap at 32 bits."""
    push = ticker_push((1,), a_stock(), a_stock().latest(1))
    (one,) = FrameReader().receive(push.numbered(7))
    (other,) = FrameReader().receive(push.numbered(2**32 + 9))
    assert (one.serial, other.serial, one.body == other.body) == (7, 9, True)
    assert one.intact
    assert other.intact


@pytest.mark.parametrize(
    ("s2c", "proto_id"),
    [
        (Qot_UpdateKL_pb2.S2C(rehabType=0, klType=1), ProtoId.QOT_UPDATE_KL),
        (Qot_UpdateRT_pb2.S2C(), ProtoId.QOT_UPDATE_RT),
        (Qot_UpdateBroker_pb2.S2C(), ProtoId.QOT_UPDATE_BROKER),
    ],
)
def test_push_of_a_state_carries_it(s2c: Any, proto_id: ProtoId) -> None:
    """A state goes out under the number of its message."""
    stock = a_stock()
    s2c.security.CopyFrom(stock.message)
    (frame,) = FrameReader().receive(state_push((1,), stock, s2c).numbered(1))
    assert (frame.proto_id, decode_push(frame.proto_id, frame.body)) == (proto_id, s2c)


def test_push_of_quotes_is_of_no_one_security() -> None:
    """Quotes of several securities share a push."""
    quote = basic_quote(a_stock())
    push = quotes_push((1,), [quote, quote])
    (frame,) = FrameReader().receive(push.numbered(1))
    s2c = decode_push(frame.proto_id, frame.body)
    assert (list(s2c.basicQotList), push.security) == ([quote, quote], Security("", ""))

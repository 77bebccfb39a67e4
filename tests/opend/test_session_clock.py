"""What time asks of a session: keep-alives and time-outs."""

from __future__ import annotations

import pytest

from opend_kafka.errors import (
    LinkLost,
    RequestTimedOut,
)
from opend_kafka.opend.messages import ProtoId, decode_request
from opend_kafka.opend.session import Session
from tests.opend.conversation import (
    ASK_SUB_INFO,
    TICK,
    TIMEOUT_S,
    UNIX_TIME,
    accepted,
    live,
    opened,
    sent,
    sent_one,
    take,
    tick,
)


def test_keep_alive_goes_out_at_four_fifths_of_interval() -> None:
    """KeepAlive is due at 4/5 of the interval that OpenD named, with the time that it carries."""
    session = live(interval_s=10)
    assert session.next_deadline() == 8
    tick(session, 8)
    asked = sent_one(session)
    assert asked.proto_id == ProtoId.KEEP_ALIVE
    assert decode_request(asked.proto_id, asked.body).time == UNIX_TIME


def test_keep_alive_does_not_go_out_early() -> None:
    """Before 4/5 of the interval, nothing is sent."""
    session = live(interval_s=10)
    tick(session, 7.99)
    assert sent(session) == []


def test_keep_alive_is_repeated() -> None:
    """Each KeepAlive is followed by the next, 4/5 of the interval later."""
    session = live(interval_s=5)
    for now in (4, 8, 12):
        tick(session, now)
        assert take(session, accepted(sent_one(session)), now) == []
        assert session.next_deadline() == now + 4


def test_keep_alive_waits_for_login() -> None:
    """Before InitConnect is answered, no KeepAlive goes out."""
    session, _ = opened()
    tick(session, TIMEOUT_S - 0.01)
    assert sent(session) == []


@pytest.mark.parametrize("interval_s", [0, -1, -(2**31)])
def test_keep_alive_interval_below_a_second_is_a_second(interval_s: int) -> None:
    """An interval that makes no sense keeps the worker from no sleep."""
    assert live(interval_s=interval_s).next_deadline() == pytest.approx(0.8)


def test_silence_for_three_intervals_is_link_lost() -> None:
    """A link on which nothing has come for three intervals is dead."""
    session = live(interval_s=2)
    with pytest.raises(LinkLost, match="nothing for 6 s"):
        tick(session, 6)


def test_silence_for_less_is_borne() -> None:
    """Short of three intervals, silence ends nothing."""
    tick(live(interval_s=2), 5.99)


def test_silence_is_broken_by_any_byte() -> None:
    """A single byte is a sign of life: large frames take their time."""
    session = live(interval_s=2)
    take(session, TICK.frame[:1], now=5)
    tick(session, 6)


def test_silence_has_a_deadline() -> None:
    """The driver is told to come back by the time at which silence must be judged."""
    session = live(interval_s=2)
    for _ in range(3):  # KeepAlive at 1.6, 3.2 and 4.8
        tick(session, session.next_deadline())
    assert session.next_deadline() == 6


def test_unanswered_request_times_out() -> None:
    """A request without a reply for the time-out ends the session, and is named."""
    session, _ = opened()
    assert session.next_deadline() == TIMEOUT_S
    with pytest.raises(RequestTimedOut, match=r"InitConnect \(1001\) within 12 s") as caught:
        tick(session, TIMEOUT_S)
    assert caught.value.waited_s == TIMEOUT_S


def test_unanswered_request_is_borne_until_time_out() -> None:
    """Short of the time-out, a request may wait."""
    session, _ = opened()
    tick(session, TIMEOUT_S - 0.01)


def test_request_time_out_is_configurable() -> None:
    """The time-out is the one that was given."""
    session = Session(request_timeout_s=3)
    session.open(100)
    assert session.next_deadline() == 103


def test_time_out_counts_from_request_not_from_bytes() -> None:
    """Pushes that come meanwhile do not make up for a reply that does not."""
    session = live()
    session.request(ASK_SUB_INFO, now=0)
    take(session, TICK.frame, now=11)
    with pytest.raises(RequestTimedOut, match="Qot_GetSubInfo"):
        tick(session, TIMEOUT_S)


def test_no_time_out_is_judged_while_not_reading() -> None:
    """While the worker holds back from the socket, OpenD's silence is the worker's own."""
    session = live(interval_s=2)
    session.request(ASK_SUB_INFO, now=0)
    tick(session, 1000, reading=False)


def test_time_outs_start_afresh_after_not_reading() -> None:
    """What was out while the worker held back gets its whole time again."""
    session = live(interval_s=10)
    session.request(ASK_SUB_INFO, now=0)
    tick(session, 100, reading=False)
    tick(session, 111.9)
    with pytest.raises(RequestTimedOut):
        tick(session, 112)


def test_keep_alive_goes_out_while_not_reading() -> None:
    """Holding back from the socket does not make OpenD think that the worker is dead."""
    session = live(interval_s=10)
    tick(session, 8, reading=False)
    assert sent_one(session).proto_id == ProtoId.KEEP_ALIVE

"""Questions from outside, and frames that nobody asked for."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest

from opend_kafka.errors import (
    BadMagic,
    ChecksumWrong,
    FrameTooLarge,
    LinkLost,
    MessageMalformed,
)
from opend_kafka.opend.events import (
    Event,
    FrameDamaged,
    Notified,
    NotifyRejected,
    Push,
    Replied,
)
from opend_kafka.opend.frames import HEADER, Frame, encode
from opend_kafka.opend.messages import ProtoId
from opend_kafka.opend.notices import Notice, NoticeKind
from tests.opend.conversation import (
    ASK_SUB_INFO,
    CONN_ID,
    GARBAGE,
    SUB_INFO,
    TICK,
    TICK_PUSH,
    accepted,
    converse,
    live,
    opened,
    refused,
    reply,
    sent,
    sent_one,
    take,
    wanted_of,
)
from tests.opend.vectors import vector


def test_request_is_sent_and_its_reply_told() -> None:
    """A question from outside goes out under its number, and its reply comes as Replied."""
    session = live()
    serial = session.request(ASK_SUB_INFO, now=0)
    asked = sent_one(session)
    assert asked == Frame(3003, serial, ASK_SUB_INFO.SerializeToString())
    assert take(session, reply(asked, SUB_INFO)) == [Replied(serial, SUB_INFO.s2c)]


def test_refused_request_is_told_and_ends_nothing() -> None:
    """A question that OpenD refuses comes as Replied too: the session goes on."""
    session = live()
    serial = session.request(ASK_SUB_INFO, now=0)
    asked = sent_one(session)
    (event,) = take(session, reply(asked, refused(asked)))
    assert isinstance(event, Replied)
    assert (event.serial, event.s2c) == (serial, None)
    assert event.refused is not None
    assert event.refused.ret_msg == "no"


def test_replies_find_their_requests_in_any_order() -> None:
    """Replies are told by their serial, in whichever order they come."""
    session = live()
    serials = [session.request(ASK_SUB_INFO, now=0) for _ in range(3)]
    replies = [reply(one, SUB_INFO) for one in sent(session)]
    events = take(session, b"".join(reversed(replies)))
    assert events == [Replied(serial, SUB_INFO.s2c) for serial in reversed(serials)]


def test_serials_count_up() -> None:
    """No two requests of a session share a serial."""
    session, init = opened(*wanted_of(150))
    take(session, accepted(init))
    serials = [init.serial]

    def noting(request: Frame) -> bytes:
        serials.append(request.serial)
        return accepted(request)

    converse(session, noting)
    assert serials == list(range(1, len(serials) + 1))


# What nobody asked for


def test_push_is_told_undecoded() -> None:
    """A push carries the connection, its number, its serial and its body as they came."""
    session = live()
    assert take(session, TICK.frame) == [TICK_PUSH]


def test_push_of_unknown_number_is_told() -> None:
    """Whether a push is known is not the session's to judge."""
    session = live()
    assert take(session, encode(Frame(9999, 1, b"?"))) == [Push(CONN_ID, 9999, 1, b"?")]


def test_push_with_serial_of_request_is_no_reply() -> None:
    """A push may bear the serial of a request that is out: the number tells them apart."""
    session = live()
    serial = session.request(ASK_SUB_INFO, now=0)
    asked = sent_one(session)
    assert take(session, encode(Frame(3011, serial, TICK.body))) == [
        Push(CONN_ID, 3011, serial, TICK.body)
    ]
    assert take(session, reply(asked, SUB_INFO)) == [Replied(serial, SUB_INFO.s2c)]


def test_late_reply_is_ignored() -> None:
    """A reply that nobody waits for, such as a second one, says nothing."""
    session = live()
    session.request(ASK_SUB_INFO, now=0)
    answer = reply(sent_one(session), SUB_INFO)
    take(session, answer)
    assert take(session, answer) == []


def test_unreadable_reply_that_nobody_waits_for_is_ignored() -> None:
    """What is ignored is not judged."""
    assert take(live(), encode(Frame(ProtoId.QOT_GET_TICKER, 99, GARBAGE))) == []


def test_notify_is_decoded() -> None:
    """Notify comes as what it says."""
    (event,) = take(live(), vector("notify_kicked_out").frame)
    assert isinstance(event, Notified)
    assert event.notice == Notice(NoticeKind.KICKED_OUT, "KickedOut: account logged in elsewhere")


def test_unreadable_notify_is_rejected_and_ends_nothing() -> None:
    """A Notify that cannot be read is told and skipped; its neighbour comes through."""
    rejected, neighbour = take(live(), encode(Frame(1003, 1, GARBAGE)) + TICK.frame)
    assert isinstance(rejected, NotifyRejected)
    assert isinstance(rejected.error, MessageMalformed)
    assert rejected.push == Push(CONN_ID, 1003, 1, GARBAGE)
    assert neighbour == TICK_PUSH


def test_damaged_frame_is_told_and_its_neighbour_goes_on() -> None:
    """A frame with a wrong SHA-1 is told, body and all; the one behind it comes through."""
    body = TICK.body[:-1] + bytes([TICK.body[-1] ^ 1])
    damaged, neighbour = take(live(), TICK.frame[: HEADER.size] + body + TICK.frame)
    assert isinstance(damaged, FrameDamaged)
    assert isinstance(damaged.error, ChecksumWrong)
    assert damaged.push == replace(TICK_PUSH, body=body)
    assert neighbour == TICK_PUSH


def test_damaged_reply_leaves_its_request_open() -> None:
    """A damaged reply is no reply."""
    session = live()
    serial = session.request(ASK_SUB_INFO, now=0)
    answer = reply(sent_one(session), SUB_INFO)
    damaged = answer[:-1] + bytes([answer[-1] ^ 1])
    (event,) = take(session, damaged)
    assert isinstance(event, FrameDamaged)
    assert (event.push.proto_id, event.push.serial) == (3003, serial)
    assert take(session, answer) == [Replied(serial, SUB_INFO.s2c)]


def test_stream_without_magic_ends_session() -> None:
    """Bytes of another protocol end the session."""
    with pytest.raises(BadMagic):
        take(live(), b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


def test_oversized_frame_ends_session() -> None:
    """A header that announces more than the limit ends the session."""
    header = HEADER.pack(b"FT", 3013, 0, 0, 1, 2**31, bytes(20), bytes(8))
    with pytest.raises(FrameTooLarge):
        take(live(), header)


def test_events_before_a_fault_are_told() -> None:
    """What came before the bytes that end the session is not lost with them."""
    session = live()
    events: list[Event] = []
    with suppress(BadMagic):
        events.extend(session.receive(TICK.frame + b"x" * 44, 0))
    assert events == [TICK_PUSH]


@pytest.mark.parametrize(("rest", "text"), [(b"", "closed"), (b"FT", "inside a frame")])
def test_end_is_link_lost(rest: bytes, text: str) -> None:
    """A connection that OpenD closes is lost, and a cut frame is told."""
    session = live()
    take(session, rest)
    with pytest.raises(LinkLost, match=text):
        session.end()

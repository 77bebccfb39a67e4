"""What is noted beside the pushes."""

from __future__ import annotations

from opend_kafka import __version__
from opend_kafka.opend.securities import Security
from opend_kafka.opend.subscriptions import Subscription, Subtype, Terms, TradingSession
from opend_kafka.recording import notes
from opend_kafka.recording.reading import Note

TENCENT, APPLE = Security("HK", "00700"), Security("US", "AAPL")
START = notes.start(
    [
        Subscription(TENCENT, Subtype.TICKER),
        Subscription(APPLE, Subtype.TICKER, Terms(session=TradingSession.ALL)),
        Subscription(TENCENT, Subtype.ORDER_BOOK, Terms(order_book_detail=True)),
    ]
)


def test_start_tells_what_is_recorded_and_by_whom() -> None:
    """Each subscription stands there with its terms, and the version that wrote it."""
    assert START["worker_version"] == __version__
    assert START["subscriptions"][1:] == [
        {"security": "US.AAPL", "subtype": "ticker", "session": "all", "order_book_detail": False},
        {
            "security": "HK.00700",
            "subtype": "order-book",
            "session": None,
            "order_book_detail": True,
        },
    ]


def test_securities_are_those_of_all_starts() -> None:
    """Each security once, in the order of the subscriptions; joined files have two starts."""
    assert notes.securities([Note(0, notes.end(0)), Note(0, START), Note(0, START)]) == [
        TENCENT,
        APPLE,
    ]


def test_security_of_a_market_that_is_newer_is_left_out() -> None:
    """A newer version knows more markets than this one."""
    newer = {"note": "start", "subscriptions": [{"security": "MARS.1", "subtype": "ticker"}]}
    assert notes.securities([Note(0, newer), Note(0, START)]) == [TENCENT, APPLE]


def test_link_tells_of_opend() -> None:
    """A link has OpenD's version; over WebSocket nobody knows it."""
    assert notes.link(7, 1011) == {"note": "link", "conn_id": 7, "server_version": 1011}
    assert notes.link(7, 0)["server_version"] is None


def test_states_come_back() -> None:
    """A note of markets gives their states; another note gives none."""
    assert notes.states(Note(0, notes.markets({"HK": 3}))) == {"HK": 3}
    assert notes.states(Note(0, START)) is None


def test_recording_was_ended_where_the_last_note_says_so() -> None:
    """What is ended has a last note; what was killed has not."""
    assert notes.was_ended([Note(0, START), Note(0, notes.end(3))])
    assert not notes.was_ended([Note(0, notes.end(3)), Note(0, START)])
    assert not notes.was_ended([])

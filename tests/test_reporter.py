"""One fact, told to everybody."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs

from opend_kafka.admin.status import Status
from opend_kafka.consuming.decoding import Decoder
from opend_kafka.continuity.gap import Cause, Gap
from opend_kafka.errors import (
    ChecksumWrong,
    DeliveryFailed,
    LinkLost,
    PushRejected,
    RequestRefused,
)
from opend_kafka.kafka.registry import SingleObject
from opend_kafka.metrics import Metrics
from opend_kafka.opend.events import (
    FrameDamaged,
    Live,
    LoggedIn,
    MarketStates,
    Notified,
    NotifyRejected,
    NotReady,
    Push,
    QuotaSeen,
    SubscriptionRefused,
    SubscriptionsLost,
)
from opend_kafka.opend.notices import Notice, NoticeKind
from opend_kafka.opend.securities import Security
from opend_kafka.opend.staleness import Findings, StaleStream
from opend_kafka.opend.subscriptions import Subscription, Subtype
from opend_kafka.records.session_event import EventKind, GapBounds, SessionEvent
from opend_kafka.reporter import _NOTICES, EventPublisher, Reporter
from tests.sinks import KeptRecords

TICKER = Subscription(Security("HK", "00700"), Subtype.TICKER)
REFUSED = RequestRefused("Qot_Sub (3001)", -1, None, "no right")
NOW_US = 1_700_000_000_000_000
PUSH = Push(7, 3011, 5, b"body")


class _Told:
    """A reporter and everybody it tells."""

    def __init__(self) -> None:
        self.status = Status()
        self.metrics = Metrics("0")
        self.events: list[SessionEvent] = []
        self.reporter = Reporter(
            self.status, self.metrics, self.events.append, worker="w", now_us=lambda: NOW_US
        )

    def value(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"opend_kafka_{name}", labels)


@pytest.fixture
def told() -> _Told:
    """Give a reporter that has told nothing."""
    return _Told()


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (LoggedIn(7, 1011, 10), EventKind.LOGGED_IN),
        (NotReady("not logged in"), EventKind.NOT_READY),
        (Live(1, 0), EventKind.LIVE),
        (SubscriptionRefused(TICKER, REFUSED), EventKind.SUBSCRIPTION_REFUSED),
        (FrameDamaged(PUSH, ChecksumWrong()), EventKind.FRAME_DAMAGED),
        *((Notified(Notice(notice, "text")), kind) for notice, kind in _NOTICES.items()),
    ],
)
def test_event_is_published_and_logged(told: _Told, event: Any, kind: EventKind) -> None:
    """Each kind of event is in Kafka and in the log, once."""
    with capture_logs() as lines:
        told.reporter.on_event(event)
    assert [(one.kind, one.worker, one.time_us) for one in told.events] == [(kind, "w", NOW_US)]
    assert len(lines) == 1


def test_notices_are_all_told() -> None:
    """No kind of notice is forgotten."""
    assert set(_NOTICES) == set(NoticeKind)


def test_unreadable_notify_is_logged_only(told: _Told) -> None:
    """It says nothing that a consumer could use."""
    with capture_logs() as lines:
        told.reporter.on_event(NotifyRejected(PUSH, PushRejected("garbage")))
    assert [line["event"] for line in lines] == ["notify_rejected"]
    assert told.events == []


def test_live_is_shown_and_counted(told: _Told) -> None:
    """What stands and what was refused is in the status and in the metrics."""
    book = Subscription(TICKER.security, Subtype.ORDER_BOOK)
    told.reporter.show_subscriptions([TICKER], {book: REFUSED}, [])
    told.reporter.on_event(Live(1, 1))
    assert told.status.standing == {"ticker of HK.00700"}
    assert told.status.refused == {"order-book of HK.00700": "no right"}
    assert told.value("session_up") == 1
    assert told.value("subscriptions", state="standing") == 1
    assert told.value("subscriptions", state="refused") == 1


def test_link_down_forgets_what_stood(told: _Told) -> None:
    """With the link go its subscriptions; the event still names the connection."""
    told.reporter.on_event(LoggedIn(7, 1011, 10))
    told.reporter.show_subscriptions([TICKER], {}, [])
    told.reporter.link_down(LinkLost("gone"))
    assert (told.status.standing, told.status.cause, told.status.conn_id) == (set(), "gone", 0)
    assert (told.events[-1].kind, told.events[-1].conn_id) == (EventKind.LINK_DOWN, 7)
    assert told.value("reconnects_total", reason="link_lost") == 1
    assert told.value("session_up") == 0


def test_changed_market_state_is_told_by_name(told: _Told) -> None:
    """The reason is the market and its new state; the status shows all states."""
    told.reporter.on_event(MarketStates({"HK": 3, "US": 11}))
    told.reporter.on_event(MarketStates({"HK": 4, "US": 11}))
    (event,) = told.events
    assert (event.kind, event.reason) == (EventKind.MARKET_STATE_CHANGED, "HK REST")
    assert event.detail == "HK: MORNING → REST"
    assert told.status.markets == {"HK": "REST", "US": "AFTER_HOURS_END"}


def test_market_state_that_changed_between_links_is_told(told: _Told) -> None:
    """What was known before the link went is what the first state on the next one changes."""
    told.reporter.on_event(MarketStates({"HK": 3}))
    told.reporter.link_down(LinkLost("gone"))
    assert told.status.markets == {}
    told.reporter.on_event(MarketStates({"HK": 6}))
    assert told.events[-1].reason == "HK CLOSED"


def test_stale_stream_is_told_with_its_security(told: _Told) -> None:
    """Each stream is an event of its own; the log has a line for all of them."""
    book = Subscription(TICKER.security, Subtype.ORDER_BOOK)
    with capture_logs() as lines:
        told.reporter.streams_found(Findings((StaleStream(TICKER, 61), StaleStream(book, 75))))
    assert [line["event"] for line in lines] == ["stream_stale"]
    assert [event.subscription for event in told.events] == [TICKER, book]
    assert {event.kind for event in told.events} == {EventKind.STREAM_STALE}


def test_healed_stream_is_logged(told: _Told) -> None:
    """Consumers see it in the ticks."""
    with capture_logs() as lines:
        told.reporter.streams_found(Findings(healed=(TICKER,)))
    assert [line["event"] for line in lines] == ["stream_healed"]
    assert told.events == []


def test_stale_stream_is_shown_until_the_link_goes(told: _Told) -> None:
    """The status names it, and the metric counts it."""
    told.reporter.show_stale([TICKER])
    assert told.status.stale == ["ticker of HK.00700"]
    assert told.value("subscriptions", state="stale") == 1
    told.reporter.link_down(LinkLost("gone"))
    assert (told.status.stale, told.value("subscriptions", state="stale")) == ([], 0)


@pytest.mark.parametrize("notice", [NotReady("x"), Notified(Notice(NoticeKind.LOGIN_LOST, "x"))])
def test_session_without_quotes_is_not_up(told: _Told, notice: Any) -> None:
    """A link over which no quotes come is not up, and the status says why."""
    told.reporter.on_event(Live(1, 0))
    told.reporter.on_event(notice)
    assert (told.value("session_up"), told.status.cause) == (0, "x")


def test_backpressure_is_told_at_both_ends(told: _Told) -> None:
    """The status shows it while it lasts; the metric has its seconds, those that pass too."""
    told.reporter.backpressure_began(5)
    assert not told.status.reading
    told.reporter.backpressure_lasts(0.5)
    assert told.value("backpressure_seconds_total") == 0.5
    told.reporter.backpressure_lasts(1.0)
    told.reporter.backpressure_ended(1.5)
    assert told.status.reading
    assert told.value("backpressure_seconds_total") == 1.5
    assert [event.kind for event in told.events] == [
        EventKind.BACKPRESSURE_BEGAN,
        EventKind.BACKPRESSURE_ENDED,
    ]


def test_failed_delivery_is_told(told: _Told) -> None:
    """A record that Kafka did not take is counted in the status and told with its topic."""
    told.reporter.delivery_failed(DeliveryFailed("opend.ticker.HK.00700", "too large"))
    assert told.status.delivery_failures == 1
    assert "opend.ticker.HK.00700" in (told.events[0].detail or "")


def test_failed_delivery_names_the_record_where_it_is_known(told: _Told) -> None:
    """The event is about the subscription, and says the sequence and librdkafka's name for it."""
    error = DeliveryFailed("opend.ticker.HK.00700", "too large", code="MSG_SIZE_TOO_LARGE")
    told.reporter.delivery_failed(error, TICKER, 17)
    (event,) = told.events
    assert (event.subscription, event.reason) == (TICKER, "MSG_SIZE_TOO_LARGE")
    assert "sequence 17" in (event.detail or "")
    assert event.gap == GapBounds(16, 18, 1, 0)


@pytest.mark.parametrize(
    ("missing", "repaired", "kind", "outcome"),
    [
        (0, 5, EventKind.GAP_REPAIRED, "repaired"),
        (None, 5, EventKind.GAP_UNREPAIRABLE, "unrepairable"),
        (3, 0, EventKind.GAP_UNREPAIRABLE, "unrepairable"),
        (0, 0, EventKind.GAP_DISPROVED, "disproved"),
    ],
)
def test_gap_is_told_with_its_outcome(
    told: _Told, missing: int | None, repaired: int, kind: EventKind, outcome: str
) -> None:
    """The event has the sequences around it, the metrics how many ticks it was."""
    told.reporter.gap(Gap(TICKER.security, Cause.DAMAGED, 7, 20, missing, repaired))
    (event,) = told.events
    assert (event.kind, event.reason, event.subscription) == (kind, "damaged", TICKER)
    assert event.gap == GapBounds(7, 20, missing, repaired)
    assert told.value("gaps_total", outcome=outcome) == 1
    assert told.value("ticks_repaired_total") == repaired
    assert told.value("ticks_missing_total") == (missing or 0)


def test_restarted_producer_is_told(told: _Told) -> None:
    """The event says why, and how many records go out again."""
    with capture_logs() as lines:
        told.reporter.producer_restarted("out of order", 12)
    (event,) = told.events
    assert event.kind is EventKind.PRODUCER_RESTARTED
    assert "12 records" in (event.detail or "")
    assert [(line["event"], line["cause"]) for line in lines] == [
        ("producer_restarted", "out of order")
    ]


@pytest.mark.parametrize(
    ("subscription", "key"), [(None, None), (TICKER, {"market": "HK", "code": "00700"})]
)
def test_published_event_has_the_security_for_its_key(
    subscription: Subscription | None, key: dict[str, str] | None
) -> None:
    """About a security, the key is the security; about the link, it is null."""
    sink = KeptRecords()
    wire = SingleObject()
    prefixes = (
        wire.prefix("", "opend.SecurityKey", True),
        wire.prefix("", "opend.SessionEvent", False),
    )
    publisher = EventPublisher(sink, "opend.events", prefixes)
    publisher.publish(SessionEvent(EventKind.LIVE, NOW_US, "w", subscription=subscription))
    ((route, value, timestamp_ms),) = sink.records
    assert (route.topic, timestamp_ms) == ("opend.events", NOW_US // 1000)
    assert (Decoder().decode(route.key).fields if route.key else None) == key
    assert Decoder().decode(value).fields["kind"] == "LIVE"


def test_lines_carry_their_connection(told: _Told) -> None:
    """What is logged while a link stands says on which one; without a link there is none."""
    with capture_logs() as lines:
        told.reporter.on_event(LoggedIn(7, 1011, 10))
        told.reporter.on_event(Live(1, 0))
        told.reporter.link_down(LinkLost("gone"))
        told.reporter.link_down(LinkLost("still gone"))
    assert [line.get("conn_id") for line in lines] == [7, 7, 7, None]


def test_line_names_few_of_many(told: _Told) -> None:
    """Thousands of streams that fall silent do not make a line of a megabyte."""
    many = [Subscription(Security("HK", f"{number:05}"), Subtype.TICKER) for number in range(5000)]
    with capture_logs() as lines:
        told.reporter.on_event(SubscriptionsLost(tuple(many)))
    (line,) = lines
    assert (len(line["subscriptions"]), line["subscriptions"][-1]) == (51, "and 4950 more")
    assert len(told.events) == 5000


def test_page_has_what_was_told(told: _Told) -> None:
    """An event and a gap stand in the status, the newest first, with what they are about."""
    told.reporter.on_event(SubscriptionRefused(TICKER, REFUSED))
    told.reporter.gap(Gap(TICKER.security, Cause.RECONNECTED, 1, 5, 3, 0))
    (event,) = told.status.events
    assert (event["kind"], event["about"]) == ("SUBSCRIPTION_REFUSED", "ticker of HK.00700")
    assert event["time"] == NOW_US // 1000
    (gap,) = told.status.gaps
    assert (gap["security"], gap["outcome"], gap["ticks_missing"]) == (
        "HK.00700",
        "unrepairable",
        3,
    )


def test_quota_follows_what_is_subscribed(told: _Told) -> None:
    """OpenD tells the quota once a minute; what the worker takes of it meanwhile is shown."""
    told.reporter.on_event(QuotaSeen(10, 90))
    told.reporter.show_subscriptions((TICKER,), {}, (), 89)
    assert (told.value("quota_used"), told.value("quota_remaining")) == (11, 89)
    assert told.status.quota == (11, 89)


def test_notices_are_counted_by_kind(told: _Told) -> None:
    """What OpenD says about itself can be an alert."""
    told.reporter.on_event(Notified(Notice(NoticeKind.KICKED_OUT, "x")))
    assert told.value("notices_total", kind="kicked_out") == 1

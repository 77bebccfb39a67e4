"""One fact, told once to everybody: the log, the metrics, the status, and `{prefix}.events`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import structlog

from opend_kafka.admin.status import Status
from opend_kafka.continuity.gap import Gap, Outcome
from opend_kafka.errors import DeliveryFailed, OpenDError, RequestRefused
from opend_kafka.kafka.routing import Route, encode_key
from opend_kafka.metrics import Metrics
from opend_kafka.opend.events import (
    Event,
    FrameDamaged,
    Live,
    LoggedIn,
    MarketStates,
    Notified,
    NotifyRejected,
    NotReady,
    QuotaSeen,
    QuotaShort,
    Subscribed,
    SubscriptionRefused,
    SubscriptionsLost,
    Unsubscribed,
    UnsubscribeRefused,
)
from opend_kafka.opend.market_state import state_name
from opend_kafka.opend.notices import Notice, NoticeKind
from opend_kafka.opend.staleness import Findings
from opend_kafka.opend.subscriptions import Subscription, Subtype
from opend_kafka.pipeline import Sink
from opend_kafka.records.session_event import EventKind, GapBounds, SessionEvent

log = structlog.get_logger()

_NOTICES = {
    NoticeKind.KICKED_OUT: EventKind.KICKED_OUT,
    NoticeKind.LOGIN_FAILED: EventKind.LOGIN_FAILED,
    NoticeKind.LOGIN_LOST: EventKind.LOGIN_LOST,
    NoticeKind.LOGIN_STANDS: EventKind.LOGIN_RESTORED,
    NoticeKind.FORCED_LOGOUT: EventKind.FORCED_LOGOUT,
    NoticeKind.PROGRAM_STATUS: EventKind.PROGRAM_STATUS,
    NoticeKind.QUOTE_RIGHT: EventKind.QUOTE_RIGHT_CHANGED,
    NoticeKind.QUOTA: EventKind.QUOTA_CHANGED,
    NoticeKind.OTHER: EventKind.NOTICE,
}

_GAPS = {
    Outcome.REPAIRED: EventKind.GAP_REPAIRED,
    Outcome.UNREPAIRABLE: EventKind.GAP_UNREPAIRABLE,
    Outcome.DISPROVED: EventKind.GAP_DISPROVED,
}

#: The notices that are no one's trouble.
_CALM = {NoticeKind.LOGIN_STANDS, NoticeKind.QUOTA, NoticeKind.PROGRAM_STATUS, NoticeKind.OTHER}


class Reporter:
    """Tells what happens to the link.

    Args:
        status: kept up to date.
        metrics: counted in.
        publish: takes each event that belongs into Kafka, and the subscription it is about.
        worker: this worker's name.
        now_us: the wall clock, microseconds since 1970.
    """

    def __init__(
        self,
        status: Status,
        metrics: Metrics,
        publish: Callable[[SessionEvent], None],
        *,
        worker: str,
        now_us: Callable[[], int],
    ) -> None:
        self._status = status
        self._metrics = metrics
        self._publish = publish
        self._worker = worker
        self._now_us = now_us
        #: As OpenD last told them, over all links.
        self._markets: dict[str, str] = {}

    @property
    def _log(self) -> Any:
        """The log, with the connection that it is about."""
        conn_id = self._status.conn_id
        return log.bind(conn_id=conn_id) if conn_id else log

    @property
    def reading(self) -> bool:
        """Whether the worker reads from OpenD, or holds back."""
        return self._status.reading

    def on_event(self, event: Event) -> None:
        """Tell what a session says. Pushes are not told: they are what the rest is for."""
        match event:
            case LoggedIn(conn_id, server_version, interval_s):
                self._status.conn_id = conn_id
                self._status.server_version = server_version
                self._log.info(
                    "logged_in",
                    server_version=server_version,
                    keep_alive_interval_s=interval_s,
                )
                self._tell(EventKind.LOGGED_IN)
            case NotReady(cause):
                self._not_ready(cause)
            case MarketStates(states):
                self._market_states(states)
            case Subscribed():
                pass  # the status shows it, and Live says how many
            case SubscriptionRefused(subscription, error):
                self._log.error(
                    "subscription_refused", subscription=str(subscription), cause=str(error)
                )
                self._tell(
                    EventKind.SUBSCRIPTION_REFUSED,
                    reason=error.reason,
                    detail=str(error),
                    subscription=subscription,
                )
            case Unsubscribed(subscriptions):
                self._log.info("unsubscribed", subscriptions=_names(subscriptions))
            case UnsubscribeRefused(subscription, error):
                self._log.warning(
                    "unsubscribe_refused", subscription=str(subscription), cause=str(error)
                )
            case SubscriptionsLost(subscriptions):
                self._lost(subscriptions)
            case QuotaShort(subscriptions, quota, remaining):
                self._quota_short(subscriptions, quota, remaining)
            case QuotaSeen(used, remaining):
                self._show_quota(used, remaining)
            case Live(standing, refused, short):
                self._live(standing, refused, short)
            case FrameDamaged(push, error):
                self._metrics.checksum_failures.inc()
                self._log.warning(
                    "frame_damaged",
                    reason=error.reason,
                    proto_id=push.proto_id,
                    push_serial=push.serial,
                )
                self._tell(
                    EventKind.FRAME_DAMAGED,
                    reason=error.reason,
                    detail=f"proto_id {push.proto_id}, serial {push.serial}",
                )
            case Notified(notice):
                self._notified(notice)
            case NotifyRejected(_, error):
                self._log.warning("notify_rejected", cause=str(error))

    def show_subscriptions(
        self,
        standing: Iterable[Subscription],
        refused: Mapping[Subscription, RequestRefused],
        short: Iterable[Subscription],
        remaining: int | None = None,
    ) -> None:
        """Show, in the status and in the metrics, how the subscriptions stand.

        `remaining` is the quota that is left, where it is known: OpenD tells it once a minute, and
        meanwhile it is what the subscriptions have taken of it.
        """
        if remaining is not None and self._status.quota is not None:
            self._show_quota(sum(self._status.quota) - remaining, remaining)
        standing = tuple(standing)
        self._status.standing = {str(one) for one in standing}
        self._status.standing_by_subtype = Counter(str(one.subtype) for one in standing)
        self._status.refused = {str(one): error.ret_msg for one, error in refused.items()}
        self._status.short = [str(one) for one in short]
        count = self._metrics.subscriptions.labels
        count("standing").set(len(self._status.standing))
        count("refused").set(len(self._status.refused))
        count("short").set(len(self._status.short))

    def _show_quota(self, used: int, remaining: int) -> None:
        self._metrics.quota_used.set(used)
        self._metrics.quota_remaining.set(remaining)
        self._status.quota = used, remaining

    def show_stale(self, stale: Iterable[Subscription]) -> None:
        """Show which of the standing subscriptions are silent."""
        self._status.stale = sorted(map(str, stale))
        self._metrics.subscriptions.labels("stale").set(len(self._status.stale))

    def streams_found(self, findings: Findings) -> None:
        """Tell which streams have fallen silent, and which are heard again."""
        if findings.healed:
            self._log.info("stream_healed", subscriptions=_names(findings.healed))
        if findings.stale:
            stale = (one.subscription for one in findings.stale)
            self._log.warning("stream_stale", subscriptions=_names(stale))
        for one in findings.stale:
            self._tell(
                EventKind.STREAM_STALE,
                reason="stream_stale",
                detail=f"silent for {one.silent_s:.0f} s of trading; it is subscribed again",
                subscription=one.subscription,
            )

    def link_down(self, error: OpenDError) -> None:
        """Tell that the link ended, or could not be made."""
        self._log.warning("link_down", reason=error.reason, cause=str(error))
        self._metrics.reconnects.labels(error.reason).inc()
        self._metrics.session_up.set(0)
        self._tell(EventKind.LINK_DOWN, reason=error.reason, detail=str(error))
        self._status.cause = str(error)
        self._status.conn_id = 0
        self._status.markets = {}
        self.show_subscriptions((), {}, ())
        self.show_stale(())

    def backpressure_began(self, buffered_bytes: int) -> None:
        """Tell that the worker does not read from OpenD any more."""
        self._status.reading = False
        self._log.warning("backpressure_began", buffered_bytes=buffered_bytes)
        self._tell(EventKind.BACKPRESSURE_BEGAN, detail=f"{buffered_bytes} bytes wait for Kafka")

    def backpressure_lasts(self, seconds: float) -> None:
        """Count so many more seconds of it: an alarm must not wait for its end."""
        self._metrics.backpressure_seconds.inc(seconds)

    def backpressure_ended(self, seconds: float) -> None:
        """Tell that it reads again, after so many seconds in all."""
        self._status.reading = True
        self._log.info("backpressure_ended", seconds=round(seconds, 3))
        self._tell(EventKind.BACKPRESSURE_ENDED, detail=f"after {seconds:.3f} s")

    def delivery_failed(
        self,
        error: DeliveryFailed,
        subscription: Subscription | None = None,
        sequence: int | None = None,
    ) -> None:
        """Tell that Kafka did not take a record, and which one where that is known."""
        self._status.delivery_failures += 1
        self._log.error(
            "delivery_failed",
            topic=error.topic,
            subscription=None if subscription is None else str(subscription),
            sequence=sequence,
            cause=error.reason,
        )
        of = "" if sequence is None else f" (sequence {sequence})"
        self._tell(
            EventKind.DELIVERY_FAILED,
            reason=error.code or "delivery_failed",
            detail=f"{error}{of}",
            subscription=subscription,
            gap=None if sequence is None else GapBounds(sequence - 1, sequence + 1, 1, 0),
        )

    def producer_restarted(self, cause: str, records: int) -> None:
        """Tell that a new producer took the place of one that had given itself up."""
        self._log.warning("producer_restarted", cause=cause, records_sent_again=records)
        self._tell(
            EventKind.PRODUCER_RESTARTED,
            reason="producer_restarted",
            detail=f"{records} records go out again, of which Kafka may have some: {cause}",
        )

    def gap(self, gap: Gap) -> None:
        """Tell how ticks that did not come as pushes have ended."""
        outcome = gap.outcome
        self._metrics.gaps.labels(outcome).inc()
        self._metrics.ticks_repaired.inc(gap.repaired)
        self._metrics.ticks_missing.inc(gap.missing or 0)
        write = self._log.error if outcome is Outcome.UNREPAIRABLE else self._log.info
        write(
            f"gap_{outcome}",
            security=str(gap.security),
            reason=str(gap.cause),
            sequence_before=gap.before,
            sequence_after=gap.after,
            ticks_missing=gap.missing,
            ticks_repaired=gap.repaired,
            cause=gap.why or None,
        )
        self._status.gap_ended(
            {
                "time": self._now_us() // 1000,
                "security": str(gap.security),
                "outcome": str(outcome),
                "reason": str(gap.cause),
                "ticks_missing": gap.missing,
                "ticks_repaired": gap.repaired,
            }
        )
        self._tell(
            _GAPS[outcome],
            reason=str(gap.cause),
            detail=gap.why or None,
            subscription=Subscription(gap.security, Subtype.TICKER),
            gap=GapBounds(gap.before, gap.after, gap.missing, gap.repaired),
        )

    def stopped(self) -> None:
        """Tell that the worker was asked to stop: nothing more is read."""
        self._tell(EventKind.STOPPED)

    def _not_ready(self, cause: str) -> None:
        self._status.cause = cause
        self._metrics.session_up.set(0)
        self._log.warning("opend_not_ready", cause=cause)
        self._tell(EventKind.NOT_READY, reason="not_ready", detail=cause)

    def _market_states(self, states: Mapping[str, int]) -> None:
        before, self._markets = self._markets, {one: state_name(states[one]) for one in states}
        self._status.markets = self._markets
        for market, state in self._markets.items():
            was = before.get(market, state)
            if state != was:
                self._log.info("market_state_changed", market=market, state=state, was=was)
                self._tell(
                    EventKind.MARKET_STATE_CHANGED,
                    reason=f"{market} {state}",
                    detail=f"{market}: {was} → {state}",
                )

    def _lost(self, subscriptions: tuple[Subscription, ...]) -> None:
        self._log.warning("subscriptions_lost", subscriptions=_names(subscriptions))
        for one in subscriptions:
            self._tell(
                EventKind.SUBSCRIPTION_LOST,
                reason="subscription_lost",
                detail="OpenD says that it does not stand; it is asked for again",
                subscription=one,
            )

    def _quota_short(
        self, subscriptions: tuple[Subscription, ...], quota: int, remaining: int
    ) -> None:
        detail = f"the quota is {quota}, and {remaining} of it are left"
        self._log.error("quota_short", subscriptions=_names(subscriptions), cause=detail)
        for one in subscriptions:
            self._tell(EventKind.QUOTA_SHORT, reason="quota_short", detail=detail, subscription=one)

    def _live(self, standing: int, refused: int, short: int) -> None:
        self._status.cause = ""
        self._metrics.session_up.set(1)
        self._log.info("live", standing=standing, refused=refused, short=short)
        detail = f"{standing} subscriptions stand, {refused} were refused, {short} are over quota"
        self._tell(EventKind.LIVE, detail=detail)

    def _notified(self, notice: Notice) -> None:
        if notice.kind is NoticeKind.LOGIN_LOST:
            self._status.cause = notice.text
            self._metrics.session_up.set(0)
        write = self._log.info if notice.kind in _CALM else self._log.warning
        self._metrics.notices.labels(str(notice.kind)).inc()
        write("opend_notified", kind=str(notice.kind), notice=notice.text)
        self._tell(_NOTICES[notice.kind], reason=str(notice.kind), detail=notice.text)

    def _tell(
        self,
        kind: EventKind,
        *,
        reason: str | None = None,
        detail: str | None = None,
        subscription: Subscription | None = None,
        gap: GapBounds | None = None,
    ) -> None:
        now_us = self._now_us()
        if kind not in _GAPS.values():  # these have a place of their own
            self._status.happened(
                {
                    "time": now_us // 1000,
                    "kind": str(kind),
                    "about": None if subscription is None else str(subscription),
                    "detail": detail,
                }
            )
        self._publish(
            SessionEvent(
                kind,
                now_us,
                self._worker,
                self._status.conn_id,
                reason,
                detail,
                subscription,
                gap,
            )
        )


#: So many names stand in one line of the log; the events have them all.
_LOGGED_NAMES = 50


def _names(subscriptions: Iterable[Subscription]) -> list[str]:
    names = [str(one) for one in subscriptions]
    more = len(names) - _LOGGED_NAMES
    return [*names[:_LOGGED_NAMES], f"and {more} more"] if more > 0 else names


#: What the metrics call the records of the topic; beside the subtypes.
EVENTS = "events"


class EventPublisher:
    """Gives session events their way to Kafka.

    Args:
        sink: takes them, among the other records.
        topic: `{prefix}.events`.
        prefixes: the wire format's bytes before a key and before a value.
    """

    def __init__(self, sink: Sink, topic: str, prefixes: tuple[bytes, bytes]) -> None:
        self._sink = sink
        self._topic = topic
        self._key_prefix, self._value_prefix = prefixes

    def publish(self, event: SessionEvent) -> None:
        """Hand over one event; its key is the security that it is about, or null."""
        key = None
        if event.subscription is not None:
            key = self._key_prefix + encode_key(event.subscription.security)
        route = Route(self._topic, EVENTS, key, self._value_prefix)
        self._sink.produce(route, event.encode(self._value_prefix), event.time_us // 1000)

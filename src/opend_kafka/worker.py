"""The composition root: every room is wired here, and nowhere else.

Start: Kafka answers → topics stand → schemas are known → the link to OpenD, again and again.
Stop: nothing more is read → every record that was taken is delivered → exit.
"""

from __future__ import annotations

import asyncio
import platform
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Any

import structlog

from opend_kafka import __version__, logs
from opend_kafka.admin.history import INTERVAL_S, History
from opend_kafka.admin.server import serving
from opend_kafka.admin.status import Status
from opend_kafka.back_pressure import BackPressure
from opend_kafka.backoff import Backoff
from opend_kafka.config import Config
from opend_kafka.continuity.gap import Cause
from opend_kafka.continuity.tracker import Tracker
from opend_kafka.dead_letters import DEAD_LETTERS, DeadLetterPublisher
from opend_kafka.errors import DeliveryFailed, DrainFailed, OpenDError
from opend_kafka.hops import HopSampler
from opend_kafka.intake import Intake
from opend_kafka.kafka.producer import RecordProducer
from opend_kafka.kafka.routing import LATEST_BOOKS
from opend_kafka.kafka.statistics import StatisticsReporter
from opend_kafka.kafka.topics import KafkaTopics, TopicAdmin
from opend_kafka.metrics import Metrics
from opend_kafka.opend.events import Event, FrameDamaged, LoggedIn, NotifyRejected, Push
from opend_kafka.opend.lifecycle import Lifecycle, Phase, Signal
from opend_kafka.opend.messages import package_of, response_type
from opend_kafka.opend.notices import NoticeKind
from opend_kafka.opend.reconciler import Reconciler
from opend_kafka.opend.securities import Security
from opend_kafka.opend.staleness import Staleness
from opend_kafka.opend.subscriptions import Subscription
from opend_kafka.pipeline import Pipeline, Record
from opend_kafka.plan import (
    connect,
    dead_letter_topic,
    events_topic,
    latest_books_topic,
    session_maker,
    topics_of,
    watermark_topic,
)
from opend_kafka.preparing import Prepared, prepare, prepare_routes
from opend_kafka.records.identity import identify
from opend_kafka.records.kinds import KINDS
from opend_kafka.records.ticker import PUSH_DATA_TYPE
from opend_kafka.repairer import Repairer, tickers
from opend_kafka.reporter import EVENTS, EventPublisher, Reporter
from opend_kafka.stream_watch import StreamWatch
from opend_kafka.transport.keeper import Keeper
from opend_kafka.watermarks import WATERMARKS, WatermarkPublisher

log = structlog.get_logger()

#: Seconds that a stopping worker waits for Kafka to take what it holds.
DRAIN_S = 30.0
_DRAIN_TURN_S = 0.02

#: Seconds between two looks at the delivery reports while OpenD is quiet.
_POLL_S = 0.01

#: Seconds between two looks while reads follow one another: many reads may hold one tick each.
_POLL_AFTER_READ_S = 0.001

#: The part of kafka.max_buffered_bytes that may be held while OpenD is asked what was missed.
_HELD_PART = 0.25


class Worker:
    """Takes pushes from one OpenD to Kafka. Make it, `run` it once.

    Args:
        config: the whole configuration.
        metrics: counted in; a new one where it is left out.
        topic_admin: the cluster's topics; `KafkaTopics` where it is left out.

    Raises:
        ConfigurationError: a topic name or a property cannot be used.
    """

    def __init__(
        self,
        config: Config,
        *,
        metrics: Metrics | None = None,
        topic_admin: TopicAdmin | None = None,
    ) -> None:
        self.status = Status(
            version=__version__,
            worker=platform.node(),
            opend=f"{config.opend.host}:{config.opend.port}",
            max_buffered_bytes=config.kafka.max_buffered_bytes,
            since_us=_now_us(),
        )
        self.metrics = metrics or Metrics(__version__)
        self.config = config
        self._reconciler = Reconciler(config.wanted())
        self._streams = Staleness()
        self._topics = topics_of(config)
        self._events_topic = events_topic(config)
        self._dead_letter_topic = dead_letter_topic(config)
        self._new_session = session_maker(config.opend)
        self._topic_admin = topic_admin or KafkaTopics(
            config.kafka.bootstrap_servers, config.kafka.librdkafka
        )
        self._lifecycle = Lifecycle(on_move=self._on_phase)
        self._watermark_topic = watermark_topic(config)
        self._history = History(self.metrics)
        self._hops = HopSampler(
            self.metrics, clock=time.monotonic, now_us=_now_us, on_latency=self._history.latency
        )
        self._expect(self._topics)
        self.metrics.session_phase.labels(self.status.session).set(1)
        self._started = asyncio.Event()
        self._subscriptions_moved = False
        self._poll_at = 0.0
        self._reporter: Reporter
        self._watch: StreamWatch
        self._failure: asyncio.Future[None]
        self._producer: RecordProducer
        self._pipeline: Pipeline
        self._intake: Intake
        self._tracker: Tracker[Record]
        self._back_pressure: BackPressure
        self._keeper: Keeper
        self._repairer: Repairer
        self._dead_letters: DeadLetterPublisher

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then drain.

        Raises:
            OpendKafkaError: why the worker cannot start or go on.
        """
        self._failure = asyncio.get_running_loop().create_future()
        self._producer = RecordProducer(
            self.config.kafka.bootstrap_servers,
            self.config.kafka.librdkafka,
            topics={topic: one.subtype for one, topic in self._topics.items()}
            | {self._events_topic: EVENTS, self._dead_letter_topic: DEAD_LETTERS}
            | {self._watermark_topic: WATERMARKS}
            | ({latest: LATEST_BOOKS} if (latest := latest_books_topic(self.config)) else {}),
            metrics=self.metrics,
            on_failure=self._on_delivery_failure,
            # Not before its records went to a producer, and so not before the reporter stands.
            on_restart=lambda cause, records: self._reporter.producer_restarted(cause, records),
            on_latency=self._history.latency,
            on_statistics=StatisticsReporter(self.metrics),
        )
        prepared = await self._prepared(stop)
        if prepared is None:
            return
        self._dead_letters = DeadLetterPublisher(
            self._producer,
            self._dead_letter_topic,
            prepared.dead_letter_prefix,
            self.metrics,
            worker=platform.node(),
            now_us=_now_us,
            limit=prepared.dead_letter_limit,
        )
        publisher = EventPublisher(self._producer, self._events_topic, prepared.event_prefixes)
        self._reporter = Reporter(
            self.status, self.metrics, publisher.publish, worker=platform.node(), now_us=_now_us
        )
        self._tracker = self._new_tracker(prepared)
        self._pipeline = Pipeline(
            prepared.routes,
            self._producer,
            self.metrics,
            dead_letters=self._dead_letters,
            now_us=_now_us,
            tracker=self._tracker,
            heard=self._streams.heard,
            keep_unknown_fields=self.config.kafka.dead_letter_unknown_fields,
            event_time=self.config.kafka.record_timestamp == "event",
        )
        self._intake = Intake(
            self._pipeline,
            self._hops,
            self._producer,
            self._tracker,
            self.metrics,
            heard=self._streams.heard,
            event_time=self.config.kafka.record_timestamp == "event",
        )
        self._back_pressure = BackPressure(
            lambda: self.buffered_bytes,
            self.config.kafka.max_buffered_bytes,
            self._reporter,
            self._tracker,
        )
        self._keeper = self._new_keeper()
        self._repairer = Repairer(
            self._tracker,
            self._pipeline,
            self._keeper.ask,
            max_ticks=self.config.repair.max_ticks,
        )
        self._watch = StreamWatch(self._streams, self._reconciler, self._lifecycle, self._reporter)
        self._started.set()
        try:
            async with serving(
                self.config.admin.host,
                self.config.admin.port,
                self.status,
                self.metrics,
                self._history,
            ):
                await self._work(stop)
                self._tracker.release()
                self._reporter.stopped()
        except asyncio.CancelledError:
            # Abandoned at the second signal: whatever the first one had begun, nothing is drained.
            raise
        except BaseException:
            await self._drain()
            raise
        await self._drain()

    @property
    def delivered(self) -> int:
        """Records of pushes that Kafka has acknowledged."""
        by_subtype = self._producer.delivered_by_subtype
        ours = (EVENTS, DEAD_LETTERS, WATERMARKS, LATEST_BOOKS)
        return self._producer.delivered - sum(by_subtype[one] for one in ours)

    @property
    def is_checking(self) -> bool:
        """Whether it is being looked into, of any security, if ticks are missing."""
        return self._tracker.is_checking

    def last_sequence(self, security: Security) -> int | None:
        """Give the sequence of the newest tick that has gone on to Kafka; None: none yet."""
        stream = self._tracker.stream(security.market_number, security.code)
        return stream.last_sequence if stream else None

    @property
    def buffered_records(self) -> int:
        """Records that Kafka has not acknowledged yet."""
        return self._producer.buffered_records

    @property
    def buffered_bytes(self) -> int:
        """Their bytes: what kafka.max_buffered_bytes bounds."""
        return self._producer.buffered_bytes + self._tracker.held_bytes

    async def _prepared(self, stop: asyncio.Event) -> Prepared | None:
        """Wait until Kafka and the registry are ready; give None where `stop` comes first."""
        preparing = _in_daemon_thread(lambda: prepare(self.config, self._topic_admin))
        stopping = asyncio.create_task(stop.wait())
        ends: list[asyncio.Future[Any]] = [preparing, stopping]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            return preparing.result() if preparing.done() else None
        finally:
            stopping.cancel()
            preparing.cancel()

    async def resubscribe(self, config: Config) -> None:
        """Take the subscriptions of a newer configuration, and nothing else of it.

        What is new is subscribed at once; what is gone is dropped as soon as OpenD allows, and its
        pushes land until then. The link stays as it is. Called during the start, it waits for that.

        Raises:
            OpendKafkaError: topics or schemas of what is new cannot be had; nothing has changed.
        """
        await self._started.wait()
        newer = self.config.model_copy(update={"subscriptions": config.subscriptions})
        table = await asyncio.to_thread(prepare_routes, newer, self._topic_admin)
        topics = topics_of(newer)
        self._producer.add_topics({topic: one.subtype for one, topic in topics.items()})
        self._pipeline.add_routes(table)
        self._tracker.watch(tickers(topics))
        self._reconciler.want(topics, time.monotonic())
        self._expect(topics)
        log.info("resubscribed", wanted=len(topics))

    async def _work(self, stop: asyncio.Event) -> None:
        tasks: list[asyncio.Task[Any]] = [
            asyncio.create_task(self._keeper.run()),
            asyncio.create_task(self._repairer.run()),
            asyncio.create_task(self._poll()),
            asyncio.create_task(self._watch.run()),
            asyncio.create_task(self._remember()),
            asyncio.create_task(stop.wait()),
        ]
        try:
            ends: list[asyncio.Future[Any]] = [*tasks, self._failure]
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for one in done:
                one.result()
            log.info("stopping", buffered_records=self.buffered_records)
        finally:
            for task in tasks:
                task.cancel()
            self._lifecycle.on(Signal.STOP, time.monotonic())
            await asyncio.gather(*tasks, return_exceptions=True)

    def _new_tracker(self, prepared: Prepared) -> Tracker[Record]:
        config = self.config
        watermarks = WatermarkPublisher(
            self._producer, self._watermark_topic, prepared.watermark_prefixes
        )
        tracker: Tracker[Record] = Tracker(
            emit=lambda record, on_delivered: self._producer.produce(*record, on_delivered),
            publish=watermarks.publish,
            on_gap=self._reporter.gap,
            watermarks=prepared.watermarks,
            worker=platform.node(),
            clock=time.monotonic,
            now_us=_now_us,
            repairs=config.repair.enabled,
            max_ticks=config.repair.max_ticks,
            watermark_interval_s=config.repair.watermark_interval_s,
            max_held_bytes=int(config.kafka.max_buffered_bytes * _HELD_PART),
            freeze_on_failure=config.kafka.on_delivery_failure == "exit",
        )
        tracker.watch(tickers(self._topics))
        return tracker

    def _new_keeper(self) -> Keeper:
        opend = self.config.opend
        lifecycle = self._lifecycle

        return Keeper(
            lambda: connect(opend),
            lambda: self._new_session(
                self._reconciler, lifecycle=lifecycle, reader=self._intake.reader
            ),
            lifecycle,
            Backoff(opend.reconnect.initial_s, opend.reconnect.max_s),
            on_event=self._on_event,
            on_down=self._on_down,
            gate=self._back_pressure.gate,
            after_read=self._after_read,
        )

    def _on_event(self, event: Event) -> None:
        if isinstance(event, Push):
            self._intake.push(event)
            return
        if isinstance(event, LoggedIn):
            self._intake.connected(event.conn_id)
        if isinstance(event, FrameDamaged | NotifyRejected):
            self._dead_letters.take(event.push, event.error)
        self._subscriptions_moved = True
        self._reporter.on_event(event)
        self._watch.on_event(event)
        self._repairer.on_event(event)

    def _on_down(self, error: OpenDError) -> None:
        self._reporter.link_down(error)
        self._tracker.link_ended()

    def _after_read(self) -> None:
        """Show how the subscriptions stand, once for all events of a read."""
        now = time.monotonic()
        if now >= self._poll_at:
            self._poll_at = now + _POLL_AFTER_READ_S
            self._producer.poll()
        if self._subscriptions_moved:
            self._subscriptions_moved = False
            reconciler = self._reconciler
            self._reporter.show_subscriptions(
                reconciler.standing, reconciler.refused, reconciler.waiting, reconciler.remaining
            )
            self._watch.stand()

    def _expect(self, topics: Iterable[Subscription]) -> None:
        """Show what is wanted, and have it counted from 0 on."""
        wanted = tuple(topics)
        self.status.wanted = Counter(str(one.subtype) for one in wanted)
        self.status.traded = tuple(sorted({one.security.market for one in wanted}))
        latest = (LATEST_BOOKS,) if latest_books_topic(self.config) else ()
        self.metrics.expect(
            self.status.wanted,
            push_data_types=PUSH_DATA_TYPE.symbols[1:],
            topics=(EVENTS, DEAD_LETTERS, WATERMARKS, *latest),
            messages=[package_of(response_type(kind.proto_id)) for kind in KINDS],
            notices=NoticeKind,
            phases=Phase,
        )

    async def _remember(self) -> None:
        """Keep the last minutes for the page, and say how often a line was held back."""
        try:
            while True:
                self._history.look(time.monotonic(), self.buffered_bytes)
                logs.tell_repeats()
                await asyncio.sleep(INTERVAL_S)
        finally:
            logs.tell_repeats(at_once=True)

    def _on_phase(self, phase: Phase) -> None:
        self.metrics.session_phase.labels(self.status.session).set(0)
        self.metrics.session_phase.labels(phase).set(1)
        self.status.moved(phase, _now_us())
        if phase is Phase.DEGRADED:
            self._tracker.link_ended(Cause.LOGIN_LOST)

    async def _poll(self) -> None:
        """Take delivery reports also while OpenD is quiet or held back."""
        delivered, since = 0, time.monotonic()
        while True:
            self._producer.poll()
            self._intake.flush()
            if self._producer.delivered > delivered or not self._producer.buffered_records:
                delivered, since = self._producer.delivered, time.monotonic()
            self.status.unacknowledged_s = time.monotonic() - since
            self.metrics.buffered_records.set(self._producer.buffered_records)
            self.metrics.buffered_bytes.set(self.buffered_bytes)
            await asyncio.sleep(_POLL_S)

    def _on_delivery_failure(self, error: DeliveryFailed) -> None:
        if error.topic != self._events_topic:
            # An event about an event that failed would only fail as well.
            record = identify(error.subtype, error.key, error.value)
            self._reporter.delivery_failed(error, *record)
        if self.config.kafka.on_delivery_failure == "exit" and not self._failure.done():
            self._failure.set_exception(error)

    async def _drain(self) -> None:
        """See every record that was taken to its delivery report, and write what that comes to.

        Raises:
            DrainFailed: Kafka does not take them.
        """
        await self._flush()
        self._tracker.write_all_watermarks()
        await self._flush()
        self._intake.flush()
        log.info("drained", delivered=self._producer.delivered, failed=self._producer.failed)

    async def _flush(self) -> None:
        deadline = time.monotonic() + DRAIN_S
        # In short turns: the loop stays able to hear a second signal.
        while remaining := self._producer.flush(_DRAIN_TURN_S):
            if time.monotonic() >= deadline:
                raise DrainFailed(remaining, DRAIN_S)
            await asyncio.sleep(0)


def _now_us() -> int:
    return time.time_ns() // 1000


def _in_daemon_thread(function: Callable[[], Prepared]) -> asyncio.Future[Prepared]:
    """Run what may wait for Kafka: unlike `to_thread`, the end of the process need not wait too."""
    outcome: Future[Prepared] = Future()
    outcome.set_running_or_notify_cancel()

    def run() -> None:
        try:
            outcome.set_result(function())
        except BaseException as error:
            outcome.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return asyncio.wrap_future(outcome)

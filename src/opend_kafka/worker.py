"""The composition root: every room is wired here, and nowhere else.

Start: Kafka answers → topics stand → schemas are known → the link to OpenD, again and again.
Stop: nothing more is read → every record that was taken is delivered → exit.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import structlog

from opend_kafka import __version__
from opend_kafka.admin.server import serving
from opend_kafka.admin.status import Status
from opend_kafka.backoff import Backoff
from opend_kafka.config import Config
from opend_kafka.errors import DeliveryFailed, DrainFailed, OpenDError
from opend_kafka.kafka.producer import RecordProducer
from opend_kafka.kafka.routing import Routes, routes
from opend_kafka.kafka.topics import KafkaTopics, TopicAdmin, ensure
from opend_kafka.metrics import Metrics
from opend_kafka.opend.events import (
    Event,
    FrameDamaged,
    Live,
    LoggedIn,
    Notified,
    NotifyRejected,
    NotReady,
    Push,
    Subscribed,
    SubscriptionRefused,
)
from opend_kafka.opend.session import Session
from opend_kafka.pipeline import Pipeline
from opend_kafka.plan import topic_specs, topics_of, wire_format_of
from opend_kafka.records.kinds import schema_of
from opend_kafka.transport import tcp
from opend_kafka.transport.link import Link

log = structlog.get_logger()

#: Seconds that the registry has to answer at the start.
REGISTRY_START_S = 10.0

#: Seconds that a stopping worker waits for Kafka to take what it holds.
DRAIN_S = 30.0
_DRAIN_TURN_S = 0.02

#: Seconds between two looks at the delivery reports while OpenD is quiet.
_POLL_S = 0.01

#: Reading resumes when this part of kafka.max_buffered_bytes is left.
_RESUME_PART = 0.8


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
        self.status = Status()
        self.metrics = metrics or Metrics(__version__)
        self.config = config
        self._wanted = config.wanted()
        self._topics = topics_of(config)
        self._rsa = config.opend.rsa()
        self._topic_admin = topic_admin or KafkaTopics(
            config.kafka.bootstrap_servers, config.kafka.librdkafka
        )
        self._backoff: Backoff
        self._failure: asyncio.Future[None]
        self._producer: RecordProducer
        self._pipeline: Pipeline

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then drain.

        Raises:
            OpendKafkaError: why the worker cannot start or go on.
        """
        self._failure = asyncio.get_running_loop().create_future()
        self._producer = RecordProducer(
            self.config.kafka.bootstrap_servers,
            self.config.kafka.librdkafka,
            topics={topic: one.subtype for one, topic in self._topics.items()},
            metrics=self.metrics,
            on_failure=self._on_delivery_failure,
        )
        table = await self._prepared(stop)
        if table is None:
            return
        self._pipeline = Pipeline(
            table, self._producer, self.metrics, now_us=lambda: time.time_ns() // 1000
        )
        try:
            async with serving(
                self.config.admin.host, self.config.admin.port, self.status, self.metrics
            ):
                await self._work(stop)
        except asyncio.CancelledError:
            # Abandoned at the second signal: whatever the first one had begun, nothing is drained.
            raise
        except BaseException:
            await self._drain()
            raise
        await self._drain()

    @property
    def delivered(self) -> int:
        """Records that Kafka has acknowledged."""
        return self._producer.delivered

    @property
    def buffered_records(self) -> int:
        """Records that Kafka has not acknowledged yet."""
        return self._producer.buffered_records

    @property
    def buffered_bytes(self) -> int:
        """Their bytes: what kafka.max_buffered_bytes bounds."""
        return self._producer.buffered_bytes

    async def _prepared(self, stop: asyncio.Event) -> Routes | None:
        """Give the routes once Kafka and the registry are ready; None where `stop` came first."""
        preparing = _in_daemon_thread(self._prepare_kafka)
        stopping = asyncio.create_task(stop.wait())
        ends: list[asyncio.Future[Any]] = [preparing, stopping]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            return preparing.result() if preparing.done() else None
        finally:
            stopping.cancel()
            preparing.cancel()

    def _prepare_kafka(self) -> Routes:
        """Bring topics and schemas into place, before the first tick needs them."""
        kafka = self.config.kafka
        created = ensure(self._topic_admin, topic_specs(self.config), create=kafka.topics.create)
        log.info("topics_ready", topics=len(self._topics), created=len(created))
        with wire_format_of(self.config) as wire_format:
            wire_format.await_answer(REGISTRY_START_S)
            return routes(self._topics, schema_of=schema_of, prefix=wire_format.prefix)

    async def _work(self, stop: asyncio.Event) -> None:
        tasks: list[asyncio.Task[Any]] = [
            asyncio.create_task(self._keep_linked()),
            asyncio.create_task(self._poll()),
            asyncio.create_task(stop.wait()),
        ]
        try:
            ends: list[asyncio.Future[Any]] = [*tasks, self._failure]
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for one in done:
                one.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep_linked(self) -> None:
        """Link, and link again, for ever."""
        reconnect = self.config.opend.reconnect
        self._backoff = Backoff(reconnect.initial_s, reconnect.max_s)
        while True:
            try:
                await self._link()
            except OpenDError as error:
                self._on_link_down(error)
            await asyncio.sleep(self._backoff.next_s())

    async def _link(self) -> None:
        opend = self.config.opend
        self.status.session = "connecting"
        connection = await tcp.connect(opend.host, opend.port, timeout_s=opend.request_timeout_s)
        self.status.session = "initialising"
        session = Session(
            self._wanted,
            request_timeout_s=opend.request_timeout_s,
            encryption=opend.encryption,
            rsa=self._rsa,
            push_format=opend.body_format,
        )
        link = Link(
            connection,
            session,
            self._on_event,
            gate=self._gate,
            after_read=self._producer.poll,
        )
        await link.run()

    def _on_link_down(self, error: OpenDError) -> None:
        log.warning("link_down", reason=error.reason, cause=str(error))
        self.metrics.reconnects.labels(error.reason).inc()
        self.metrics.session_up.set(0)
        self.status.session, self.status.cause = "waiting", str(error)
        self.status.standing.clear()
        self.status.refused.clear()
        self._count_subscriptions()

    def _on_event(self, event: Event) -> None:
        match event:
            case Push():
                self._pipeline.push(event)
            case FrameDamaged(proto_id, serial):
                self.metrics.checksum_failures.inc()
                log.warning("frame_damaged", proto_id=proto_id, push_serial=serial)
            case LoggedIn(conn_id, server_version, interval_s):
                self.status.conn_id, self.status.session = conn_id, "checking"
                log.info(
                    "logged_in",
                    conn_id=conn_id,
                    server_version=server_version,
                    keep_alive_interval_s=interval_s,
                )
            case NotReady(cause):
                self.status.cause = cause
                log.warning("opend_not_ready", cause=cause)
            case Subscribed(subscriptions):
                self.status.session, self.status.cause = "subscribing", ""
                self.status.standing.update(map(str, subscriptions))
            case SubscriptionRefused(subscription, error):
                self.status.refused[str(subscription)] = error.ret_msg
                log.error("subscription_refused", subscription=str(subscription), cause=str(error))
            case Live(standing, refused):
                self._on_live(standing, refused)
            case Notified(s2c):
                log.info("opend_notified", notice=str(s2c).replace("\n", " "))
            case NotifyRejected(error):
                log.warning("notify_rejected", cause=str(error))

    def _on_live(self, standing: int, refused: int) -> None:
        self.status.session, self.status.cause = "live", ""
        self._backoff.reset()
        self.metrics.session_up.set(1)
        self._count_subscriptions()
        log.info("live", conn_id=self.status.conn_id, standing=standing, refused=refused)

    def _count_subscriptions(self) -> None:
        self.metrics.subscriptions.labels("standing").set(len(self.status.standing))
        self.metrics.subscriptions.labels("refused").set(len(self.status.refused))

    async def _poll(self) -> None:
        """Take delivery reports also while OpenD is quiet or held back."""
        delivered, since = 0, time.monotonic()
        while True:
            self._producer.poll()
            if self._producer.delivered > delivered or not self._producer.buffered_records:
                delivered, since = self._producer.delivered, time.monotonic()
            self.status.unacknowledged_s = time.monotonic() - since
            self.metrics.buffered_records.set(self._producer.buffered_records)
            self.metrics.buffered_bytes.set(self._producer.buffered_bytes)
            await asyncio.sleep(_POLL_S)

    async def _gate(self) -> None:
        """Hold back from OpenD while Kafka owes us too many acknowledgements."""
        limit = self.config.kafka.max_buffered_bytes
        if self._producer.buffered_bytes < limit:
            return
        log.warning("backpressure_began", buffered_bytes=self._producer.buffered_bytes)
        self.status.reading = False
        since = time.monotonic()
        try:
            while self._producer.buffered_bytes > limit * _RESUME_PART:
                await asyncio.sleep(_POLL_S)
        finally:
            # Also where the link breaks meanwhile: the next one begins with reading.
            self.status.reading = True
            self.metrics.backpressure_seconds.inc(time.monotonic() - since)
        log.info("backpressure_ended", seconds=round(time.monotonic() - since, 3))

    def _on_delivery_failure(self, error: DeliveryFailed) -> None:
        self.status.delivery_failures += 1
        if self.config.kafka.on_delivery_failure == "continue":
            log.error("delivery_failed", topic=error.topic, cause=error.reason)
        elif not self._failure.done():
            self._failure.set_exception(error)

    async def _drain(self) -> None:
        """See every record that was taken to its delivery report.

        Raises:
            DrainFailed: Kafka does not take them.
        """
        deadline = time.monotonic() + DRAIN_S
        # In short turns: the loop stays able to hear a second signal.
        while remaining := self._producer.flush(_DRAIN_TURN_S):
            if time.monotonic() >= deadline:
                raise DrainFailed(remaining, DRAIN_S)
            await asyncio.sleep(0)
        log.info("drained", delivered=self._producer.delivered, failed=self._producer.failed)


def _in_daemon_thread(function: Callable[[], Routes]) -> asyncio.Future[Routes]:
    """Run what may wait for Kafka: unlike `to_thread`, the end of the process need not wait too."""
    outcome: Future[Routes] = Future()
    outcome.set_running_or_notify_cancel()

    def run() -> None:
        try:
            outcome.set_result(function())
        except BaseException as error:
            outcome.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return asyncio.wrap_future(outcome)

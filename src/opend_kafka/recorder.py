"""Takes OpenD's pushes to a file, as they come: the worker's way to OpenD, and no Kafka."""

from __future__ import annotations

import asyncio
import platform
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import structlog

from opend_kafka import __version__
from opend_kafka.admin.status import Status
from opend_kafka.backoff import Backoff
from opend_kafka.config import Config
from opend_kafka.errors import ConfigurationError, OpenDError, PushRejected
from opend_kafka.metrics import Metrics
from opend_kafka.opend.events import Event, LoggedIn, MarketStates, Push
from opend_kafka.opend.frames import HEADER
from opend_kafka.opend.lifecycle import Lifecycle, Signal
from opend_kafka.opend.messages import decode_push
from opend_kafka.opend.reconciler import Reconciler
from opend_kafka.opend.staleness import Staleness
from opend_kafka.opend.streams import streams_of
from opend_kafka.plan import connect, session_maker
from opend_kafka.recording import notes
from opend_kafka.recording.files import RecordingFile
from opend_kafka.recording.pushes import RecordedPush
from opend_kafka.recording.spool import Spool
from opend_kafka.reporter import Reporter
from opend_kafka.stream_watch import StreamWatch
from opend_kafka.transport.keeper import Keeper

log = structlog.get_logger()


class Recorder:
    """Takes pushes from one OpenD to a file. Make it, `run` it once.

    Args:
        config: of it, what concerns OpenD and the subscriptions.
        path: where to make the file.
        now_us: the wall clock, microseconds since 1970.

    Raises:
        KeyUnusable: a key cannot be read.
    """

    def __init__(
        self,
        config: Config,
        path: Path,
        *,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._config = config
        self._now_us = now_us
        self._path = path
        self.spool: Spool
        self._new_session = session_maker(config.opend)
        self._reconciler = Reconciler(config.wanted())
        self._lifecycle = Lifecycle()
        self._streams = Staleness()
        self._reporter = Reporter(
            Status(),
            Metrics(__version__),
            lambda event: None,
            worker=platform.node(),
            now_us=now_us,
        )
        self._watch = StreamWatch(self._streams, self._reconciler, self._lifecycle, self._reporter)
        self._markets: Mapping[str, int] = {}
        self._news = False
        #: Pushes, the bytes of their frames as TCP brings them, and those of the file.
        self.pushes = 0
        self.received_bytes = 0
        self.file_bytes = 0

    @property
    def phase(self) -> str:
        """How far the link to OpenD has come."""
        return self._lifecycle.phase

    async def run(self, stop: asyncio.Event) -> None:
        """Record until `stop` is set, then write what is left.

        Raises:
            RecordingUnusable: there is such a file already, or none can be made.
            RecordingFailed: the disk does not take it.
            ConfigurationError: OpenD's certificate cannot be checked.
        """
        with RecordingFile(self._path) as file:
            self.spool = Spool(file)
            log.info("recording", path=str(self._path))
            try:
                await self._record(stop)
            except ConfigurationError:
                if not self.pushes:
                    self._path.unlink()  # the next attempt finds no file there
                raise
            finally:
                self.file_bytes = file.size

    async def _record(self, stop: asyncio.Event) -> None:
        self.spool.note(notes.start(self._config.wanted()), self._now_us())
        writing = asyncio.create_task(self.spool.write())
        tasks: list[asyncio.Task[Any]] = [
            asyncio.create_task(self._new_keeper().run()),
            asyncio.create_task(self._watch.run()),
            asyncio.create_task(self.spool.cut_regularly()),
            asyncio.create_task(stop.wait()),
        ]
        try:
            try:
                done, _ = await asyncio.wait([*tasks, writing], return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                for task in tasks:
                    task.cancel()
                self._lifecycle.on(Signal.STOP, time.monotonic())
                await asyncio.gather(*tasks, return_exceptions=True)
            # What the link had already read has come until here.
            self.spool.note(notes.end(self.pushes), self._now_us())
        finally:
            self.spool.finish()
            await writing

    def _new_keeper(self) -> Keeper:
        opend = self._config.opend
        return Keeper(
            lambda: connect(opend),
            lambda: self._new_session(self._reconciler, lifecycle=self._lifecycle),
            self._lifecycle,
            Backoff(opend.reconnect.initial_s, opend.reconnect.max_s),
            on_event=self._on_event,
            on_down=self._on_down,
            gate=self.spool.gate,
            after_read=self._after_read,
        )

    def _on_event(self, event: Event) -> None:
        if isinstance(event, Push):
            self.take(event)
            return
        self._news = True
        self._reporter.on_event(event)
        self._watch.on_event(event)
        match event:
            case LoggedIn(conn_id, server_version, _):
                self.spool.note(notes.link(conn_id, server_version), self._now_us())
            case MarketStates(states) if states != self._markets:
                self._markets = dict(states)
                self.spool.note(notes.markets(states), self._now_us())

    def _on_down(self, error: OpenDError) -> None:
        self._reporter.link_down(error)

    def _after_read(self) -> None:
        if self._news:
            self._news = False
            self._watch.stand()

    def take(self, push: Push) -> None:
        """Record a push; hear of what it is, as far as it can be read."""
        received_us = self._now_us()
        self.spool.take(
            RecordedPush(
                received_us, push.conn_id, push.proto_id, push.serial, push.format, push.body
            )
        )
        self.pushes += 1
        self.received_bytes += HEADER.size + len(push.body)
        try:
            s2c = decode_push(push.proto_id, push.body, push.format)
        except PushRejected as error:
            log.warning("push_unreadable", cause=str(error), push_serial=push.serial)
            return
        for stream in streams_of(push.proto_id, s2c):
            self._streams.heard(stream)

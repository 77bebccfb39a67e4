"""One push's way: decode → rows → route → record → produce. It knows no socket and no Kafka client.

What cannot go this way, a push or some of its rows, is logged and becomes a dead letter; its
neighbours go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple, Protocol

import structlog

from opend_kafka.continuity.gap import Cause
from opend_kafka.continuity.stream import TickStream
from opend_kafka.continuity.tracker import Tracker
from opend_kafka.errors import NotSubscribed, PushRejected, UnknownFields, UnknownPush
from opend_kafka.kafka.routing import Route, Routes
from opend_kafka.metrics import Metrics
from opend_kafka.opend.events import Push, Reply
from opend_kafka.opend.messages import ProtoId, message_name, package_of, read_push, response_type
from opend_kafka.opend.pb import Qot_GetTicker_pb2
from opend_kafka.opend.securities import Security, market_name
from opend_kafka.opend.subscriptions import Subtype
from opend_kafka.records.engine import Provenance, RecordEncoder, Row
from opend_kafka.records.kinds import KINDS
from opend_kafka.records.tables import Kind

log = structlog.get_logger()

#: Of PushDataType: OpenD was cut off from its server, and has pushed what it missed; not live.
_BYDISCONN, _CACHE = "BYDISCONN", "CACHE"


class Sink(Protocol):
    """Where records go."""

    def produce(
        self,
        route: Route,
        value: bytes,
        timestamp_ms: int,
        on_delivered: Callable[[bool], None] | None = None,
    ) -> None:
        """Take one record, and tell whether Kafka took it, where somebody wants to know."""
        ...


class Record(NamedTuple):
    """A record on its way, as `Sink.produce` takes it."""

    route: Route
    value: bytes
    timestamp_ms: int

    def latest(self, route: Route) -> Record:
        """Give the same record for the topic that keeps the newest of each key."""
        bare = self.value[len(self.route.value_prefix) :]
        return Record(route, route.value_prefix + bare, self.timestamp_ms)


class DeadLetters(Protocol):
    """Where goes what cannot become records."""

    def take(self, push: Push, error: PushRejected, rows: Mapping[int, Row] | None = None) -> None:
        """Take a push, and why.

        Args:
            push: the whole push.
            error: why; where there are rows, why the first of them.
            rows: those it is about, by their place in the push; empty: all of them became
                records; None: it cannot be read at all.
        """
        ...


class Pipeline:
    """Turns pushes into records.

    Args:
        routes: of everything that is wanted.
        sink: takes the records.
        metrics: counted in.
        dead_letters: takes what cannot become records: a push that cannot be read once, the rows
            of one that cannot be mapped once a reason.
        now_us: the wall clock, microseconds since 1970: the ingest time.
        tracker: what has a sequence goes by it, so that nothing of it is lost in silence.
        heard: told of each row's stream: subtype, market number, code.
        kinds: the record kinds that can be made.
        keep_unknown_fields: a push with fields that this version does not know becomes records
            and, whole, a dead letter too.
        event_time: a record's timestamp in Kafka is its own event time, not the ingest time.
    """

    def __init__(
        self,
        routes: Routes,
        sink: Sink,
        metrics: Metrics,
        *,
        dead_letters: DeadLetters,
        now_us: Callable[[], int],
        tracker: Tracker[Record],
        heard: Callable[[tuple[str, int, str]], None] = lambda stream: None,
        kinds: Iterable[Kind] = KINDS,
        keep_unknown_fields: bool = False,
        event_time: bool = False,
    ) -> None:
        self._encoders = {kind.proto_id: RecordEncoder(kind) for kind in kinds}
        self._routes = dict(routes)
        self._sink = sink
        self._metrics = metrics
        self._dead_letters = dead_letters
        # A look-up of labels costs more than a count.
        self._pushes_received = cache(metrics.pushes_received.labels)
        self._records_produced = cache(metrics.records_produced.labels)
        self._now_us = now_us
        self._tracker = tracker
        self._heard = heard
        self._keep_unknown_fields = keep_unknown_fields
        self._event_time = event_time
        #: The messages whose unknown fields were logged.
        self._noticed: set[str] = set()

    def add_routes(self, routes: Routes) -> None:
        """Learn the routes of what is wanted from now on. What was wanted keeps its own."""
        self._routes |= routes

    def push(self, push: Push) -> None:
        """Bring one push to the sink. It raises nothing because of what the push holds."""
        self._metrics.bytes_received.inc(len(push.body))
        try:
            self._produce(push)
        except PushRejected as error:
            self._reject(push, error)

    def _produce(self, push: Push) -> None:
        encoder = self._encoders.get(push.proto_id)
        if encoder is None:
            raise UnknownPush(push.proto_id)
        s2c, unknown_fields = read_push(push.proto_id, push.body, push.format)
        if unknown_fields:
            self._notice(push, unknown_fields)
        provenance = Provenance(push.conn_id, push.serial, self._now_us())
        rows = encoder.rows(s2c)
        if rows:
            self._pushes_received(rows[0].subtype).inc()
        rejected: dict[str, tuple[PushRejected, dict[int, Row]]] = {}
        for index, row in enumerate(rows):
            try:
                route = self._route(row)
                self._heard((row.subtype, row.market_number, row.code))
                record = self._record(encoder, s2c, row, index, provenance, route)
            except PushRejected as error:
                rejected.setdefault(error.reason, (error, {}))[1][index] = row
                self._account(row)
                continue
            if row.sequence is None:
                self._sink.produce(*record)
                if route.latest is not None:
                    self._sink.produce(*record.latest(route.latest))
            else:
                stream = self._tracker.stream(row.market_number, row.code)
                self.follow(stream, row.push_data_type, row.sequence, record)
        for first, among in rejected.values():
            self._reject(push, first, among)

    def _notice(self, push: Push, unknown_fields: tuple[str, ...]) -> None:
        """Count what a newer OpenD has added; log it once; keep the push where that is wanted."""
        message = package_of(response_type(push.proto_id))
        if message not in self._noticed:
            self._noticed.add(message)
            log.warning("unknown_fields", message=message, fields=unknown_fields)
        self._metrics.unknown_fields.labels(message).inc()
        if self._keep_unknown_fields:
            # None of its rows is dead: they go on.
            self._dead_letters.take(push, UnknownFields(message, unknown_fields), {})

    def repair(self, security: Security, reply: Reply) -> None:
        """Take OpenD's latest ticks of a security (Qot_GetTicker), for those that did not come."""
        encoder = self._encoders[ProtoId.QOT_UPDATE_TICKER]
        provenance = Provenance(reply.conn_id, reply.serial, self._now_us(), "REPAIR")
        rows = {row.sequence: (index, row) for index, row in enumerate(encoder.rows(reply.s2c))}

        def make(sequence: int) -> Record | None:
            index, row = rows[sequence]
            try:
                route = self._route(row)
                return self._record(encoder, reply.s2c, row, index, provenance, route)
            except PushRejected as error:
                self._reject(_as_push(reply), error, {index: row})
                return None

        self._tracker.replied(security, [one for one in rows if one is not None], make)

    def _record(
        self,
        encoder: RecordEncoder,
        s2c: Any,
        row: Row,
        index: int,
        provenance: Provenance,
        route: Route,
    ) -> Record:
        value = encoder.encode(s2c, row, index, provenance, route.value_prefix)
        self._records_produced(row.subtype, row.push_data_type).inc()
        ingest_time_us = provenance.ingest_time_us
        if self._event_time:
            return Record(route, value, encoder.event_time_ms(s2c, row, ingest_time_us))
        return Record(route, value, ingest_time_us // 1000)

    def follow(
        self,
        stream: TickStream[Record] | None,
        push_data_type: str,
        sequence: int,
        record: Record,
    ) -> None:
        """Give a tick to the stream that it is of; without one it goes to the sink."""
        if stream is None:
            self._sink.produce(*record)
            return
        if push_data_type == _BYDISCONN:
            stream.suspect(Cause.BYDISCONN)
        cached = push_data_type == _CACHE
        stream.take(sequence, record, len(record.value), cached=cached)

    def _account(self, row: Row) -> None:
        """A tick among the dead letters is not missing."""
        stream = self._tracker.stream(row.market_number, row.code)
        if stream is not None and row.sequence is not None:
            stream.account(row.sequence)

    def route(self, subtype: Subtype, market_number: int, code: str) -> Route | None:
        """Give the way of what is wanted; None where it is not."""
        return self._routes.get((subtype, market_number, code))

    def _route(self, row: Row) -> Route:
        route = self.route(row.subtype, row.market_number, row.code)
        if route is None:
            raise NotSubscribed(row.subtype, f"{market_name(row.market_number)}.{row.code}")
        return route

    def _reject(
        self, push: Push, error: PushRejected, rows: Mapping[int, Row] | None = None
    ) -> None:
        log.warning(
            "push_rejected",
            reason=error.reason,
            cause=str(error),
            message=message_name(push.proto_id),
            push_serial=push.serial,
            conn_id=push.conn_id,
        )
        self._dead_letters.take(push, error, rows)
        if rows is None and push.proto_id == ProtoId.QOT_UPDATE_TICKER:
            self._tracker.suspect_all(Cause.DAMAGED)


def _as_push(reply: Reply) -> Push:
    body = Qot_GetTicker_pb2.Response(retType=0, s2c=reply.s2c).SerializeToString()
    return Push(reply.conn_id, ProtoId.QOT_GET_TICKER, reply.serial, body)

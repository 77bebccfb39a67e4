"""The compiled form of `pipeline`'s ordinary way: from a push's bytes to the producer, without a stop.

    a push                                                        goes
    whose every part is ordinary (`records.transcoder`)           this way
    one row of which is not wanted, or has no time of its own     to the pipeline, whole
    that is anything else                                         to the pipeline, whole

    a row of it                                                   goes
    of a kind without sequences; or of a stream that passes,      to librdkafka
    live, and its sequence the next one
    of another tick                                               to its `TickStream`
    while records wait before librdkafka                          to the `RecordProducer`

Nothing is judged here: what needs a judgement goes to who judges. What is counted here, `flush` tells
the metrics.
"""

cimport cython
from cpython cimport array
from cpython.time cimport time
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from opend_kafka.opend.cutter cimport Taker
from opend_kafka.records.transcoder cimport Identity, Transcoder

import array

from confluent_kafka import KafkaException

from opend_kafka.continuity.window import REMEMBERED
from opend_kafka.kafka.ledger import Line
from opend_kafka.kafka.producer import RECORD_OVERHEAD
from opend_kafka.opend.events import Push
from opend_kafka.opend.messages import ProtoId
from opend_kafka.opend.subscriptions import Subtype
from opend_kafka.pipeline import Record
from opend_kafka.records.programs import program
from opend_kafka.records.ticker import PUSH_DATA_TYPE

# As in `ledger.Line`; the constructor checks that.
cdef enum:
    TAKEN, DELIVERED, FAILED, BUFFERED_BYTES, UNTOLD_BYTES, DIRECT, PRODUCERS, LATENCY_WANTED

# As in `Steps.standing`.
cdef enum:
    BELIEVED, PROOFS

cdef int REALTIME = PUSH_DATA_TYPE.symbols.index("REALTIME")
cdef int64_t LOW_WORD = 0xFFFFFFFF
cdef Py_ssize_t OVERHEAD = RECORD_OVERHEAD
cdef Py_ssize_t WINDOW_END = 2 * REMEMBERED
# Values of PushDataType that have room.
cdef enum:
    TYPES = 8

# Bytes of one push's records: no push that OpenD makes has a tenth of it. They are all made before the
# first goes on, so what repeats a long text in each of many rows is for the pipeline: row by row.
cdef Py_ssize_t PUSH_SIZE = 16 * 1024 * 1024

cdef uint32_t TICKS = ProtoId.QOT_UPDATE_TICKER


cdef class Tally:
    """What is counted of one subtype, until the metrics are told."""

    cdef str subtype
    cdef tuple push_data_types
    cdef int64_t pushes, delivered, produced
    cdef int64_t of_type[TYPES]


cdef class Lane:
    """One subscription's way: where its records go, and who follows them."""

    cdef object route, stream, heard, note, forget, on_answer
    cdef int64_t heard_ms
    cdef str topic
    cdef bytes key, prefix
    cdef Tally tally
    cdef Lane latest
    cdef array.array passing, standing, sequences


@cython.final
@cython.freelist(512)
@cython.no_gc  # it is in no cycle: nothing that it names knows of it
cdef class Report:
    """Is told by librdkafka what has become of a record."""

    cdef Express express
    cdef Lane lane
    cdef int64_t number, timestamp_ms, size
    cdef bint followed

    def __call__(self, error, message):
        cdef long long* lines = self.express.ledger.data.as_longlongs
        cdef Lane lane = self.lane
        if error is not None:
            follow = lane.stream.acknowledged if self.followed else None
            self.express.report(self.number, self.timestamp_ms, follow, error, message)
            return
        lines[DELIVERED] += 1
        lines[BUFFERED_BYTES] -= self.size + OVERHEAD
        lane.tally.delivered += 1
        if lines[LATENCY_WANTED]:
            self.express.tell_latency(lane.tally.subtype, message)
        if self.followed:
            lane.forget()
            lane.on_answer(lane.stream)


cdef class Express(Taker):
    """Takes ordinary pushes from the socket's bytes to the producer.

    Args:
        kinds: the record kinds that can be made.
        pipeline: knows the routes; takes what does not go its way at once.
        producer: a `RecordProducer`.
        tracker: follows the ticks.
        metrics: told by `flush`.
        heard: told of each row's stream, once a millisecond: subtype, market number, code.
        now_us: the wall clock, microseconds since 1970: the ingest time; None: the machine's.
        sampler: a `HopSampler`; it wants to see a push of so many.
        event_time: see `Pipeline`.
    """

    cdef dict _transcoders
    cdef object _pipeline, _producer, _produce, _tracker, _metrics, _heard, _now_us, _sampler
    cdef bint _event_time
    cdef dict _tallies
    cdef int64_t _conn_id, _received, _producers
    cdef object _wide_conn_id
    cdef int _until_sample
    cdef int64_t _now_ms
    # The timestamp that librdkafka was given last, and the same as Python's.
    cdef int64_t _moment
    cdef object _moment_number
    # The row that `_make` has made.
    cdef Lane _lane
    cdef bytes _value
    cdef int64_t _timestamp_ms
    cdef array.array ledger
    cdef object report, tell_latency

    def __init__(
        self, kinds, pipeline, producer, tracker, metrics, *, heard, sampler, now_us=None, event_time=False
    ):
        assert [*Line] == [*range(LATENCY_WANTED + 1)]
        assert len(PUSH_DATA_TYPE.symbols) <= TYPES
        self._transcoders = {kind.proto_id: Transcoder(program(kind)) for kind in kinds}
        self._pipeline = pipeline
        self._producer = producer
        self._tracker = tracker
        self._metrics = metrics
        self._heard = heard
        self._now_us = now_us
        self._sampler = sampler
        self._event_time = event_time
        self._tallies = {}
        self._until_sample = 1
        self._moment_number = 0
        self.ledger = producer.ledger
        self.report = producer.report
        self.tell_latency = producer.tell_latency
        self.connected(0)

    def connected(self, conn_id):
        """Learn the number of the connection whose pushes come now: OpenD's uint64."""
        self._wide_conn_id = conn_id
        self._conn_id = <int64_t><uint64_t>conn_id

    def offer(self, uint32_t proto_id, uint32_t serial, bytes body):
        """Take a push in protobuf; False: it is for the pipeline."""
        return self.take(proto_id, serial, body, len(body))

    def flush(self):
        """Tell the metrics what has been counted."""
        cdef Tally tally
        metrics = self._metrics
        if self._received:
            metrics.bytes_received.inc(self._received)
            self._received = 0
        for tally in self._tallies.values():
            if tally.pushes:
                metrics.pushes_received.labels(tally.subtype).inc(tally.pushes)
                tally.pushes = 0
            if tally.produced:
                metrics.records_produced.labels(tally.subtype, "").inc(tally.produced)
                tally.produced = 0
            for number, name in enumerate(tally.push_data_types):
                if tally.of_type[<int>number]:
                    count = tally.of_type[<int>number]
                    metrics.records_produced.labels(tally.subtype, name).inc(count)
                    tally.of_type[<int>number] = 0
            if tally.delivered:
                self._producer.count_delivered(tally.subtype, tally.delivered)
                tally.delivered = 0

    cdef bint take(
        self, uint32_t proto_id, uint32_t serial, const uint8_t* body, Py_ssize_t size
    ) except -1:
        cdef Transcoder transcoder = self._transcoders.get(proto_id)
        cdef Lane lane
        cdef int row
        cdef int64_t ingest_us
        cdef Py_ssize_t total = 0
        if transcoder is None or not transcoder.read(body, size):
            return False
        ingest_us = <int64_t>(time() * 1e6) if self._now_us is None else self._now_us()
        self._now_ms = ingest_us // 1000
        if transcoder.rows == 1:
            if not self._make(transcoder, 0, serial, ingest_us):
                return False
            self._taken(proto_id, serial, body, size)
            self._pass_on(transcoder, 0, self._lane, self._value, self._timestamp_ms)
            return True
        records = []
        for row in range(transcoder.rows):
            if not self._make(transcoder, row, serial, ingest_us):
                return False
            total += len(self._value)
            if total > PUSH_SIZE:
                return False
            records.append((self._lane, self._value, self._timestamp_ms))
        self._lane = (<tuple>records[0])[0]
        self._taken(proto_id, serial, body, size)
        for row in range(transcoder.rows):
            lane, value, timestamp_ms = <tuple>records[row]
            self._pass_on(transcoder, row, lane, value, timestamp_ms)
        return True

    cdef int _taken(
        self, uint32_t proto_id, uint32_t serial, const uint8_t* body, Py_ssize_t size
    ) except -1:
        """Count a push, of which nothing can be refused any more."""
        self._received += size
        self._lane.tally.pushes += 1
        if proto_id == TICKS:
            self._until_sample -= 1
            if self._until_sample <= 0:
                self._sampler.look(Push(self._wide_conn_id, proto_id, serial, body[:size]))
                self._until_sample = self._sampler.every
        return 0

    cdef bint _make(
        self, Transcoder transcoder, int row, int64_t serial, int64_t ingest_us
    ) except -1:
        """Make a row's record, and find its lane and its timestamp; False where it is refused."""
        cdef Identity identity = transcoder.identity(row)
        if identity is None:
            return False
        self._lane = self._lane_of(transcoder, identity, transcoder.subtype(row))
        if self._lane is None:
            return False
        self._value = transcoder.encode(
            row, identity, self._lane.prefix, self._conn_id, serial, ingest_us
        )
        self._timestamp_ms = self._now_ms
        if self._event_time:
            self._timestamp_ms = transcoder.event_ms(row, self._timestamp_ms)
        return self._value is not None and self._timestamp_ms >= 0

    cdef int _pass_on(
        self, Transcoder transcoder, int row, Lane lane, bytes value, int64_t timestamp_ms
    ) except -1:
        cdef int kind = transcoder.push_data_type(row)
        if lane.heard_ms != self._now_ms:
            lane.heard_ms = self._now_ms
            self._heard(lane.heard)
        if kind < 0:
            lane.tally.produced += 1
        else:
            lane.tally.of_type[kind] += 1
        if lane.stream is None:
            self._send(lane, value, timestamp_ms, False)
            if lane.latest is not None:
                value = lane.latest.prefix + value[len(lane.prefix):]
                self._send(lane.latest, value, timestamp_ms, False)
        elif kind == REALTIME and self._passes(lane, transcoder.sequence(row)):
            self._send(lane, value, timestamp_ms, True)
        else:
            record = Record(lane.route, value, timestamp_ms)
            name = "" if kind < 0 else transcoder.push_data_types[kind]
            self._pipeline.follow(lane.stream, name, transcoder.sequence(row), record)
        return 0

    cdef Lane _lane_of(self, Transcoder transcoder, Identity identity, subtype):
        """Give the way of a row; None where nobody wants it."""
        if identity.subtype is subtype:
            return identity.lane
        if subtype is None:
            return None
        lane = identity.lanes.get(subtype)
        if lane is None:
            route = self._pipeline.route(subtype, identity.market_number, identity.code)
            if route is None:
                return None
            stream = None
            if subtype == Subtype.TICKER:
                stream = self._tracker.stream(identity.market_number, identity.code)
            heard = (subtype, identity.market_number, identity.code)
            lane = self._new_lane(route, stream, heard, transcoder.push_data_types)
            identity.lanes[subtype] = lane
        identity.subtype, identity.lane = subtype, lane
        return lane

    cdef Lane _new_lane(self, route, stream, heard, tuple push_data_types):
        cdef Lane lane = Lane.__new__(Lane)
        lane.route = route
        lane.topic, lane.key, lane.prefix = route.topic, route.key, route.value_prefix
        lane.heard = heard
        label = str(route.subtype)
        lane.tally = self._tallies.get(label)
        if lane.tally is None:
            lane.tally = self._tallies[label] = Tally()
            lane.tally.subtype, lane.tally.push_data_types = label, push_data_types
        if stream is not None:
            lane.stream = stream
            lane.note, lane.forget = stream.outstanding.append, stream.outstanding.popleft
            lane.on_answer = stream.on_answer
            lane.passing, lane.standing = stream.passing, stream.steps.standing
            lane.sequences = stream.window.sequences
        if route.latest is not None:
            lane.latest = self._new_lane(route.latest, None, heard, ())
        return lane

    cdef bint _passes(self, Lane lane, int64_t sequence) except -1:
        """Note a tick that goes on at once; False where its stream is to look at it.

        It is the part of `TickStream.take` in which nothing is decided: the sequence is above the
        last one, and the step between them changes nothing of what `Steps` believes.
        """
        cdef Py_ssize_t end = len(lane.sequences)
        cdef int64_t last, step
        cdef long long* standing
        if not lane.passing.data.as_longlongs[0] or not 0 < end < WINDOW_END:
            return False
        last = lane.sequences.data.as_longlongs[end - 1]
        if sequence <= last:
            return False
        step = (sequence & LOW_WORD) - (last & LOW_WORD)
        standing = lane.standing.data.as_longlongs
        if standing[BELIEVED]:
            if step != 1:
                return False
        elif step != 1:
            if standing[PROOFS]:
                return False
        elif sequence >> 32 != last >> 32:
            return False
        array.resize_smart(lane.sequences, end + 1)
        lane.sequences.data.as_longlongs[end] = sequence
        lane.note(sequence)
        return True

    cdef int _send(
        self, Lane lane, bytes value, int64_t moment, bint followed
    ) except -1:
        """Hand a record to librdkafka: `RecordProducer.produce`, where nothing is in the way."""
        cdef long long* lines = self.ledger.data.as_longlongs
        cdef Report report
        if not lines[DIRECT]:
            follow = lane.stream.acknowledged if followed else None
            self._producer.produce(lane.route, value, moment, follow)
            return 0
        report = Report.__new__(Report)
        report.express, report.lane, report.followed = self, lane, followed
        report.timestamp_ms = moment
        if moment != self._moment:
            self._moment, self._moment_number = moment, moment
        report.size = len(value) + len(lane.key)
        lines[TAKEN] += 1
        report.number = lines[TAKEN]
        if lines[PRODUCERS] != self._producers:
            self._producers = lines[PRODUCERS]
            self._produce = self._producer.librdkafka.produce
        lines[BUFFERED_BYTES] += report.size + OVERHEAD
        lines[UNTOLD_BYTES] += report.size
        try:
            self._produce(lane.topic, value, lane.key, -1, report, None, self._moment_number)
        except (BufferError, KafkaException):
            # Tried once more where the queue can be waited for, and an error be told.
            follow = lane.stream.acknowledged if followed else None
            self._producer.hand_over(report.number, lane.topic, lane.key, value, moment, follow)
        return 0

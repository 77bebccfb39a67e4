"""Both ways of a push: whatever comes, the compiled one leaves behind what the plain one does."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from io import BytesIO
from typing import Any

import fastavro
import pytest
from confluent_kafka import KafkaError, KafkaException
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from opend_kafka import schemas
from opend_kafka.continuity.gap import Cause, Gap
from opend_kafka.continuity.tracker import Tracker
from opend_kafka.continuity.window import REMEMBERED
from opend_kafka.dead_letters import DEAD_LETTERS, DeadLetterPublisher
from opend_kafka.errors import DeliveryFailed
from opend_kafka.hops import HopSampler
from opend_kafka.intake import ENGINE_VARIABLE, Intake, engine
from opend_kafka.kafka.producer import RecordProducer
from opend_kafka.kafka.routing import LATEST_BOOKS, Route, routes, topic_names
from opend_kafka.metrics import Metrics
from opend_kafka.opend.events import Push
from opend_kafka.opend.frames import PLAIN, BodyFormat, Frame, encode
from opend_kafka.opend.messages import ProtoId
from opend_kafka.opend.pb import Qot_UpdateOrderBook_pb2, Qot_UpdateTicker_pb2
from opend_kafka.opend.securities import Security
from opend_kafka.opend.subscriptions import Subscription, Subtype
from opend_kafka.pipeline import Pipeline, Record
from opend_kafka.records.kinds import schema_of
from opend_kafka.records.watermark import Watermark
from opend_kafka.watermarks import WATERMARKS
from tests.compiled import compiled

compiled("opend_kafka.express")

NOW_US = 1_700_000_000_123_456
SECURITIES = [Security("HK", "00700"), Security("US", "AAPL")]
UNWANTED = Security("HK", "09988")


class _Message:
    """A record on its way, as a delivery report shows it."""

    def __init__(self, topic: str, value: bytes, key: bytes, timestamp: int, report: Any) -> None:
        self.kept = (topic, value, key, timestamp)
        self.report = report

    def topic(self) -> str:
        return self.kept[0]

    def value(self) -> bytes:
        return self.kept[1]

    def key(self) -> bytes:
        return self.kept[2]

    def latency(self) -> float:
        return 0.001


class _Library:
    """librdkafka's producer: it takes records, and answers when it is told to."""

    def __init__(self) -> None:
        self.taken: list[_Message] = []
        self.waiting: deque[_Message] = deque()
        #: The records that it will take before it is full, until it is polled; before it fails one.
        self.full_in: int | None = None
        self.refuse_in: int | None = None
        self.refused: set[tuple[str, bytes]] = set()
        self.answers: list[int | None] = []

    def produce(
        self,
        topic: str,
        value: bytes,
        key: bytes,
        partition: int = -1,
        callback: Any = None,
        on_delivery: Any = None,
        timestamp: int = 0,
    ) -> None:
        if self.full_in is not None:
            self.full_in -= 1
            if self.full_in < 0:
                raise BufferError("full")
        if self.refuse_in is not None:
            self.refuse_in -= 1
            if self.refuse_in < 0:
                self.refuse_in = None
                self.refused.add((topic, value))
        if (topic, value) in self.refused:
            raise KafkaException(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE))
        message = _Message(topic, value, key, timestamp, callback or on_delivery)
        self.taken.append(message)
        self.waiting.append(message)

    def poll(self, timeout_s: float) -> int:
        """Report what was answered: the code of an error, or None, of the oldest ones."""
        if self.full_in is not None and self.full_in < 0:
            self.full_in = None
        answers, self.answers = self.answers, []
        for code in answers:
            if self.waiting:
                message = self.waiting.popleft()
                message.report(None if code is None else KafkaError(code), message)
        return len(answers)

    flush = poll

    def purge(self, **flags: bool) -> None:
        self.answers += [KafkaError._PURGE_QUEUE] * len(self.waiting)


class _World:
    """All that a push can touch."""

    def __init__(self, *, event_time: bool = False) -> None:
        self.libraries: list[_Library] = []
        self.failures: list[str] = []
        self.gaps: list[Gap] = []
        self.watermarks: list[Watermark] = []
        self.looked = False
        self.heard: set[tuple[str, int, str]] = set()
        self.left: list[Any] = []
        self.seconds = 100.0
        self.metrics = Metrics("0")
        wanted = [
            Subscription(one, subtype)
            for one in SECURITIES
            for subtype in (Subtype.TICKER, Subtype.ORDER_BOOK)
        ]
        names = topic_names(wanted, prefix="opend", layout="subtype_security")
        table = routes(
            names,
            schema_of=schema_of,
            prefix=lambda topic, schema, is_key: b"\x00\x00\x00\x00\x07",
            latest_books="opend.order-book-latest",
        )
        self.producer = RecordProducer(
            "nowhere",
            {},
            topics={topic: one.subtype for one, topic in names.items()}
            | {"opend.dead-letter": DEAD_LETTERS, "opend.order-book-latest": LATEST_BOOKS}
            | {"opend.watermark": WATERMARKS},
            metrics=self.metrics,
            on_failure=self._fail,
            make=self._make,
            clock=lambda: self.seconds,
        )
        self.tracker: Tracker[Record] = Tracker(
            emit=lambda record, on_delivered: self.producer.produce(*record, on_delivered),
            publish=self._publish,
            on_gap=self.gaps.append,
            watermarks={},
            worker="w",
            clock=lambda: self.seconds,
            now_us=lambda: NOW_US,
        )
        self.tracker.watch(SECURITIES)
        pipeline = Pipeline(
            table,
            self.producer,
            self.metrics,
            dead_letters=DeadLetterPublisher(
                self.producer,
                "opend.dead-letter",
                b"",
                self.metrics,
                worker="w",
                now_us=lambda: NOW_US,
            ),
            now_us=lambda: NOW_US,
            tracker=self.tracker,
            heard=self.heard.add,
            event_time=event_time,
        )
        hops = HopSampler(self.metrics, clock=lambda: self.seconds, now_us=lambda: NOW_US)
        self.intake = Intake(
            pipeline,
            hops,
            self.producer,
            self.tracker,
            self.metrics,
            heard=self.heard.add,
            event_time=event_time,
            now_us=lambda: NOW_US,
        )
        self.reader = self.intake.reader(lambda proto_id: PLAIN)
        self.intake.connected(2**64 - 5)

    def receive(self, data: bytes) -> None:
        """Take bytes as the session does: what the reader yields is a push, or damaged."""
        for frame in self.reader.receive(data):
            if frame.damage is None:
                one = Push(2**64 - 5, frame.proto_id, frame.serial, frame.body, frame.format)
                self.intake.push(one)
            else:
                self.left.append(frame)
        self.producer.poll()

    def look(self) -> Any:
        """Give everything that can be seen, once all is over."""
        self.looked = True
        self.intake.flush()
        self.tracker.write_all_watermarks()
        return {
            "records": [[one.kept for one in library.taken] for library in self.libraries],
            "failures": self.failures,
            "gaps": self.gaps,
            "followed": [self._followed(security) for security in SECURITIES],
            "watermarks": sorted(self.watermarks, key=str),  # they are written in no order
            "heard": self.heard,
            "left": self.left,
            "buffered": (self.producer.buffered_records, self.producer.buffered_bytes),
            "ended": (self.producer.delivered, self.producer.failed),
            "metrics": self._samples(),
        }

    def _followed(self, security: Security) -> Any:
        stream = self.tracker.stream(security.market_number, security.code)
        assert stream is not None
        return stream.window.sequences, stream.outstanding, stream.steps.standing

    def _samples(self) -> dict[Any, float]:
        return {
            (sample.name, *sample.labels.items()): sample.value
            for family in self.metrics.registry.collect()
            for sample in family.samples
            if sample.name.startswith("opend_kafka") and not sample.name.endswith("_created")
        }

    def _make(self, properties: dict[str, Any]) -> Any:
        self.libraries.append(_Library())
        return self.libraries[-1]

    def _fail(self, error: DeliveryFailed) -> None:
        self.failures.append(str(error))

    def _publish(self, watermark: Watermark, on_delivered: Callable[[bool], None]) -> None:
        self.watermarks.append(watermark)
        if not self.looked:  # they are Kafka's to answer, as ticks are
            route = Route("opend.watermark", WATERMARKS, b"key", b"")
            self.producer.produce(route, str(watermark).encode(), 0, on_delivered)


def _tick(number: int, second: int, kind: int | None) -> dict[str, Any]:
    tick = {
        "time": "2023-11-14 22:13:20",
        "sequence": (1_700_000_000 + second) << 32 | number,
        "dir": 1,
        "price": 1.5,
        "volume": 100,
        "turnover": 150.0,
        "timestamp": 1_700_000_000.25,
        "recvTime": 1_700_000_000.5,
    }
    return tick if kind is None else tick | {"pushDataType": kind}


def _ticks(security: Security, ticks: list[dict[str, Any]], serial: int, missing: bool) -> bytes:
    push = Qot_UpdateTicker_pb2.Response(retType=0)
    push.s2c.security.market, push.s2c.security.code = security.market_number, security.code
    for tick in ticks:
        push.s2c.tickerList.add(**tick)
    if missing:
        push.s2c.tickerList[0].ClearField("price")
    return _frame(ProtoId.QOT_UPDATE_TICKER, push.SerializePartialToString(), serial)


def _book(security: Security, levels: int, serial: int) -> bytes:
    push = Qot_UpdateOrderBook_pb2.Response(retType=0)
    push.s2c.security.market, push.s2c.security.code = security.market_number, security.code
    for level in range(levels):
        push.s2c.orderBookAskList.add(price=level, volume=level, orederCount=1)
    return _frame(ProtoId.QOT_UPDATE_ORDER_BOOK, push.SerializeToString(), serial)


def _frame(proto_id: int, body: bytes, serial: int) -> bytes:
    return encode(Frame(proto_id, serial, body))


_SECURITY = st.sampled_from([*SECURITIES, SECURITIES[0], UNWANTED])
_SERIAL = st.integers(0, 2**32 - 1)
#: Mostly the next number in a second that comes; now and then one that is missing, late or twice.
_STEPS = st.lists(
    st.tuples(
        st.sampled_from([1, 1, 1, 1, 1, 1, 0, 2, -1, 5]),
        st.sampled_from([0, 1, 1]),
        st.sampled_from([1, 1, 1, 1, 1, 1, 2, 3, 9, None]),
    ),
    min_size=1,
    max_size=4,
)
_ACTIONS = st.lists(
    st.one_of(
        st.tuples(
            st.just("ticks"), _SECURITY, _STEPS, _SERIAL, st.sampled_from([False] * 9 + [True])
        ),
        st.tuples(st.just("ticks"), st.just(SECURITIES[0]), _STEPS, _SERIAL, st.just(False)),
        st.tuples(st.just("ticks"), st.just(SECURITIES[1]), _STEPS, _SERIAL, st.just(False)),
        st.tuples(st.just("run"), st.sampled_from(SECURITIES), st.sampled_from([3, 15, 16, 40])),
        st.tuples(st.just("book"), _SECURITY, st.integers(0, 3), _SERIAL),
        st.tuples(st.just("damage"), st.integers(0, 10_000)),
        st.tuples(st.just("json"), _SERIAL),
        st.tuples(st.just("unknown"), st.sampled_from([3017, 3008]), _SERIAL),
        st.tuples(st.just("cut"), st.integers(1, 60)),
        st.tuples(st.just("join"), _SECURITY),
        st.tuples(st.just("settle")),
        st.tuples(st.just("settle")),
        st.tuples(st.just("ack"), st.integers(1, 20)),
        st.tuples(st.just("fail"), st.integers(0, 3)),
        st.tuples(st.just("full"), st.integers(0, 3)),
        st.tuples(st.just("answered"), st.integers(1, 20)),
        st.tuples(st.just("refuse"), st.integers(0, 3)),
        st.tuples(st.just("fatal")),
        st.tuples(st.just("suspect"), st.sampled_from(SECURITIES)),
        st.tuples(st.just("link")),
        st.tuples(st.just("time"), st.sampled_from([0.1, 1.0, 4.0])),
    ),
    max_size=30,
)


class _Script:
    """Plays the same actions to any world."""

    def __init__(self, world: _World) -> None:
        self.world = world
        self.numbers = dict.fromkeys([*SECURITIES, UNWANTED], 100)
        self.second = 0
        self.rest = b""

    def play(self, name: str, *given_: Any) -> None:
        getattr(self, f"_{name}")(*given_)

    def _send(self, data: bytes) -> None:
        self.world.receive(self.rest + data)
        self.rest = b""

    def _ticks(self, security: Security, steps: Any, serial: int, missing: bool) -> None:
        ticks = []
        for step, second, kind in steps:
            self.second += second
            self.numbers[security] = max(0, self.numbers[security] + step)
            ticks.append(_tick(self.numbers[security], self.second, kind))
        self._send(_ticks(security, ticks, serial, missing))

    def _run(self, security: Security, ticks: int) -> None:
        """So many ticks whose numbers count up by one, each in a second of its own."""
        self._ticks(security, [(1, 1, 1)] * ticks, 5, False)

    def _book(self, security: Security, levels: int, serial: int) -> None:
        self._send(_book(security, levels, serial))

    def _damage(self, at: int) -> None:
        frame = bytearray(_book(SECURITIES[0], 2, 7))
        frame[44 + at % (len(frame) - 44)] ^= 0x55
        self._send(bytes(frame))

    def _json(self, serial: int) -> None:
        body = b'{"retType": 0, "s2c": {"security": {"market": 1, "code": "00700"}}}'
        frame = Frame(ProtoId.QOT_UPDATE_TICKER, serial, body, BodyFormat.JSON)
        self._send(encode(frame))

    def _unknown(self, proto_id: int, serial: int) -> None:
        self._send(_frame(proto_id, b"\x08\x00", serial))

    def _cut(self, at: int) -> None:
        frame = _book(SECURITIES[1], 1, 9)
        self.world.receive(self.rest + frame[:at])
        self.rest = frame[at:]

    def _join(self, security: Security) -> None:
        """This book comes together with what comes next."""
        self.rest += _book(security, 1, 11)

    def _settle(self) -> None:
        """OpenD takes the subscriptions, and says that it has nothing else."""
        tracker = self.world.tracker
        tracker.subscribed(SECURITIES)
        while asked := tracker.asks():
            for security in asked:
                tracker.replied(security, (), lambda sequence: None)
        tracker.on_time()

    def _ack(self, records: int) -> None:
        self._answer([None] * records)

    def _fail(self, after: int) -> None:
        self._answer([None] * after + [KafkaError._MSG_TIMED_OUT])

    def _fatal(self) -> None:
        self._answer([None, KafkaError._FATAL])

    def _answered(self, records: int) -> None:
        """Kafka has answered, and nobody has polled yet."""
        self.world.libraries[-1].answers += [None] * records

    def _answer(self, answers: list[int | None]) -> None:
        self.world.libraries[-1].answers += answers
        self.world.producer.poll()

    def _full(self, records: int) -> None:
        self.world.libraries[-1].full_in = records

    def _refuse(self, records: int) -> None:
        self.world.libraries[-1].refuse_in = records

    def _suspect(self, security: Security) -> None:
        stream = self.world.tracker.stream(security.market_number, security.code)
        assert stream is not None
        stream.suspect(Cause.DAMAGED)

    def _link(self) -> None:
        self.world.tracker.link_ended()

    def _write(self) -> None:
        self.world.tracker.write_all_watermarks()

    def _time(self, seconds: float) -> None:
        self.world.seconds += seconds
        self.world.tracker.on_time()
        self.world.producer.poll()


def _played(actions: list[Any], monkeypatch: pytest.MonkeyPatch, way: str, **kwargs: Any) -> Any:
    monkeypatch.setenv(ENGINE_VARIABLE, way)
    with capture_logs() as logs:
        script = _Script(_World(**kwargs))
        assert engine() == way
        script.play("settle")
        script.play("ack", len(SECURITIES))
        for action in actions:
            script.play(*action)
        return script.world.look() | {"logs": logs}


@settings(max_examples=100)
@given(_ACTIONS, st.booleans())
def test_both_ways_leave_the_same_behind(actions: list[Any], event_time: bool) -> None:
    """Records in their order, gaps, watermarks, dead letters, metrics, logs: all are equal."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        plain = _played(actions, monkeypatch, "plain", event_time=event_time)
        compiled = _played(actions, monkeypatch, "compiled", event_time=event_time)
    for what, left in plain.items():
        assert compiled[what] == left, what


def _tick_of(*steps: tuple[int, int, int | None]) -> tuple[Any, ...]:
    return "ticks", SECURITIES[0], [*steps], 1, False


#: Within one second nothing is proved: such a tick may go the compiled way.
_NEXT = _tick_of((1, 0, 1))
_RUN = ("run", SECURITIES[0], 17)


@pytest.mark.parametrize(
    "actions",
    [
        [_NEXT, _NEXT, _NEXT, ("fail", 1), _NEXT, ("ack", 9)],
        [_NEXT, ("refuse", 0), _NEXT, _NEXT, ("ack", 9)],
        [_NEXT, ("full", 0), _NEXT, _NEXT, ("ack", 2)],
        [_NEXT, ("full", 0), ("refuse", 0), _NEXT, _NEXT, ("ack", 9)],
        [_NEXT, _tick_of((0, 0, 1)), _tick_of((-1, 0, 1)), _NEXT, ("ack", 9)],
        [_NEXT, _NEXT, *(_tick_of((1, 0, kind)) for kind in (3, 9, None, 2)), ("ack", 9)],
        [_RUN, _tick_of((1, 0, 1)), _tick_of((2, 0, 1)), _NEXT, ("settle",), ("ack", 40)],
        [_RUN, _tick_of((-9, 9, 1)), _NEXT, _NEXT],
        [("run", SECURITIES[0], 3), _tick_of((2, 1, 1)), _NEXT],
        [_NEXT, ("suspect", SECURITIES[0]), _NEXT, ("time", 4.0), _NEXT, ("ack", 9)],
        [_NEXT, _NEXT, _NEXT, ("fatal",), _NEXT, *[("time", 0.1)] * 3, _NEXT, _NEXT, ("ack", 9)],
        [_NEXT, ("ack", 9), ("write",), _NEXT, ("ack", 9)],
        [_NEXT] * 250,
    ],
    ids=[
        *("failed", "refused", "full", "refused when full", "late", "not live", "step believed"),
        *("back", "proof broken", "suspected", "restarted", "answered", "sampled"),
    ],
)
def test_both_ways_turn_alike(monkeypatch: pytest.MonkeyPatch, actions: list[Any]) -> None:
    """Each turn that the compiled way leaves to others is taken as Python's way takes it."""
    plain = _played(actions, monkeypatch, "plain")
    assert _played(actions, monkeypatch, "compiled") == plain


@pytest.mark.parametrize("step", [1, 2])
def test_both_ways_remember_the_same_ticks(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """A window that overflows is cut at the same place."""
    many = ("ticks", SECURITIES[0], [(step, 1, 1)] * (2 * REMEMBERED - 3), 1, False)
    few = [("ticks", SECURITIES[0], [(step, 1, 1)], serial, False) for serial in range(6)]
    late = ("ticks", SECURITIES[0], [(-3, 0, 1)], 7, False)
    actions = [many, *few, ("ack", 4 * REMEMBERED), late]
    plain = _played(actions, monkeypatch, "plain")
    compiled = _played(actions, monkeypatch, "compiled")
    assert compiled["followed"] == plain["followed"]
    assert len(plain["followed"][0][0]) < 2 * REMEMBERED


@pytest.mark.parametrize("way", ["plain", "compiled"])
def test_what_a_wait_for_room_lets_go_is_not_overtaken(
    monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """Ticks that a report lets go, while a book waits for room, go before the next push's."""
    ticks = [("ticks", SECURITIES[0], [(1, 1, 1)], serial, False) for serial in range(3)]
    # The last of the book's two records waits.
    waits: list[Any] = [("full", 1), ("join", SECURITIES[1])]
    actions: list[Any] = [("settle",), *ticks[:2], ("answered", len(SECURITIES)), *waits, ticks[2]]
    monkeypatch.setenv(ENGINE_VARIABLE, way)
    script = _Script(_World())
    for action in actions:
        script.play(*action)
    taken = [one.value() for one in script.world.libraries[0].taken if "00700" in one.topic()]
    assert taken == sorted(taken)  # by the sequence, the first that they differ in
    assert len(taken) == len(ticks)


@pytest.mark.parametrize("way", ["plain", "compiled"])
def test_new_producer_takes_what_comes_after_a_restart(
    monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """Nothing goes to the producer that was given up: what it had comes first, then the next."""
    tick = ("ticks", SECURITIES[0], [(1, 0, 1)], 1, False)
    restart: list[Any] = [("fatal",), ("time", 0.1), ("time", 0.1), ("time", 0.1)]
    monkeypatch.setenv(ENGINE_VARIABLE, way)
    script = _Script(_World())
    actions: list[Any] = [("settle",), ("ack", len(SECURITIES)), *[tick] * 3, *restart, tick, tick]
    for action in actions:
        script.play(*action)
    first, second = script.world.libraries
    assert [one.value() for one in second.taken[:2]] == [one.value() for one in first.taken[-2:]]
    assert (len(first.taken), len(second.taken)) == (len(SECURITIES) + 3, 4)


def test_ordinary_push_never_leaves_the_compiled_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tick of a stream that passes is never shown to the pipeline."""
    world = _World()
    script = _Script(world)
    script.play("settle")
    script.play("ack", len(SECURITIES))
    world.libraries[0].taken.clear()
    script.play("ticks", SECURITIES[0], [(1, 1, 1)], 1, False)
    script.play("ticks", SECURITIES[0], [(1, 1, 1)], 2, False)
    seen: list[Any] = []
    monkeypatch.setattr(Pipeline, "push", seen.append)
    monkeypatch.setattr(Pipeline, "follow", lambda *given_: seen.append(given_))
    script.play("ticks", SECURITIES[0], [(1, 0, 1), (1, 0, 1)], 3, False)
    script.play("book", SECURITIES[0], 3, 4)
    assert seen == []
    assert len(world.libraries[0].taken) == 6


def test_push_before_the_login_is_of_no_connection() -> None:
    """A new connection has number 0 until OpenD names it: not that of the one before."""
    world = _World()
    world.reader = world.intake.reader(lambda proto_id: PLAIN)
    world.receive(_book(SECURITIES[0], 1, 1))
    value = world.libraries[0].taken[0].value()
    record: Any = fastavro.schemaless_reader(
        BytesIO(value[5:]), schemas.load("opend.OrderBook"), None
    )
    assert record["provenance"]["conn_id"] == 0


def test_push_whose_records_repeat_a_long_text_goes_row_by_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A small push may come to many gigabytes: its records are never in memory at once."""
    push = Qot_UpdateTicker_pb2.Response(retType=0)
    push.s2c.security.market, push.s2c.security.code = 1, "00700"
    push.s2c.name = "a" * (9 << 20)
    for number in range(2):
        push.s2c.tickerList.add(**_tick(number, number, 1))
    seen: list[Push] = []
    monkeypatch.setattr(Pipeline, "push", lambda self, one: seen.append(one))
    world = _World()
    world.receive(_frame(ProtoId.QOT_UPDATE_TICKER, push.SerializeToString(), 1))
    assert ([one.serial for one in seen], world.libraries[0].taken) == ([1], [])

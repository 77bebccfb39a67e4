"""The producer over a librdkafka that fails in every way, at every moment: nothing is lost."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer
from hypothesis import given
from hypothesis import strategies as st

from opend_kafka.errors import DeliveryFailed, ProducerFailed
from opend_kafka.kafka.producer import RECORD_OVERHEAD, RecordProducer
from opend_kafka.kafka.restarts import RESTARTS
from opend_kafka.kafka.routing import Route
from opend_kafka.metrics import Metrics

TOPIC = "topic"
FATAL = KafkaError(KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER, "lost count", fatal=True)
#: What a given-up librdkafka says of its records.
AT_FAULT = (
    KafkaError._PURGE_QUEUE,
    KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER,
    KafkaError.INVALID_PRODUCER_EPOCH,
    KafkaError._TRANSPORT,
)


@dataclass(eq=False)
class _Message:
    """A record in librdkafka; like there, a failed one knows nothing of its time."""

    key_: bytes
    value_: bytes
    timestamp_ms: int
    on_delivery: Any

    def topic(self) -> str:
        return TOPIC

    def key(self) -> bytes:
        return self.key_

    def value(self) -> bytes:
        return self.value_

    def latency(self) -> float:
        return 0.001


@dataclass
class _Broker:
    """What stands in the topic: (value, time) by key, which is the partition here."""

    log: dict[bytes, list[tuple[bytes, int]]] = field(default_factory=lambda: defaultdict(list))

    def append(self, message: _Message) -> None:
        self.log[message.key_].append((message.value_, message.timestamp_ms))


class _Library:
    """One producer of librdkafka. Its records of a key end in order, until it is given up."""

    def __init__(self, broker: _Broker, random: Random) -> None:
        self.broker = broker
        self.random = random
        self.waiting: dict[bytes, list[_Message]] = defaultdict(list)
        self.reports: list[tuple[int | None, _Message]] = []
        self.failed = False
        self.fatal: KafkaError | None = None
        self.room = 1000

    def produce(
        self, topic: str, value: bytes, key: bytes, *, on_delivery: Any, timestamp: int
    ) -> None:
        if self.failed:
            raise KafkaException(KafkaError(KafkaError._FATAL))
        if sum(map(len, self.waiting.values())) + len(self.reports) >= self.room:
            raise BufferError
        if value == b"refused at once":
            raise KafkaException(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE))
        self.waiting[key].append(_Message(key, value, timestamp, on_delivery))

    def poll(self, timeout_s: float) -> int:
        if self.room < 1000:
            self.end(b"a", None)
        if self.fatal is not None:
            error, self.fatal = self.fatal, None
            raise KafkaException(error)
        served = 0
        while self.reports and served < 3:
            code, message = self.reports.pop(0)
            message.on_delivery(None if code is None else KafkaError(code), message)
            served += 1
        return served

    def flush(self, timeout_s: float) -> int:
        return self.poll(timeout_s)

    def purge(self, **flags: bool) -> None:
        """Give back, in no good order, what was re-queued since the fault."""
        assert flags == {"in_flight": False, "blocking": False}
        if self.failed:
            self._return([one for waiting in self.waiting.values() for one in waiting])
            self.waiting.clear()

    def end(self, key: bytes, code: int | None) -> None:
        """End the oldest record of a key."""
        if self.waiting[key] and not self.failed:
            message = self.waiting[key].pop(0)
            if code is None:
                self.broker.append(message)
            self.reports.append((code, message))

    def fail(self, *, loudly: bool) -> None:
        """Fail for good: of each key some are acknowledged, some are in the log unacknowledged."""
        if self.failed:
            return
        self.failed = True
        self.fatal = FATAL if loudly else None
        back: list[_Message] = []
        for waiting in self.waiting.values():
            acknowledged = self.random.randint(0, len(waiting))
            in_log = self.random.randint(acknowledged, len(waiting))
            at_once = self.random.randint(in_log, len(waiting)) if loudly else len(waiting)
            for message in waiting[:in_log]:
                self.broker.append(message)
            self.reports += [(None, message) for message in waiting[:acknowledged]]
            back += waiting[acknowledged:at_once]
            del waiting[:at_once]
        self._return(back)

    def _return(self, back: list[_Message]) -> None:
        self.random.shuffle(back)
        self.reports += [(self.random.choice(AT_FAULT), message) for message in back]


class _Rig:
    """A producer, its broker, and what was said."""

    def __init__(self, seed: int = 0) -> None:
        self.broker, self.random, self.now_s = _Broker(), Random(seed), 0.0
        self.made: list[_Library] = []
        self.failures: list[DeliveryFailed] = []
        self.restarts: list[tuple[str, int]] = []
        self.told: dict[bytes, list[bool]] = defaultdict(list)
        self.sent: dict[bytes, list[tuple[bytes, int]]] = defaultdict(list)
        self.metrics = Metrics("0")
        self.producer = RecordProducer(
            "",
            {},
            topics={TOPIC: "ticker"},
            metrics=self.metrics,
            on_failure=self.failures.append,
            on_restart=lambda cause, records: self.restarts.append((cause, records)),
            make=self._make,
            clock=lambda: self.now_s,
        )

    def _make(self, _: dict[str, Any]) -> Producer:
        self.made.append(_Library(self.broker, self.random))
        return cast(Producer, self.made[-1])

    @property
    def library(self) -> _Library:
        return self.made[-1]

    def produce(self, key: bytes, value: bytes | None = None) -> None:
        number = sum(map(len, self.sent.values()))
        value = b"%d" % number if value is None else value
        self.sent[key].append((value, number))
        self.producer.produce(
            Route(TOPIC, "ticker", key, b""), value, number, partial(self._told, value)
        )

    def _told(self, value: bytes, delivered: bool) -> None:
        self.told[value].append(delivered)

    def give_up(self) -> None:
        """Have the producer replaced, with all that it holds."""
        before = len(self.made)
        self.library.failed, self.library.fatal = True, FATAL
        while len(self.made) == before:
            self.now_s += 0.1
            self.producer.poll()

    def settle(self) -> None:
        """Let Kafka take everything."""
        for _ in range(10_000):
            if not self.producer.buffered_records:
                return
            for key in list(self.library.waiting):
                self.library.end(key, None)
            self.now_s += 1
            self.producer.poll()
        raise AssertionError("records are left over")


KEYS = st.sampled_from([b"a", b"b", b"c"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("produce"), KEYS),
        st.tuples(st.just("produce"), KEYS),
        st.tuples(st.just("acknowledge"), KEYS),
        st.tuples(st.just("refuse"), KEYS),
        st.tuples(st.just("fail"), st.booleans()),
        st.tuples(st.just("poll"), st.none()),
        st.tuples(st.just("flush"), st.none()),
    ),
    max_size=60,
)


def _step(rig: _Rig, name: str, given_: Any) -> None:
    match name:
        case "produce":
            rig.produce(given_)
        case "acknowledge":
            rig.library.end(given_, None)
        case "refuse":
            rig.library.end(given_, KafkaError.MSG_SIZE_TOO_LARGE)
        case "fail":
            rig.now_s += 30  # not so often that it would be given up
            rig.library.fail(loudly=given_)
        case "poll":
            rig.producer.poll()
        case "flush":
            rig.producer.flush(0)


@given(STEPS, st.integers(0, 1000))
def test_records_are_all_delivered_in_order_or_told_of(
    steps: list[tuple[str, Any]], seed: int
) -> None:
    """Whatever fails when: what was not refused is in the log, first occurrences in order."""
    rig = _Rig(seed)
    for name, given_ in steps:
        _step(rig, name, given_)
    rig.settle()
    refused = {failure.value for failure in rig.failures}
    for key, sent in rig.sent.items():
        # One that was refused may be in the log all the same: from a producer that failed.
        landed = [one for one in dict.fromkeys(rig.broker.log[key]) if one[0] not in refused]
        assert landed == [one for one in sent if one[0] not in refused]
    every = {value for sent in rig.sent.values() for value, _ in sent}
    assert rig.told == {value: [value not in refused] for value in every}
    assert len(rig.restarts) == len(rig.made) - 1


@given(STEPS, st.integers(0, 1000))
def test_buffered_bytes_are_those_of_the_records_that_have_not_ended(
    steps: list[tuple[str, Any]], seed: int
) -> None:
    """The account is exact after every step, also while a producer is replaced."""
    rig = _Rig(seed)
    for name, given_ in steps:
        _step(rig, name, given_)
        open_ = [
            len(key) + len(value) + RECORD_OVERHEAD
            for key, sent in rig.sent.items()
            for value, _ in sent
            if value not in rig.told
        ]
        assert (rig.producer.buffered_records, rig.producer.buffered_bytes) == (
            len(open_),
            sum(open_),
        )


def test_records_that_come_during_a_restart_go_behind_those_that_came_back() -> None:
    """The new producer begins with what the old one had not delivered."""
    rig = _Rig()
    rig.produce(b"a")
    rig.library.fail(loudly=True)
    rig.producer.poll()
    rig.produce(b"a")
    rig.settle()
    assert [value for value, _ in dict.fromkeys(rig.broker.log[b"a"])] == [b"0", b"1"]


def test_restart_is_told_with_its_cause_and_counted() -> None:
    """The cause is librdkafka's own, and the records that go out again are counted."""
    rig = _Rig()
    rig.produce(b"a")
    rig.give_up()
    assert rig.restarts == [("lost count", 1)]
    assert rig.metrics.registry.get_sample_value("opend_kafka_producer_restarts_total") == 1


def test_record_meets_a_failed_producer_and_goes_to_the_next() -> None:
    """The first that hears of the failure may be a produce."""
    rig = _Rig()
    rig.library.fail(loudly=False)
    rig.produce(b"a")
    rig.settle()
    assert rig.told == {b"0": [True]}


def test_full_queue_that_fails_while_it_is_waited_for_loses_nothing() -> None:
    """The record that waited for room goes to the next producer."""
    rig = _Rig()
    rig.library.room = 1
    rig.produce(b"a")
    rig.library.fail(loudly=True)
    rig.library.failed = False  # to produce, it is full before it is failed
    rig.produce(b"a")
    rig.library.failed = True
    rig.settle()
    assert [value for value, _ in dict.fromkeys(rig.broker.log[b"a"])] == [b"0", b"1"]


def test_restarts_without_end_end_the_worker() -> None:
    """What fails again at once, again and again, is an error that says what is at stake."""
    rig = _Rig()
    rig.produce(b"a")
    for _ in range(RESTARTS):
        rig.give_up()
    rig.library.failed, rig.library.fatal = True, FATAL
    with pytest.raises(ProducerFailed, match=r"lost count; 1 records may be missing"):
        rig.producer.poll()


def test_record_that_is_refused_at_once_is_told_of_at_once() -> None:
    """It does not come back, and leaves nothing in the accounts."""
    rig = _Rig()
    rig.produce(b"a", b"refused at once")
    assert rig.told == {b"refused at once": [False]}
    assert [one.code for one in rig.failures] == ["MSG_SIZE_TOO_LARGE"]
    assert rig.producer.buffered_bytes == 0

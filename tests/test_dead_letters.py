"""The way of what cannot become records."""

from __future__ import annotations

import os
from typing import Any

import pytest

from opend_kafka.consuming.decoding import Decoder
from opend_kafka.dead_letters import DEAD_LETTERS, DeadLetterPublisher
from opend_kafka.errors import ChecksumWrong, DeliveryFailed, MessageMalformed, NotSubscribed
from opend_kafka.kafka.producer import RecordProducer
from opend_kafka.kafka.registry import SingleObject
from opend_kafka.kafka.topics import TopicSpec
from opend_kafka.metrics import Metrics
from opend_kafka.opend.events import Push
from opend_kafka.opend.subscriptions import Subtype
from opend_kafka.records.dead_letter import SCHEMA, DeadLetter
from opend_kafka.records.engine import Row
from tests.conftest import Cluster
from tests.sinks import KeptRecords

TOPIC = "opend.dead-letter"
NOW_US = 1_700_000_000_123_456
PUSH = Push(7, 3011, 5, b"body")
MALFORMED = MessageMalformed("Qot_UpdateTicker (3011)", "garbage")
UNWANTED = NotSubscribed("ticker", "HK.00001")


class _Taken(KeptRecords):
    """A publisher, and what it hands over."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.letters: list[DeadLetter] = []
        self.metrics = Metrics("0")
        self.publisher = DeadLetterPublisher(
            self,
            TOPIC,
            SingleObject().prefix(TOPIC, SCHEMA, False),
            self.metrics,
            worker="w",
            now_us=lambda: NOW_US,
            on_letter=self.letters.append,
            **options,
        )

    def fields(self) -> dict[str, Any]:
        """Give the one letter's fields, decoded."""
        ((_, value, _),) = self.records
        return Decoder().decode(value).fields


@pytest.fixture
def taken() -> _Taken:
    """Give a publisher that has published nothing."""
    return _Taken()


def _row(code: Any, subtype: Subtype = Subtype.TICKER) -> Row:
    return Row(subtype, 1, code, "", None)


def test_letter_goes_to_its_topic_without_a_key(taken: _Taken) -> None:
    """Its key is null, its time now, and the metrics know it as dead-letter."""
    taken.publisher.take(PUSH, MALFORMED)
    ((route, _, timestamp_ms),) = taken.records
    assert (route.topic, route.key, route.subtype) == (TOPIC, None, DEAD_LETTERS)
    assert timestamp_ms == NOW_US // 1000


def test_letter_says_what_came_and_why(taken: _Taken) -> None:
    """The letter has the raw bytes, the push's numbers, the reason and the error's words."""
    taken.publisher.take(PUSH, MALFORMED)
    fields = taken.fields()
    assert (fields["body"], fields["proto_id"], fields["push_serial"]) == (b"body", 3011, 5)
    assert (fields["reason"], fields["detail"]) == ("malformed", str(MALFORMED))


def test_letter_is_counted_by_reason(taken: _Taken) -> None:
    """Each letter counts once, however many rows it is about."""
    taken.publisher.take(PUSH, UNWANTED, {0: _row("00001"), 1: _row("00001")})
    taken.publisher.take(PUSH, ChecksumWrong())
    value = taken.metrics.registry.get_sample_value
    counted = {
        reason: value("opend_kafka_dead_letters_total", {"reason": reason})
        for reason in ("not_subscribed", "checksum", "malformed")
    }
    assert counted == {"not_subscribed": 1, "checksum": 1, "malformed": 0}


def test_listener_is_told_each_letter(taken: _Taken) -> None:
    """Who looks for gaps hears of the push and why there are no records of it."""
    taken.publisher.take(PUSH, ChecksumWrong())
    assert [(letter.push, letter.reason) for letter in taken.letters] == [(PUSH, "checksum")]


@pytest.mark.parametrize(
    ("rows", "security"),
    [
        (None, (None, None, None)),
        ({0: _row("1"), 3: _row("1")}, ("ticker", "HK", "1")),
        ({0: _row("1"), 3: _row("2")}, (None, None, None)),
        ({0: _row("1"), 3: _row("1", Subtype.QUOTE)}, (None, None, None)),
        ({0: _row(b"\xff")}, ("ticker", "HK", None)),
    ],
    ids=["unread", "one", "two-codes", "two-subtypes", "no-text"],
)
def test_letter_names_the_security_that_all_its_rows_have(
    taken: _Taken, rows: dict[int, Row] | None, security: tuple[str | None, ...]
) -> None:
    """Where rows differ, or none could be read, no security is named."""
    taken.publisher.take(PUSH, UNWANTED, rows)
    fields = taken.fields()
    assert (fields["subtype"], fields["market"], fields["code"]) == security


def test_letter_names_its_rows(taken: _Taken) -> None:
    """The rows' places in the push are told, not how many there are."""
    taken.publisher.take(PUSH, UNWANTED, {2: _row("1"), 5: _row("1")})
    assert taken.fields()["push_indexes"] == [2, 5]


def test_letter_with_a_body_past_kafkas_limit_reaches_kafka(cluster: Cluster, prefix: str) -> None:
    """The brokers take a letter whose body no record could hold: it is cut."""
    topic = f"{prefix}.dead-letter"
    cluster.topics.create([TopicSpec(topic)])
    failures: list[DeliveryFailed] = []
    producer = RecordProducer(
        cluster.bootstrap_servers,
        {"compression.type": "none"},
        topics={topic: DEAD_LETTERS},
        metrics=Metrics("0"),
        on_failure=failures.append,
    )
    publisher = DeadLetterPublisher(
        producer, topic, b"", Metrics("0"), worker="w", now_us=lambda: NOW_US
    )
    for _ in range(3):
        publisher.take(Push(7, 3013, 5, os.urandom(3_000_000)), MALFORMED)
    assert producer.flush(30) == 0
    assert (failures, producer.delivered) == ([], 3)


def test_letter_is_cut_to_what_the_producer_takes() -> None:
    """A body longer than the limit is cut, and the letter says how long it was."""
    taken = _Taken(limit=2000)
    taken.publisher.take(Push(7, 3013, 5, bytes(5000)), MALFORMED)
    assert len(taken.records[0][1]) <= 2000
    assert taken.fields()["body_length"] == 5000

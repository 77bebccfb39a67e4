"""What Kafka holds: read on from where the last look ended."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, TopicPartition

from opend_kafka import config as configuration
from opend_kafka.cli.letters import ticks_of
from opend_kafka.consuming.decoding import Decoder
from opend_kafka.consuming.picking import FieldPicker
from opend_kafka.opend.subscriptions import Subtype
from opend_kafka.plan import (
    dead_letter_topic,
    events_topic,
    topics_of,
    watermark_topic,
    wire_format_of,
)
from tests.chaos.judge import ANNOUNCING, Announced, Landed

_FIELDS = ("sequence", "push_data_type", "provenance.origin", "provenance.ingest_time")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ANSWER_S = 30.0
_AT_ONCE = 10_000
#: `consume` waits for so many or for so long, whatever has come.
_TURN_S = 0.1


class Reading:
    """Ticks, dead letters and events of one worker's topics; a context manager.

    Args:
        path: the worker's configuration.
    """

    def __init__(self, path: Path) -> None:
        config = configuration.load(path)
        self.landed: defaultdict[str, list[Landed]] = defaultdict(list)
        self.announced: defaultdict[str, list[Announced]] = defaultdict(list)
        self.dead: defaultdict[str, set[int]] = defaultdict(set)
        #: The keys of the securities that have a watermark.
        self.watermarks: set[bytes] = set()
        self._wire_format = wire_format_of(config)
        self._decoder = Decoder(self._wire_format.schema_text)
        self._picker = FieldPicker(self._decoder, "opend.Ticker", _FIELDS)
        self._security_of = {
            topic: str(one.security)
            for one, topic in topics_of(config).items()
            if one.subtype is Subtype.TICKER
        }
        self._events_topic = events_topic(config)
        self._dead_letter_topic = dead_letter_topic(config)
        self._watermark_topic = watermark_topic(config)
        others = self._events_topic, self._dead_letter_topic, self._watermark_topic
        topics = [*self._security_of, *others]
        self._read = dict.fromkeys(topics, 0)
        self._consumer = Consumer(
            {
                "bootstrap.servers": config.kafka.bootstrap_servers,
                "group.id": "judge",
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 10,
                "log_level": 0,
            }
        )
        self._consumer.assign([TopicPartition(one, 0, OFFSET_BEGINNING) for one in topics])

    def __enter__(self) -> Reading:
        """Give it: it reads already."""
        self._wire_format.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self._consumer.close()
        self._wire_format.__exit__(None, None, None)

    def read_on(self) -> int:
        """Read all that is there now; give how many records were new.

        Raises:
            KafkaException: Kafka does not answer.
        """
        ends = {topic: self._end(topic) for topic in self._read}
        begun_with = sum(self._read.values())
        while any(self._read[topic] < end for topic, end in ends.items()):
            for message in self._consumer.consume(_AT_ONCE, _TURN_S):
                if (error := message.error()) is not None:
                    raise KafkaException(error)
                self._take(message)
        return sum(self._read.values()) - begun_with

    def _end(self, topic: str) -> int:
        return self._consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=_ANSWER_S)[1]

    def _take(self, message: Message) -> None:
        topic, value = message.topic() or "", message.value() or b""
        self._read[topic] = (message.offset() or 0) + 1
        security = self._security_of.get(topic)
        if security is not None:
            sequence, kind, origin, ingest_us = self._picker.pick(value)
            self.landed[security].append(Landed(sequence, origin, kind, ingest_us))
        elif topic == self._dead_letter_topic:
            for market, code, sequence in ticks_of(self._decoder.decode(value).fields):
                self.dead[f"{market}.{code}"].add(sequence)
        elif topic == self._watermark_topic:
            self.watermarks.add(message.key() or b"")
        else:
            self._take_event(message.key(), self._decoder.decode(value).fields)

    def _take_event(self, key: bytes | None, event: dict[str, Any]) -> None:
        if key is None or event["kind"] not in ANNOUNCING or event["subtype"] != Subtype.TICKER:
            return
        about = self._decoder.decode(key).fields
        time_us = (event["time"] - _EPOCH) // timedelta(microseconds=1)
        gap = Announced(event["sequence_before"], event["sequence_after"], time_us)
        if event["kind"] == "DELIVERY_FAILED" and None in gap[:2]:
            return  # of which tick it tells is not known
        self.announced[f"{about['market']}.{about['code']}"].append(gap)

"""All of it for one consumer: ticks each once and in order, gaps told, offsets to commit. Pure.

It takes what every Kafka client has of a record: topic, partition, offset, key and value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from opend_kafka.consuming.decoding import Decoder
from opend_kafka.consuming.missing import GapTracker, MissingTicks
from opend_kafka.consuming.progress import Progress
from opend_kafka.consuming.records import Ticker
from opend_kafka.consuming.resuming import ResumingDeduplicator
from opend_kafka.consuming.ticks import TickOrderer
from opend_kafka.errors import RecordUndecodable

#: Where a held tick's record stands: a name that no field of opend.Ticker can have.
_AT = "record at"


@dataclass(frozen=True, slots=True)
class OrderedTick:
    """A tick to process. `late`: one with a higher sequence has gone before it."""

    tick: Ticker
    late: bool


class TickStream:
    """Turns records of `{prefix}.ticker…` and `{prefix}.events` into what is to be processed.

    A record counts as processed when the next one is asked for. Records of other schemas are
    passed over.

    Args:
        decoder: decodes keys and values.
        delay_s: how long a tick waits for those that belong before it, in seconds of `now`.
        read_back: see `ResumingDeduplicator`.
    """

    def __init__(self, decoder: Decoder, *, delay_s: float = 0.5, read_back: int = 4096) -> None:
        self._decoder = decoder
        self._deduplicator = ResumingDeduplicator(read_back)
        self._orderer: TickOrderer[dict[str, Any]] = TickOrderer(delay_s)
        self._progress = Progress()
        self.gaps = GapTracker()

    @property
    def duplicates(self) -> int:
        """Ticks that came again and were dropped."""
        return self._deduplicator.duplicates

    def assigned(self, topic: str, partition: int, committed: int | None, first: int = 0) -> int:
        """Take up a partition; give the offset to read from, see `ResumingDeduplicator`."""
        self._progress.assigned(topic, partition, max(committed or 0, first))
        return self._deduplicator.assigned(topic, partition, committed, first)

    def revoked(self, topic: str, partition: int) -> None:
        """Forget a partition; what it has held back is best flushed and committed before."""
        self._progress.revoked(topic, partition)
        self._deduplicator.revoked(topic, partition)

    def take(
        self,
        topic: str,
        partition: int,
        offset: int,
        key: bytes | None,
        value: bytes | None,
        now: float,
    ) -> Iterator[OrderedTick | MissingTicks]:
        """Take the next record; yield what is to be processed now.

        Raises:
            RecordUndecodable: it is none of ours; the stream goes on with the next one.
        """
        at = topic, partition, offset
        self._progress.taken(*at)
        try:
            record = self._decoder.decode(value or b"")
            security = self._decoder.decode(key).fields if key else None
        except RecordUndecodable:
            self._progress.done(*at)
            raise
        if record.schema == "opend.Ticker" and self._deduplicator.is_new(record.fields, *at):
            yield from self._given_on(self._orderer.take(record.fields | {_AT: at}, now))
            return
        if record.schema == "opend.SessionEvent":
            gap = self.gaps.take_event(security, record.fields)
            if gap is not None:
                yield gap
        self._progress.done(*at)
        yield from self.due(now)

    def due(self, now: float) -> Iterator[OrderedTick | MissingTicks]:
        """Yield the ticks whose time has come; to be asked for also where no record comes."""
        return self._given_on(self._orderer.due(now))

    def flush(self) -> Iterator[OrderedTick | MissingTicks]:
        """Yield all that is held back."""
        return self._given_on(self._orderer.flush())

    def offsets(self) -> dict[tuple[str, int], int]:
        """Give what to commit of each partition, by (topic, partition)."""
        return self._progress.offsets()

    def _given_on(
        self, ordered: Iterator[tuple[dict[str, Any], bool]]
    ) -> Iterator[OrderedTick | MissingTicks]:
        for fields, late in ordered:
            tick = Ticker.from_fields(fields)
            yield from self.gaps.take_tick(tick)
            yield OrderedTick(tick, late)
            self._progress.done(*fields[_AT])

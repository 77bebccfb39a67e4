"""All of it for one consumer: ticks each once and in order, gaps told, offsets to commit. Pure.

It takes what every Kafka client has of a record: topic, partition, offset, key and value.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from opend_kafka.consuming.decoding import Decoder
from opend_kafka.consuming.missing import GapTracker, MissingTicks
from opend_kafka.consuming.progress import Progress
from opend_kafka.consuming.records import Ticker
from opend_kafka.consuming.resuming import ResumingDeduplicator
from opend_kafka.consuming.ticks import TickOrderer
from opend_kafka.errors import RecordUndecodable

_Partition = tuple[str, int]

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
        self._delay_s = delay_s
        self._deduplicator = ResumingDeduplicator(read_back)
        #: One a partition: what is held of it goes with it.
        self._orderers: dict[_Partition, TickOrderer[dict[str, Any]]] = {}
        #: When each of them is to be asked again.
        self._due: deque[tuple[float, _Partition]] = deque()
        self._progress = Progress()
        self.gaps = GapTracker()

    @property
    def duplicates(self) -> int:
        """Ticks that came again and were dropped."""
        return self._deduplicator.duplicates

    def assigned(self, topic: str, partition: int, committed: int | None, first: int = 0) -> int:
        """Take up a partition; give the offset to read from, see `ResumingDeduplicator`."""
        self._orderers[topic, partition] = TickOrderer(self._delay_s)
        self._progress.assigned(topic, partition, max(committed or 0, first))
        return self._deduplicator.assigned(topic, partition, committed, first)

    def revoked(self, topic: str, partition: int) -> None:
        """Forget a partition, and what is held back of it: its next consumer processes that.

        Where each tick is to count once, `flush` it before, and commit.
        """
        self._orderers.pop((topic, partition), None)
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
            orderer = self._orderers[topic, partition]
            self._due.append((now + self._delay_s, (topic, partition)))
            yield from self._given_on(orderer.take(record.fields | {_AT: at}, now))
            yield from self.due(now)
            return
        if record.schema == "opend.SessionEvent":
            gap = self.gaps.take_event(security, record.fields)
            if gap is not None:
                yield gap
        self._progress.done(*at)
        yield from self.due(now)

    def due(self, now: float) -> Iterator[OrderedTick | MissingTicks]:
        """Yield the ticks whose time has come; to be asked for also where no record comes."""
        while self._due and self._due[0][0] <= now:
            _, partition = self._due.popleft()
            if partition in self._orderers:
                yield from self._given_on(self._orderers[partition].due(now))

    def flush(
        self, partitions: Iterable[_Partition] | None = None
    ) -> Iterator[OrderedTick | MissingTicks]:
        """Yield all that is held back, or what is of these partitions, by (topic, partition)."""
        for one in [*self._orderers] if partitions is None else partitions:
            if one in self._orderers:
                yield from self._given_on(self._orderers[one].flush())

    def offsets(self) -> dict[_Partition, int]:
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

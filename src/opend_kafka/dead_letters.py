"""The way of what cannot become records: `{prefix}.dead-letter`, and who else wants to know."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from opend_kafka.errors import PushRejected
from opend_kafka.kafka.routing import Route
from opend_kafka.metrics import Metrics
from opend_kafka.opend.events import Push
from opend_kafka.opend.securities import market_name
from opend_kafka.pipeline import Sink
from opend_kafka.records.dead_letter import LIMIT, DeadLetter
from opend_kafka.records.engine import Row

#: What the metrics call the records of the topic; beside the subtypes.
DEAD_LETTERS = "dead-letter"


class DeadLetterPublisher:
    """Makes dead letters, counts them, and gives them their way to Kafka.

    Args:
        sink: takes them, among the other records.
        topic: `{prefix}.dead-letter`.
        value_prefix: the wire format's bytes before a value.
        metrics: counted in.
        worker: this worker's name.
        now_us: the wall clock, microseconds since 1970.
        limit: bytes of the largest record that Kafka takes.
        on_letter: told each letter after it was handed over: a push of ticks among them is a gap.
    """

    def __init__(
        self,
        sink: Sink,
        topic: str,
        value_prefix: bytes,
        metrics: Metrics,
        *,
        worker: str,
        now_us: Callable[[], int],
        limit: int = LIMIT,
        on_letter: Callable[[DeadLetter], None] | None = None,
    ) -> None:
        self._sink = sink
        self._route = Route(topic, DEAD_LETTERS, None, value_prefix)
        self._metrics = metrics
        self._worker = worker
        self._now_us = now_us
        self._limit = limit
        self._on_letter = on_letter

    def take(self, push: Push, error: PushRejected, rows: Mapping[int, Row] | None = None) -> None:
        """See `pipeline.DeadLetters.take`. It raises nothing because of what the push holds."""
        subtype, market, code = _shared(rows)
        letter = DeadLetter(
            self._now_us(),
            self._worker,
            push,
            error.reason,
            str(error),
            None if rows is None else tuple(rows),
            subtype,
            market,
            code,
        )
        value = letter.encode(self._route.value_prefix, limit=self._limit)
        self._sink.produce(self._route, value, letter.time_us // 1000)
        self._metrics.dead_letters.labels(error.reason).inc()
        if self._on_letter is not None:
            self._on_letter(letter)


def _shared(rows: Mapping[int, Row] | None) -> tuple[str | None, str | None, str | None]:
    """Give subtype, market and code where all rows have the same ones."""
    found = {(row.subtype, row.market_number, row.code) for row in (rows or {}).values()}
    if len(found) != 1:
        return None, None, None
    ((subtype, market_number, code),) = found
    # protobuf (upb) gives a string that is no UTF-8 as bytes.
    return str(subtype), market_name(market_number), code if isinstance(code, str) else None

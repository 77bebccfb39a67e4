"""Trackers for tests of what stands around them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from opend_kafka.continuity.gap import Gap
from opend_kafka.continuity.tracker import Tracker
from opend_kafka.opend.securities import Security
from opend_kafka.pipeline import Record, Sink


def tracker(
    sink: Sink,
    securities: Iterable[Security] = (),
    *,
    on_gap: Callable[[Gap], None] = lambda gap: None,
) -> Tracker[Record]:
    """Give a tracker whose records go to a sink. Its securities are past their first check."""
    made: Tracker[Record] = Tracker(
        emit=lambda record, on_delivered: sink.produce(*record, on_delivered),
        publish=lambda watermark, on_delivered: on_delivered(True),
        on_gap=on_gap,
        watermarks={},
        worker="test",
        clock=lambda: 0.0,
        now_us=lambda: 0,
    )
    made.watch(securities)
    made.subscribed(securities)
    while asked := made.asks():
        for security in asked:
            made.replied(security, (), lambda sequence: None)
    return made

"""When a producer has to be made anew, and how often that may be.

librdkafka's idempotent producer gives itself up ("fatal error") where it cannot tell any more which
records the broker has. A new producer with a new producer id has no such past.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from confluent_kafka import KafkaError as LibraryError

#: Told once of a record's end: True, Kafka acknowledged it; False, it failed for good.
OnDelivered = Callable[[bool], None]

#: So many producers in so many seconds: what made the last of them fail will not pass by itself.
RESTARTS = 5
WITHIN_S = 60.0

#: Errors that say nothing against the record: a new producer may well deliver it. The last rows are
#: passing ones, which librdkafka retries itself except in a request of an earlier producer id or
#: epoch (rd_kafka_handle_idempotent_Produce_error, "PID mismatch").
PRODUCER_AT_FAULT = frozenset(
    {
        LibraryError._FATAL,
        LibraryError._FENCED,
        LibraryError._GAPLESS_GUARANTEE,
        LibraryError._INCONSISTENT,
        LibraryError._PURGE_INFLIGHT,
        LibraryError._PURGE_QUEUE,
        LibraryError.DUPLICATE_SEQUENCE_NUMBER,
        LibraryError.INVALID_PRODUCER_EPOCH,
        LibraryError.INVALID_PRODUCER_ID_MAPPING,
        LibraryError.OUT_OF_ORDER_SEQUENCE_NUMBER,
        LibraryError.UNKNOWN_PRODUCER_ID,
        LibraryError._RETRY,
        LibraryError._TRANSPORT,
        LibraryError.KAFKA_STORAGE_ERROR,
        LibraryError.LEADER_NOT_AVAILABLE,
        LibraryError.NETWORK_EXCEPTION,
        LibraryError.NOT_ENOUGH_REPLICAS,
        LibraryError.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        LibraryError.NOT_LEADER_FOR_PARTITION,
        LibraryError.REQUEST_TIMED_OUT,
    }
)


class Held(NamedTuple):
    """A record that waits for a producer. In a sort they stand in the order in which they came."""

    number: int
    topic: str
    key: bytes | None
    value: bytes
    timestamp_ms: int
    on_delivered: OnDelivered | None


class Restarts:
    """Allows the first restart at once, later ones after a while, and at most 5 within 60 s."""

    def __init__(self) -> None:
        self._made_s: deque[float] = deque()

    def next_s(self, now_s: float) -> float | None:
        """Give the earliest time for the restart that is needed now; None where it is too many."""
        while self._made_s and self._made_s[0] <= now_s - WITHIN_S:
            self._made_s.popleft()
        earlier = len(self._made_s)
        if earlier == RESTARTS:
            return None
        at_s = now_s + (2.0 ** (earlier - 1) if earlier else 0.0)
        self._made_s.append(at_s)
        return at_s

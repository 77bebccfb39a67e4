"""What a producer has taken and what has become of it: numbers that compiled code counts on, too.

They lie in an array, 64 bits each, so that both forms of the hot path write the same ones.
"""

from __future__ import annotations

from array import array
from enum import IntEnum


class Line(IntEnum):
    """The place of a number in a ledger."""

    #: Records taken; a record's number is the count with it. They go out again in that order.
    TAKEN = 0
    DELIVERED = 1
    FAILED = 2
    #: Bytes that wait for an acknowledgement, with what each record takes beside.
    BUFFERED_BYTES = 3
    #: Bytes of keys and values that the metrics have not been told of.
    UNTOLD_BYTES = 4
    #: 1 while records go to librdkafka as they come; 0 while some wait before it.
    DIRECT = 5
    #: Producers of librdkafka that were made: the last one takes what goes directly.
    PRODUCERS = 6
    #: 1 until the first acknowledgement after a poll, whose latency is looked at.
    LATENCY_WANTED = 7


def ledger() -> array[int]:
    """Give an empty one."""
    lines = array("q", bytes(8 * len(Line)))
    lines[Line.DIRECT] = lines[Line.PRODUCERS] = 1
    return lines

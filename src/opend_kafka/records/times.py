"""Times on the wire: seconds as a double, or a text of the market's local time. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any

from opend_kafka.opend.messages import response_type
from opend_kafka.opend.securities import market_name
from opend_kafka.opend.zones import zone_of
from opend_kafka.records.tables import ROW, S2C, Kind, Moment

#: Seconds. Past it, microseconds leave the range of an Avro long; such a time is no time.
_FIRST_SECOND, _END_SECOND = -62_135_596_800, 253_402_300_800

#: Texts whose seconds are remembered. Those of a busy feed are of few seconds at a time.
_TEXTS = 4096

_ReadMs = Callable[[Any, Any, int, int], int | None]

#: (s2c, the row's message, market number, ingest time in microseconds) → milliseconds since 1970.
EventTime = Callable[[Any, Any, int, int], int]


def micros(seconds: float) -> int | None:
    """Round to whole microseconds: a double of today's seconds holds about a quarter of one."""
    if not seconds or not _FIRST_SECOND <= seconds < _END_SECOND:  # also true for NaN
        return None
    return round(seconds * 1_000_000)


def local_ms(text: str, market_number: int, near_us: int) -> int | None:
    """Give the milliseconds since 1970 of a text such as `2021-06-25 10:33:48.116`.

    Where clocks are turned back, a text has two meanings; where they are turned forward, it has
    none, and the offsets of before and after give two. Of two it is the one nearer to `near_us`.

    Args:
        text: the market's local time.
        market_number: OpenD's QotMarket.
        near_us: when it was received, microseconds since 1970.

    Returns:
        None where it is no time, or the market's zone is not known.
    """
    second, dot, fraction = text.partition(".")
    meanings = _meanings(second, market_number)
    if meanings is None or (dot and not (fraction.isascii() and fraction.isdigit())):
        return None
    first, other = meanings
    if other != first and abs(other * 1_000_000 - near_us) < abs(first * 1_000_000 - near_us):
        first = other
    return first * 1000 + int((fraction + "000")[:3])


def event_time(kind: Kind) -> EventTime:
    """Build the function that gives the event time of a kind's records: what Kafka is told.

    It is the latest of the kind's moments, `timestamp` before `text`; the ingest time where there
    is none. It is never after the ingest time: K-lines are named by the end of their period, and
    brokers refuse what lies too far ahead (message.timestamp.after.max.ms).

    Raises:
        ValueError: the table does not fit the message.
    """
    readers = [_reader(moment, kind) for moment in kind.event_time]

    def read(s2c: Any, row: Any, market_number: int, ingest_time_us: int) -> int:
        ingest_ms = ingest_time_us // 1000
        told = (read(s2c, row, market_number, ingest_time_us) for read in readers)
        latest = max((one for one in told if one is not None and one > 0), default=ingest_ms)
        return min(latest, ingest_ms)

    return read


@lru_cache(_TEXTS)
def _meanings(second: str, market_number: int) -> tuple[int, int] | None:
    """Give the Unix seconds that a local time can mean: the same one twice but for two hours."""
    zone = zone_of(market_name(market_number))
    try:
        local = datetime.fromisoformat(second)
    except ValueError:
        return None
    if zone is None or local.tzinfo is not None:
        return None
    try:
        first, other = (local.replace(tzinfo=zone, fold=fold).timestamp() for fold in (0, 1))
    except OverflowError:  # the years 1 and 9999 have an end
        return None
    return int(first), int(other)


def _reader(moment: Moment, kind: Kind) -> _ReadMs:
    read_timestamp, read_text = _getter(moment.timestamp, kind), _getter(moment.text, kind)

    def read(s2c: Any, row: Any, market_number: int, ingest_time_us: int) -> int | None:
        told = micros(read_timestamp(s2c, row))
        if told is not None:
            return told // 1000
        text = read_text(s2c, row)
        return local_ms(text, market_number, ingest_time_us) if text else None

    return read


def _getter(source: str, kind: Kind) -> Callable[[Any, Any], Any]:
    """Build the function that reads a field; what is absent is protobuf's default: 0, or empty."""
    start, _, name = source.partition(".")
    s2c: Any = response_type(kind.proto_id).DESCRIPTOR.fields_by_name["s2c"].message_type
    row = s2c.fields_by_name[kind.rows].message_type if kind.rows else s2c
    if name not in {S2C: s2c, ROW: row}[start].fields_by_name:
        raise ValueError(f"{kind.schema} is to have its event time from {source}, which is nothing")
    get = attrgetter(name)
    return (lambda s2c, row: get(s2c)) if start == S2C else (lambda s2c, row: get(row))

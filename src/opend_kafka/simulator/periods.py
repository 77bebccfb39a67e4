"""The periods of K-lines: where one begins and ends, in a market's own time."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from opend_kafka.opend.pb import Qot_Common_pb2
from opend_kafka.opend.pb.Qot_Common_pb2 import SubType

#: KLType number → its minutes; 0: a unit of the calendar.
_MINUTES: dict[int, int] = {
    number: int(name.removeprefix("KLType_").removesuffix("Min")) if name.endswith("Min") else 0
    for name, number in Qot_Common_pb2.KLType.items()
    if number
}

#: Months of the units that are counted in months.
_MONTHS: dict[int, int] = {
    Qot_Common_pb2.KLType_Month: 1,
    Qot_Common_pb2.KLType_Quarter: 3,
    Qot_Common_pb2.KLType_Year: 12,
}

#: SubType number → KLType number: OpenD numbers the same periods twice.
KL_TYPES: dict[int, int] = {
    SubType.Value(
        f"SubType_KL_{name.removeprefix('KLType_').replace('Quarter', 'Qurater')}"
    ): number
    for name, number in Qot_Common_pb2.KLType.items()
    if number
}


class Period(NamedTuple):
    """From a Unix second up to another, and the one by which OpenD names it."""

    start_s: int
    end_s: int
    named_s: int


def period_of(kl_type: int, zone: ZoneInfo, second: int) -> Period:
    """Give the period that a Unix second is in.

    Minutes are named by their end, as in OpenD's samples, days by their date. By which day OpenD
    names weeks and longer ones is not documented: here it is the first.
    """
    local = datetime.fromtimestamp(second, zone)
    minutes = _MINUTES[kl_type]
    if minutes:
        into_s = (local.hour * 60 + local.minute) % minutes * 60 + local.second
        start_s = second - into_s
        return Period(start_s, start_s + minutes * 60, start_s + minutes * 60)
    first, following = _unit(kl_type, local.date())
    start_s = _midnight(first, zone)
    return Period(start_s, _midnight(following, zone), start_s)


def _unit(kl_type: int, day: date) -> tuple[date, date]:
    """Give the first day of a unit of the calendar, and that of the next one."""
    if kl_type == Qot_Common_pb2.KLType_Day:
        return day, day + timedelta(1)
    if kl_type == Qot_Common_pb2.KLType_Week:
        first = day - timedelta(day.weekday())
        return first, first + timedelta(7)
    months = _MONTHS[kl_type]
    first = day.replace(month=(day.month - 1) // months * months + 1, day=1)
    later = first.month - 1 + months
    return first, date(first.year + later // 12, later % 12 + 1, 1)


def _midnight(day: date, zone: ZoneInfo) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())

"""Decoded records as rows for people: one line each, with the columns that say most."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

#: Brokers that are named on each side of a queue; the rest is counted.
_NAMED = 3

#: Characters of a fraction; a record as JSON has all of them.
_DIGITS = 10

#: A decoded record: its `schema`, `key` (or None) and `value`.
Line = dict[str, Any]


def row_of(line: Line) -> str | None:
    """Give a record's row; None where its kind has none, or another version wrote it otherwise."""
    row = _ROWS.get(line["schema"])
    try:
        return None if row is None else row(line).rstrip()
    except (KeyError, TypeError):  # a column is not among its fields, or is null there
        return None


def security_of(line: Line) -> str:
    """Give the security that a record is of, by its value or else by its key; or nothing."""
    for part in (line["value"], line["key"] or {}):
        if part.get("market") is not None and part.get("code") is not None:
            return f"{part['market']}.{part['code']}"
    return ""


def _tick(line: Line) -> str:
    value = line["value"]
    return (
        f"{_start(line, 'time')} {value['price']:>12} {value['volume']:>10} "
        f"{value['ticker_direction']:<8} {value['push_data_type'] or '-':<10} "
        f"{value['sequence']}"
    )


def _book(line: Line) -> str:
    value = line["value"]
    bid, ask = _top(value["bids"]), _top(value["asks"])
    odd = "  odd lots" if value["order_book_type"] == "ODD" else ""
    return f"{security_of(line):<16} bid {bid:<24} ask {ask:<24}{odd}"


def _quote(line: Line) -> str:
    value = line["value"]
    prices = _named(value, last="last_price", open="open_price", high="high_price", low="low_price")
    status = value["sec_status"]
    told = "" if status in (None, "NORMAL") else f"  {status}"
    suspended = "  suspended" if value["suspension"] else ""
    return f"{_start(line, 'update_time')} {prices} volume {value['volume']}{told}{suspended}"


def _k_line(line: Line) -> str:
    value = line["value"]
    rehab = "" if value["rehab_type"] == "NONE" else f"  {value['rehab_type']}"
    prices = _named(value, open="open", high="high", low="low", close="close")
    return f"{_start(line, 'time_key')} {value['k_type']:<9} {_traded(value, prices)}{rehab}"


def _rt_data(line: Line) -> str:
    prices = _named(line["value"], price="cur_price", average="avg_price")
    return f"{_start(line, 'time')} {_traded(line['value'], prices)}"


def _broker(line: Line) -> str:
    bids, asks = _brokers(line["value"]["bids"]), _brokers(line["value"]["asks"])
    return f"{security_of(line):<16} bid {bids}  ask {asks}"


def _session_event(line: Line) -> str:
    value = line["value"]
    gap = _named(
        value,
        after="sequence_before",
        before="sequence_after",
        missing="ticks_missing",
        repaired="ticks_repaired",
        absent="",
    )
    parts = (security_of(line), value["subtype"], value["reason"], gap, value["detail"])
    told = "  ".join(str(part) for part in parts if part)
    return f"{value['time'].isoformat():<32} {value['kind']:<18} {told}"


def _watermark(line: Line) -> str:
    value = line["value"]
    sequence = _shown(value["sequence"])
    return f"{security_of(line):<16} {value['time'].isoformat():<32} sequence {sequence}"


def _dead_letter(line: Line) -> str:
    value = line["value"]
    message = value["message"] or f"proto_id {value['proto_id']}"
    return (
        f"{value['time'].isoformat()} {value['reason']:<16} {message:<20} "
        f"serial {value['push_serial']:<10} {value['body_length']:>7} bytes  {value['detail']}"
    )


def _start(line: Line, time: str) -> str:
    return f"{security_of(line):<16} {line['value'][time]:<24}"


def _named(value: dict[str, Any], absent: str = "-", **fields: str) -> str:
    """Give some fields, each behind its column's name; without `absent`, what is null is left."""
    shown = {name: _shown(value[field], absent) for name, field in fields.items()}
    return " ".join(f"{name} {text:<8}" for name, text in shown.items() if text)


def _traded(value: dict[str, Any], prices: str) -> str:
    return "blank" if value["is_blank"] else f"{prices} volume {_shown(value['volume'])}"


def _top(levels: list[dict[str, Any]]) -> str:
    return f"{levels[0]['price']} × {levels[0]['volume']}" if levels else "-"


def _brokers(entries: list[dict[str, Any]]) -> str:
    names = [f"{one['broker_id']} {one['broker_name']}".rstrip() for one in entries[:_NAMED]]
    rest = [f"{len(entries) - _NAMED} more"] if len(entries) > _NAMED else []
    return ", ".join([*names, *rest]) or "-"


def _shown(value: Any, absent: str = "-") -> str:
    """Write a value; an average has more digits than a column has room for."""
    if isinstance(value, float) and len(str(value)) > _DIGITS:
        return f"{value:.{_DIGITS - 2}g}"
    return absent if value is None else str(value)


_ROWS: dict[str, Callable[[Line], str]] = {
    "opend.Ticker": _tick,
    "opend.OrderBook": _book,
    "opend.Quote": _quote,
    "opend.KLine": _k_line,
    "opend.RtData": _rt_data,
    "opend.Broker": _broker,
    "opend.SessionEvent": _session_event,
    "opend.Watermark": _watermark,
    "opend.DeadLetter": _dead_letter,
}

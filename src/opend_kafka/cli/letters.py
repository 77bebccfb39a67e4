"""The ticks that dead letters hold: what an audit counts as accounted for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import DecodeError

from opend_kafka.opend.messages import ProtoId, response_type
from opend_kafka.opend.securities import market_name

#: Reasons for which the body is not what OpenD wrote.
_DAMAGED = ("checksum", "undecipherable")


def ticks_of(letter: dict[str, Any]) -> Iterator[tuple[str, str, int]]:
    """Yield (market, code, sequence) of each tick that a dead letter stands for.

    Of a body that is malformed, whatever can be read. Of a push of which only some rows are dead,
    those rows: the others must be in their topic.

    Args:
        letter: the fields of an opend.DeadLetter.
    """
    if letter["proto_id"] != ProtoId.QOT_UPDATE_TICKER or letter["reason"] in _DAMAGED:
        return
    message: Any = response_type(ProtoId.QOT_UPDATE_TICKER)()
    try:
        if letter["body_format"] == "JSON":
            json_format.Parse(letter["body"], message, ignore_unknown_fields=True)
        else:
            message.ParseFromString(letter["body"])
    except (DecodeError, json_format.ParseError, ValueError, RecursionError):
        return
    security = message.s2c.security
    places = letter["push_indexes"]
    for index, tick in enumerate(message.s2c.tickerList):
        if tick.HasField("sequence") and (places is None or index in places):
            yield market_name(security.market), security.code, tick.sequence

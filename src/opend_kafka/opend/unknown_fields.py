"""Which fields of a message no table of ours knows: what a newer OpenD has added. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

#: How many are named; there may be one at every element of a list, and those count once.
NAMED = 20


def has_unknown_fields(message: Message, length: int) -> bool:
    """Say whether a message may have fields that its type lacks, and drop them.

    A look at every part of a message from Python would cost more than to decode it. What is left
    without them is shorter than what came; this costs a microsecond a tick, five a book.

    Args:
        message: as parsed. It has its own fields only, afterwards.
        length: of the bytes that it was parsed from.
    """
    message.DiscardUnknownFields()
    return message.ByteSize() != length


def unknown_in_message(message: Message) -> tuple[str, ...]:
    """Give the fields that a message has and its type lacks: `s2c.tickerList.13`, each once."""
    return tuple(dict.fromkeys(_in_message(message, "")))[:NAMED]


def unknown_in_json(value: Any, descriptor: Any) -> tuple[str, ...]:
    """As `unknown_in_message`, of decoded JSON, which has names: `s2c.tickerList.newField`."""
    return tuple(dict.fromkeys(_in_json(value, descriptor, "")))[:NAMED]


def _in_message(message: Message, path: str) -> Iterator[str]:
    unknown_fields: Any = UnknownFieldSet(message)
    for unknown in unknown_fields:
        yield f"{path}{unknown.field_number}"
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in value if field.is_repeated else (value,):
                yield from _in_message(part, f"{path}{field.name}.")


def _in_json(value: Any, descriptor: Any, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        return
    fields = {name: field for field in descriptor.fields for name in (field.name, field.json_name)}
    for name, inner in value.items():
        if name not in fields:
            yield f"{path}{name}"
        elif fields[name].message_type is not None:
            for part in inner if isinstance(inner, list) else (inner,):
                yield from _in_json(part, fields[name].message_type, f"{path}{name}.")

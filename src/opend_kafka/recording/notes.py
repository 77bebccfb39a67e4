"""What is noted in a recording beside its pushes. No file, no clock.

A note is a JSON object, and `note` says which: `start` once, `link` with each link to OpenD,
`markets` when a market opens or closes, `end` where the recording was ended in order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from opend_kafka import __version__
from opend_kafka.opend.securities import Security
from opend_kafka.opend.subscriptions import Subscription
from opend_kafka.recording.reading import Note

_START, _LINK, _MARKETS, _END = "start", "link", "markets", "end"


def start(subscriptions: Iterable[Subscription]) -> dict[str, Any]:
    """Say what is recorded, and by which version."""
    return {
        "note": _START,
        "format": "opend-kafka recording, docs/recording.md",
        "worker_version": __version__,
        "subscriptions": [
            {
                "security": str(one.security),
                "subtype": str(one.subtype),
                "session": one.terms.session.name.lower() if one.terms.session else None,
                "order_book_detail": one.terms.order_book_detail,
            }
            for one in subscriptions
        ],
    }


def link(conn_id: int, server_version: int) -> dict[str, Any]:
    """Say that a link stands; over WebSocket OpenD's version is not known, and is null."""
    return {"note": _LINK, "conn_id": conn_id, "server_version": server_version or None}


def markets(states: Mapping[str, int]) -> dict[str, Any]:
    """Say how the markets stand: QotMarketState numbers."""
    return {"note": _MARKETS, "states": dict(states)}


def end(pushes: int) -> dict[str, Any]:
    """Say that nothing more comes."""
    return {"note": _END, "pushes": pushes}


def securities(notes: Iterable[Note]) -> list[Security]:
    """Give what was subscribed, each once; leave out markets that are newer than this version."""
    found: dict[Security, None] = {}
    for note in notes:
        if note.values.get("note") == _START:
            for one in note.values.get("subscriptions", ()):
                with suppress(ValueError):
                    found[Security.parse(one["security"])] = None
    return list(found)


def states(note: Note) -> Mapping[str, int] | None:
    """Give the markets' states, where the note is of those."""
    return note.values["states"] if note.values.get("note") == _MARKETS else None


def was_ended(notes: Iterable[Note]) -> bool:
    """Tell whether the recording was ended in order."""
    return [note.values.get("note") for note in notes][-1:] == [_END]

"""Frames that the official SDK made, with the messages in them: tests/data/*.json."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_DATA = Path(__file__).parents[1] / "data"


@dataclass(frozen=True, slots=True)
class Vector:
    """One message and its plain frame, byte for byte as the SDK packs it."""

    name: str
    proto_id: int
    serial: int
    message: dict[str, Any]
    frame: bytes

    @property
    def body(self) -> bytes:
        """What follows the 44 bytes of the header."""
        return self.frame[44:]

    def __str__(self) -> str:
        return self.name


def _load(file: str) -> list[Vector]:
    rows = json.loads((_DATA / file).read_text(encoding="utf-8"))["vectors"]
    return [
        Vector(
            row["name"],
            row["proto_id"],
            row["serial"],
            row["message"],
            bytes.fromhex(row["frame_plain"]),
        )
        for row in rows
    ]


VECTORS = _load("frames.json") + _load("frames_more.json")


def vector(name: str) -> Vector:
    """Give the one of that name."""
    return next(one for one in VECTORS if one.name == name)

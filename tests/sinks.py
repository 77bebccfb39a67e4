"""Where records go in tests of what makes them."""

from __future__ import annotations

from collections.abc import Callable

from opend_kafka.kafka.routing import Route


class KeptRecords:
    """A sink that keeps what it gets: (route, value, time in milliseconds)."""

    def __init__(self) -> None:
        self.records: list[tuple[Route, bytes, int]] = []

    def produce(
        self,
        route: Route,
        value: bytes,
        timestamp_ms: int,
        on_delivered: Callable[[bool], None] | None = None,
    ) -> None:
        """Keep a record; nobody is told of its delivery."""
        self.records.append((route, value, timestamp_ms))

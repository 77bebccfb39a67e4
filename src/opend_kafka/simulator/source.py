"""The seam between what a stand-in serves and its front, which answers requests and pushes.

A market makes up what it serves; a recording knows it. Neither knows a socket.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from opend_kafka.opend.securities import Security
from opend_kafka.simulator.pushes import Push
from opend_kafka.simulator.stocks import Listed
from opend_kafka.simulator.subscriptions import Feed


class Source(Protocol):
    """What there is, and how it stands now."""

    @property
    def seed(self) -> int:
        """What connection ids and keys follow from."""

    @property
    def now_us(self) -> int:
        """The time there, in microseconds since 1970."""

    def __contains__(self, security: Security) -> bool:
        """Tell whether it knows a security."""

    def stock(self, security: Security) -> Listed:
        """Give one security. Raises KeyError where it does not know it."""

    def market_states(self) -> Mapping[str, int]:
        """Give each market's QotMarketState number, by GetGlobalState's field."""


class Cache(Protocol):
    """What is known of feeds before their next push."""

    def first_pushes(self, conn_id: int, feeds: Iterable[Feed]) -> Iterator[Push]:
        """Yield it, for a connection that has just asked for it."""

"""Who is subscribed to what on this OpenD, who is pushed to, and the quota that they share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain
from types import MappingProxyType
from typing import NamedTuple

from opend_kafka.opend.pb.Qot_Common_pb2 import RehabType_Forward
from opend_kafka.opend.securities import Security

#: Qot_Common.RehabType, forward: what OpenD adjusts K-lines by where it is not told.
_REHAB_TYPES = (RehabType_Forward,)

_NOBODY: Mapping[int, bool] = MappingProxyType({})


class Refused(Exception):
    """A request that OpenD would not grant; its text is the reply's retMsg.

    It never leaves this package: every one becomes a reply with retType -1.
    """


class Feed(NamedTuple):
    """One subscription: a security and a SubType number. It costs 1 of the quota.

    A tuple because it is looked up for every tick: its hash is three times as fast.
    """

    security: Security
    subtype: int


class Subscriptions:
    """The subscriptions of all connections.

    A feed costs 1 however many connections hold it, as OpenD documents its quota. What is pushed
    is decided by connection (isRegOrUnRegPush).
    """

    def __init__(self, quota: int) -> None:
        #: What all connections may hold together; a fault may lower it below what they do.
        self.quota = quota
        #: The value: with order book detail. In the order of subscribing.
        self._held: dict[int, dict[Feed, bool]] = {}
        self._takers: dict[Feed, dict[int, bool]] = {}
        #: What of a security is pushed to anybody, in the order in which it first was.
        self._taken: dict[Security, dict[int, None]] = {}
        self._rehab_types: dict[tuple[int, Feed], tuple[int, ...]] = {}

    @property
    def used(self) -> int:
        """The quota that all connections use together."""
        return len(set(chain.from_iterable(self._held.values())))

    @property
    def remaining(self) -> int:
        """The quota that is left."""
        return max(0, self.quota - self.used)

    @property
    def pushed(self) -> int:
        """How many feeds are pushed, each counted for every connection that takes it."""
        return sum(map(len, self._takers.values()))

    @property
    def conn_ids(self) -> tuple[int, ...]:
        """The connections that hold anything, in the order in which they first did."""
        return tuple(self._held)

    def held_by(self, conn_id: int) -> tuple[Feed, ...]:
        """Give a connection's feeds, in the order of subscribing."""
        return tuple(self._held.get(conn_id, ()))

    def takers(self, feed: Feed) -> Mapping[int, bool]:
        """Give the connections that a feed is pushed to; the value: with order book detail."""
        return self._takers.get(feed, _NOBODY)

    def all_takers(self) -> tuple[int, ...]:
        """Give the connections that anything is pushed to."""
        return tuple(dict.fromkeys(chain.from_iterable(self._takers.values())))

    def taken(self, security: Security) -> tuple[int, ...]:
        """Give the SubType numbers of a security that are pushed to anybody."""
        return tuple(self._taken.get(security, ()))

    def rehab_types(self, conn_id: int, feed: Feed) -> tuple[int, ...]:
        """Give the adjustments of K-lines that are pushed to a connection."""
        return self._rehab_types.get((conn_id, feed), _REHAB_TYPES)

    def subscribe(self, conn_id: int, feeds: Iterable[Feed], *, detailed: bool = False) -> None:
        """Add feeds to a connection, all or none.

        Raises:
            Refused: the quota does not reach.
        """
        wanted = dict.fromkeys(feeds, detailed)
        everything = set(chain(wanted, *self._held.values()))
        if len(everything) > max(self.quota, self.used):
            raise Refused(
                f"subscription quota exceeded: {len(everything)} needed, the limit is {self.quota}"
            )
        self._held.setdefault(conn_id, {}).update(wanted)

    def unsubscribe(self, conn_id: int, feeds: Iterable[Feed]) -> None:
        """Take feeds, and their pushes, from a connection; those it does not hold do not matter."""
        feeds = tuple(feeds)
        self.stop_pushes(conn_id, feeds)
        held = self._held.get(conn_id, {})
        for feed in feeds:
            held.pop(feed, None)
        if not held:
            self._held.pop(conn_id, None)

    def unsubscribe_all(self, conn_id: int) -> None:
        """Take all feeds from a connection: it asked for that, or is gone."""
        self.unsubscribe(conn_id, self.held_by(conn_id))

    def start_pushes(
        self, conn_id: int, feeds: Iterable[Feed], rehab_types: Iterable[int] = ()
    ) -> None:
        """Push feeds to a connection from now on, all or none.

        Args:
            conn_id: the connection.
            feeds: what it has subscribed.
            rehab_types: how its K-lines are to be adjusted; none: as OpenD does where it is not
                told.

        Raises:
            Refused: the connection has not subscribed one of them.
        """
        feeds = tuple(feeds)
        held = self._held.get(conn_id, {})
        for feed in feeds:
            if feed not in held:
                raise Refused(f"{feed.security} is not subscribed for subType {feed.subtype}")
        for feed in feeds:
            self._takers.setdefault(feed, {})[conn_id] = held[feed]
            self._taken.setdefault(feed.security, {})[feed.subtype] = None
            self._rehab_types[conn_id, feed] = tuple(rehab_types) or _REHAB_TYPES

    def stop_pushes(self, conn_id: int, feeds: Iterable[Feed]) -> None:
        """Push feeds to a connection no longer; those that were not pushed do not matter."""
        for feed in feeds:
            takers = self._takers.get(feed, {})
            takers.pop(conn_id, None)
            self._rehab_types.pop((conn_id, feed), None)
            if not takers:
                self._takers.pop(feed, None)
                self._taken.get(feed.security, {}).pop(feed.subtype, None)

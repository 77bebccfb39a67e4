"""What a session tells the one who drives it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from opend_kafka.errors import BodyUndecipherable, ChecksumWrong, PushRejected, RequestRefused
from opend_kafka.opend.frames import BodyFormat
from opend_kafka.opend.notices import Notice
from opend_kafka.opend.subscriptions import Subscription


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """InitConnect succeeded. The reply's keys stay in the session: they are secret."""

    conn_id: int
    server_version: int
    keep_alive_interval_s: int


@dataclass(frozen=True, slots=True)
class NotReady:
    """OpenD answers, but would send no quotes. It is asked again."""

    cause: str


@dataclass(frozen=True, slots=True)
class MarketStates:
    """OpenD is ready, and told the state of each market: QotMarketState by the market's name."""

    states: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Subscribed:
    """OpenD took these subscriptions, for the first time or again."""

    subscriptions: tuple[Subscription, ...]


@dataclass(frozen=True, slots=True)
class SubscriptionRefused:
    """OpenD refused this one; the others of its request were asked for again without it."""

    subscription: Subscription
    error: RequestRefused


@dataclass(frozen=True, slots=True)
class Unsubscribed:
    """OpenD let go of these: they are not wanted any more, or will be asked for on new terms."""

    subscriptions: tuple[Subscription, ...]


@dataclass(frozen=True, slots=True)
class UnsubscribeRefused:
    """OpenD does not let go of this one. It is asked again after MIN_HOLD_S."""

    subscription: Subscription
    error: RequestRefused


@dataclass(frozen=True, slots=True)
class SubscriptionsLost:
    """OpenD took these, and says now that they do not stand. They are asked for again."""

    subscriptions: tuple[Subscription, ...]


@dataclass(frozen=True, slots=True)
class QuotaShort:
    """These do not fit in the quota that is left. Told when the list changes, not each time."""

    subscriptions: tuple[Subscription, ...]
    quota: int
    remaining: int


@dataclass(frozen=True, slots=True)
class QuotaSeen:
    """How much of the quota is used by all connections of this OpenD, and how much is left."""

    used: int
    remaining: int


@dataclass(frozen=True, slots=True)
class Live:
    """Every wanted subscription stands, was refused, or does not fit in the quota.

    Pushes may have come before this, and it comes again when a change of the wish is settled.
    """

    standing: int
    refused: int
    short: int = 0


@dataclass(frozen=True, slots=True)
class Push:
    """A frame that nobody asked for, body undecoded."""

    conn_id: int
    proto_id: int
    serial: int
    body: bytes
    format: int = BodyFormat.PROTOBUF

    def __repr__(self) -> str:
        return f"Push({self.proto_id}, serial {self.serial}, {len(self.body)} bytes)"


class Reply(NamedTuple):
    """OpenD's answer to a request: as what it came, and its s2c."""

    conn_id: int
    serial: int
    s2c: Any


@dataclass(frozen=True, slots=True)
class FrameDamaged:
    """A frame with a wrong SHA-1, or one that cannot be decrypted. It was skipped.

    Whether somebody asked for it nobody knows: it is told as a push. `push.body` is what came:
    decrypted where it could be.
    """

    push: Push
    error: ChecksumWrong | BodyUndecipherable


@dataclass(frozen=True, slots=True)
class Notified:
    """OpenD's Notify (1003): what happened to OpenD itself."""

    notice: Notice


@dataclass(frozen=True, slots=True)
class NotifyRejected:
    """A Notify that could not be read. It was skipped."""

    push: Push
    error: PushRejected


@dataclass(frozen=True, slots=True)
class Replied:
    """The reply to a `Session.request`: its `s2c`, or why OpenD refused."""

    serial: int
    s2c: Any
    refused: RequestRefused | None = None


Event = (
    LoggedIn
    | NotReady
    | MarketStates
    | Subscribed
    | SubscriptionRefused
    | Unsubscribed
    | UnsubscribeRefused
    | SubscriptionsLost
    | QuotaShort
    | QuotaSeen
    | Live
    | Push
    | FrameDamaged
    | Notified
    | NotifyRejected
    | Replied
)

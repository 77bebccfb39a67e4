"""The kinds of fault that a simulated OpenD can have: values only, what they do is in `effects`.

Times are seconds of the market. Where `security` or `market` is drawn, None leaves the choice to
the seed; elsewhere a `security` of None is whichever comes next.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from opend_kafka.opend.securities import MARKETS, Security
from opend_kafka.simulator.market import MAX_RATE


def _security(value: Any) -> Any:
    """Read `HK.00700`."""
    if value is None or isinstance(value, Security):
        return value
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no security: write MARKET.CODE, such as HK.00700")
    return Security.parse(value)


def _market(value: Any) -> Any:
    """Refuse a market that OpenD does not know."""
    if value is not None and value not in MARKETS.values():
        known = ", ".join(sorted(MARKETS.values()))
        raise ValueError(f"{value!r} is no market; there are {known}")
    return value


Seconds = Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False, strict=True)]
Count = Annotated[int, Field(ge=1, le=1_000_000, strict=True)]
OneSecurity = Annotated[Security | None, BeforeValidator(_security)]
OneMarket = Annotated[str | None, BeforeValidator(_market)]
Clients = Literal["all", "oldest", "newest"]
Right = Literal["bmp", "l1", "l2", "sf", "none", "l3"]
Request = Literal[
    "any",
    "init_connect",
    "get_global_state",
    "keep_alive",
    "qot_sub",
    "qot_reg_qot_push",
    "qot_get_sub_info",
    "qot_get_ticker",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Base of all kinds."""

    __pydantic_config__ = ConfigDict(extra="forbid")
    #: Its name in a scenario.
    kind: ClassVar[str]
    #: The fields that the seed decides where they are None.
    drawn: ClassVar[tuple[str, ...]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Split(Fault):
    """What is written is cut, and joined again, at any byte."""

    kind: ClassVar[str] = "split"
    duration_s: Seconds = 2
    clients: Clients = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge(Fault):
    """Frames wait until so many go in one write."""

    kind: ClassVar[str] = "merge"
    duration_s: Seconds = 2
    frames: Count = 20
    clients: Clients = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay(Fault):
    """Replies and pushes arrive later, in their order."""

    kind: ClassVar[str] = "delay"
    duration_s: Seconds = 2
    by_s: Seconds = 0.5
    clients: Clients = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut(Fault):
    """The next frame is sent in part; then the connection is reset."""

    kind: ClassVar[str] = "cut"
    clients: Clients = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset(Fault):
    """The connection ends with a TCP RST."""

    kind: ClassVar[str] = "reset"
    clients: Clients = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfOpen(Fault):
    """Nothing is sent or read any more, and the TCP connection stays; reset after the duration."""

    kind: ClassVar[str] = "half_open"
    duration_s: Seconds = 30
    clients: Clients = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseLogin(Fault):
    """The next InitConnects are refused."""

    kind: ClassVar[str] = "refuse_login"
    count: Count = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseCode(Fault):
    """Qot_Sub does not know a security."""

    kind: ClassVar[str] = "refuse_code"
    drawn: ClassVar[tuple[str, ...]] = ("security",)
    security: OneSecurity = None
    duration_s: Seconds = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginLost(Fault):
    """OpenD is not logged in to the quote server: it says so, and pushes nothing."""

    kind: ClassVar[str] = "login_lost"
    duration_s: Seconds = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class KickedOut(Fault):
    """The account logged in elsewhere; then as LoginLost."""

    kind: ClassVar[str] = "kicked_out"
    duration_s: Seconds = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ForcedLogout(Fault):
    """ProgramStatus 11: all connections end; OpenD is logged out for the duration."""

    kind: ClassVar[str] = "forced_logout"
    duration_s: Seconds = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class NotReady(Fault):
    """GetGlobalState gives another program status than 10, Ready. Nobody is notified."""

    kind: ClassVar[str] = "not_ready"
    duration_s: Seconds = 2
    status: Annotated[int, Field(ge=0, le=9, strict=True)] = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteRight(Fault):
    """A market's quote right changes. With bmp or none it is neither pushed nor subscribable."""

    kind: ClassVar[str] = "quote_right"
    drawn: ClassVar[tuple[str, ...]] = ("market",)
    market: OneMarket = None
    right: Right = "bmp"
    duration_s: Seconds = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota(Fault):
    """The subscription quota shrinks: what is held stays, new ones are refused."""

    kind: ClassVar[str] = "quota"
    quota: Annotated[int, Field(ge=0, le=2**31 - 1, strict=True)] = 0
    duration_s: Seconds = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class BadSha1(Fault):
    """The next pushes of ticks carry a digest that is not theirs."""

    kind: ClassVar[str] = "bad_sha1"
    count: Count = 1
    security: OneSecurity = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BadBody(Fault):
    """The next pushes of ticks are garbage under a right digest."""

    kind: ClassVar[str] = "bad_body"
    count: Count = 1
    security: OneSecurity = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PushError(Fault):
    """The next pushes of ticks say retType -1 and nothing else."""

    kind: ClassVar[str] = "push_error"
    count: Count = 1
    security: OneSecurity = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart(Fault):
    """OpenD ends, and is back after the duration, without subscriptions."""

    kind: ClassVar[str] = "restart"
    duration_s: Seconds = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class NoReply(Fault):
    """The next requests of a kind are neither granted nor answered."""

    kind: ClassVar[str] = "no_reply"
    request: Request = "any"
    count: Count = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst(Fault):
    """The market trades so many times as fast, up to its own limit."""

    kind: ClassVar[str] = "burst"
    factor: Annotated[float, Field(gt=0, le=MAX_RATE, allow_inf_nan=False, strict=True)] = 10
    duration_s: Seconds = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Late(Fault):
    """The next pushes of ticks wait until so many of the same security have overtaken them."""

    kind: ClassVar[str] = "late"
    count: Count = 1
    after: Count = 3
    security: OneSecurity = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate(Fault):
    """The next pushes of ticks come twice."""

    kind: ClassVar[str] = "duplicate"
    count: Count = 1
    security: OneSecurity = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay(Fault):
    """OpenD's own link is down. After it, each security's latest ticks are pushed as ByDisConn."""

    kind: ClassVar[str] = "replay"
    duration_s: Seconds = 2
    limit: Annotated[int, Field(ge=0, le=50, strict=True)] = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall(Fault):
    """One security is not pushed, and nothing says so; for no longer than the duration."""

    kind: ClassVar[str] = "stall"
    drawn: ClassVar[tuple[str, ...]] = ("security",)
    security: OneSecurity = None
    duration_s: Seconds = 2
    #: It ends when somebody subscribes the security, for anything.
    until_resubscribed: Annotated[bool, Field(strict=True)] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketClosed(Fault):
    """A market is closed, by its state and in trade; after the duration it is open."""

    kind: ClassVar[str] = "market_closed"
    drawn: ClassVar[tuple[str, ...]] = ("market",)
    market: OneMarket = None
    duration_s: Seconds = 2


#: A scenario's `kind` → its class.
KINDS: dict[str, type[Fault]] = {
    kind.kind: kind
    for kind in (
        Split,
        Merge,
        Delay,
        Cut,
        Reset,
        HalfOpen,
        RefuseLogin,
        RefuseCode,
        LoginLost,
        KickedOut,
        ForcedLogout,
        NotReady,
        QuoteRight,
        Quota,
        BadSha1,
        BadBody,
        PushError,
        Restart,
        NoReply,
        Burst,
        Late,
        Duplicate,
        Replay,
        Stall,
        MarketClosed,
    )
}

_DRAWS: dict[str, Callable[[Security], object]] = {
    "security": lambda security: security,
    "market": lambda security: security.market,
}


def resolved(fault: Fault, securities: Sequence[Security], random: Random) -> Fault:
    """Draw what a fault leaves open, from what is traded."""
    chosen = {
        name: _DRAWS[name](securities[int(random.random() * len(securities))])
        for name in fault.drawn
        if getattr(fault, name) is None
    }
    return replace(fault, **chosen)

"""What is wanted of OpenD, and the Qot_Sub requests that ask for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from opend_kafka.opend.pb import Qot_Sub_pb2
from opend_kafka.opend.securities import Security

#: Codes in one request: as many as the official SDK sends.
CODES_PER_REQUEST = 100

#: Qot_Common.RehabType: K-lines as they were traded. Adjusted ones are rewritten afterwards.
_REHAB_NONE = 0


class Subtype(StrEnum):
    """What can be subscribed, named as the SDK's `SubType` in lower case with dashes."""

    QUOTE = "quote"
    ORDER_BOOK = "order-book"
    ORDER_BOOK_ODD = "order-book-odd"
    TICKER = "ticker"
    RT_DATA = "rt-data"
    BROKER = "broker"
    K_1M = "k-1m"
    K_3M = "k-3m"
    K_5M = "k-5m"
    K_10M = "k-10m"
    K_15M = "k-15m"
    K_30M = "k-30m"
    K_60M = "k-60m"
    K_120M = "k-120m"
    K_180M = "k-180m"
    K_240M = "k-240m"
    K_DAY = "k-day"
    K_WEEK = "k-week"
    K_MONTH = "k-month"
    K_QUARTER = "k-quarter"
    K_YEAR = "k-year"

    @property
    def number(self) -> int:
        """Qot_Common.SubType."""
        return _NUMBERS[self]

    @property
    def is_k_line(self) -> bool:
        """True for the candlesticks of every period."""
        return self.value.startswith("k-")


_NUMBERS = {
    Subtype.QUOTE: 1,
    Subtype.ORDER_BOOK: 2,
    Subtype.TICKER: 4,
    Subtype.RT_DATA: 5,
    Subtype.K_DAY: 6,
    Subtype.K_5M: 7,
    Subtype.K_15M: 8,
    Subtype.K_30M: 9,
    Subtype.K_60M: 10,
    Subtype.K_1M: 11,
    Subtype.K_WEEK: 12,
    Subtype.K_MONTH: 13,
    Subtype.BROKER: 14,
    Subtype.K_QUARTER: 15,
    Subtype.K_YEAR: 16,
    Subtype.K_3M: 17,
    Subtype.K_10M: 18,
    Subtype.K_120M: 19,
    Subtype.K_180M: 20,
    Subtype.K_240M: 21,
    Subtype.ORDER_BOOK_ODD: 22,
}


class TradingSession(IntEnum):
    """Common.Session: which hours of the US market."""

    RTH = 1
    ETH = 2
    ALL = 3


@dataclass(frozen=True, slots=True)
class Terms:
    """How something is subscribed."""

    first_push: bool = True
    session: TradingSession | None = None
    order_book_detail: bool = False

    def for_one(self, security: Security, subtype: Subtype) -> Terms:
        """Leave out what OpenD knows of other markets and subtypes only.

        `session` is for ticker, rt-data and K-lines of US; details are for order books.
        """
        timed = subtype in (Subtype.TICKER, Subtype.RT_DATA) or subtype.is_k_line
        return Terms(
            first_push=self.first_push,
            session=self.session if timed and security.market == "US" else None,
            order_book_detail=self.order_book_detail and subtype is Subtype.ORDER_BOOK,
        )


@dataclass(frozen=True, slots=True)
class Subscription:
    """One (security, subtype): what costs one of the quota."""

    security: Security
    subtype: Subtype
    terms: Terms = Terms()

    def __str__(self) -> str:
        return f"{self.subtype} of {self.security}"


@dataclass(frozen=True, slots=True)
class Batch:
    """Every security × every subtype, on the same terms: what one request can ask for."""

    securities: tuple[Security, ...]
    subtypes: tuple[Subtype, ...]
    terms: Terms

    def request(self) -> Qot_Sub_pb2.Request:
        """Give the request that subscribes it and registers its pushes."""
        request = Qot_Sub_pb2.Request()
        c2s = request.c2s
        for security in self.securities:
            c2s.securityList.add(market=security.market_number, code=security.code)
        c2s.subTypeList.extend(subtype.number for subtype in self.subtypes)
        c2s.isSubOrUnSub = True
        c2s.isRegOrUnRegPush = True
        c2s.isFirstPush = self.terms.first_push
        if any(subtype.is_k_line for subtype in self.subtypes):
            c2s.regPushRehabTypeList.append(_REHAB_NONE)
        if self.terms.order_book_detail:
            c2s.isSubOrderBookDetail = True
        if self.terms.session is not None:
            c2s.session = self.terms.session
        return request

    def unsubscribe_request(self) -> Qot_Sub_pb2.Request:
        """Give the request that unsubscribes it and ends its pushes; terms do not matter to it."""
        request = Qot_Sub_pb2.Request()
        c2s = request.c2s
        for security in self.securities:
            c2s.securityList.add(market=security.market_number, code=security.code)
        c2s.subTypeList.extend(subtype.number for subtype in self.subtypes)
        c2s.isSubOrUnSub = False
        c2s.isRegOrUnRegPush = False
        return request

    def subscriptions(self) -> Iterator[Subscription]:
        """Yield what it asks for, one by one."""
        for security in self.securities:
            for subtype in self.subtypes:
                yield Subscription(security, subtype, self.terms)

    def halves(self) -> tuple[Batch, ...]:
        """Split it in two, to find what OpenD refuses in it; empty where it is one already."""
        if len(self.securities) > 1:
            middle = len(self.securities) // 2
            parts = (self.securities[:middle], self.securities[middle:])
            return tuple(Batch(part, self.subtypes, self.terms) for part in parts)
        if len(self.subtypes) > 1:
            return tuple(Batch(self.securities, (one,), self.terms) for one in self.subtypes)
        return ()


def batches(wanted: Iterable[Subscription]) -> list[Batch]:
    """Gather subscriptions into as few requests as OpenD's rules allow, in their order."""
    subtypes: dict[tuple[Terms, Security], list[Subtype]] = defaultdict(list)
    for one in dict.fromkeys(wanted):
        subtypes[one.terms, one.security].append(one.subtype)
    groups: dict[tuple[Terms, tuple[Subtype, ...]], list[Security]] = defaultdict(list)
    for (terms, security), together in subtypes.items():
        groups[terms, tuple(together)].append(security)
    return [
        Batch(tuple(securities[start : start + CODES_PER_REQUEST]), together, terms)
        for (terms, together), securities in groups.items()
        for start in range(0, len(securities), CODES_PER_REQUEST)
    ]

"""What is wrong with a simulated OpenD at present, as far as its replies show it.

Faults overlap: what several of them want is counted, and ends with the last.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable

from opend_kafka.opend.pb.Common_pb2 import ProgramStatusType_Ready
from opend_kafka.opend.securities import Security

#: QotRight numbers (Notify 1003).
RIGHTS = {"bmp": 1, "l1": 2, "l2": 3, "sf": 4, "none": 5, "l3": 6}
_USUAL_RIGHT = RIGHTS["l2"]
_WITHOUT_PUSHES = frozenset({RIGHTS["bmp"], RIGHTS["none"]})


class Conditions:
    """Written by the effects of faults, read by those who answer and push."""

    def __init__(self) -> None:
        self.logouts = 0
        self.refused_logins = 0
        self.statuses: list[int] = []
        self.quotas: list[int] = []
        self.unknown: Counter[Security | None] = Counter()
        self.stalled: Counter[Security | None] = Counter()
        #: What ends when a security is subscribed.
        self.on_subscribed: defaultdict[Security | None, list[Callable[[], None]]]
        self.on_subscribed = defaultdict(list)
        #: Requests that get no reply, by proto_id; None: whichever come.
        self.unanswered: Counter[int | None] = Counter()
        self._rights: defaultdict[str | None, list[int]] = defaultdict(list)

    @property
    def logged_in(self) -> bool:
        """Whether OpenD is logged in to the quote server."""
        return not self.logouts

    @property
    def status(self) -> int:
        """The program status: the latest that a fault asks for."""
        return self.statuses[-1] if self.statuses else ProgramStatusType_Ready

    @property
    def silences(self) -> bool:
        """Whether any push may have to be withheld."""
        return bool(self.logouts or +self.stalled or any(self._rights.values()))

    def withholds(self, security: Security) -> bool:
        """Tell whether a security is not pushed now."""
        return bool(
            self.logouts or self.stalled[security] or not self.may_subscribe(security.market)
        )

    def subscribed(self, security: Security) -> None:
        """End what ends when a security is subscribed."""
        for end in self.on_subscribed.pop(security, ()):
            end()

    def right_of(self, market: str | None) -> int:
        """Give the number of a market's quote right."""
        rights = self._rights.get(market)
        return rights[-1] if rights else _USUAL_RIGHT

    def may_subscribe(self, market: str) -> bool:
        """Tell whether the quote right suffices for subscriptions and pushes."""
        return self.right_of(market) not in _WITHOUT_PUSHES

    def set_right(self, market: str | None, right: int) -> None:
        """Change a market's quote right."""
        self._rights[market].append(right)

    def unset_right(self, market: str | None, right: int) -> None:
        """Take one change back."""
        self._rights[market].remove(right)

    def login_refused(self) -> bool:
        """Tell whether this InitConnect is refused, and count it."""
        if not self.refused_logins:
            return False
        self.refused_logins -= 1
        return True

    def ignores(self, proto_id: int) -> bool:
        """Tell whether this request gets no reply, and count it."""
        for wanted in (proto_id, None):
            if self.unanswered[wanted]:
                self.unanswered[wanted] -= 1
                return True
        return False

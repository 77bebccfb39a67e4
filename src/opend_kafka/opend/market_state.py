"""The states of markets: their names, and who can be expected to speak in them. Pure.

Numbers are QotMarketState's (Qot_Common.proto of futu-api 10.11), names the SDK's `MarketState`;
where the SDK has none, they are made as it makes them.
"""

from __future__ import annotations

from enum import Enum, auto

from opend_kafka.opend.pb import GetGlobalState_pb2
from opend_kafka.opend.subscriptions import TradingSession


class Hours(Enum):
    """Hours of continuous trading, by who takes part in them."""

    REGULAR = auto()
    #: Before and after them: US, for subscriptions with `session` eth or all.
    EXTENDED = auto()
    #: US, for subscriptions with `session` all.
    OVERNIGHT = auto()


#: What each state is called, and the hours that it stands for; None: a stream may well be silent.
#: Auctions are among these: minutes can pass without a tick, which then come at once. So is what
#: only some securities take part in, and every state that is newer than this table.
_STATES: dict[int, tuple[str, Hours | None]] = {
    0: ("NONE", None),
    1: ("AUCTION", None),
    2: ("WAITING_OPEN", None),
    3: ("MORNING", Hours.REGULAR),
    4: ("REST", None),
    5: ("AFTERNOON", Hours.REGULAR),
    6: ("CLOSED", None),
    8: ("PRE_MARKET_BEGIN", Hours.EXTENDED),
    9: ("PRE_MARKET_END", None),
    10: ("AFTER_HOURS_BEGIN", Hours.EXTENDED),
    11: ("AFTER_HOURS_END", None),
    12: ("FUTU_SWITCH_DATE", None),
    13: ("NIGHT_OPEN", Hours.REGULAR),
    14: ("NIGHT_END", None),
    15: ("FUTURE_DAY_OPEN", Hours.REGULAR),
    16: ("FUTURE_DAY_BREAK", None),
    17: ("FUTURE_DAY_CLOSE", None),
    18: ("FUTURE_DAY_WAIT_OPEN", None),
    19: ("HK_CAS", None),
    20: ("FUTURE_NIGHT_WAIT", None),
    21: ("FUTURE_AFTERNOON", Hours.REGULAR),
    22: ("FUTURE_SWITCH_DATE", None),
    23: ("FUTURE_OPEN", Hours.REGULAR),
    24: ("FUTURE_BREAK", None),
    25: ("FUTURE_BREAK_OVER", Hours.REGULAR),
    26: ("FUTURE_CLOSE", None),
    27: ("ASHARE_AFTER_HOURS_WAIT", None),
    28: ("ASHARE_AFTER_HOURS_BEGIN", None),
    29: ("ASHARE_AFTER_HOURS_END", None),
    30: ("CLOSE_AUCTION", None),
    31: ("AFTERNOON_END", None),
    32: ("NIGHT", Hours.REGULAR),
    33: ("OVERNIGHT_BEGIN", Hours.OVERNIGHT),
    34: ("OVERNIGHT_END", None),
    35: ("TRADE_AT_LAST", None),
    36: ("TRADE_AUCTION", None),
    37: ("OVERNIGHT", Hours.OVERNIGHT),
}

_COVERED: dict[Hours, frozenset[TradingSession | None]] = {
    Hours.REGULAR: frozenset({None, *TradingSession}),
    Hours.EXTENDED: frozenset({TradingSession.ETH, TradingSession.ALL}),
    Hours.OVERNIGHT: frozenset({TradingSession.ALL}),
}

#: GetGlobalState's field → market. The futures of US, SG and JP have fields and no market of
#: their own: their codes stand among the stocks', and are judged by the stocks' hours.
_FIELDS = {
    "marketHK": "HK",
    "marketHKFuture": "HK_FUTURE",
    "marketUS": "US",
    "marketSH": "SH",
    "marketSZ": "SZ",
    "marketSG": "SG",
    "marketJP": "JP",
    "marketMY": "MY",
}


def state_name(number: int) -> str:
    """Give the state's name; a number newer than the table is that number as a string."""
    name, _ = _STATES.get(number, (str(number), None))
    return name


def hours_of(number: int) -> Hours | None:
    """Give the hours that a state stands for; None where no stream need speak."""
    _, hours = _STATES.get(number, ("", None))
    return hours


def covers(session: TradingSession | None, hours: Hours) -> bool:
    """Tell whether a subscription with this `session` hears of what is traded in these hours."""
    return session in _COVERED[hours]


def read_states(s2c: GetGlobalState_pb2.S2C) -> dict[str, int]:
    """Give the state of each market that OpenD tells of, by the market's name."""
    return {market: getattr(s2c, field) for field, market in _FIELDS.items() if s2c.HasField(field)}

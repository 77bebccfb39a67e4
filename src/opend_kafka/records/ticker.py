"""Ticks: Qot_UpdateTicker (3011) → opend.Ticker, one record an element of tickerList."""

from opend_kafka.opend.messages import ProtoId
from opend_kafka.opend.subscriptions import Subtype
from opend_kafka.records.tables import Field, Kind, Market, Micros, Moment, SubtypeOf, symbols

PUSH_DATA_TYPE = symbols("REALTIME", "BYDISCONN", "CACHE")

TICKER_DIRECT = symbols("BUY", "SELL", "NEUTRAL")

#: The SDK's `TickerType`, in its spelling.
TICKER_TYPE = symbols(
    "AUTO_MATCH",
    "LATE",
    "NON_AUTO_MATCH",
    "INTER_AUTO_MATCH",
    "INTER_NON_AUTO_MATCH",
    "ODD_LOT",
    "AUCTION",
    "BULK",
    "CRASH",
    "CROSS_MARKET",
    "BULK_SOLD",
    "FREE_ON_BOARD",
    "RULE127_OR_155",
    "DELAY",
    "MARKET_CENTER_CLOSE_PRICE",
    "NEXT_DAY",
    "MARKET_CENTER_OPENING",
    "PRIOR_REFERENCE_PRICE",
    "MARKET_CENTER_OPEN_PRICE",
    "SELLER",
    "T",
    "EXTENDED_TRADING_HOURS",
    "CONTINGENT",
    "AVERAGE_PRICE",
    "OTC_SOLD",
    "ODD_LOT_CROSS_MARKET",
    "DERIVATIVELY_PRICED",
    "REOPENINGP_RICED",
    "CLOSING_PRICED",
    "COMPREHENSIVE_DELAY_PRICE",
    "OVERSEAS",
)

TICKER = Kind(
    proto_id=ProtoId.QOT_UPDATE_TICKER,
    schema="opend.Ticker",
    subtype=SubtypeOf(Subtype.TICKER),
    rows="tickerList",
    event_time=(Moment("row.timestamp", "row.time"),),
    fields=(
        Field("market", "s2c.security.market", Market()),
        Field("code", "s2c.security.code"),
        Field("name", "s2c.name"),
        Field("sequence", "row.sequence"),
        Field("push_data_type", "row.pushDataType", PUSH_DATA_TYPE),
        Field("push_data_type_code", "row.pushDataType"),
        Field("time", "row.time"),
        Field("event_time", "row.timestamp", Micros()),
        Field("price", "row.price"),
        Field("volume", "row.volume"),
        Field("turnover", "row.turnover"),
        Field("ticker_direction", "row.dir", TICKER_DIRECT),
        Field("ticker_direction_code", "row.dir"),
        Field("type", "row.type", TICKER_TYPE),
        Field("type_code", "row.type"),
        Field("type_sign", "row.typeSign"),
        Field("hp_volume", "row.hpVolume"),
        Field("recv_time", "row.recvTime", Micros()),
    ),
)

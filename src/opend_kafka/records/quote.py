"""Quotes: Qot_UpdateBasicQot (3005) → opend.Quote, one record an element: a security each."""

from opend_kafka.opend.messages import ProtoId
from opend_kafka.opend.subscriptions import Subtype
from opend_kafka.records.tables import (
    Field,
    Kind,
    Market,
    Micros,
    Moment,
    One,
    SubtypeOf,
    Symbol,
    symbols,
)

#: Its number 0 has a meaning.
DARK_STATUS = Symbol(("NONE", "TRADING", "END"))

#: The SDK's `SecurityStatus`, in its spelling.
SECURITY_STATUS = symbols(
    "NORMAL",
    "LISTING",
    "PURCHASING",
    "SUBSCRIBING",
    "BEFORE_DARK_TRADE_OPEING",
    "DARK_TRADING",
    "DARK_TRAD_END",
    "TO_BE_OPEN",
    "SUSPENDED",
    "CALLED",
    "EXPIRED_LAST_TRADING_DATE",
    "EXPIRED",
    "DELISTED",
    "CHANGE_TO_TEMPORARY_CODE",
    "TEMPORARY_CODE_TRADE_END",
    "CHANGED_PLATE_TRADE_END",
    "CHANGED_CODE_TRAD_END",
    "RECOVERABLE_CIRCUIT_BREAKER",
    "UNRECOVERABLE_CIRCUIT_BREAKER",
    "AFTER_COMBINATION",
    "AFTER_TRANSACTION",
)

OPTION_AREA_TYPE = symbols("AMERICAN", "EUROPEAN", "BERMUDA")

INDEX_OPTION_TYPE = symbols("NORMAL", "SMALL")

OPTION = (
    Field("strike_price", "row.strikePrice"),
    Field("contract_size", "row.contractSize"),
    Field("contract_size_float", "row.contractSizeFloat"),
    Field("open_interest", "row.openInterest"),
    Field("implied_volatility", "row.impliedVolatility"),
    Field("premium", "row.premium"),
    Field("delta", "row.delta"),
    Field("gamma", "row.gamma"),
    Field("vega", "row.vega"),
    Field("theta", "row.theta"),
    Field("rho", "row.rho"),
    Field("net_open_interest", "row.netOpenInterest"),
    Field("expiry_date_distance", "row.expiryDateDistance"),
    Field("contract_nominal_value", "row.contractNominalValue"),
    Field("owner_lot_multiplier", "row.ownerLotMultiplier"),
    Field("option_area_type", "row.optionAreaType", OPTION_AREA_TYPE),
    Field("option_area_type_code", "row.optionAreaType"),
    Field("contract_multiplier", "row.contractMultiplier"),
    Field("index_option_type", "row.indexOptionType", INDEX_OPTION_TYPE),
    Field("index_option_type_code", "row.indexOptionType"),
)

FUTURE = (
    Field("last_settle_price", "row.lastSettlePrice"),
    Field("position", "row.position"),
    Field("position_change", "row.positionChange"),
    Field("expiry_date_distance", "row.expiryDateDistance"),
)

WARRANT = (
    Field("delta", "row.delta"),
    Field("implied_volatility", "row.impliedVolatility"),
    Field("premium", "row.premium"),
)

PRE_AFTER_MARKET = (
    Field("price", "row.price"),
    Field("high_price", "row.highPrice"),
    Field("low_price", "row.lowPrice"),
    Field("volume", "row.volume"),
    Field("turnover", "row.turnover"),
    Field("change_val", "row.changeVal"),
    Field("change_rate", "row.changeRate"),
    Field("amplitude", "row.amplitude"),
)

QUOTE = Kind(
    proto_id=ProtoId.QOT_UPDATE_BASIC_QOT,
    schema="opend.Quote",
    subtype=SubtypeOf(Subtype.QUOTE),
    rows="basicQotList",
    security="row.security",
    event_time=(Moment("row.updateTimestamp", "row.updateTime"),),
    fields=(
        Field("market", "row.security.market", Market()),
        Field("code", "row.security.code"),
        Field("name", "row.name"),
        Field("suspension", "row.isSuspended"),
        Field("listing_date", "row.listTime"),
        Field("listing_date_at", "row.listTimestamp", Micros()),
        Field("price_spread", "row.priceSpread"),
        Field("update_time", "row.updateTime"),
        Field("update_time_at", "row.updateTimestamp", Micros()),
        Field("high_price", "row.highPrice"),
        Field("open_price", "row.openPrice"),
        Field("low_price", "row.lowPrice"),
        Field("last_price", "row.curPrice"),
        Field("prev_close_price", "row.lastClosePrice"),
        Field("volume", "row.volume"),
        Field("turnover", "row.turnover"),
        Field("turnover_rate", "row.turnoverRate"),
        Field("amplitude", "row.amplitude"),
        Field("dark_status", "row.darkStatus", DARK_STATUS),
        Field("dark_status_code", "row.darkStatus"),
        Field("sec_status", "row.secStatus", SECURITY_STATUS),
        Field("sec_status_code", "row.secStatus"),
        Field("option_ex_data", "row.optionExData", One(OPTION)),
        Field("future_ex_data", "row.futureExData", One(FUTURE)),
        Field("warrant_ex_data", "row.warrantExData", One(WARRANT)),
        Field("pre_market", "row.preMarket", One(PRE_AFTER_MARKET)),
        Field("after_market", "row.afterMarket", One(PRE_AFTER_MARKET)),
        Field("overnight", "row.overnight", One(PRE_AFTER_MARKET)),
        Field("hp_volume", "row.hpVolume"),
    ),
)

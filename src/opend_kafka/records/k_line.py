"""K-lines of all periods: Qot_UpdateKL (3007) → opend.KLine, one record an element of klList."""

from opend_kafka.opend.messages import ProtoId
from opend_kafka.opend.subscriptions import Subtype
from opend_kafka.records.tables import (
    Field,
    Kind,
    Market,
    Micros,
    Moment,
    SubtypeOf,
    Symbol,
    symbols,
)

#: The SDK's `KLType` and what is subscribed to get it, by number from 1: not SubType's numbers.
_PERIODS = (
    ("K_1M", Subtype.K_1M),
    ("K_DAY", Subtype.K_DAY),
    ("K_WEEK", Subtype.K_WEEK),
    ("K_MON", Subtype.K_MONTH),
    ("K_YEAR", Subtype.K_YEAR),
    ("K_5M", Subtype.K_5M),
    ("K_15M", Subtype.K_15M),
    ("K_30M", Subtype.K_30M),
    ("K_60M", Subtype.K_60M),
    ("K_3M", Subtype.K_3M),
    ("K_QUARTER", Subtype.K_QUARTER),
    ("K_10M", Subtype.K_10M),
    ("K_120M", Subtype.K_120M),
    ("K_180M", Subtype.K_180M),
    ("K_240M", Subtype.K_240M),
)

KL_TYPE = symbols(*(name for name, _ in _PERIODS))

#: The SDK's `AuType`. Its number 0 has a meaning.
AU_TYPE = Symbol(("NONE", "QFQ", "HFQ"))

K_LINE = Kind(
    proto_id=ProtoId.QOT_UPDATE_KL,
    schema="opend.KLine",
    subtype=SubtypeOf(
        None, "s2c.klType", tuple(enumerate((subtype for _, subtype in _PERIODS), start=1))
    ),
    rows="klList",
    event_time=(Moment("row.timestamp", "row.time"),),
    fields=(
        Field("market", "s2c.security.market", Market()),
        Field("code", "s2c.security.code"),
        Field("name", "s2c.name"),
        Field("rehab_type", "s2c.rehabType", AU_TYPE),
        Field("rehab_type_code", "s2c.rehabType"),
        Field("k_type", "s2c.klType", KL_TYPE),
        Field("k_type_code", "s2c.klType"),
        Field("time_key", "row.time"),
        Field("time_key_at", "row.timestamp", Micros()),
        Field("is_blank", "row.isBlank"),
        Field("open", "row.openPrice"),
        Field("close", "row.closePrice"),
        Field("high", "row.highPrice"),
        Field("low", "row.lowPrice"),
        Field("last_close", "row.lastClosePrice"),
        Field("volume", "row.volume"),
        Field("turnover", "row.turnover"),
        Field("turnover_rate", "row.turnoverRate"),
        Field("pe_ratio", "row.pe"),
        Field("change_rate", "row.changeRate"),
        Field("hp_volume", "row.hpVolume"),
    ),
)

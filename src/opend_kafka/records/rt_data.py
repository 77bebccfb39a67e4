"""The intraday line: Qot_UpdateRT (3009) → opend.RtData, one record an element of rtList."""

from opend_kafka.opend.messages import ProtoId
from opend_kafka.opend.subscriptions import Subtype
from opend_kafka.records.tables import Field, Kind, Market, Micros, Moment, SubtypeOf

RT_DATA = Kind(
    proto_id=ProtoId.QOT_UPDATE_RT,
    schema="opend.RtData",
    subtype=SubtypeOf(Subtype.RT_DATA),
    rows="rtList",
    event_time=(Moment("row.timestamp", "row.time"),),
    fields=(
        Field("market", "s2c.security.market", Market()),
        Field("code", "s2c.security.code"),
        Field("name", "s2c.name"),
        Field("time", "row.time"),
        Field("time_at", "row.timestamp", Micros()),
        Field("opened_mins", "row.minute"),
        Field("is_blank", "row.isBlank"),
        Field("cur_price", "row.price"),
        Field("last_close", "row.lastClosePrice"),
        Field("avg_price", "row.avgPrice"),
        Field("volume", "row.volume"),
        Field("turnover", "row.turnover"),
        Field("hp_volume", "row.hpVolume"),
    ),
)

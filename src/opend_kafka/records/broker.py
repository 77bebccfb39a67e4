"""The queues of brokers: Qot_UpdateBroker (3015) → opend.Broker, one record a push."""

from opend_kafka.opend.messages import ProtoId
from opend_kafka.opend.subscriptions import Subtype
from opend_kafka.records.tables import Each, Field, Kind, Market, SubtypeOf

ENTRY = (
    Field("broker_id", "row.id"),
    Field("broker_name", "row.name"),
    Field("broker_pos", "row.pos"),
    Field("order_id", "row.orderID"),
    Field("order_volume", "row.volume"),
)

BROKER = Kind(
    proto_id=ProtoId.QOT_UPDATE_BROKER,
    schema="opend.Broker",
    subtype=SubtypeOf(Subtype.BROKER),
    rows=None,
    fields=(
        Field("market", "s2c.security.market", Market()),
        Field("code", "s2c.security.code"),
        Field("name", "s2c.name"),
        Field("asks", "s2c.brokerAskList", Each(ENTRY)),
        Field("bids", "s2c.brokerBidList", Each(ENTRY)),
    ),
)

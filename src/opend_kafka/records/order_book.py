"""Books, whole and of odd lots: Qot_UpdateOrderBook (3013) → opend.OrderBook, one record a push."""

from opend_kafka.opend.messages import ProtoId
from opend_kafka.opend.subscriptions import Subtype
from opend_kafka.records.tables import Each, Field, Kind, Market, Micros, Moment, SubtypeOf, Symbol

#: The one enum whose number 0 has a meaning.
ORDER_BOOK_TYPE = Symbol(("NORMAL", "ODD"))

LEVEL = (
    Field("price", "row.price"),
    Field("volume", "row.volume"),
    Field("order_count", "row.orederCount"),
    Field("hp_volume", "row.hpVolume"),
    Field(
        "details",
        "row.detailList",
        Each((Field("order_id", "row.orderID"), Field("volume", "row.volume"))),
    ),
)

ORDER_BOOK = Kind(
    proto_id=ProtoId.QOT_UPDATE_ORDER_BOOK,
    schema="opend.OrderBook",
    subtype=SubtypeOf(Subtype.ORDER_BOOK, "s2c.orderBookType", ((1, Subtype.ORDER_BOOK_ODD),)),
    rows=None,
    event_time=(
        Moment("s2c.svrRecvTimeBidTimestamp", "s2c.svrRecvTimeBid"),
        Moment("s2c.svrRecvTimeAskTimestamp", "s2c.svrRecvTimeAsk"),
    ),
    fields=(
        Field("market", "s2c.security.market", Market()),
        Field("code", "s2c.security.code"),
        Field("name", "s2c.name"),
        Field("order_book_type", "s2c.orderBookType", ORDER_BOOK_TYPE),
        Field("order_book_type_code", "s2c.orderBookType"),
        Field("asks", "s2c.orderBookAskList", Each(LEVEL)),
        Field("bids", "s2c.orderBookBidList", Each(LEVEL)),
        Field("svr_recv_time_bid", "s2c.svrRecvTimeBid"),
        Field("svr_recv_time_bid_at", "s2c.svrRecvTimeBidTimestamp", Micros()),
        Field("svr_recv_time_ask", "s2c.svrRecvTimeAsk"),
        Field("svr_recv_time_ask_at", "s2c.svrRecvTimeAskTimestamp", Micros()),
    ),
)

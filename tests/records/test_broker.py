"""Queues of brokers become records that hold all that OpenD sent."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from opend_kafka.opend.messages import ProtoId, decode_push
from opend_kafka.opend.pb import Qot_Common_pb2
from opend_kafka.opend.pb.Qot_Common_pb2 import Security
from opend_kafka.opend.pb.Qot_UpdateBroker_pb2 import S2C
from opend_kafka.opend.subscriptions import Subtype
from opend_kafka.records.broker import BROKER
from opend_kafka.records.engine import Provenance, RecordEncoder
from tests.opend.vectors import vector
from tests.records.wire import (
    INT32,
    INT64,
    MARKET,
    PROVENANCE,
    TEXT,
    maybe,
    present,
    provenance_record,
    read,
    whole,
)

ENCODER = RecordEncoder(BROKER)
RECEIVED = Provenance(conn_id=7, push_serial=9, ingest_time_us=1_624_588_440_200_000)

QUEUES = st.lists(
    st.fixed_dictionaries(
        {
            "id": INT64,
            "name": TEXT,
            "pos": INT32,
            "orderID": maybe(INT64),
            "volume": maybe(INT64),
        }
    ),
    max_size=3,
)


def expected(queue: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give what a consumer must read of one side."""
    return [
        {
            "broker_id": whole(entry["id"]),
            "broker_name": entry["name"],
            "broker_pos": entry["pos"],
            "order_id": whole(entry.get("orderID")),
            "order_volume": whole(entry.get("volume")),
        }
        for entry in queue
    ]


def record(s2c: S2C, provenance: Provenance = RECEIVED) -> dict[str, Any]:
    """Give the record of a push, as a consumer reads it."""
    (row,) = ENCODER.rows(s2c)
    assert row.subtype is Subtype.BROKER
    return read("opend.Broker", ENCODER.encode(s2c, row, 0, provenance))


def test_queues_of_sdk_are_kept() -> None:
    """A push that the SDK packed gives one record with both queues; order ids stay whole."""
    sent = vector("broker_queue").message["s2c"]
    assert record(decode_push(ProtoId.QOT_UPDATE_BROKER, vector("broker_queue").body)) == {
        "market": "HK",
        "code": sent["security"]["code"],
        "name": sent["name"],
        "asks": expected(sent["brokerAskList"]),
        "bids": expected(sent["brokerBidList"]),
        "provenance": provenance_record(RECEIVED, 0),
    }


@given(maybe(TEXT), MARKET, QUEUES, QUEUES, PROVENANCE)
def test_any_queue_is_kept(
    name: str | None,
    market: tuple[int, str],
    asks: list[dict[str, Any]],
    bids: list[dict[str, Any]],
    provenance: Provenance,
) -> None:
    """Whatever OpenD sends, the record has all of it, and no more; an empty side is empty."""
    s2c = S2C(
        **present(name=name),
        security=Security(market=market[0], code="00700"),
        brokerAskList=[Qot_Common_pb2.Broker(**present(**entry)) for entry in asks],
        brokerBidList=[Qot_Common_pb2.Broker(**present(**entry)) for entry in bids],
    )
    assert record(s2c, provenance) == {
        "market": market[1],
        "code": "00700",
        "name": name,
        "asks": expected(asks),
        "bids": expected(bids),
        "provenance": provenance_record(provenance, 0),
    }

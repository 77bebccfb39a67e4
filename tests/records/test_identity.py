"""What a record is about, from its bytes."""

from __future__ import annotations

import pytest

from opend_kafka import schemas
from opend_kafka.kafka.routing import encode_key
from opend_kafka.opend.messages import decode_push
from opend_kafka.opend.securities import Security
from opend_kafka.opend.subscriptions import Subscription, Subtype
from opend_kafka.records.engine import Provenance, RecordEncoder
from opend_kafka.records.identity import identify
from opend_kafka.records.order_book import ORDER_BOOK
from opend_kafka.records.tables import Kind
from opend_kafka.records.ticker import TICKER
from tests.opend.vectors import vector

SECURITY = Security("HK", "00700")
#: What stands before a record in each of the two wire formats; 10 in the schema id is on purpose.
PREFIXES = [schemas.CONFLUENT_MAGIC + b"\0\0\0\n", schemas.SINGLE_OBJECT_MAGIC + bytes(8)]


def _value(kind: Kind, push: str, prefix: bytes) -> bytes:
    given = vector(push)
    s2c = decode_push(given.proto_id, given.body)
    encoder = RecordEncoder(kind)
    return encoder.encode(s2c, encoder.rows(s2c)[0], 0, Provenance(7, 9, 0), prefix)


@pytest.mark.parametrize("prefix", PREFIXES)
def test_identify_names_a_ticks_subscription_and_sequence(prefix: bytes) -> None:
    """Both wire formats are read."""
    value = _value(TICKER, "ticker_realtime_hk", prefix)
    sequence = decode_push(3011, vector("ticker_realtime_hk").body).tickerList[0].sequence
    expected = (Subscription(SECURITY, Subtype.TICKER), sequence)
    assert identify("ticker", prefix + encode_key(SECURITY), value) == expected


def test_identify_gives_no_sequence_where_the_kind_has_none() -> None:
    """A book has a subscription alone."""
    prefix = PREFIXES[0]
    value = _value(ORDER_BOOK, "order_book_hk_10_levels", prefix)
    expected = (Subscription(SECURITY, Subtype.ORDER_BOOK), None)
    assert identify("order-book", prefix + encode_key(SECURITY), value) == expected


@pytest.mark.parametrize(("subtype", "key"), [("events", b"\0\0\0\0\1"), ("ticker", None)])
def test_identify_leaves_what_is_about_no_subscription(subtype: str, key: bytes | None) -> None:
    """Events and the like, and records without a key, are about none."""
    assert identify(subtype, key, b"") == (None, None)

"""The one table of all record kinds: which push becomes which record."""

from opend_kafka.opend.subscriptions import Subtype
from opend_kafka.records.order_book import ORDER_BOOK
from opend_kafka.records.tables import Kind
from opend_kafka.records.ticker import TICKER

KINDS: tuple[Kind, ...] = (TICKER, ORDER_BOOK)

_SCHEMAS = {
    subtype: kind.schema
    for kind in KINDS
    for subtype in (kind.subtype.default, *dict(kind.subtype.by_number).values())
}

#: What can be subscribed: everything that a kind makes records of.
SUBTYPES = tuple(_SCHEMAS)


def schema_of(subtype: Subtype) -> str:
    """Give the full name of the schema of a subtype's records."""
    return _SCHEMAS[subtype]

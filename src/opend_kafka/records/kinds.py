"""The one table of all record kinds: which push becomes which record."""

from opend_kafka.opend.subscriptions import Subtype
from opend_kafka.records.broker import BROKER
from opend_kafka.records.k_line import K_LINE
from opend_kafka.records.order_book import ORDER_BOOK
from opend_kafka.records.quote import QUOTE
from opend_kafka.records.rt_data import RT_DATA
from opend_kafka.records.tables import Kind
from opend_kafka.records.ticker import TICKER

KINDS: tuple[Kind, ...] = (
    TICKER,
    ORDER_BOOK,
    QUOTE,
    K_LINE,
    RT_DATA,
    BROKER,
)

_SCHEMAS = {subtype: kind.schema for kind in KINDS for subtype in kind.subtype.all}

#: What can be subscribed: everything that a kind makes records of.
SUBTYPES = tuple(_SCHEMAS)


def schema_of(subtype: Subtype) -> str:
    """Give the full name of the schema of a subtype's records."""
    return _SCHEMAS[subtype]

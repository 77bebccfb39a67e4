"""The one table of all record kinds: which push becomes which record."""

from opend_kafka.records.order_book import ORDER_BOOK
from opend_kafka.records.tables import Kind
from opend_kafka.records.ticker import TICKER

KINDS: tuple[Kind, ...] = (TICKER, ORDER_BOOK)

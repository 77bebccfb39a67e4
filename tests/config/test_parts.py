"""What the parts say by default, what they come to, and what they refuse."""

from __future__ import annotations

import yaml

from opend_kafka.config import parse
from opend_kafka.opend.securities import Security
from opend_kafka.opend.subscriptions import Subscription, Subtype, Terms, TradingSession
from tests.config.samples import EXAMPLE, WANTED, refusal


def test_example_of_the_contract_names_the_defaults() -> None:
    """A file with only the subscriptions means what the contract's example spells out."""
    example = yaml.safe_load(EXAMPLE)
    short = yaml.safe_dump({"subscriptions": example["subscriptions"]})
    assert parse(EXAMPLE) == parse(short)


def test_wanted_gives_every_security_with_every_subtype() -> None:
    """An entry stands for each of its securities with each of its subtypes, in the file's order."""
    config = parse(
        "subscriptions: [{securities: [HK.00700, US.AAPL], subtypes: [ticker, order-book],"
        " session: all, first_push: false, order_book_detail: true}]"
    )
    tencent, apple = Security("HK", "00700"), Security("US", "AAPL")
    assert config.wanted() == [
        Subscription(tencent, Subtype.TICKER, Terms(first_push=False)),
        Subscription(tencent, Subtype.ORDER_BOOK, Terms(first_push=False, order_book_detail=True)),
        Subscription(apple, Subtype.TICKER, Terms(False, TradingSession.ALL)),
        Subscription(apple, Subtype.ORDER_BOOK, Terms(first_push=False, order_book_detail=True)),
    ]


def test_refusal_says_that_reconnect_cannot_begin_above_its_end() -> None:
    """A first delay above the longest one is an impossible combination."""
    told = refusal(WANTED + "opend:\n  reconnect: {initial_s: 50, max_s: 3}\n")
    assert told.startswith("config.yaml:3: opend.reconnect")


def test_refusal_says_that_a_boolean_is_no_number() -> None:
    """`port: yes` is a wrong type, not port 1."""
    assert refusal(WANTED + "opend: {port: yes}\n").startswith("config.yaml:2: opend.port: ")


def test_every_subtype_of_the_contract_can_be_wanted() -> None:
    """All that OpenD pushes in real time can be subscribed, by the SDK's names."""
    names = (
        "quote, order-book, order-book-odd, ticker, rt-data, broker, k-1m, k-3m, k-5m, k-10m, "
        "k-15m, k-30m, k-60m, k-120m, k-180m, k-240m, k-day, k-week, k-month, k-quarter, k-year"
    )
    config = parse(f"subscriptions: [{{securities: [HK.00700], subtypes: [{names}]}}]")
    assert ", ".join(one.subtype for one in config.wanted()) == names

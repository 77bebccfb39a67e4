"""Topic names and routes."""

from __future__ import annotations

import string
from io import BytesIO

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opend_kafka import schemas
from opend_kafka.errors import ConfigurationError
from opend_kafka.kafka.routing import (
    LATEST_BOOKS,
    MAX_TOPIC_NAME,
    Route,
    encode_key,
    escape,
    refuse_collisions,
    routes,
    topic_name,
    topic_names,
)
from opend_kafka.opend.securities import MARKETS, Security
from opend_kafka.opend.subscriptions import Subscription, Subtype
from opend_kafka.records.kinds import schema_of

securities = st.builds(Security, st.sampled_from(sorted(MARKETS.values())), st.text(min_size=1))
subtypes = st.sampled_from(Subtype)


@pytest.mark.parametrize(
    ("code", "escaped"),
    [
        ("00700", "00700"),
        (".DJI", ".DJI"),
        ("BRK-B", "BRK-2dB"),
        ("A_B", "A-5fB"),
        ("騰訊", "-e9-a8-b0-e8-a8-8a"),
    ],
)
def test_escape_writes_other_characters_as_their_bytes(code: str, escaped: str) -> None:
    """Every character outside [A-Za-z0-9.] becomes `-xx`, its UTF-8 bytes in hex."""
    assert escape(code) == escaped


@given(st.text(), st.text())
def test_escape_is_injective(one: str, other: str) -> None:
    """Two codes never share a topic name."""
    assert (escape(one) == escape(other)) == (one == other)


@given(st.text())
def test_escape_uses_only_what_kafka_allows(code: str) -> None:
    """A name holds no character that Kafka would refuse."""
    assert set(escape(code)) <= set(string.ascii_letters + string.digits + ".-")


@given(subtypes, securities, subtypes, securities)
def test_topic_name_is_injective(
    subtype: Subtype, security: Security, other_subtype: Subtype, other_security: Security
) -> None:
    """In the default layout, every (subtype, security) has a topic of its own."""
    one = topic_name("opend", "subtype_security", subtype, _short(security))
    other = topic_name("opend", "subtype_security", other_subtype, _short(other_security))
    same = (subtype, _short(security)) == (other_subtype, _short(other_security))
    assert (one == other) == same


def _short(security: Security) -> Security:
    return Security(security.market, security.code[:15])


def test_topic_name_follows_the_layout() -> None:
    """The two layouts name topics as the contract says."""
    tencent = Security("HK", "00700")
    names = [
        topic_name("opend", layout, Subtype.TICKER, tencent)
        for layout in ("subtype_security", "subtype")
    ]
    assert names == ["opend.ticker.HK.00700", "opend.ticker"]


def test_topic_name_refuses_what_kafka_would() -> None:
    """A name past Kafka's limit is a configuration error."""
    longest = Security("HK", "0" * (MAX_TOPIC_NAME - len("opend.ticker.HK.")))
    assert len(topic_name("opend", "subtype_security", Subtype.TICKER, longest)) == MAX_TOPIC_NAME
    with pytest.raises(ConfigurationError, match="250 characters"):
        topic_name("opend", "subtype_security", Subtype.TICKER, Security("HK", longest.code + "0"))


@given(st.lists(st.tuples(securities, subtypes), unique=True))
def test_topics_of_subscriptions_never_collide(pairs: list[tuple[Security, Subtype]]) -> None:
    """No set of subscriptions has two topics that Kafka would take for one."""
    wanted = {Subscription(_short(security), subtype) for security, subtype in pairs}
    names = topic_names(wanted, prefix="my_own.prefix", layout="subtype_security")
    refuse_collisions(names.values())


@pytest.mark.parametrize("other", ["opend.ticker.HK.1_0", "opend.ticker.HK.1.0"])
def test_colliding_topics_are_refused(other: str) -> None:
    """Names that are alike, or to Kafka's metrics, are an error that names both."""
    one = "opend.ticker.HK.1.0"
    with pytest.raises(ConfigurationError) as refused:
        refuse_collisions([one, "opend.ticker.HK.2", other])
    assert f"the topics {one} and {other} would be one to Kafka" in str(refused.value)


def test_topic_names_refuse_a_topic_for_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were two subscriptions to share a topic that is to be one's own, the start would fail."""
    monkeypatch.setattr("opend_kafka.kafka.routing.escape", lambda text: "same")
    wanted = [Subscription(Security("HK", code), Subtype.TICKER) for code in ("1", "2")]
    with pytest.raises(ConfigurationError, match="would be one to Kafka"):
        topic_names(wanted, prefix="opend", layout="subtype_security")


@given(securities.filter(lambda one: _encodes(one.code)))
def test_encode_key_reads_back(security: Security) -> None:
    """A key holds the market and the code."""
    read = fastavro.schemaless_reader(
        BytesIO(encode_key(security)), schemas.load(schemas.KEY), None
    )
    assert read == {"market": security.market, "code": security.code}


def _encodes(text: str) -> bool:
    try:
        return bool(text.encode())
    except UnicodeEncodeError:
        return False


def test_routes_lead_books_to_the_latest_too() -> None:
    """Where that is wanted, and of no other subtype: books of odd lots have the same key."""
    wanted = [Subscription(Security("HK", "00700"), subtype) for subtype in Subtype]
    table = routes(
        topic_names(wanted, prefix="opend", layout="subtype"),
        schema_of=schema_of,
        prefix=lambda topic, schema, is_key: f"{topic}/{schema}/{is_key};".encode(),
        latest_books="opend.latest",
    )
    found = {route.subtype: route.latest for route in table.values() if route.latest is not None}
    assert found == {
        "order-book": Route(
            "opend.latest",
            LATEST_BOOKS,
            b"opend.latest/opend.SecurityKey/True;" + encode_key(wanted[0].security),
            b"opend.latest/opend.OrderBook/False;",
        )
    }


def test_routes_carry_the_wire_format_of_key_and_value() -> None:
    """A route's key and value prefix begin with what the wire format says for each."""
    wanted = [Subscription(Security("HK", "00700"), Subtype.ORDER_BOOK)]
    names = topic_names(wanted, prefix="opend", layout="subtype")
    table = routes(
        names,
        schema_of=schema_of,
        prefix=lambda topic, schema, is_key: f"{topic}/{schema}/{is_key};".encode(),
    )
    route = table[Subtype.ORDER_BOOK, 1, "00700"]
    assert route.topic == "opend.order-book"
    assert route.value_prefix == b"opend.order-book/opend.OrderBook/False;"
    assert route.key == b"opend.order-book/opend.SecurityKey/True;" + encode_key(wanted[0].security)

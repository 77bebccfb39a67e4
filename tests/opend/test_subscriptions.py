"""Which Qot_Sub requests ask for what is wanted."""

from __future__ import annotations

from itertools import chain, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opend_kafka.opend.pb import Common_pb2, Qot_Common_pb2
from opend_kafka.opend.securities import MARKETS, Security
from opend_kafka.opend.subscriptions import (
    CODES_PER_REQUEST,
    Batch,
    Subscription,
    Subtype,
    Terms,
    TradingSession,
    batches,
)

TENCENT = Security("HK", "00700")
APPLE = Security("US", "AAPL")
TICKER, BOOK = Subtype.TICKER, Subtype.ORDER_BOOK
K_LINES = [
    Subtype.K_1M,
    Subtype.K_3M,
    Subtype.K_5M,
    Subtype.K_10M,
    Subtype.K_15M,
    Subtype.K_30M,
    Subtype.K_60M,
    Subtype.K_120M,
    Subtype.K_180M,
    Subtype.K_240M,
    Subtype.K_DAY,
    Subtype.K_WEEK,
    Subtype.K_MONTH,
    Subtype.K_QUARTER,
    Subtype.K_YEAR,
]
OTHERS = [one for one in Subtype if one not in K_LINES]
TIMED = [Subtype.TICKER, Subtype.RT_DATA, *K_LINES]

SECURITIES = st.builds(
    Security,
    st.sampled_from(sorted(MARKETS.values())),
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=4),
)
SUBTYPES = st.sampled_from(list(Subtype))
TERMS = st.builds(Terms, st.booleans(), st.none() | st.sampled_from(TradingSession), st.booleans())
SUBSCRIPTIONS = st.builds(Subscription, SECURITIES, SUBTYPES, TERMS)
BATCHES = st.builds(
    Batch,
    st.lists(SECURITIES, min_size=1, max_size=9, unique=True).map(tuple),
    st.lists(SUBTYPES, min_size=1, max_size=5, unique=True).map(tuple),
    TERMS,
)


def hk(count: int) -> list[Security]:
    """Give so many securities."""
    return [Security("HK", f"{number:05}") for number in range(1, count + 1)]


def asked_for(batches: list[Batch]) -> list[Subscription]:
    """Give what batches ask for, one by one."""
    return list(chain.from_iterable(batch.subscriptions() for batch in batches))


# Batches


def test_batches_hold_at_most_100_codes() -> None:
    """A request has as many codes as the SDK's, and the rest follows in another."""
    wanted = [Subscription(security, TICKER) for security in hk(250)]
    assert [len(batch.securities) for batch in batches(wanted)] == [100, 100, 50]


def test_batches_keep_order_of_what_is_wanted() -> None:
    """Securities are asked for as the configuration lists them."""
    wanted = [Subscription(security, TICKER) for security in hk(150)]
    assert asked_for(batches(wanted)) == wanted


def test_batches_join_securities_that_want_same_subtypes() -> None:
    """Securities with the same subtypes share a request; others have their own."""
    wanted = [
        Subscription(TENCENT, TICKER),
        Subscription(TENCENT, BOOK),
        Subscription(APPLE, TICKER),
        Subscription(APPLE, BOOK),
        *(Subscription(security, TICKER) for security in hk(2)),
    ]
    assert batches(wanted) == [
        Batch((TENCENT, APPLE), (TICKER, BOOK), Terms()),
        Batch(tuple(hk(2)), (TICKER,), Terms()),
    ]


def test_batches_part_different_terms() -> None:
    """A request has one set of terms."""
    quiet = Terms(first_push=False)
    wanted = [Subscription(TENCENT, TICKER), Subscription(APPLE, TICKER, quiet)]
    assert batches(wanted) == [
        Batch((TENCENT,), (TICKER,), Terms()),
        Batch((APPLE,), (TICKER,), quiet),
    ]


def test_batches_ask_once_for_what_is_wanted_twice() -> None:
    """A doubled wish costs no quota."""
    assert batches([Subscription(TENCENT, TICKER)] * 2) == [Batch((TENCENT,), (TICKER,), Terms())]


def test_batches_of_nothing_are_none() -> None:
    """Nothing wanted, nothing asked."""
    assert batches([]) == []


@given(st.lists(SUBSCRIPTIONS, max_size=30))
def test_batches_cover_exactly_what_is_wanted(wanted: list[Subscription]) -> None:
    """Everything wanted is asked for once, on its own terms, and nothing else is."""
    asked = asked_for(batches(wanted))
    assert len(asked) == len(set(asked))
    assert set(asked) == set(wanted)


@given(st.integers(1, 450), st.sets(SUBTYPES, min_size=1, max_size=3))
def test_batches_are_as_few_as_limit_allows(count: int, subtypes: set[Subtype]) -> None:
    """Securities that want the same take one request a hundred."""
    wanted = [Subscription(*pair) for pair in product(hk(count), sorted(subtypes))]
    assert len(batches(wanted)) == -(-count // CODES_PER_REQUEST)


# Halves


@given(BATCHES)
def test_halves_cover_exactly_the_whole(batch: Batch) -> None:
    """What a batch is split into asks for the same, each once, on the same terms."""
    halves = batch.halves()
    whole = list(batch.subscriptions())
    if len(whole) == 1:
        assert halves == ()
    else:
        assert sorted(map(str, asked_for([*halves]))) == sorted(map(str, whole))
        assert {half.terms for half in halves} == {batch.terms}


@given(BATCHES)
def test_halves_end_at_single_subscriptions(batch: Batch) -> None:
    """Splitting on and on comes to every subscription alone."""
    singles, rest = [], [batch]
    while rest:
        one = rest.pop()
        halves = one.halves()
        rest.extend(halves)
        if not halves:
            singles.append(one)
    assert all(len(list(one.subscriptions())) == 1 for one in singles)
    assert len(singles) == len(list(batch.subscriptions()))


def test_halves_part_securities_before_subtypes() -> None:
    """A bad code is likelier than a bad subtype: the codes are halved first."""
    batch = Batch(tuple(hk(3)), (TICKER, BOOK), Terms())
    one, two, three = hk(3)
    assert batch.halves() == (
        Batch((one,), (TICKER, BOOK), Terms()),
        Batch((two, three), (TICKER, BOOK), Terms()),
    )


# Requests


def test_request_asks_for_subscription_and_pushes() -> None:
    """The request subscribes and registers the pushes on this connection, and says no more."""
    request = Batch((TENCENT, APPLE), (TICKER, BOOK), Terms()).request()
    c2s = request.c2s
    assert [(one.market, one.code) for one in c2s.securityList] == [(1, "00700"), (11, "AAPL")]
    assert list(c2s.subTypeList) == [4, 2]
    assert {field.name for field, _ in c2s.ListFields()} == {
        "securityList",
        "subTypeList",
        "isSubOrUnSub",
        "isRegOrUnRegPush",
        "isFirstPush",
    }
    assert c2s.isSubOrUnSub
    assert c2s.isRegOrUnRegPush


@pytest.mark.parametrize("first_push", [True, False])
def test_request_says_whether_cached_data_is_wanted(first_push: bool) -> None:
    """The first push is asked for or declined explicitly."""
    request = Batch((TENCENT,), (TICKER,), Terms(first_push=first_push)).request()
    assert request.c2s.HasField("isFirstPush")
    assert request.c2s.isFirstPush is first_push


@pytest.mark.parametrize("subtype", K_LINES)
def test_request_for_k_lines_asks_for_unadjusted_ones(subtype: Subtype) -> None:
    """K-lines are asked for as they were traded: rehab type 0, explicitly."""
    request = Batch((TENCENT,), (TICKER, subtype), Terms()).request()
    assert list(request.c2s.regPushRehabTypeList) == [0]


@pytest.mark.parametrize("subtype", OTHERS)
def test_request_without_k_lines_names_no_rehab_type(subtype: Subtype) -> None:
    """The rehab type is for K-lines only."""
    request = Batch((TENCENT,), (subtype,), Terms()).request()
    assert list(request.c2s.regPushRehabTypeList) == []


@pytest.mark.parametrize("session", TradingSession)
def test_request_names_session_where_there_is_one(session: TradingSession) -> None:
    """The hours that are wanted stand in the request, by their number."""
    request = Batch((APPLE,), (TICKER,), Terms(session=session)).request()
    assert request.c2s.session == session


def test_request_asks_for_details_where_wanted() -> None:
    """The orders of each level are asked for explicitly."""
    request = Batch((TENCENT,), (BOOK,), Terms(order_book_detail=True)).request()
    assert request.c2s.isSubOrderBookDetail


@given(BATCHES)
def test_request_can_always_be_sent(batch: Batch) -> None:
    """No batch makes a request with a required field missing."""
    assert batch.request().IsInitialized()


def test_unsubscribe_request_ends_subscription_and_pushes() -> None:
    """The request names securities and subtypes, and switches both off; nothing of terms."""
    batch = Batch((TENCENT, APPLE), (Subtype.K_1M, BOOK), Terms(True, TradingSession.ALL, True))
    c2s = batch.unsubscribe_request().c2s
    assert [(one.market, one.code) for one in c2s.securityList] == [(1, "00700"), (11, "AAPL")]
    assert list(c2s.subTypeList) == [11, 2]
    switches = {
        field.name: value for field, value in c2s.ListFields() if field.type == field.TYPE_BOOL
    }
    assert switches == {"isSubOrUnSub": False, "isRegOrUnRegPush": False}
    assert len(c2s.ListFields()) == 4


# Terms


@given(SECURITIES, SUBTYPES, TERMS)
def test_terms_keep_session_for_us_ticker_rt_and_k_lines_only(
    security: Security, subtype: Subtype, terms: Terms
) -> None:
    """OpenD knows sessions of US ticker, rt-data and K-lines; elsewhere it is left out."""
    kept = terms.for_one(security, subtype).session
    assert kept == (terms.session if security.market == "US" and subtype in TIMED else None)


@given(SECURITIES, SUBTYPES, TERMS)
def test_terms_keep_details_for_order_books_only(
    security: Security, subtype: Subtype, terms: Terms
) -> None:
    """Details are for order books; elsewhere they are left out."""
    kept = terms.for_one(security, subtype).order_book_detail
    assert kept == (terms.order_book_detail and subtype is BOOK)


@given(SECURITIES, SUBTYPES, TERMS)
def test_terms_keep_first_push_always(security: Security, subtype: Subtype, terms: Terms) -> None:
    """Whether cached data is pushed can be chosen for everything."""
    assert terms.for_one(security, subtype).first_push == terms.first_push


# Numbers


def test_every_subtype_of_protocol_has_a_name() -> None:
    """Each SubType of the protocol but None can be named, under its own number."""
    numbers = [subtype.number for subtype in Subtype]
    assert sorted(numbers) == sorted(set(Qot_Common_pb2.SubType.values()) - {0})


@pytest.mark.parametrize(
    ("subtype", "name"),
    [
        (Subtype.QUOTE, "SubType_Basic"),
        (Subtype.ORDER_BOOK, "SubType_OrderBook"),
        (Subtype.ORDER_BOOK_ODD, "SubType_OrderBook_Odd"),
        (Subtype.TICKER, "SubType_Ticker"),
        (Subtype.RT_DATA, "SubType_RT"),
        (Subtype.BROKER, "SubType_Broker"),
        (Subtype.K_1M, "SubType_KL_1Min"),
        (Subtype.K_3M, "SubType_KL_3Min"),
        (Subtype.K_5M, "SubType_KL_5Min"),
        (Subtype.K_10M, "SubType_KL_10Min"),
        (Subtype.K_15M, "SubType_KL_15Min"),
        (Subtype.K_30M, "SubType_KL_30Min"),
        (Subtype.K_60M, "SubType_KL_60Min"),
        (Subtype.K_120M, "SubType_KL_120Min"),
        (Subtype.K_180M, "SubType_KL_180Min"),
        (Subtype.K_240M, "SubType_KL_240Min"),
        (Subtype.K_DAY, "SubType_KL_Day"),
        (Subtype.K_WEEK, "SubType_KL_Week"),
        (Subtype.K_MONTH, "SubType_KL_Month"),
        (Subtype.K_QUARTER, "SubType_KL_Qurater"),
        (Subtype.K_YEAR, "SubType_KL_Year"),
    ],
)
def test_subtype_has_number_of_protocol(subtype: Subtype, name: str) -> None:
    """Each name stands for the protocol's number of the same thing."""
    assert subtype.number == Qot_Common_pb2.SubType.Value(name)


@pytest.mark.parametrize("session", TradingSession)
def test_session_has_number_of_protocol(session: TradingSession) -> None:
    """Each session stands for the protocol's number of the same name."""
    assert session == Common_pb2.Session.Value(f"Session_{session.name}")


def test_k_lines_know_themselves() -> None:
    """All candlesticks are K-lines and nothing else is."""
    assert [one for one in Subtype if one.is_k_line] == K_LINES


def test_subscription_prints_for_people() -> None:
    """A subscription names its subtype and its security."""
    assert str(Subscription(TENCENT, BOOK)) == "order-book of HK.00700"

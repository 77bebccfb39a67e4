"""What is pushed as a state."""

from __future__ import annotations

from typing import Any, cast

import pytest

from opend_kafka.opend.messages import ProtoId
from opend_kafka.opend.securities import Security
from opend_kafka.opend.subscriptions import Subtype
from opend_kafka.simulator.market import Market
from opend_kafka.simulator.pushes import Push
from opend_kafka.simulator.states import States
from opend_kafka.simulator.subscriptions import Feed, Subscriptions

START_US = 1_700_000_000_000_000
TENCENT, APPLE = Security("HK", "00700"), Security("US", "AAPL")
STATES = [subtype for subtype in Subtype if subtype is not Subtype.TICKER]
LINES = [subtype for subtype in STATES if subtype.is_k_line or subtype is Subtype.RT_DATA]
MINUTE_US = 60_000_000


class Bench:
    """Two securities' states, and who takes them."""

    def __init__(self) -> None:
        """Nobody takes anything yet."""
        self.market = Market([TENCENT, APPLE], seed=1, rate=100, start_us=START_US)
        self.subscriptions = Subscriptions(100)
        self.states = States(self.market, self.subscriptions)

    def take(self, conn_id: int, *subtypes: Subtype, rehab: tuple[int, ...] = ()) -> list[Feed]:
        """Have a connection take some subtypes of both; give the feeds."""
        feeds = [Feed(one, subtype.number) for one in (TENCENT, APPLE) for subtype in subtypes]
        self.subscriptions.subscribe(conn_id, feeds)
        self.subscriptions.start_pushes(conn_id, feeds, rehab)
        return feeds

    def of(self, security: Security) -> list[Push]:
        """Give what is pushed of a security now."""
        return list(self.states.of(self.market.stock(security), self.market.now_us))


@pytest.fixture
def bench() -> Bench:
    """What is tested."""
    return Bench()


def s2c(push: Push) -> Any:
    """Give what a push carries."""
    return cast(Any, push.response).s2c


@pytest.mark.parametrize("subtype", STATES)
def test_cached_state_is_of_its_subtype(bench: Bench, subtype: Subtype) -> None:
    """There is data for every subtype, from the first moment on."""
    pushes = list(bench.states.cached(1, bench.take(1, subtype)))
    proto_ids = {
        Subtype.QUOTE: ProtoId.QOT_UPDATE_BASIC_QOT,
        Subtype.RT_DATA: ProtoId.QOT_UPDATE_RT,
        Subtype.BROKER: ProtoId.QOT_UPDATE_BROKER,
        Subtype.ORDER_BOOK: ProtoId.QOT_UPDATE_ORDER_BOOK,
        Subtype.ORDER_BOOK_ODD: ProtoId.QOT_UPDATE_ORDER_BOOK,
    }
    expected = proto_ids.get(subtype, ProtoId.QOT_UPDATE_KL)
    assert {(push.proto_id, push.conn_ids) for push in pushes} == {(expected, (1,))}


def test_quotes_come_together(bench: Bench) -> None:
    """One push carries the quotes of all securities that a connection takes."""
    feeds = bench.take(1, Subtype.QUOTE)
    (push,) = bench.states.cached(1, feeds)
    assert [quote.security.code for quote in s2c(push).basicQotList] == ["00700", "AAPL"]


def test_quotes_are_of_what_each_connection_takes(bench: Bench) -> None:
    """A connection is not told of what another one takes."""
    bench.take(1, Subtype.QUOTE)
    bench.subscriptions.subscribe(2, [Feed(APPLE, 1)])
    bench.subscriptions.start_pushes(2, [Feed(APPLE, 1)])
    stocks = [bench.market.stock(one) for one in (TENCENT, APPLE)]
    quoted = {
        push.conn_ids: [quote.security.code for quote in s2c(push).basicQotList]
        for push in bench.states.quotes(stocks)
    }
    assert quoted == {(1,): ["00700", "AAPL"], (2,): ["AAPL"]}


def test_states_are_of_what_is_taken(bench: Bench) -> None:
    """Of a security comes what anybody takes of it, each once for all who take it."""
    bench.take(1, Subtype.BROKER, Subtype.RT_DATA)
    bench.take(2, Subtype.RT_DATA)
    assert [(push.proto_id, push.conn_ids) for push in bench.of(TENCENT)] == [
        (ProtoId.QOT_UPDATE_BROKER, (1,)),
        (ProtoId.QOT_UPDATE_RT, (1, 2)),
    ]


@pytest.mark.parametrize("subtype", [Subtype.K_1M, Subtype.RT_DATA])
def test_line_tells_of_what_has_ended(bench: Bench, subtype: Subtype) -> None:
    """When a minute is over, the next push has it as it ended, and the new one behind it."""
    bench.take(1, subtype)
    bench.of(TENCENT)
    list(bench.market.advance(START_US + MINUTE_US))
    (push,) = bench.of(TENCENT)
    rows = s2c(push).klList if subtype is Subtype.K_1M else s2c(push).rtList
    assert [row.timestamp for row in rows] == sorted({row.timestamp for row in rows})
    assert len(rows) == 2


def test_first_push_leaves_what_has_ended_to_others(bench: Bench) -> None:
    """One connection's first push takes nothing from the next push to all."""
    bench.take(1, Subtype.K_1M)
    bench.of(TENCENT)
    list(bench.market.advance(START_US + MINUTE_US))
    first = next(bench.states.cached(2, bench.take(2, Subtype.K_1M)))
    (push,) = bench.of(TENCENT)
    assert (len(s2c(first).klList), len(s2c(push).klList)) == (1, 2)


@pytest.mark.parametrize(
    ("asked", "pushed"), [((), [1]), ((0,), [0]), ((0, 2), [0, 2])], ids=["nothing", "one", "two"]
)
def test_k_lines_are_adjusted_as_asked(
    bench: Bench, asked: tuple[int, ...], pushed: list[int]
) -> None:
    """Each rehab type that is asked for is a push of its own; forward where nothing is said."""
    bench.take(1, Subtype.K_DAY, rehab=asked)
    assert [s2c(push).rehabType for push in bench.of(TENCENT)] == pushed


def test_states_name_orders_to_who_asked(bench: Bench) -> None:
    """Of two takers of brokers only the one that wants detail is told the orders."""
    bench.take(1, Subtype.BROKER)
    feed = Feed(TENCENT, Subtype.BROKER.number)
    bench.subscriptions.subscribe(2, [feed], detailed=True)
    bench.subscriptions.start_pushes(2, [feed])
    plain, detailed = bench.of(TENCENT)
    assert (plain.conn_ids, detailed.conn_ids) == ((1,), (2,))
    assert s2c(detailed).brokerAskList[0].HasField("orderID")
    assert not s2c(plain).brokerAskList[0].HasField("orderID")

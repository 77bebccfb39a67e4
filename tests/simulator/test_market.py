"""The simulated market."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opend_kafka.opend.securities import Security
from opend_kafka.simulator.market import EARLIER_TICKS, Market, Trade

START_US = 1_700_000_000_000_000
ALL = [Security.parse(text) for text in ("HK.00700", "SH.600519", "US.AAPL", "SG.D05", "CC.BTC")]

seeds = st.integers(0, 2**32)
rates = st.floats(0.5, 50_000)
securities = st.lists(st.sampled_from(ALL), min_size=1, unique=True)


def market_of(who: Sequence[Security], seed: int = 1, rate: float = 100.0) -> Market:
    """Make a market at the tests' start."""
    return Market(who, seed=seed, rate=rate, start_us=START_US)


def until_tick(market: Market, count: int) -> list[Trade]:
    """Trade until so many ticks are done."""
    return list(market.advance(market.time_of(count)))


def as_bytes(trades: Iterable[Trade]) -> list[tuple[int, int, str, bytes]]:
    """Give trades in a form that can be compared bit for bit."""
    return [
        (trade.number, trade.at_us, str(trade.security), trade.tick.SerializeToString())
        for trade in trades
    ]


@given(securities, seeds, rates)
def test_market_trades_alike_with_the_same_arguments(
    who: list[Security], seed: int, rate: float
) -> None:
    """The same securities, seed, rate and start give the same bytes."""
    one, other = market_of(who, seed, rate), market_of(who, seed, rate)
    assert as_bytes(until_tick(one, 40)) == as_bytes(until_tick(other, 40))


@given(seeds, st.lists(st.integers(0, 200_000), max_size=8))
def test_market_trades_alike_in_any_steps(seed: int, steps: list[int]) -> None:
    """How far each call advances the market does not change its trades."""
    at_once, in_steps = market_of(ALL, seed), market_of(ALL, seed)
    until_us = START_US + sum(steps)
    trades: list[Trade] = []
    for step in steps:
        trades += in_steps.advance(in_steps.now_us + step)
    assert as_bytes(trades) == as_bytes(at_once.advance(until_us))


@given(securities, seeds, rates)
def test_market_gives_each_tick_of_a_security_its_own_sequence(
    who: list[Security], seed: int, rate: float
) -> None:
    """Sequences of one security only grow, those from before the start included."""
    market = market_of(who, seed, rate)
    until_tick(market, 60)
    for security in who:
        sequences = [tick.sequence for tick in market.stock(security).latest(1_000)]
        assert sequences == sorted(set(sequences))


@given(seeds, rates)
def test_market_leaves_no_gap_in_hong_kong(seed: int, rate: float) -> None:
    """The low words of a Hong Kong security are contiguous from the first cached tick on."""
    market = market_of(ALL, seed, rate)
    until_tick(market, 60)
    lows = [tick.sequence & 0xFFFFFFFF for tick in market.stock(ALL[0]).latest(1_000)]
    assert lows == list(range(lows[0], lows[0] + len(lows)))


@given(securities, seeds)
def test_market_has_prices_on_the_grid_and_above_nothing(who: list[Security], seed: int) -> None:
    """Every price is above 0 and one that the venue trades at, in whole mils."""
    market = market_of(who, seed)
    for trade in until_tick(market, 200):
        mils = round(trade.tick.price * 1_000)
        assert mils > 0
        assert trade.tick.price == mils / 1_000
        assert trade.stock.venue.on_grid(mils) == mils


@given(rates, st.integers(0, 10**9))
def test_market_puts_each_tick_at_its_exact_time(rate: float, number: int) -> None:
    """Tick k is at start + k/rate, without the sum of any errors."""
    assert market_of(ALL, rate=rate).time_of(number) == START_US + int(number * 1_000_000 / rate)


def test_market_makes_as_many_ticks_as_the_rate_says() -> None:
    """At 100 ticks a second a second holds 100 ticks; the one at its end belongs to the next."""
    assert len(list(market_of(ALL, rate=100).advance(START_US + 1_000_000))) == 100


def test_market_trades_everything() -> None:
    """All securities are traded, none far more than another."""
    counts: defaultdict[Security, int] = defaultdict(int)
    for trade in until_tick(market_of(ALL), 1_000):
        counts[trade.security] += 1
    assert min(counts[security] for security in ALL) > 100


def test_market_has_ticks_from_before_its_start() -> None:
    """Each security starts with a few ticks, all earlier than the start."""
    market = market_of(ALL)
    for security in ALL:
        times = [tick.timestamp for tick in market.stock(security).latest(1_000)]
        assert len(times) == EARLIER_TICKS
        assert max(times) < START_US / 1_000_000


def test_market_shows_the_time_it_was_advanced_to() -> None:
    """Without a trade the time passes, too."""
    market = market_of(ALL, rate=0.5)
    list(market.advance(START_US + 1_500_000))
    assert market.now_us == START_US + 1_500_000


def test_market_does_not_go_back() -> None:
    """A time that has passed changes nothing."""
    market = market_of(ALL)
    until_tick(market, 10)
    now_us = market.now_us
    assert (list(market.advance(START_US)), market.now_us) == ([], now_us)


def test_market_refuses_to_be_empty() -> None:
    """A market without securities is an error."""
    with pytest.raises(ValueError, match="at least one security"):
        market_of([])


@pytest.mark.parametrize("rate", [0.0, -1.0, 1_000_001.0, float("nan")])
def test_market_refuses_an_impossible_rate(rate: float) -> None:
    """A rate of nothing, or beyond a tick a microsecond, is an error that names it."""
    with pytest.raises(ValueError, match=f"not {rate}"):
        market_of(ALL, rate=rate)


def test_market_trades_faster_for_a_while() -> None:
    """A factor holds until it is taken back; two of them multiply."""
    market = Market(ALL[:1], seed=1, rate=100, start_us=START_US)
    counts = []
    for change, factor in (
        (market.quicken, 2),
        (market.quicken, 5),
        (market.slow_down, 2),
        (market.slow_down, 5),
    ):
        change(factor)
        before = market.trade_count
        list(market.advance(market.now_us + 1_000_000))
        counts.append(market.trade_count - before)
    assert counts == [200, 1_000, 500, 100]


def test_market_that_is_closed_twice_opens_with_the_second() -> None:
    """A market is open again when it was opened as often as it was closed."""
    market = Market(ALL[:1], seed=1, rate=100, start_us=START_US)
    traded = []
    for change in (market.close, market.close, market.open, market.open):
        change("HK")
        traded.append(len(list(market.advance(market.now_us + 1_000_000))))
    assert traded == [0, 0, 0, 100]

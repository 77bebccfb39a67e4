"""Streams that should speak and do not; hours of them in a millisecond."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opend_kafka.opend.securities import Security
from opend_kafka.opend.session import STATE_INTERVAL_S
from opend_kafka.opend.staleness import (
    FIRST_PUSH_S,
    GROUP_STREAMS,
    HABIT_LOOKS,
    LOOK_S,
    REPEAT_MAX_S,
    STALE_AFTER_S,
    TIMES_USUAL,
    Findings,
    Staleness,
)
from opend_kafka.opend.subscriptions import Subscription, Subtype, Terms, TradingSession

OPEN, REST, CLOSED = 3, 4, 6
#: Before, in and after regular hours, and in the night: US.
PRE_MARKET, REGULAR, AFTER_HOURS, OVERNIGHT = 8, 5, 10, 37

#: How much later than its limit a silence may be found.
DELAY_S = STATE_INTERVAL_S + 2 * LOOK_S


def tickers(count: int = 1, market: str = "HK", terms: Terms | None = None) -> list[Subscription]:
    """Give the ticker of so many securities."""
    return [
        Subscription(Security(market, f"{number:05}"), Subtype.TICKER, terms or Terms())
        for number in range(count)
    ]


class Watch:
    """Looks every LOOK_S, from time 0 on; OpenD tells the states every STATE_INTERVAL_S."""

    def __init__(self, streams: Iterable[Subscription], *, state: int = OPEN) -> None:
        self.streams = list(streams)
        self.now = 0.0
        self.states = dict.fromkeys(["HK", "US", "SH"], state)
        self.staleness = Staleness()
        self.told_at = 0.0
        self.found: list[tuple[float, Subscription]] = []
        self.resubscribed: list[tuple[float, Subscription]] = []
        self.healed: list[tuple[float, Subscription]] = []
        self.staleness.market_states(self.states, 0)
        self.staleness.stand(self.streams, 0)

    def hear(self, *streams: Subscription) -> None:
        """Let streams speak."""
        for one in streams:
            key = (str(one.subtype), one.security.market_number, one.security.code)
            self.staleness.heard(key)

    def look(self, *, listening: bool = True) -> Findings:
        """Let LOOK_S pass, and look; what is to be subscribed again is, at once."""
        self.now += LOOK_S
        if self.now >= self.told_at + STATE_INTERVAL_S:
            self.tell()
        found = self.staleness.look(self.now, listening=listening)
        self.found += [(self.now, one.subscription) for one in found.stale]
        self.resubscribed += [(self.now, one) for one in found.resubscribe]
        self.healed += [(self.now, one) for one in found.healed]
        self.staleness.subscribed(found.resubscribe, self.now)
        return found

    def tell(self, **states: int) -> None:
        """Let OpenD tell the states, some of which change."""
        self.states |= states
        self.told_at = self.now
        self.staleness.market_states(self.states, self.now)

    def speak(self, seconds: float, *streams: Subscription, every: float = LOOK_S) -> None:
        """Let time pass in which these streams speak, and the others do not."""
        for number in range(1, int(seconds / LOOK_S) + 1):
            if number * LOOK_S % every == 0:
                self.hear(*streams)
            self.look()

    def wait_until_stale(self) -> None:
        """Let nobody speak until somebody is stale."""
        while not self.staleness.stale:
            self.look()

    def silence(self, seconds: float) -> None:
        """Let time pass in which nobody speaks."""
        self.speak(seconds)


def spoken(count: int = 1, *, every: float = LOOK_S) -> Watch:
    """Give a watch over streams that have spoken long enough for their habits to be known."""
    watch = Watch(tickers(count))
    watch.speak(HABIT_LOOKS * every, *watch.streams, every=every)
    assert watch.found == []
    return watch


# Who is stale, and when


def test_stream_that_stops_is_found() -> None:
    """A liquid stream is found once it is silent for STALE_AFTER_S."""
    watch = spoken()
    stopped_at = watch.now
    watch.silence(STALE_AFTER_S + DELAY_S)
    ((at, found),) = watch.found
    assert found == watch.streams[0]
    assert at - stopped_at > STALE_AFTER_S


def test_stream_among_others_that_speak_is_found() -> None:
    """That its neighbours speak does not hide it."""
    watch = spoken(5)
    dumb, *others = watch.streams
    watch.speak(STALE_AFTER_S + DELAY_S, *others)
    assert [one for _, one in watch.found] == [dumb]


@settings(max_examples=40)
@given(st.integers(1, 120), st.data())
def test_stream_that_stops_is_found_within_bound(usual_s: int, data: st.DataObject) -> None:
    """Whatever its habit, it is found after ten usual silences, and not before."""
    watch = Watch(tickers())
    waits = data.draw(st.lists(st.integers(1, usual_s), min_size=HABIT_LOOKS, max_size=25))
    for wait in [usual_s, *waits]:
        watch.silence(wait - LOOK_S)
        watch.speak(LOOK_S, *watch.streams)
    assert watch.found == []
    stopped_at = watch.now
    limit_s = max(STALE_AFTER_S, TIMES_USUAL * usual_s)
    watch.silence(limit_s)
    assert watch.found == []
    watch.silence(DELAY_S)
    assert [at - stopped_at <= limit_s + DELAY_S for at, _ in watch.found] == [True]


def silences(usual_s: int) -> st.SearchStrategy[list[int]]:
    """Give silences of a stream, each at least half as long as usual and none longer."""
    return st.lists(st.integers((usual_s + 1) // 2, usual_s), min_size=5, max_size=40)


@settings(max_examples=40)
@given(st.lists(st.integers(1, 300).flatmap(silences), min_size=1, max_size=3))
def test_stream_that_keeps_its_habit_is_never_stale(habits: list[list[int]]) -> None:
    """However rarely streams speak, as long as each does so as it used to, none is stale."""
    watch = Watch(tickers(len(habits)))
    speaks_at = [set(accumulate(habit)) for habit in habits]
    for second in range(1, min(map(max, speaks_at)) + 1):
        watch.hear(*(one for one, at in zip(watch.streams, speaks_at, strict=True) if second in at))
        watch.look()
    assert watch.found == []


def test_stream_that_hardly_spoke_is_not_judged_alone() -> None:
    """One flurry of trades is no habit."""
    watch = Watch(tickers())
    watch.speak(HABIT_LOOKS - 2, *watch.streams)
    watch.silence(7200)
    assert watch.found == []


def test_stream_that_never_spoke_is_not_judged_alone() -> None:
    """A security that is not traded has a right to be silent."""
    watch = spoken(2)
    mute = tickers(3)[2]
    watch.staleness.stand([*watch.streams, mute], watch.now)
    watch.speak(7200, *watch.streams)
    assert watch.found == []


def test_group_that_falls_silent_is_stale_with_those_that_hardly_speak() -> None:
    """When nobody in a market speaks any more, the illiquid ones are missed, too."""
    watch = spoken(2)
    mute = tickers(3)[2]
    watch.staleness.stand([*watch.streams, mute], watch.now)
    watch.silence(STALE_AFTER_S + DELAY_S)
    assert {one for _, one in watch.found} == {*watch.streams, mute}


def test_group_that_never_spoke_is_missed_at_last() -> None:
    """Not one of several streams having said a word for long is no chance."""
    watch = Watch(tickers(GROUP_STREAMS))
    watch.silence(TIMES_USUAL * STALE_AFTER_S)
    assert watch.found == []
    watch.silence(DELAY_S)
    assert len(watch.found) == GROUP_STREAMS


def test_two_that_never_spoke_are_not_missed() -> None:
    """So few may well both be illiquid."""
    watch = Watch(tickers(GROUP_STREAMS - 1))
    watch.silence(7200)
    assert watch.found == []


def test_subtypes_are_groups_of_their_own() -> None:
    """Ticks that come do not speak for books that do not."""
    ticks = tickers(3)
    books = [Subscription(one.security, Subtype.ORDER_BOOK) for one in ticks]
    watch = Watch([*ticks, *books])
    watch.speak(2 * TIMES_USUAL * STALE_AFTER_S, *ticks)
    assert {one for _, one in watch.found} == set(books)


# Markets


STATES = st.sampled_from([OPEN, REST, CLOSED, PRE_MARKET, AFTER_HOURS, OVERNIGHT, 1, 2, 99])


@given(st.lists(st.tuples(STATES, st.integers(1, 200), st.booleans()), max_size=12))
def test_stream_of_closed_market_is_never_stale(moves: list[tuple[int, int, bool]]) -> None:
    """Whatever came before, while the market does not trade nobody is found."""
    watch = spoken(2)
    for state, seconds, speaks in moves:
        watch.tell(HK=state)
        before = len(watch.found)
        watch.speak(seconds, *(watch.streams if speaks else []))
        if state != OPEN:
            assert len(watch.found) == before
            assert watch.staleness.stale == frozenset()


def test_market_that_opend_does_not_tell_is_never_judged() -> None:
    """Without its state, nobody knows whether it trades."""
    watch = Watch(tickers(5, market="SG"))
    watch.speak(HABIT_LOOKS, *watch.streams)
    watch.silence(7200)
    assert watch.found == []


def test_silence_before_a_close_that_opend_has_not_told_yet_is_no_loss() -> None:
    """Silence counts up to the last time at which OpenD said that the market trades."""
    watch = spoken()
    watch.tell()
    watch.silence(STATE_INTERVAL_S - LOOK_S)
    watch.now = watch.told_at = watch.now + 3600  # nothing was told meanwhile
    watch.look()
    assert watch.found == []


def test_break_does_not_count_as_silence() -> None:
    """After the rest at noon, each stream has its whole time to speak."""
    watch = spoken()
    watch.tell(HK=REST)
    watch.silence(3600)
    watch.tell(HK=OPEN)
    watch.silence(STALE_AFTER_S)
    assert watch.found == []


def test_habit_is_remembered_over_a_break() -> None:
    """What was usual in the morning is so in the afternoon: it need not be learned again."""
    watch = spoken()
    watch.tell(HK=REST)
    watch.silence(3600)
    watch.tell(HK=OPEN)
    watch.silence(STALE_AFTER_S + DELAY_S)
    assert len(watch.found) == 1


def test_habit_of_older_trading_periods_is_forgotten() -> None:
    """A quiet day of long ago does not excuse a silence for ever."""
    watch = spoken(every=60)
    for _ in range(2):
        watch.tell(HK=CLOSED)
        watch.look()
        watch.tell(HK=OPEN)
        watch.speak(HABIT_LOOKS, *watch.streams)
    watch.silence(STALE_AFTER_S + DELAY_S)
    assert len(watch.found) == 1


@pytest.mark.parametrize("state", [PRE_MARKET, AFTER_HOURS, OVERNIGHT])
@pytest.mark.parametrize("session", [None, *TradingSession])
def test_extended_hours_are_for_subscriptions_that_cover_them(
    state: int, session: TradingSession | None
) -> None:
    """US: outside regular hours only eth and all are expected to speak, in the night only all."""
    watch = Watch(tickers(1, "US", Terms(session=session)), state=state)
    watch.speak(HABIT_LOOKS, *watch.streams)
    watch.silence(STALE_AFTER_S + DELAY_S)
    covered = session is TradingSession.ALL or (
        session is TradingSession.ETH and state != OVERNIGHT
    )
    assert bool(watch.found) == covered


def test_habit_of_regular_hours_is_none_of_extended_hours() -> None:
    """Who speaks each second by day may be silent for minutes after hours."""
    watch = Watch(tickers(1, "US", Terms(session=TradingSession.ALL)), state=REGULAR)
    watch.speak(HABIT_LOOKS, *watch.streams)
    watch.tell(US=AFTER_HOURS)
    watch.silence(1200)
    assert watch.found == []


# Again and again


def test_stale_stream_is_told_once() -> None:
    """However long it is silent, it is one episode."""
    watch = spoken()
    watch.silence(7200)
    assert len(watch.found) == 1


def test_stale_stream_is_subscribed_again_ever_more_slowly() -> None:
    """The pauses double, up to a quarter of an hour."""
    watch = spoken()
    watch.silence(7200)
    pauses = [after - before for (before, _), (after, _) in pairwise(watch.resubscribed)]
    for pause, expected in zip(pauses, [120, 240, 480, *[REPEAT_MAX_S] * 9], strict=False):
        assert expected < pause <= expected + DELAY_S
    assert len(pauses) > 5


def test_cache_that_speaks_heals_nothing() -> None:
    """The first push of a subscription is what OpenD had already."""
    watch = spoken()
    watch.wait_until_stale()
    watch.speak(FIRST_PUSH_S, *watch.streams)
    assert watch.healed == []
    assert watch.staleness.stale == set(watch.streams)


def test_stream_that_speaks_again_is_healed() -> None:
    """Once it speaks by itself, the episode is over."""
    watch = spoken()
    watch.wait_until_stale()
    watch.speak(FIRST_PUSH_S + LOOK_S, *watch.streams)
    assert [one for _, one in watch.healed] == watch.streams
    assert watch.staleness.stale == frozenset()


def test_healed_stream_that_stops_anew_is_a_new_episode() -> None:
    """It is found as fast as the first time, and told again."""
    watch = spoken()
    for _ in range(3):
        stopped_at = watch.now
        watch.wait_until_stale()
        assert watch.now - stopped_at <= STALE_AFTER_S + DELAY_S
        watch.speak(2 * FIRST_PUSH_S, *watch.streams)
    assert len(watch.found) == 3


def test_stream_that_was_only_quiet_is_given_more_time() -> None:
    """Where it speaks long after it was subscribed again, that silence is usual from then on."""
    watch = spoken()
    watch.wait_until_stale()
    watch.silence(59)
    watch.speak(LOOK_S, *watch.streams)
    watch.silence(TIMES_USUAL * (60 - FIRST_PUSH_S))
    assert len(watch.found) == 1


# The link


def test_silence_of_worker_that_does_not_listen_is_its_own() -> None:
    """While nothing is read from OpenD, nobody is to blame for being silent."""
    watch = spoken(3)
    for _ in range(600):
        watch.look(listening=False)
    watch.silence(STALE_AFTER_S)
    assert watch.found == []


def test_new_link_is_a_fresh_start() -> None:
    """Silence from before a link broke does not count on the next one."""
    watch = spoken()
    watch.silence(STALE_AFTER_S - 1)
    watch.staleness.stand([], watch.now)
    watch.look()
    watch.staleness.stand(watch.streams, watch.now)
    watch.silence(STALE_AFTER_S)
    assert watch.found == []


def test_habit_outlives_its_link() -> None:
    """A stream that does not come back with a new link is missed as if there was one link."""
    watch = spoken()
    watch.staleness.stand([], watch.now)
    watch.staleness.stand(watch.streams, watch.now)
    watch.silence(STALE_AFTER_S + DELAY_S)
    assert len(watch.found) == 1


def test_stream_that_stands_no_more_is_not_stale() -> None:
    """Who was unsubscribed may be silent."""
    watch = spoken()
    watch.silence(STALE_AFTER_S + DELAY_S)
    watch.staleness.stand([], watch.now)
    assert watch.staleness.stale == frozenset()


def test_stream_of_nobodys_is_ignored() -> None:
    """What is pushed without being wanted disturbs nothing."""
    watch = spoken()
    watch.staleness.heard(("ticker", 99, "X"))
    assert watch.look() == Findings()

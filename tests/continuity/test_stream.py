"""No false gap, no missed gap, and the order of sequences, whatever comes in whatever order."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    precondition,
    rule,
    run_state_machine_as_test,
)

from opend_kafka.continuity.gap import Cause, Outcome
from opend_kafka.continuity.stream import HOLD_S
from tests.continuity.opend import LATE, LISTED, SECURITY, Model


def _origins(model: Model) -> list[str]:
    return [origin for _, origin in model.kafka]


def test_first_ticks_wait_for_the_first_watermark() -> None:
    """A tick goes on when Kafka has the watermark below it: a kill in between would lose it."""
    model = Model()
    model.trade(3)
    model.link()
    model.ask()
    model.answer()
    model.trade(1)
    assert [type(record).__name__ for record, _ in model.in_flight] == ["Watermark"]
    model.acknowledge(1)
    assert len(model.in_flight) == 1


def test_ticks_of_a_new_security_before_the_watch_are_no_gap() -> None:
    """What was traded before the first subscription is nobody's loss."""
    model = Model()
    model.trade(30)
    model.due.clear()
    model.settle()
    model.trade(2)
    model.settle()
    assert not model.gaps
    assert len(model.kafka) == 2


def test_ticks_missed_between_two_links_are_produced_in_order(model: Model) -> None:
    """What was traded while the link was down comes before what is pushed after it."""
    model.cut()
    missed = model.trade(7)
    model.link(cached=2)
    pushed = model.trade(3)
    model.settle()
    assert [one for one, origin in model.kafka if origin == "REPAIR"] == missed[:5]
    assert [one for one, _ in model.kafka[-10:]] == missed + pushed
    (gap,) = model.gaps
    assert (gap.cause, gap.repaired, gap.missing) == (Cause.RECONNECTED, 5, 0)
    assert (gap.before, gap.after) == (model.due[9], missed[5])


def test_a_new_link_without_a_trade_meanwhile_is_no_gap(model: Model) -> None:
    """The last tick is OpenD's last: nothing was lost."""
    model.cut()
    model.settle()
    assert not model.gaps


def test_more_ticks_missed_than_opend_lists_are_told(model: Model) -> None:
    """What OpenD lists is produced; what it lists no more is told, between which sequences."""
    last = model.due[-1]
    model.cut()
    missed = model.trade(LISTED + 20)
    model.settle()
    (gap,) = model.gaps
    assert (gap.before, gap.after, gap.repaired) == (last, missed[20], LISTED)
    assert gap.missing is None
    assert not model.silently_missing


def test_missing_ticks_are_counted_where_the_sequences_count_up(model: Model) -> None:
    """Where the low word has proved itself, a gap's size is known."""
    for _ in range(20):
        model.trade(1, seconds=1)
    model.cut()
    model.trade(LISTED + 20)
    model.settle()
    (gap,) = model.gaps
    assert gap.missing == 20


def test_a_step_of_the_sequences_is_looked_into(model: Model) -> None:
    """Where they count up, a push that never came is found when the next one comes."""
    for _ in range(20):
        model.trade(1, seconds=1)
    (lost,) = model.trade(1, pushed=False)
    (after,) = model.trade(1)
    model.settle()
    assert model.kafka[-2:] == [(lost, "REPAIR"), (after, "PUSH")]
    assert model.gaps[0].cause is Cause.SEQUENCE_STEP


def test_a_rule_of_sequences_that_is_wrong_costs_a_question_and_no_gap(model: Model) -> None:
    """A step without a tick in it is no gap, and the next such step asks nobody."""
    for _ in range(20):
        model.trade(1, seconds=1)
    model.low += 5
    model.trade(1)
    assert model.tracker.is_checking
    model.settle()
    model.low += 5
    model.trade(1)
    assert not model.tracker.is_checking
    (gap,) = model.gaps
    assert gap.outcome is Outcome.DISPROVED
    assert (gap.before, gap.after) == tuple(model.due[-3:-1])


def test_a_damaged_push_is_made_up_for(model: Model) -> None:
    """The ticks of a frame that was skipped come from OpenD's list, in their place."""
    model.lose_in_sight(3)
    model.trade(1)
    model.settle()
    assert _origins(model)[-4:] == ["REPAIR"] * 3 + ["PUSH"]
    assert model.gaps[0].cause is Cause.DAMAGED


def test_a_replay_that_is_too_short_is_completed(model: Model) -> None:
    """OpenD replays the last of what it missed; the rest is asked for, and goes before them."""
    model.replay(12)
    model.settle()
    assert _origins(model)[-12:] == ["REPAIR"] * 7 + ["PUSH"] * 5


def test_a_late_trade_missed_while_the_worker_was_away_is_found(model: Model) -> None:
    """It lies below the watermark: the watermark's sums tell that it was not delivered."""
    model.keep_back()
    model.trade(LATE - 1)
    model.settle()
    model.kill(10**6)
    model.report_late()
    model.settle()
    assert not model.silently_missing
    assert [gap.repaired for gap in model.gaps] == [1]


def test_a_push_on_its_way_is_no_gap(model: Model) -> None:
    """OpenD lists a tick before its push comes: it is waited for."""
    model.tracker.suspect_all(Cause.BACKPRESSURE)
    model.ask()
    (late,) = model.trade(1, pushed=False)
    model.answer()
    model.push(late)
    model.settle()
    assert not model.gaps
    assert _origins(model).count("REPAIR") == 0


def test_held_ticks_go_on_after_a_limit(model: Model) -> None:
    """OpenD does not answer: nobody waits for it for ever, and the order of pushes stays."""
    model.cut()
    missed = model.trade(1)
    model.link()
    pushed = model.trade(3)
    model.wait(HOLD_S)
    model.acknowledge(100)
    assert [one for one, _ in model.kafka[-3:]] == pushed
    model.settle()
    assert model.kafka[-1] == (missed[0], "REPAIR")


def test_held_ticks_are_below_no_watermark() -> None:
    """The first watermark comes before the first ticks: a kill in between must not hide them."""
    model = Model()
    model.link()
    model.trade(3)
    model.ask()
    model.answer()
    model.acknowledge(1)
    model.kill(0)
    model.settle()
    assert not model.silently_missing


def test_ticks_that_came_after_a_second_suspicion_wait_for_its_judgement(model: Model) -> None:
    """The answer to the first was older than what was lost then."""
    model.lose_in_sight(1)
    model.ask()
    listed = model._listed()
    model.lose_in_sight(2)
    model.trade(1)
    model.tracker.replied(SECURITY, listed, lambda one: (one, "REPAIR"))
    model.wait(0.3)
    model.question = False
    model.settle()
    assert model.first_occurrences == model.due


def test_ticks_of_the_cache_stand_in_their_place(model: Model) -> None:
    """OpenD's cache, over a newer link, has ticks older than those that an older one brought."""
    model.cut()
    missed = model.trade(5)
    model.linked = True
    pushed = model.trade(2)
    model.cut()
    model.link(cached=7)
    model.settle()
    assert model.first_occurrences[-7:] == missed + pushed


def test_each_tick_has_its_own_time_to_be_held(model: Model) -> None:
    """What waits for the answer over a newer link does not go on with what waited before it."""
    model.cut()
    model.link()
    pushed = model.trade(2)
    model.wait(HOLD_S - 0.1)
    model.cut()
    missed = model.trade(3)
    model.link()
    later = model.trade(2)
    model.wait(0.1)
    model.acknowledge(100)
    assert [one for one, _ in model.kafka[-2:]] == pushed
    model.settle()
    assert [one for one, _ in model.kafka[-5:]] == missed + later


@pytest.mark.parametrize("held_s", [0.0, HOLD_S])
def test_more_ticks_than_opend_lists_are_told_also_of_a_first_link(held_s: float) -> None:
    """The first link ends before OpenD has said where the watch begins: it began with a push."""
    model = Model()
    model.link()
    pushed = model.trade(3)
    model.ask()
    model.wait(held_s)
    model.cut()
    missed = model.trade(LISTED + 20)
    model.settle()
    (gap,) = model.gaps
    assert (gap.before, gap.after) == (pushed[-1], missed[20])
    assert gap.cause is Cause.RECONNECTED
    assert not model.silently_missing


def test_ticks_missed_after_a_first_link_are_produced_in_order() -> None:
    """The first link ends before OpenD has answered, and the second brings what was missed."""
    model = Model()
    model.link()
    model.trade(3)
    model.ask()
    model.cut()
    model.trade(7)
    model.link(cached=2)
    model.settle()
    assert [one for one, _ in model.kafka if one not in model.due] == []
    assert model.first_occurrences == model.due
    assert [gap.repaired for gap in model.gaps] == [5]


def test_what_is_lost_during_a_first_check_is_told_though_opend_refuses() -> None:
    """A push that was damaged before the watch began is not forgotten with the link."""
    model = Model()
    model.link()
    pushed = model.trade(2)
    model.ask()
    model.lose_in_sight(2)
    model.trade(1)
    model.cut()
    model.link()
    for _ in range(3):
        model.wait(5.0)
        model.ask()
        model.refuse()
    model.settle()
    assert not model.silently_missing
    assert model.gaps[0].before == pushed[-1]


@pytest.mark.parametrize("cached", [0, 2])
def test_the_watch_begins_without_an_answer_that_takes_long(cached: int) -> None:
    """Ticks do not go on for ever without a watermark: a kill would lose them silently."""
    model = Model()
    model.trade(5)
    model.due.clear()
    model.unpushed.clear()
    model.link(cached)
    model.trade(3)
    model.ask()
    model.wait(HOLD_S)
    assert [type(record).__name__ for record, _ in model.in_flight] == ["Watermark"]
    model.acknowledge(1)
    model.kill(0)
    missed = model.trade(4)
    model.settle()
    assert not model.silently_missing
    assert model.first_occurrences[-4:] == missed


def test_an_answer_that_took_too_long_is_not_taken_for_a_later_one() -> None:
    """It is older than the suspicion that is asked about next."""
    model = Model()
    model.link()
    model.trade(3)
    model.ask()
    model.lose_in_sight(1)
    model.trade(1)
    model.wait(HOLD_S)
    model.acknowledge(10)
    late = model._listed()[:3]
    model.ask()
    model.tracker.replied(SECURITY, late, lambda one: (one, "REPAIR"))
    model.settle()
    assert not model.silently_missing
    assert not model.false_gaps
    assert sorted(one for one, _ in model.kafka) == model.due


def test_refusals_end_in_a_gap_that_is_told(model: Model) -> None:
    """Whoever cannot know says so."""
    model.cut()
    model.trade(1)
    model.link()
    for _ in range(3):
        model.wait(5.0)
        model.ask()
        model.refuse()
    assert not model.tracker.is_checking
    (gap,) = model.gaps
    assert (gap.before, gap.missing, gap.why) == (model.due[9], None, "no")


def test_watermark_does_not_pass_what_kafka_has_not_acknowledged(model: Model) -> None:
    """What is under way is not delivered."""
    before = model.due[-1]
    model.trade(3)
    model.tracker.write_all_watermarks()
    model.acknowledge(10**6)
    assert model.watermark is not None
    assert model.watermark.sequence == before


def test_failed_tick_stays_below_no_watermark(model: Model) -> None:
    """A tick that Kafka did not take is missing for the next worker."""
    before = model.due[-1]
    model.trade(2)
    for _, on_delivered in model.in_flight:
        on_delivered(False)
    model.in_flight.clear()
    model.tracker.write_all_watermarks()
    assert not model.in_flight
    assert model.watermark is not None
    assert model.watermark.sequence == before


COUNTS = st.integers(1, 40)


class Interleavings(RuleBasedStateMachine):
    """Cache, replays, late and lost pushes, cuts, kills, refusals: in any order."""

    def __init__(self, *, counts_up: bool = True, lists_by_sequence: bool = True) -> None:
        super().__init__()
        self.model = Model(counts_up, lists_by_sequence)
        self.model.trade(5)
        self.model.due.clear()
        self.model.unpushed.clear()
        self.model.settle()

    @rule(ticks=COUNTS, seconds=st.integers(0, 2))
    def trade(self, ticks: int, seconds: int) -> None:
        """Trade and push."""
        self.model.trade(ticks, seconds=seconds)

    @rule()
    def keep_back(self) -> None:
        """Let a trade happen that is reported later."""
        self.model.keep_back()

    @rule()
    def report_late(self) -> None:
        """Report a trade late."""
        self.model.report_late()

    @precondition(lambda self: self.model.history and self.model.linked)
    @rule(data=st.data())
    def push_again(self, data: Any) -> None:
        """Push a tick twice."""
        self.model.push(data.draw(st.sampled_from(self.model.history[-LISTED:])))

    @precondition(lambda self: self.model.linked)
    @rule(ticks=st.integers(1, 5))
    def damage(self, ticks: int) -> None:
        """Lose pushes in sight."""
        self.model.lose_in_sight(ticks)

    @precondition(lambda self: self.model.linked)
    @rule(ticks=st.integers(1, 20))
    def replay(self, ticks: int) -> None:
        """Cut OpenD off from its server for a while."""
        self.model.replay(ticks)

    @precondition(lambda self: self.model.linked)
    @rule()
    def cut(self) -> None:
        """Cut the link."""
        self.model.cut()

    @precondition(lambda self: not self.model.linked)
    @rule(cached=st.integers(0, 10))
    def link(self, cached: int) -> None:
        """Make a link."""
        self.model.link(cached)

    @rule()
    def ask(self) -> None:
        """Let the worker ask."""
        self.model.ask()

    @rule()
    def answer(self) -> None:
        """Answer."""
        self.model.answer()

    @rule(seconds=st.sampled_from([0.01, 0.1, 0.3, 1.0, 4.0]))
    def wait(self, seconds: float) -> None:
        """Let time go by."""
        self.model.wait(seconds)

    @rule(records=COUNTS)
    def acknowledge(self, records: int) -> None:
        """Let Kafka take some."""
        self.model.acknowledge(records)

    @rule(taken=st.integers(0, 100))
    def kill(self, taken: int) -> None:
        """Kill the worker."""
        self.model.kill(taken)

    def teardown(self) -> None:
        """In the end, nothing is missing in silence, and what was told is genuine."""
        self.model.settle()
        assert not self.model.silently_missing
        assert not self.model.false_gaps


@pytest.mark.parametrize("counts_up", [True, False])
@pytest.mark.parametrize("lists_by_sequence", [True, False])
def test_nothing_is_missing_in_silence_in_any_order(
    counts_up: bool, lists_by_sequence: bool
) -> None:
    """However sequences step, and however OpenD orders its list."""
    machine: Any = partial(Interleavings, counts_up=counts_up, lists_by_sequence=lists_by_sequence)
    run_state_machine_as_test(
        machine,
        settings=settings(max_examples=60, stateful_step_count=30, deadline=None),
    )


@given(st.lists(st.tuples(st.sampled_from(["trade", "cut", "damage", "replay"]), COUNTS)))
@settings(max_examples=100, deadline=None)
def test_kafka_has_sequence_order_where_opend_answers_in_time(steps: list[tuple[str, int]]) -> None:
    """Whatever was cut, damaged or replayed, the first occurrences count up."""
    model = Model()
    model.settle()
    for what, ticks in steps:
        if what == "trade":
            model.trade(ticks)
        elif what == "damage":
            model.lose_in_sight(ticks)
        elif what == "replay":
            model.replay(ticks)
        else:
            model.cut()
            model.trade(ticks)
            model.link(cached=3)
            model.trade(2)
        model.ask()
        model.trade(1)
        model.answer()
        model.wait(0.25)
    model.settle()
    assert model.first_occurrences == sorted(model.first_occurrences)
    assert not model.silently_missing

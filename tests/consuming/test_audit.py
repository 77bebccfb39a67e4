"""What an audit proves and refutes, on sound, lossy, late, doubled and repaired streams."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opend_kafka.consuming.audit import Audit, Report, SecurityReport, Verdict
from opend_kafka.consuming.gaps import Announcement, Gap

SECOND = 1_700_000_000
SECURITY = ("HK", "00700")


def hk(number: int, *, per_second: int = 1) -> int:
    """Give the sequence of a tick whose market counts on from one second to the next."""
    return (SECOND + number // per_second) << 32 | (5000 + number)


def us(number: int, *, per_second: int = 3) -> int:
    """Give the sequence of a tick whose market counts from 0 in each second."""
    return (SECOND + number // per_second) << 32 | number % per_second


class Stream:
    """An audit that is fed with one security's ticks, a push each."""

    def __init__(self, security: tuple[str, str] = SECURITY) -> None:
        self.audit = Audit()
        self._security = security
        self._serial = 0

    def push(
        self, *sequences: int, kind: str | None = "REALTIME", origin: str = "PUSH", at: int = 0
    ) -> Stream:
        """Take each as a push of its own; the time of receipt is the push's number, or `at`."""
        for sequence in sequences:
            self._serial += 1
            self.audit.tick(
                *self._security, sequence, kind, origin, 1, self._serial, 0, at or self._serial
            )
        return self

    def rows(self, *rows: tuple[int, int], serial: int) -> Stream:
        """Take rows of one push: (place, sequence)."""
        for index, sequence in rows:
            self.audit.tick(*self._security, sequence, "REALTIME", "PUSH", 1, serial, index, serial)
        return self

    def announce(self, event: Announcement) -> Stream:
        """Take an event about the security."""
        self.audit.announce(*self._security, event)
        return self

    @property
    def report(self) -> SecurityReport:
        """The security's report."""
        (one,) = self.audit.report().securities
        return one


def lost(before: int | None, after: int | None, missing: int | None = None) -> Announcement:
    """Give the event of ticks that are missing for good."""
    return Announcement("GAP_UNREPAIRABLE", 1_000, before, after, missing)


def _sound(number: int = 40) -> list[int]:
    return [hk(one) for one in range(number)]


def test_sound_stream_is_proved() -> None:
    """Where sequences count on and none is missing, there is no silent loss."""
    report = Stream().push(*_sound()).report
    assert (report.verdict, report.gaps, report.records, report.unique) == (
        Verdict.PROVED,
        (),
        40,
        40,
    )


def test_silent_loss_is_refuted() -> None:
    """A jump of which no event tells refutes, with its ends and its size."""
    sequences = _sound()
    report = Stream().push(*sequences[:20], *sequences[23:]).report
    assert report.verdict is Verdict.REFUTED
    assert report.unannounced == (Gap(hk(19), hk(23), 3),)


def test_announced_loss_is_no_silent_one() -> None:
    """A gap that an event tells is reported with the event, and proves all the same."""
    sequences = _sound()
    event = lost(hk(19), hk(23), 3)
    report = Stream().push(*sequences[:20], *sequences[23:]).announce(event).report
    assert (report.verdict, report.gaps) == (
        Verdict.PROVED,
        (Gap(hk(19), hk(23), 3, event),),
    )


def test_event_covers_no_more_than_it_says() -> None:
    """A loss beyond the ends of the event's gap stands unannounced."""
    sequences = _sound()
    report = Stream().push(*sequences[:18], *sequences[24:]).announce(lost(hk(19), hk(23))).report
    assert [(gap.missing, gap.announced_by is None) for gap in report.gaps] == [
        (3, True),
        (3, False),
    ]


def test_open_beginning_covers_all_before() -> None:
    """An event without the sequence before tells of everything up to the one after."""
    sequences = _sound()
    report = Stream().push(*sequences[:20], *sequences[23:]).announce(lost(None, hk(23))).report
    assert report.unannounced == ()


def test_open_end_reaches_to_the_next_tick_that_came() -> None:
    """An event without the sequence after covers up to the first tick received after it."""
    sequences = _sound()
    stream = Stream().push(*sequences[:20], at=10).push(*sequences[23:30], at=30)
    stream.push(*sequences[32:], at=40)
    report = stream.announce(Announcement("GAP_UNREPAIRABLE", 20, hk(19))).report
    assert report.unannounced == (Gap(hk(29), hk(32), 2),)


def test_late_tick_fills_what_looked_like_a_gap() -> None:
    """A tick that comes after younger ones is out of order, and neither lost nor a gap."""
    sequences = _sound()
    report = Stream().push(*sequences[:20], *sequences[21:], sequences[20]).report
    assert (report.verdict, report.out_of_order, report.unique) == (
        Verdict.PROVED,
        {"PUSH": 1},
        40,
    )


def test_late_tick_with_the_second_of_its_trade_is_no_gap() -> None:
    """A late trade may be counted when it is reported, and bear an earlier second."""
    late = (SECOND + 5) << 32 | (5000 + 20)
    sequences = _sound()
    report = Stream().push(*sequences[:20], late, *sequences[21:]).report
    assert (report.verdict, report.gaps) == (Verdict.PROVED, ())


def test_repaired_ticks_fill_their_gap() -> None:
    """Ticks of origin REPAIR fill a gap, and are counted apart."""
    sequences = _sound()
    stream = (
        Stream().push(*sequences[:20], *sequences[23:]).push(*sequences[20:23], origin="REPAIR")
    )
    report = stream.report
    assert (report.verdict, report.gaps, report.out_of_order) == (
        Verdict.PROVED,
        (),
        {"REPAIR": 3},
    )


def test_duplicates_are_counted_by_what_brought_them() -> None:
    """The same sequence again is a duplicate, by push_data_type and origin, and no fault."""
    sequences = _sound()
    stream = Stream().push(*sequences).push(*sequences[30:], kind="CACHE")
    report = stream.push(sequences[3], kind=None, origin="REPAIR").report
    assert report.duplicates == {("CACHE", "PUSH"): 10, (None, "REPAIR"): 1}
    assert (report.records, report.unique, report.verdict) == (51, 40, Verdict.PROVED)


def test_dead_letter_accounts_for_its_tick() -> None:
    """A tick in the dead letters is not missing, and no record either."""
    sequences = _sound()
    stream = Stream().push(*sequences[:20], *sequences[21:])
    stream.audit.account(*SECURITY, sequences[20])
    report = stream.report
    assert (report.verdict, report.gaps, report.unique, report.dead_letters) == (
        Verdict.PROVED,
        (),
        39,
        1,
    )


def test_dead_letter_of_a_tick_that_came_all_the_same_counts_once() -> None:
    """A push that is dead in part does not make its other ticks dead letters."""
    stream = Stream().push(*_sound())
    stream.audit.account(*SECURITY, hk(20))
    assert stream.report.dead_letters == 0


def test_new_day_is_no_gap() -> None:
    """A counter that begins anew, below or above where it stood, is no gap."""
    below = [(SECOND + 86_400 + one) << 32 | one for one in range(20)]
    above = [(SECOND + 2 * 86_400 + one) << 32 | (700 + one) for one in range(20)]
    assert Stream().push(*_sound(), *below, *above).report.verdict is Verdict.PROVED


def test_market_that_counts_from_0_each_second_is_not_judged() -> None:
    """Where the low word begins anew with each second, sequences prove nothing."""
    sequences = [us(number) for number in range(60)]
    report = Stream(("US", "AAPL")).push(*sequences[:31], *sequences[33:]).report
    assert (report.verdict, report.gaps) == (Verdict.NOT_JUDGED, ())


def test_busy_market_that_counts_from_0_each_second_is_not_judged() -> None:
    """Many steps of one within a second prove nothing, however many there are."""
    sequences = [us(number, per_second=100) for number in range(3000)]
    assert Stream(("US", "AAPL")).push(*sequences).report.verdict is Verdict.NOT_JUDGED


def test_few_ticks_are_not_judged() -> None:
    """Too few steps from second to second prove no way of counting."""
    assert Stream().push(*_sound(5)).report.verdict is Verdict.NOT_JUDGED


def test_security_with_few_ticks_is_judged_as_its_market() -> None:
    """What the market's other securities show holds for one that trades seldom."""
    stream = Stream().push(*_sound())
    for number in (0, 1, 4):
        stream.audit.tick("HK", "09988", hk(number), "REALTIME", "PUSH", 1, 900 + number, 0, 1)
    reports = {one.code: one for one in stream.audit.report().securities}
    assert reports["09988"].unannounced == (Gap(hk(1), hk(4), 2),)


def test_security_that_counts_otherwise_is_not_judged_as_its_market() -> None:
    """A security's own steps outweigh its market's."""
    stream = Stream().push(*_sound(200))
    for number in range(60):
        sequence = hk(7 * number)
        stream.audit.tick("HK", "MHImain", sequence, "REALTIME", "PUSH", 1, 900 + number, 0, 1)
    verdicts = {one.code: one.verdict for one in stream.audit.report().securities}
    assert verdicts == {"00700": Verdict.PROVED, "MHImain": Verdict.NOT_JUDGED}


def test_jump_between_neighbours_of_a_push_is_opends_own() -> None:
    """Nothing that OpenD pushed can be missing between two rows that it pushed side by side."""
    stream = Stream().push(*_sound())
    for number in range(50):
        stream.rows((0, hk(40 + 2 * number)), (1, hk(41 + 2 * number)), serial=100 + number)
    stream.rows((0, hk(140)), (1, hk(143)), serial=200)
    assert stream.report.verdict is Verdict.PROVED


def test_security_that_skips_inside_pushes_is_not_judged() -> None:
    """Where OpenD itself often skips, a jump elsewhere means nothing."""
    stream = Stream().push(*_sound())
    for number in range(20):
        stream.rows((0, hk(50 + 3 * number)), (1, hk(52 + 3 * number)), serial=100 + number)
    assert stream.report.verdict is Verdict.NOT_JUDGED


@pytest.mark.parametrize("places", [(0, 2), (1, 2)])
def test_hole_in_a_push_refutes_in_any_market(places: tuple[int, int]) -> None:
    """A row that a push had and no record has is lost, whatever its sequence."""
    stream = Stream(("US", "AAPL")).push(*(us(number) for number in range(60)))
    stream.rows((places[0], us(63)), (places[1], us(65)), serial=100)
    report = stream.report
    assert report.verdict is Verdict.REFUTED
    assert [gap.missing for gap in report.unannounced] == [1]


def test_hole_in_a_push_may_be_a_dead_letter() -> None:
    """A row that has become a dead letter leaves a hole that is accounted for."""
    stream = Stream(("US", "AAPL")).push(*(us(number) for number in range(60)))
    stream.rows((0, us(60)), (2, us(62)), serial=100)
    stream.audit.account("US", "AAPL", us(61))
    assert stream.report.gaps == ()


def test_range_may_begin_amidst_a_push() -> None:
    """The first push of a connection may lack its first rows."""
    assert Stream(("US", "AAPL")).rows((3, us(3)), (4, us(4)), serial=1).report.gaps == ()


def test_pushes_of_two_workers_may_alternate() -> None:
    """Rows of two connections that come by turns are no holes."""
    stream = Stream(("US", "AAPL"))
    for index in range(4):
        for conn_id in (1, 2):
            stream.audit.tick("US", "AAPL", us(index), "REALTIME", "PUSH", conn_id, 7, index, 1)
    assert stream.report.gaps == ()


def test_announced_loss_is_told_where_sequences_show_nothing() -> None:
    """In a market that is not judged, what events announce is listed."""
    stream = Stream(("US", "AAPL")).push(*(us(number) for number in range(60)))
    event = lost(us(10), us(11))
    report = stream.announce(event).report
    assert (report.verdict, report.gaps) == (
        Verdict.NOT_JUDGED,
        (Gap(us(10), us(11), None, event),),
    )


def test_announced_loss_that_was_filled_since_is_no_gap() -> None:
    """Where sequences show that nothing is missing, an event's gap is none any more."""
    assert Stream().push(*_sound()).announce(lost(hk(10), hk(14), 3)).report.gaps == ()


def test_announced_loss_of_a_security_without_ticks_is_told() -> None:
    """A security of which nothing came shows what events say of it."""
    event = lost(None, None)
    report = Stream().announce(event).report
    assert (report.records, report.gaps) == (0, (Gap(None, None, None, event),))


@pytest.mark.parametrize("market", ["HK", "US"])
def test_repair_that_did_not_arrive_refutes_in_any_market(market: str) -> None:
    """An event that says that ticks were repaired is held against the records."""
    number_of = hk if market == "HK" else us
    sequences = [number_of(number) for number in range(60)]
    stream = Stream((market, "X")).push(*sequences[:20], *sequences[23:])
    event = Announcement("GAP_REPAIRED", 25, sequences[19], sequences[23], 0, 3)
    report = stream.announce(event).report
    assert report.verdict is Verdict.REFUTED
    assert report.unannounced == (Gap(sequences[19], sequences[23], 3),)


def test_repair_that_arrived_is_no_gap() -> None:
    """An event of a repair whose ticks are there tells of nothing that is missing."""
    sequences = [us(number) for number in range(60)]
    stream = Stream(("US", "X")).push(*sequences[:20], *sequences[23:])
    stream.push(*sequences[20:23], origin="REPAIR")
    event = Announcement("GAP_REPAIRED", 25, sequences[19], sequences[23], 0, 3)
    assert stream.announce(event).report.gaps == ()


def test_repair_beyond_the_end_of_the_range_is_believed() -> None:
    """Ticks that were repaired after the last record that was read cannot be looked for."""
    sequences = _sound()
    stream = Stream().push(*sequences[:20], *sequences[23:])
    event = Announcement("GAP_REPAIRED", 10_000, hk(19), hk(23), 0, 3)
    assert stream.announce(event).report.unannounced == ()


def test_failed_delivery_announces_one_tick() -> None:
    """Each event of a failed delivery tells of one tick that was received shortly before it."""
    sequences = _sound()
    events = [Announcement("DELIVERY_FAILED", time_us) for time_us in (50, 51)]
    two = Stream().push(*sequences[:20], *sequences[22:])
    for event in events:
        two.announce(event)
    three = Stream().push(*sequences[:20], *sequences[23:])
    for event in events:
        three.announce(event)
    assert (two.report.verdict, three.report.verdict) == (Verdict.PROVED, Verdict.REFUTED)


def test_failed_delivery_of_earlier_does_not_announce() -> None:
    """A delivery that failed before the gap is another one."""
    sequences = _sound()
    stream = Stream().push(*sequences[:20], *sequences[21:])
    assert stream.announce(Announcement("DELIVERY_FAILED", 5)).report.verdict is Verdict.REFUTED


def test_failed_delivery_may_say_which_tick() -> None:
    """With sequences, the event of a failed delivery tells of the tick between them, ever after."""
    sequences = _sound()
    stream = Stream().push(*sequences[:20], *sequences[21:])
    event = Announcement("DELIVERY_FAILED", 5, sequences[20] - 1, sequences[20] + 1, 1)
    assert stream.announce(event).report.verdict is Verdict.PROVED


def test_event_of_another_kind_announces_nothing() -> None:
    """That the link was down says of no tick that it is missing."""
    sequences = _sound()
    stream = Stream().push(*sequences[:20], *sequences[21:])
    assert stream.announce(Announcement("LINK_DOWN", 20)).report.verdict is Verdict.REFUTED


def test_report_has_securities_without_records() -> None:
    """A security that is expected is in the report though nothing came."""
    audit = Audit()
    audit.expect(*SECURITY)
    (report,) = audit.report().securities
    assert (report.records, report.verdict) == (0, Verdict.NOT_JUDGED)


def _report(*securities: tuple[str, Iterable[int]]) -> Report:
    audit = Audit()
    for market, sequences in securities:
        for serial, sequence in enumerate(sequences):
            audit.tick(market, "X", sequence, "REALTIME", "PUSH", 1, serial, 0, serial)
    return audit.report()


def test_verdict_of_the_whole_is_the_worst() -> None:
    """One refuted security refutes all; one that is not judged leaves the whole not judged."""
    sound, lossy = _sound(), [*_sound()[:20], *_sound()[22:]]
    from_0 = [us(number) for number in range(60)]
    assert _report(("HK", sound)).verdict is Verdict.PROVED
    assert _report(("HK", sound), ("US", from_0)).verdict is Verdict.NOT_JUDGED
    assert _report(("HK", lossy), ("US", from_0)).verdict is Verdict.REFUTED


@st.composite
def _fates(draw: st.DrawFn) -> list[tuple[str, int, int]]:
    """Draw what becomes of each tick: (fate, how much later, seconds since the one before)."""
    fates = st.sampled_from(["came", "came", "lost", "told", "late", "repaired", "twice"])
    return draw(
        st.lists(st.tuples(fates, st.integers(1, 8), st.integers(0, 2)), min_size=1, max_size=40)
    )


@given(fates=_fates())
def test_audit_finds_just_what_is_missing(fates: list[tuple[str, int, int]]) -> None:
    """Whatever is lost, late, doubled, repaired and announced: no false gap, and none missed."""
    sound = ("came", 0, 1)
    sequences: list[int] = []
    second = SECOND
    #: (when it arrives, what becomes of it, sequence)
    arrivals: list[tuple[int, str, int]] = []
    everything = [*[sound] * 90, *fates, sound]
    for number, (fate, later, seconds) in enumerate(everything):
        second += seconds
        sequences.append(second << 32 | (5000 + number))
        if fate in ("lost", "told"):
            continue
        delay = 10 * later if fate in ("late", "repaired") else 0
        arrivals.append((10 * number + delay, fate, sequences[-1]))
        if fate == "twice":
            arrivals.append((10 * (number + later), "came", sequences[-1]))
    stream = Stream()
    for _, fate, sequence in sorted(arrivals, key=lambda arrival: arrival[0]):
        stream.push(sequence, origin="REPAIR" if fate == "repaired" else "PUSH")
    numbers = {"lost": 0, "told": 0}
    for fate, run in groupby(range(len(everything)), key=lambda number: everything[number][0]):
        members = list(run)
        if fate in numbers:
            numbers[fate] += len(members)
        if fate == "told":
            stream.announce(lost(sequences[members[0] - 1], sequences[members[-1] + 1]))
    report = stream.report
    missing = {
        is_silent: sum(
            gap.missing or 0 for gap in report.gaps if (not gap.announced_by) == is_silent
        )
        for is_silent in (True, False)
    }
    assert missing == {True: numbers["lost"], False: numbers["told"]}
    assert report.unique == len({sequence for _, _, sequence in arrivals})
    assert report.records == report.unique + sum(report.duplicates.values())

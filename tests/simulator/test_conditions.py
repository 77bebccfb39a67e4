"""What is wrong with OpenD at present."""

from opend_kafka.opend.securities import Security
from opend_kafka.simulator.conditions import RIGHTS, Conditions

TENCENT = Security("HK", "00700")


def test_conditions_are_good_at_first() -> None:
    """Nothing is wrong with an OpenD without faults."""
    conditions = Conditions()
    assert (conditions.logged_in, conditions.status, conditions.silences) == (True, 10, False)
    assert not conditions.withholds(TENCENT)


def test_conditions_are_good_again() -> None:
    """What ended leaves nothing behind that would slow the pushes."""
    conditions = Conditions()
    conditions.set_right("HK", RIGHTS["bmp"])
    conditions.stalled[TENCENT] += 1
    assert (conditions.silences, conditions.withholds(TENCENT)) == (True, True)
    conditions.unset_right("HK", RIGHTS["bmp"])
    conditions.stalled.subtract([TENCENT])
    assert (conditions.silences, conditions.withholds(TENCENT)) == (False, False)


def test_subscription_ends_what_waits_for_it_once() -> None:
    """Each end of a security's own comes once, however often it is subscribed."""
    conditions = Conditions()
    ended: list[str] = []
    conditions.on_subscribed[TENCENT] += [lambda: ended.append("a"), lambda: ended.append("b")]
    conditions.subscribed(Security("US", "AAPL"))
    assert ended == []
    for _ in range(2):
        conditions.subscribed(TENCENT)
    assert ended == ["a", "b"]


def test_conditions_show_the_latest_right() -> None:
    """Of two changes of a market's right the later holds; without it, the earlier again."""
    conditions = Conditions()
    conditions.set_right("HK", RIGHTS["none"])
    conditions.set_right("HK", RIGHTS["l1"])
    assert conditions.may_subscribe("HK")
    conditions.unset_right("HK", RIGHTS["l1"])
    assert not conditions.may_subscribe("HK")


def test_conditions_count_what_is_ignored() -> None:
    """A request that has its own order uses it up before the one for any request."""
    conditions = Conditions()
    conditions.unanswered.update({1004: 1, None: 1})
    assert [conditions.ignores(number) for number in (1004, 1002, 1004)] == [True, True, False]


def test_conditions_count_refused_logins() -> None:
    """As many InitConnects are refused as ordered."""
    conditions = Conditions()
    conditions.refused_logins = 2
    assert [conditions.login_refused() for _ in range(3)] == [True, True, False]

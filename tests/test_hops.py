"""The latencies of a tick's way to the worker."""

from __future__ import annotations

import pytest

from opend_kafka.hops import SAMPLES, HopSampler
from opend_kafka.metrics import Hop, Metrics
from opend_kafka.opend.events import Push
from opend_kafka.opend.messages import ProtoId
from opend_kafka.opend.pb import Qot_UpdateTicker_pb2

#: Seconds since 1970 at which OpenD received the tick of the tests.
RECEIVED = 1_700_000_000.5


class _Sampler:
    """A sampler at a clock that stands, and what it tells."""

    def __init__(self, now: float = RECEIVED) -> None:
        self.metrics = Metrics("0")
        self.seconds = 0.0
        self.told: list[tuple[str, float]] = []
        self.sampler = HopSampler(
            self.metrics,
            clock=lambda: self.seconds,
            now_us=lambda: int(now * 1e6),
            on_latency=lambda hop, seconds: self.told.append((hop, round(seconds, 6))),
        )

    def count(self, hop: Hop) -> float | None:
        name = "opend_kafka_hop_latency_seconds_count"
        return self.metrics.registry.get_sample_value(name, {"hop": hop})


def _push(*times: tuple[float, float], kind: int = 1, proto_id: int | None = None) -> Push:
    """Give a push of ticks: (event time, OpenD's receive time) each."""
    response = Qot_UpdateTicker_pb2.Response(retType=0)
    response.s2c.security.market, response.s2c.security.code = 1, "00700"
    for at, received in times:
        response.s2c.tickerList.add(
            time="", sequence=1, dir=1, price=1, volume=1, turnover=1,
            timestamp=at, recvTime=received, pushDataType=kind,
        )  # fmt: skip
    number = ProtoId.QOT_UPDATE_TICKER if proto_id is None else proto_id
    return Push(1, number, 1, response.SerializeToString())


def test_both_hops_are_observed() -> None:
    """From the event to OpenD, and from OpenD to the worker: of the newest tick of the push."""
    told = _Sampler(RECEIVED + 0.002)
    told.sampler.push(_push((1.0, 2.0), (RECEIVED - 0.125, RECEIVED)))
    assert dict(told.told) == {Hop.OPEND_TO_WORKER: 0.002, Hop.EXCHANGE_TO_OPEND: 0.125}
    assert told.count(Hop.OPEND_TO_WORKER) == told.count(Hop.EXCHANGE_TO_OPEND) == 1


def test_clocks_that_are_not_set_alike_show_nothing_below_zero() -> None:
    """Where the worker's clock is behind OpenD's, a hop takes no time."""
    told = _Sampler(RECEIVED - 3)
    told.sampler.push(_push((RECEIVED + 1, RECEIVED)))
    assert {seconds for _, seconds in told.told} == {0.0}


@pytest.mark.parametrize(
    "push",
    [
        _push((RECEIVED, RECEIVED), kind=3),
        _push((RECEIVED, RECEIVED), kind=2),
        _push((RECEIVED, 0.0)),
        _push(),
        _push((RECEIVED, RECEIVED), proto_id=ProtoId.QOT_UPDATE_BROKER),
        Push(1, ProtoId.QOT_UPDATE_TICKER, 1, b"\xff"),
    ],
    ids=["cached", "replayed", "no receive time", "no tick", "no push of ticks", "unreadable"],
)
def test_push_without_times_of_now_is_passed_by(push: Push) -> None:
    """Nothing is observed, and nothing raised."""
    told = _Sampler()
    told.sampler.push(push)
    assert told.told == []


def test_tick_without_an_event_time_has_one_hop() -> None:
    """OpenD sends 0 where it does not know when it happened."""
    told = _Sampler()
    told.sampler.push(_push((0.0, RECEIVED)))
    assert [hop for hop, _ in told.told] == [Hop.OPEND_TO_WORKER]


def test_few_pushes_are_all_looked_at() -> None:
    """Up to `SAMPLES` a second, none is left out."""
    told = _Sampler()
    for second in range(5):
        told.seconds = second
        for _ in range(SAMPLES // 2):
            told.sampler.push(_push((0.0, RECEIVED)))
    assert len(told.told) == 5 * SAMPLES // 2


@pytest.mark.parametrize("rate", [20_000, 100_000])
def test_many_pushes_are_sampled(rate: int) -> None:
    """However many there are, about so many a second are looked at: from the first second on."""
    told, push = _Sampler(), _push((0.0, RECEIVED))
    by_second = []
    for second in range(4):
        before = len(told.told)
        for index in range(rate):
            told.seconds = second + index / rate
            told.sampler.push(push)
        by_second.append(len(told.told) - before)
    assert SAMPLES < by_second[0] < SAMPLES * 12
    assert all(SAMPLES * 0.5 <= count <= SAMPLES * 2.5 for count in by_second[2:])


def test_few_pushes_after_many_are_all_looked_at_again() -> None:
    """The sampling follows the rate down, too."""
    told, push = _Sampler(), _push((0.0, RECEIVED))
    for index in range(20_000):
        told.seconds = index / 20_000
        told.sampler.push(push)
    for second in range(100, 110):
        told.seconds = second
        for _ in range(50):
            told.sampler.push(push)
    before = len(told.told)
    told.seconds = 120
    for _ in range(20):
        told.sampler.push(push)
    assert len(told.told) - before == 20

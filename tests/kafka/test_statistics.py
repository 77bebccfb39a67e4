"""librdkafka's own statistics as metrics."""

from __future__ import annotations

import json
from typing import Any

import pytest
from confluent_kafka import Producer

from opend_kafka.kafka.statistics import MOST_BROKERS, StatisticsReporter, read
from opend_kafka.metrics import Metrics
from tests.conftest import Cluster


def _broker(number: int, **differently: Any) -> dict[str, Any]:
    return {
        "nodeid": number,
        "state": "UP",
        "rtt": {"p99": 2500, "cnt": 3},
        "throttle": {"max": 0},
        "txerrs": 0,
        "txretries": 0,
        "req_timeouts": 0,
    } | differently


def _account(*brokers: dict[str, Any], client: str = "rdkafka#producer-1", **rest: Any) -> str:
    told = {"name": client, "msg_cnt": 7, "msg_size": 900}
    told |= {"brokers": {str(index): one for index, one in enumerate(brokers)}}
    return json.dumps(told | {"topics": {"t": {}}, "tx": 1} | rest)


class _Told:
    def __init__(self) -> None:
        self.metrics = Metrics("0")
        self.reporter = StatisticsReporter(self.metrics)

    def value(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"opend_kafka_kafka_{name}", labels)


def test_queue_and_brokers_are_shown() -> None:
    """What waits in librdkafka, and how each broker answers, in seconds."""
    told = _Told()
    told.reporter(_account(_broker(2, throttle={"max": 1500}), _broker(3, state="DOWN")))
    assert (told.value("queue_records"), told.value("queue_bytes")) == (7, 900)
    assert [told.value("broker_up", broker=one) for one in "23"] == [1, 0]
    assert told.value("broker_round_trip_seconds", broker="2") == 0.0025
    assert told.value("broker_throttle_seconds", broker="2") == 1.5


def test_round_trip_stays_where_nothing_was_sent() -> None:
    """A quiet interval has no latency, and does not show the best of all."""
    told = _Told()
    told.reporter(_account(_broker(1)))
    told.reporter(_account(_broker(1, rtt={"p99": 0, "cnt": 0})))
    assert told.value("broker_round_trip_seconds", broker="1") == 0.0025


def test_counts_of_all_brokers_are_one_count() -> None:
    """Errors, retries and timeouts add up over brokers, and over accounts only what is new."""
    told = _Told()
    told.reporter(_account(_broker(1, txerrs=2), _broker(2, txretries=1, req_timeouts=4)))
    told.reporter(_account(_broker(1, txerrs=3), _broker(2, txretries=1, req_timeouts=4)))
    assert told.value("request_errors_total") == 3
    assert (told.value("request_retries_total"), told.value("request_timeouts_total")) == (1, 4)


def test_new_producer_counts_from_zero() -> None:
    """What a new producer counts is added to what the one before it has counted."""
    told = _Told()
    told.reporter(_account(_broker(1, txerrs=5)))
    told.reporter(_account(_broker(1, txerrs=5), client="rdkafka#producer-2"))
    assert told.value("request_errors_total") == 10


def test_addresses_to_begin_with_are_no_brokers() -> None:
    """The library numbers the bootstrap servers below 0; the brokers behind them come again."""
    assert read(_account(_broker(-1), _broker(4))).brokers[0].number == 4


def test_number_of_brokers_is_bounded() -> None:
    """However many brokers there are, so many are shown one by one; the counts are of all."""
    told = _Told()
    told.reporter(_account(*(_broker(number, txerrs=1) for number in range(200))))
    (family,) = told.metrics.kafka_broker_up.collect()
    shown = [one for one in family.samples if one.value]
    assert len(shown) == MOST_BROKERS
    assert told.value("request_errors_total") == 200


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"name": 1, "topics": {}}', "null"])
def test_what_is_no_account_is_refused(text: str) -> None:
    """Reading it is a documented error; the reporter, inside a poll, lets it pass."""
    with pytest.raises(ValueError, match=r"\w"):
        read(text)
    _Told().reporter(text)


def test_librdkafkas_own_account_is_read(embedded: Cluster) -> None:
    """The library's text, whole, and read without its partitions, says the same."""
    accounts: list[str] = []
    producer = Producer(
        {
            "bootstrap.servers": embedded.bootstrap_servers,
            "statistics.interval.ms": 20,
            "stats_cb": accounts.append,
        }
    )
    producer.produce("statistics", b"x")
    producer.flush(20)
    while not accounts or not read(accounts[-1]).brokers:
        producer.poll(0.05)
    told = json.loads(accounts[-1])
    statistics = read(accounts[-1])
    assert (statistics.client, statistics.queued_records) == (told["name"], told["msg_cnt"])
    assert {one.number for one in statistics.brokers} == {
        one["nodeid"] for one in told["brokers"].values() if one["nodeid"] >= 0
    }

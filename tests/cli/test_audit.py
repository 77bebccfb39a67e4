"""`opend-kafka audit`: what the topics prove, and refute."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from opend_kafka.cli.audit import Time
from opend_kafka.consuming import spans
from opend_kafka.kafka.registry import ConfluentRegistry
from opend_kafka.kafka.topics import TopicSpec
from opend_kafka.opend.pb import Qot_UpdateTicker_pb2
from tests.cli.commands import write_config
from tests.cli.conftest import Invoke
from tests.conftest import Cluster
from tests.consuming.samples import PROVENANCE, a_book, a_key, a_tick, avro, single_object

SECOND = 1_700_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TICKS = ("HK.00700", "US.AAPL")


def _hk(number: int) -> int:
    return (SECOND + number) << 32 | (5000 + number)


def _us(number: int) -> int:
    return (SECOND + number // 3) << 32 | number % 3


class Topics:
    """The topics of a configuration, to be filled."""

    def __init__(self, cluster: Cluster, prefix: str, file: Path) -> None:
        self.prefix = prefix
        self.file = file
        self.cluster = cluster
        self._producer = Producer({"bootstrap.servers": cluster.bootstrap_servers, "linger.ms": 0})

    def ticks(
        self,
        sequences: Iterable[int],
        security: str = "HK.00700",
        *,
        topic: str | None = None,
        timestamp: int = 0,
        **fields: Any,
    ) -> None:
        """Write ticks, each as a push of its own, received when its second was."""
        for serial, sequence in enumerate(sequences):
            received = EPOCH + timedelta(seconds=sequence >> 32)
            provenance = PROVENANCE | {"push_serial": serial, "ingest_time": received}
            tick = a_tick(sequence, security, **({"provenance": provenance} | fields))
            self.write(
                topic or f"ticker.{security}", single_object("opend.Ticker", tick), timestamp
            )

    def event(self, kind: str, security: str = "HK.00700", **fields: Any) -> None:
        """Write an event about a security's ticks."""
        event = {
            "kind": kind,
            "time": datetime(2024, 1, 2, tzinfo=UTC),
            "worker": "w",
            "subtype": "ticker",
        } | fields
        value = single_object("opend.SessionEvent", event)
        self.write("events", value, key=single_object("opend.SecurityKey", a_key(security)))

    def write(self, topic: str, value: bytes, timestamp: int = 0, key: bytes | None = None) -> None:
        """Write one record."""
        self._producer.produce(f"{self.prefix}.{topic}", value, key, timestamp=timestamp)

    def flush(self) -> None:
        """Wait until all is written."""
        assert self._producer.flush(20) == 0


def _topics(cluster: Cluster, prefix: str, path: Path) -> Topics:
    names = ["events", "dead-letter", *(f"ticker.{security}" for security in TICKS)]
    cluster.create([TopicSpec(f"{prefix}.{name}") for name in names])
    file = write_config(path, bootstrap_servers=cluster.bootstrap_servers, prefix=prefix)
    return Topics(cluster, prefix, file)


@pytest.fixture
def topics(embedded: Cluster, prefix: str, tmp_path: Path) -> Topics:
    """Give the topics on the embedded cluster."""
    return _topics(embedded, prefix, tmp_path)


def _audit(invoke: Invoke, topics: Topics, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Audit; give the exit code, and the securities of the JSON by their code."""
    topics.flush()
    ended = invoke("audit", "-c", str(topics.file), "--format", "json", *arguments)
    shown = json.loads(ended.stdout)
    return ended.returncode, {one["code"]: one for one in shown["securities"]} | {"": shown}


def test_audit_proves_what_is_sound(
    invoke: Invoke, cluster: Cluster, prefix: str, tmp_path: Path
) -> None:
    """Sound ticks, with duplicates and late ones, are proved; the exit code is 0."""
    topics = _topics(cluster, prefix, tmp_path)
    numbers = [*range(20), 21, 20, *range(22, 30), *range(25, 30)]
    topics.ticks(map(_hk, numbers))
    code, shown = _audit(invoke, topics, "--securities", "HK.00700")
    found = shown["00700"]
    assert (code, shown[""]["verdict"]) == (0, "proved")
    assert (found["records"], found["unique"], found["out_of_order"]) == (35, 30, {"PUSH": 1})
    assert found["duplicates"] == [{"push_data_type": "REALTIME", "origin": "PUSH", "records": 5}]


def test_audit_refutes_a_silent_loss(
    invoke: Invoke, cluster: Cluster, prefix: str, tmp_path: Path
) -> None:
    """A gap that nothing announces is reported with its ends; the exit code is 1."""
    topics = _topics(cluster, prefix, tmp_path)
    topics.ticks(map(_hk, [*range(20), *range(23, 40)]))
    code, shown = _audit(invoke, topics)
    assert (code, shown[""]["verdict"]) == (1, "refuted")
    assert shown["00700"]["gaps"] == [
        {
            "sequence_before": _hk(19),
            "sequence_after": _hk(23),
            "ticks_missing": 3,
            "announced_by": None,
        }
    ]


def test_audit_is_content_with_an_announced_loss(invoke: Invoke, topics: Topics) -> None:
    """A gap of which an event tells is reported with it; the exit code is 0."""
    topics.ticks(map(_hk, [*range(20), *range(23, 40)]))
    topics.event(
        "GAP_UNREPAIRABLE", sequence_before=_hk(19), sequence_after=_hk(23), ticks_missing=3
    )
    code, shown = _audit(invoke, topics)
    (gap,) = shown["00700"]["gaps"]
    assert (code, gap["announced_by"]["kind"]) == (0, "GAP_UNREPAIRABLE")


def test_event_about_another_security_announces_nothing(invoke: Invoke, topics: Topics) -> None:
    """An event's key says whose ticks are missing; without a key it is about none."""
    topics.ticks(map(_hk, [*range(20), *range(23, 40)]))
    topics.event("GAP_UNREPAIRABLE", "US.AAPL", ticks_missing=3)
    event = {"kind": "GAP_UNREPAIRABLE", "time": datetime.now(UTC), "worker": "w"}
    topics.write("events", single_object("opend.SessionEvent", event))
    assert _audit(invoke, topics)[0] == 1


def test_event_about_another_subtype_announces_nothing(invoke: Invoke, topics: Topics) -> None:
    """That a book is missing says nothing of ticks."""
    topics.ticks(map(_hk, [*range(20), *range(23, 40)]))
    topics.event("GAP_UNREPAIRABLE", subtype="order-book")
    assert _audit(invoke, topics)[0] == 1


def test_dead_letters_count_as_accounted_for(invoke: Invoke, topics: Topics) -> None:
    """A tick whose push is a dead letter is not missing."""
    topics.ticks(map(_hk, [*range(20), *range(21, 40)]))
    push = Qot_UpdateTicker_pb2.Response(retType=0)
    push.s2c.security.market, push.s2c.security.code = 1, "00700"
    push.s2c.tickerList.add().sequence = _hk(20)
    body = push.SerializePartialToString()
    letter = {
        "time": datetime.now(UTC),
        "worker": "w",
        "reason": "malformed",
        "detail": "",
        "proto_id": 3011,
        "push_serial": 1,
        "body_format": "PROTOBUF",
        "body_format_code": 0,
        "body_length": len(body),
        "body": body,
    }
    topics.write("dead-letter", single_object("opend.DeadLetter", letter))
    code, shown = _audit(invoke, topics)
    assert (code, shown["00700"]["gaps"], shown["00700"]["dead_letters"]) == (0, [], 1)


def test_market_that_cannot_be_judged_says_so(invoke: Invoke, topics: Topics) -> None:
    """In a market that counts from 0 each second, nothing is proved and nothing refuted."""
    topics.ticks(map(_us, [*range(30), *range(33, 60)]), "US.AAPL")
    code, shown = _audit(invoke, topics, "--securities", "US.AAPL")
    assert (code, shown[""]["verdict"], shown["AAPL"]["gaps"]) == (0, "not judged", [])


def test_audit_reads_topics_of_many_securities(
    invoke: Invoke, embedded: Cluster, prefix: str, tmp_path: Path
) -> None:
    """With the layout `subtype`, one topic has all; those that are not asked for are left out."""
    topics = _topics(embedded, prefix, tmp_path)
    topics.file.write_text(
        topics.file.read_text().replace("  topic_prefix", "  topic_layout: subtype\n  topic_prefix")
    )
    assert embedded.topics.create([TopicSpec(f"{prefix}.ticker", 3)]) == {}
    topics.ticks(map(_hk, range(40)), topic="ticker")
    topics.ticks(map(_us, range(40)), "US.AAPL", topic="ticker")
    _, both = _audit(invoke, topics)
    _, one = _audit(invoke, topics, "--securities", "HK.00700")
    assert (both["AAPL"]["records"], both["00700"]["records"]) == (40, 40)
    assert set(one) == {"00700", ""}


def test_audit_reads_records_that_name_a_registrys_schema(
    monkeypatch: pytest.MonkeyPatch, invoke: Invoke, topics: Topics, registry_url: str
) -> None:
    """Confluent's wire format is read as well, with the configuration's registry."""
    monkeypatch.setenv("OPEND_KAFKA__SCHEMA_REGISTRY__URL", registry_url)
    with ConfluentRegistry(registry_url, {}) as registry:
        prefix = registry.prefix("any", "opend.Ticker", False)
    for number in range(30):
        topics.write("ticker.HK.00700", prefix + avro("opend.Ticker", a_tick(_hk(number))))
    code, shown = _audit(invoke, topics, "--securities", "HK.00700")
    assert (code, shown["00700"]["records"], shown["00700"]["verdict"]) == (0, 30, "proved")


def test_range_bounds_the_ticks_but_not_the_events(
    invoke: Invoke, apache: Cluster, prefix: str, tmp_path: Path
) -> None:
    """Between --from and --to, a gap outside does not count; what is announced later does."""
    topics = _topics(apache, prefix, tmp_path)
    now = round(time.time() * 1000)
    topics.ticks(map(_hk, [0, 1, 7, 8]), timestamp=now - 7_200_000)
    topics.ticks(map(_hk, [*range(20, 40), *range(42, 60)]), timestamp=now - 3_600_000)
    topics.ticks(map(_hk, [70, 80, 90]), timestamp=now - 1_000)
    topics.event("GAP_UNREPAIRABLE", sequence_before=_hk(39), sequence_after=_hk(42))
    code, shown = _audit(invoke, topics, "--from", "90m", "--to", "1m")
    (gap,) = shown["00700"]["gaps"]
    assert (code, gap["ticks_missing"], shown["00700"]["records"]) == (0, 2, 38)


def test_table_is_for_people(invoke: Invoke, topics: Topics) -> None:
    """A row for each security, the troubled first, a line for each gap, and a sentence."""
    topics.ticks(map(_us, range(60)), "US.AAPL")
    topics.ticks(map(_hk, [*range(20), *range(23, 40)]))
    topics.flush()
    ended = invoke("audit", "-c", str(topics.file))
    lines = [line.strip() for line in ended.stdout.splitlines()]
    rows = [line.split() for line in lines if line.endswith(("refuted", "not judged"))]
    (gap,) = (line for line in lines if line.startswith("HK.00700: "))
    assert (ended.returncode, ended.stderr) == (1, "")
    assert [row[0] for row in rows] == ["HK.00700", "US.AAPL"]
    assert gap.startswith("HK.00700: 3 ticks missing between")
    assert gap.endswith("ANNOUNCED BY NOTHING")
    assert lines[-1] == "Refuted: 1 gap of 1 security (ticks missing: 3) announced by nothing."


def test_foreign_records_are_told_and_passed_over(invoke: Invoke, topics: Topics) -> None:
    """Records that are no ticks are told with their place, the first of them, and counted."""
    topics.ticks(map(_hk, range(40)))
    for value in (b"hello", b"", single_object("opend.OrderBook", a_book()), b"more"):
        topics.write("ticker.HK.00700", value)
    topics.flush()
    ended = invoke("audit", "-c", str(topics.file), "--securities", "HK.00700")
    *places, count = ended.stderr.splitlines()
    topic = f"{topics.prefix}.ticker.HK.00700"
    assert [one.split(": ")[1] for one in places] == [f"{topic} offset {n}" for n in (40, 41, 42)]
    assert count == "opend-kafka: ticks: 4 records could not be decoded"
    assert ended.returncode == 0


def test_topics_without_records_are_not_judged(invoke: Invoke, topics: Topics) -> None:
    """Nothing is proved where nothing is."""
    code, shown = _audit(invoke, topics)
    assert (code, shown[""]["verdict"], shown["00700"]["records"]) == (0, "not judged", 0)


def test_missing_topics_are_named(
    invoke: Invoke, embedded: Cluster, prefix: str, tmp_path: Path
) -> None:
    """Where the worker has never run, the topics that are missing are named; it ends with 1."""
    file = write_config(tmp_path, bootstrap_servers=embedded.bootstrap_servers, prefix=f"{prefix}x")
    ended = invoke("audit", "-c", str(file))
    assert ended.returncode == 1
    missing = f"{prefix}x.ticker.HK.00700, {prefix}x.ticker.US.AAPL: there is no such topic\n"
    assert ended.stderr.endswith(missing)


def test_topic_of_dead_letters_may_be_missing(
    invoke: Invoke, embedded: Cluster, prefix: str, tmp_path: Path
) -> None:
    """A worker of an earlier version has made no topic of dead letters: there are none."""
    names = [f"{prefix}.{name}" for name in ("events", "ticker.HK.00700", "ticker.US.AAPL")]
    embedded.topics.create([TopicSpec(name) for name in names])
    file = write_config(tmp_path, bootstrap_servers=embedded.bootstrap_servers, prefix=prefix)
    ended = invoke("audit", "-c", str(file))
    assert (ended.returncode, "dead-letter: there is no such topic" in ended.stderr) == (0, True)


def test_kafka_that_is_away_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, invoke: Invoke, tmp_path: Path, unused_tcp_port: int
) -> None:
    """Without Kafka there is one sentence with the address, and exit code 1."""
    monkeypatch.setattr(spans, "_ANSWER_TIMEOUT_S", 0.3)
    file = write_config(tmp_path, bootstrap_servers=f"127.0.0.1:{unused_tcp_port}")
    ended = invoke("audit", "-c", str(file))
    (line,) = ended.stderr.splitlines()
    assert ended.returncode == 1
    assert line.startswith(f"opend-kafka: no Kafka broker answers at 127.0.0.1:{unused_tcp_port} (")


def test_registry_that_is_away_is_told(
    monkeypatch: pytest.MonkeyPatch, invoke: Invoke, topics: Topics, unused_tcp_port: int
) -> None:
    """A registry that is needed and does not answer ends it with 1, and its URL."""
    url = f"http://127.0.0.1:{unused_tcp_port}"
    monkeypatch.setenv("OPEND_KAFKA__SCHEMA_REGISTRY__URL", url)
    topics.write("ticker.HK.00700", b"\0\0\0\0\1" + avro("opend.Ticker", a_tick(_hk(1))))
    topics.flush()
    ended = invoke("audit", "-c", str(topics.file))
    assert (ended.returncode, f"no schema registry answers at {url}" in ended.stderr) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--from", "yesterday"], "'yesterday' is no time"),
        (["--from", "2026-01-02T09:30:00"], "with the offset"),
        (["--to", "h"], "'h' is no time"),
        (["--from", "1m", "--to", "2m"], "--from is not before --to"),
        (["--securities", "HK.09988"], "HK.09988 has no subscription of ticker"),
        (["--securities", "nonsense"], "is no security"),
    ],
)
def test_bad_usage_ends_it_with_2(
    invoke: Invoke, tmp_path: Path, arguments: list[str], said: str
) -> None:
    """What cannot be meant is refused before Kafka is asked."""
    file = write_config(tmp_path, bootstrap_servers="127.0.0.1:1")
    ended = invoke("audit", "-c", str(file), *arguments)
    assert (ended.returncode, said in ended.stderr) == (2, True)


def test_configuration_without_ticks_is_refused(invoke: Invoke, tmp_path: Path) -> None:
    """Where no subscription is of ticks, there is nothing to audit: exit code 2."""
    file = write_config(tmp_path, bootstrap_servers="127.0.0.1:1")
    file.write_text(file.read_text().replace("[ticker, order-book]", "[order-book]"))
    ended = invoke("audit", "-c", str(file))
    assert (ended.returncode, "only ticks can be audited" in ended.stderr) == (2, True)


@pytest.mark.parametrize(
    ("text", "time_ms"),
    [
        ("2026-01-02T09:30:00+08:00", 1_767_317_400_000),
        ("2026-01-02T01:30:00.5Z", 1_767_317_400_500),
    ],
)
def test_times_are_iso_8601(text: str, time_ms: int) -> None:
    """A time has its offset."""
    assert Time().convert(text, None, None) == time_ms


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("15m", 900), ("1h", 3600), ("2d", 172_800)]
)
def test_times_may_be_ago(monkeypatch: pytest.MonkeyPatch, text: str, seconds: int) -> None:
    """A number and a unit is so long ago."""
    monkeypatch.setattr(time, "time", lambda: 1_700_000_000.0)
    assert Time().convert(text, None, None) == (1_700_000_000 - seconds) * 1000

"""`opend-kafka tail`: decoded records as they come."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import Message, Producer

from opend_kafka import schemas
from opend_kafka.consuming import reading
from opend_kafka.consuming.reading import TopicReader
from opend_kafka.kafka.topics import TopicSpec
from opend_kafka.opend.events import Push
from opend_kafka.records.dead_letter import DeadLetter
from opend_kafka.records.session_event import EventKind, SessionEvent
from tests.cli.commands import running, write_config
from tests.cli.conftest import Invoke
from tests.conftest import Cluster
from tests.consuming.samples import a_book, a_key, a_tick, confluent, single_object

#: The module: the package has the command itself under that name.
tailing = import_module("opend_kafka.cli.tail")

#: Writes records of HK.00700 to a topic.
Produce = Callable[..., None]


@pytest.fixture
def topic(embedded: Cluster, prefix: str) -> str:
    """Give a topic that is empty."""
    embedded.topics.create([TopicSpec(f"{prefix}.ticker.HK.00700")])
    return f"{prefix}.ticker.HK.00700"


@pytest.fixture
def produce(embedded: Cluster, topic: str) -> Produce:
    """Give a function that writes values to the topic."""

    def write(*values: bytes) -> None:
        producer = Producer({"bootstrap.servers": embedded.bootstrap_servers})
        for value in values:
            producer.produce(topic, value, single_object("opend.SecurityKey", a_key()))
        assert producer.flush(20) == 0

    return write


@pytest.fixture
def tail(invoke: Invoke, embedded: Cluster, topic: str) -> Invoke:
    """Give a function that tails the topic from its beginning."""

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        return invoke(
            "tail", topic, "--bootstrap-servers", embedded.bootstrap_servers,
            "--from", "beginning", *arguments,
        )  # fmt: skip

    return call


def _ticks(*sequences: int) -> list[bytes]:
    return [single_object("opend.Ticker", a_tick(sequence)) for sequence in sequences]


def _sequences(text: str) -> list[int]:
    return [json.loads(line)["value"]["sequence"] for line in text.splitlines()]


def test_configuration_of_a_worker_says_where_to_read(
    invoke: Invoke, embedded: Cluster, produce: Produce, topic: str, tmp_path: Path
) -> None:
    """Its cluster is read, with its properties, and its registry is asked."""
    produce(*_ticks(1))
    config = write_config(tmp_path, bootstrap_servers=embedded.bootstrap_servers)
    arguments = ("-c", str(config), "--from", "beginning", "--max", "1", "--format", "json")
    assert _sequences(invoke("tail", topic, *arguments).stdout) == [1]


def test_json_is_one_object_a_line(tail: Invoke, produce: Produce, topic: str) -> None:
    """Each line has where the record stands, its schema, its key and all its fields."""
    produce(*_ticks(7))
    ended = tail("--format", "json", "--max", "1")
    line: dict[str, Any] = json.loads(ended.stdout)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert {name: line[name] for name in line if name != "value"} == {
        "topic": topic,
        "partition": 0,
        "offset": 0,
        "schema": "opend.Ticker",
        "key": {"market": "HK", "code": "00700"},
    }
    assert (line["value"]["sequence"], line["value"]["name"]) == (7, "騰訊控股")
    assert line["value"]["event_time"] == "2024-01-02T03:04:05.678901+00:00"


def test_table_has_a_row_for_each_tick(tail: Invoke, produce: Produce) -> None:
    """A tick's row has security, time, price, volume, direction, kind of push and sequence."""
    produce(*_ticks(7))
    assert tail("--max", "1").stdout.split() == [
        "HK.00700", "2024-01-02", "11:04:05", "300.2", "100", "BUY", "REALTIME", "7",
    ]  # fmt: skip


def test_table_has_a_row_for_each_book(tail: Invoke, produce: Produce) -> None:
    """A book's row has its best bid and ask, and a dash where a side is empty."""
    produce(
        single_object("opend.OrderBook", a_book()),
        single_object("opend.OrderBook", a_book(asks=[])),
    )
    assert [line.split() for line in tail("--max", "2").stdout.splitlines()] == [
        ["HK.00700", "bid", "300.2", "×", "500", "ask", "300.4", "×", "500"],
        ["HK.00700", "bid", "300.2", "×", "500", "ask", "-"],
    ]


def test_max_ends_it(tail: Invoke, produce: Produce) -> None:
    """`--max` shows so many records, and no more."""
    produce(*_ticks(1, 2, 3))
    assert _sequences(tail("--format", "json", "--max", "2").stdout) == [1, 2]


def test_dedupe_shows_each_tick_once(tail: Invoke, produce: Produce) -> None:
    """With `--dedupe` a tick that comes again is left out."""
    produce(*_ticks(1, 2, 1, 2, 3))
    ended = tail("--format", "json", "--dedupe", "--max", "3")
    assert _sequences(ended.stdout) == [1, 2, 3]


def test_order_shows_ticks_by_sequence(tail: Invoke, produce: Produce) -> None:
    """With `--order` ticks that come close together are shown by sequence."""
    produce(*_ticks(3, 1, 2))
    ended = tail("--format", "json", "--order", "--max", "3")
    assert _sequences(ended.stdout) == [1, 2, 3]


def test_dedupe_and_order_go_together(tail: Invoke, produce: Produce) -> None:
    """Both: each tick once, by sequence."""
    produce(*_ticks(3, 1, 3, 2, 1, 4))
    ended = tail("--format", "json", "--dedupe", "--order", "--max", "4")
    assert _sequences(ended.stdout) == [1, 2, 3, 4]


@pytest.mark.parametrize("style", ["table", "json"])
def test_securities_shows_only_those(tail: Invoke, produce: Produce, style: str) -> None:
    """With `--securities` every other is left out; an event is of the security of its key."""
    other = single_object("opend.Ticker", a_tick(1, "US.AAPL"))
    produce(other, *_ticks(2), _event(), single_object("opend.OrderBook", a_book("HK.09988")))
    ended = tail("--securities", "HK.00700,HK.09988", "--max", "3", "--format", style)
    tick, event, book = ended.stdout.splitlines()
    assert ("REALTIME" in tick, "LIVE" in event, "09988" in book) == (True, True, True)


def _event() -> bytes:
    event = SessionEvent(EventKind.LIVE, 1_700_000_000_000_000, "w", 7)
    return event.encode(b"\xc3\x01" + schemas.fingerprint("opend.SessionEvent"))


def test_securities_that_are_none_are_bad_usage(tail: Invoke) -> None:
    """A list that cannot be read ends it with 2, and what is wrong."""
    ended = tail("--securities", "00700")
    assert (ended.returncode, "00700" in ended.stderr) == (2, True)


@pytest.mark.parametrize("style", ["table", "json"])
def test_late_tick_is_marked(
    tail: Invoke, produce: Produce, monkeypatch: pytest.MonkeyPatch, style: str
) -> None:
    """With `--order` a tick that comes too late to be put in order says so."""
    hours = count(0, 3600)
    monkeypatch.setattr(tailing, "time", SimpleNamespace(monotonic=lambda: float(next(hours))))
    monkeypatch.setattr(TopicReader, "read", _one_at_a_time(TopicReader.read))
    produce(*_ticks(2, 3, 1))
    ended = tail("--order", "--max", "3", "--format", style)
    mark = {"table": "late", "json": '"late": true'}[style]
    assert [mark in line for line in ended.stdout.splitlines()] == [False, True, False]


def _one_at_a_time(read: Callable[..., list[Message]]) -> Callable[..., list[Message]]:
    return lambda self, wait_s: read(self, wait_s, at_most=1)


def test_terminal_has_live_rates(
    tail: Invoke, produce: Produce, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal a line below the rows tells how many come."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    produce(*_ticks(1, 2))
    ended = tail("--max", "2")
    assert (ended.stdout.count("REALTIME"), "records/s" in ended.stdout) == (2, True)


def test_pattern_names_many_topics(invoke: Invoke, embedded: Cluster, prefix: str) -> None:
    """`*` stands for a part of a name: records of every topic that matches are shown."""
    producer = Producer({"bootstrap.servers": embedded.bootstrap_servers})
    for code in ("1", "2"):
        embedded.topics.create([TopicSpec(f"{prefix}.ticker.HK.{code}")])
        producer.produce(f"{prefix}.ticker.HK.{code}", _ticks(int(code))[0])
    assert producer.flush(20) == 0
    ended = invoke(
        "tail", f"{prefix}.ticker.*", "--bootstrap-servers", embedded.bootstrap_servers,
        "--from", "beginning", "--format", "json", "--max", "2",
    )  # fmt: skip
    assert sorted(_sequences(ended.stdout)) == [1, 2]


@pytest.mark.parametrize(
    ("foreign", "said"),
    [
        (b"hello", "the bytes begin with 6865"),
        (b"", "the bytes begin with nothing"),
        (confluent(5, "opend.Ticker", a_tick(1)), "schema id 5 of a registry; give the registry"),
    ],
)
def test_foreign_record_is_told_and_passed_over(
    tail: Invoke, produce: Produce, topic: str, foreign: bytes, said: str
) -> None:
    """A record that is none of ours is told with its place; the next one is shown."""
    produce(foreign, *_ticks(1))
    ended = tail("--format", "json", "--max", "1")
    assert (ended.returncode, _sequences(ended.stdout)) == (0, [1])
    assert ended.stderr.startswith(f"opend-kafka: {topic} offset 0: ")
    assert said in ended.stderr


@pytest.mark.parametrize("style", ["table", "json"])
def test_record_of_another_schema_is_shown(tail: Invoke, produce: Produce, style: str) -> None:
    """What is a record, though neither tick nor book, is shown in some way."""
    produce(single_object("opend.SecurityKey", a_key()))
    ended = tail("--format", style, "--max", "1")
    assert (ended.returncode, "00700" in ended.stdout) == (0, True)


def _letter(push: Push) -> bytes:
    letter = DeadLetter(1_700_000_000_000_000, "w", push, "malformed", "the body is none")
    return letter.encode(b"\xc3\x01" + schemas.fingerprint("opend.DeadLetter"))


def test_json_shows_a_dead_letters_body_in_hex(tail: Invoke, produce: Produce) -> None:
    """JSON has no bytes: they are written so that `xxd -r -p` gives them back."""
    produce(_letter(Push(7, 3011, 5, b"\xff\x00T")))
    value = json.loads(tail("--format", "json", "--max", "1").stdout)["value"]
    assert (value["body"], value["reason"]) == ("ff0054", "malformed")


def test_table_has_a_row_for_each_dead_letter(tail: Invoke, produce: Produce) -> None:
    """A letter's row has time, reason, message, serial, size and the words for people."""
    produce(_letter(Push(7, 3011, 5, b"abc")), _letter(Push(7, 4711, 6, b"")))
    assert [line.split(maxsplit=7) for line in tail("--max", "2").stdout.splitlines()] == [
        ["2023-11-14T22:13:20+00:00", "malformed", message, "serial", serial, size, "bytes",
         "the body is none"]
        for message, serial, size in (("Qot_UpdateTicker", "5", "3"),)
    ] + [
        ["2023-11-14T22:13:20+00:00", "malformed", "proto_id", "4711", "serial", "6", "0",
         "bytes  the body is none"],
    ]  # fmt: skip


def test_table_has_a_row_for_each_session_event(tail: Invoke, produce: Produce) -> None:
    """Records of all kinds stand in one table."""
    prefix = b"\xc3\x01" + schemas.fingerprint("opend.SessionEvent")
    produce(SessionEvent(EventKind.LIVE, 0, "w").encode(prefix))
    assert tail("--max", "1").stdout.split()[:2] == ["1970-01-01T00:00:00+00:00", "LIVE"]


def test_missing_topic_is_named(invoke: Invoke, embedded: Cluster) -> None:
    """A topic that is not there ends it with 1, and its name."""
    ended = invoke("tail", "absent", "--bootstrap-servers", embedded.bootstrap_servers)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.endswith("absent: there is no such topic\n")


def test_kafka_that_is_away_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, invoke: Invoke, unused_tcp_port: int
) -> None:
    """Without Kafka there is one sentence with the address, and exit code 1."""
    monkeypatch.setattr(reading, "_ANSWER_TIMEOUT_S", 1.0)
    ended = invoke("tail", "any", "--bootstrap-servers", f"127.0.0.1:{unused_tcp_port}")
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"opend-kafka: no Kafka broker answers at 127.0.0.1:{unused_tcp_port} (")


def test_advice_names_the_option_not_the_configuration(
    monkeypatch: pytest.MonkeyPatch, invoke: Invoke, unused_tcp_port: int
) -> None:
    """`tail` has no configuration file: its advice is about --bootstrap-servers."""
    monkeypatch.setattr(reading, "_ANSWER_TIMEOUT_S", 0.3)
    ended = invoke("tail", "any", "--bootstrap-servers", f"127.0.0.1:{unused_tcp_port}")
    assert "--bootstrap-servers" in ended.stderr


def test_registry_url_that_is_none_is_bad_usage(tail: Invoke) -> None:
    """A URL that is none ends it with 2, and is no bug of ours."""
    ended = tail("--schema-registry", "nonsense", "--max", "1")
    assert (ended.returncode, "bug" in ended.stderr) == (2, False)


def test_registry_that_is_away_is_told(
    tail: Invoke, produce: Produce, unused_tcp_port: int
) -> None:
    """A registry that is needed and does not answer ends it with 1, and its URL."""
    produce(confluent(5, "opend.Ticker", a_tick(1)))
    url = f"http://127.0.0.1:{unused_tcp_port}"
    ended = tail("--schema-registry", url, "--max", "1")
    assert (ended.returncode, f"no schema registry answers at {url}" in ended.stderr) == (1, True)


def test_ctrl_c_ends_it_without_a_traceback(
    embedded: Cluster, topic: str, produce: Produce
) -> None:
    """Ctrl-C is how one ends it: no traceback."""
    produce(*_ticks(1))
    arguments = ("--bootstrap-servers", embedded.bootstrap_servers, "--from", "beginning")
    with running("tail", topic, *arguments) as command:
        command.until("HK.00700")
        command.signal(signal.SIGINT)
        assert command.end() in (0, 130)
    assert "Traceback" not in "".join(command.log)


def test_closed_pipe_ends_it_quietly(embedded: Cluster, topic: str, produce: Produce) -> None:
    """Where the reader has gone, as with `| head`, it ends with 0 and says nothing."""
    produce(*_ticks(*range(10)))
    reading_end, writing_end = os.pipe()
    os.close(reading_end)
    try:
        ended = subprocess.run(
            [
                sys.executable, "-m", "opend_kafka", "tail", topic, "--from", "beginning",
                "--bootstrap-servers", embedded.bootstrap_servers,
            ],
            stdout=writing_end, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
        )  # fmt: skip
    finally:
        os.close(writing_end)
    assert (ended.returncode, ended.stderr) == (0, "")

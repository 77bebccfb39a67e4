"""The examples in other languages give what OpenD had sent. They take `make examples`."""

from __future__ import annotations

import ast
import json
import time
from collections.abc import Iterable
from csv import DictReader
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import pytest
from confluent_kafka import Producer

from opend_kafka import schemas
from opend_kafka.consuming.decoding import Decoder
from opend_kafka.consuming.reading import TopicReader
from opend_kafka.kafka.registry import ConfluentRegistry
from opend_kafka.kafka.topics import TopicSpec
from opend_kafka.opend.securities import MARKETS
from opend_kafka.opend.zones import zone_of
from tests.conftest import Cluster
from tests.examples.programs import (
    EXAMPLES,
    HANGS_S,
    VENV,
    printed,
    printed_ticks,
    require,
    run,
    running,
)
from tests.examples.stream import Stream, Ticks, make

pytestmark = pytest.mark.languages

#: What a JavaScript number can tell apart.
SAFE_INTEGER = 2**53


@pytest.fixture(scope="module")
def stream(apache: Cluster, registry_url: str) -> Stream:
    """Give a stream in Confluent's wire format, on the real Kafka."""
    return make(apache, f"t{uuid4().hex[:12]}", registry_url)


def test_stream_has_sequences_that_a_double_cannot_hold(stream: Stream) -> None:
    """So that a language that rounds them is found out."""
    sequences = [sequence for ticks in stream.sent.values() for sequence, _, _ in ticks]
    assert min(sequences) > SAFE_INTEGER
    assert any(int(float(one)) != one for one in sequences)


def test_javascript_gives_what_opend_sent(
    stream: Stream, registry_url: str, tmp_path: Path
) -> None:
    """Each tick once, in order, its sequence whole."""
    lines = _printed_by_javascript(stream, registry_url, uuid4().hex, tmp_path, stream.unique)
    assert printed_ticks(lines) == stream.sent


def test_javascript_goes_on_where_it_was_stopped(
    stream: Stream, apache: Cluster, registry_url: str, tmp_path: Path
) -> None:
    """A consumer that ends amidst duplicates leaves the next one nothing to do twice."""
    prefix, group = f"{stream.prefix}-again", uuid4().hex
    apache.create([TopicSpec(f"{prefix}.ticker.{security}") for security in stream.sent])
    records = _read(stream, registry_url, f"{stream.prefix}.ticker.*")
    half = len(records) // 2
    first = len({(one.security, one.sequence) for one in records[:half]})
    lines: list[str] = []
    for part, wanted in ((records[:half], first), (records[half:], stream.unique - first)):
        _write(stream.bootstrap_servers, prefix, part)
        lines += _printed_by_javascript(stream, registry_url, group, tmp_path, wanted, prefix)
    found = {security: sorted(ticks) for security, ticks in printed_ticks(lines).items()}
    assert found == stream.sent


def _printed_by_javascript(
    stream: Stream, registry_url: str, group: str, tmp_path: Path, wanted: int, prefix: str = ""
) -> list[str]:
    folder = EXAMPLES / "javascript"
    command = [require("node", folder / "node_modules"), "consume-ticks.js"]
    command += [stream.bootstrap_servers, registry_url, prefix or stream.prefix, group]
    return printed(command, folder, tmp_path / "log", wanted)


def _write(bootstrap_servers: str, prefix: str, records: Iterable[_Record]) -> None:
    producer = Producer({"bootstrap.servers": bootstrap_servers})
    for one in records:
        producer.produce(f"{prefix}.ticker.{one.security}", one.value, one.key)
    assert producer.flush(20) == 0


def test_kafka_streams_gives_what_opend_sent(
    stream: Stream, apache: Cluster, registry_url: str, tmp_path: Path
) -> None:
    """Each tick once in another topic, byte for byte as it stood in its own."""
    target = f"{stream.prefix}-unique"
    apache.create([TopicSpec(target)])
    folder = EXAMPLES / "java" / "target"
    command = [require("java", folder / "dependency"), f"-Djava.io.tmpdir={tmp_path}"]
    command += ["-cp", f"{folder}/*:{folder}/dependency/*", "UniqueTicks", stream.bootstrap_servers]
    command += [registry_url.replace("ccompat/v7", "registry/v2"), stream.prefix, target]
    with running(command, folder, tmp_path / "log"):
        found = _ticks(_read(stream, registry_url, target))
    # Streams does not sort: a late trade stays where it was reported.
    assert {security: sorted(ticks) for security, ticks in found.items()} == stream.sent


class _Record(NamedTuple):
    """A tick as it stands in a topic."""

    security: str
    key: bytes | None
    value: bytes
    sequence: int
    price: float
    volume: int


def _ticks(records: Iterable[_Record]) -> Ticks:
    found: Ticks = {}
    for one in records:
        found.setdefault(one.security, []).append((one.sequence, one.price, one.volume))
    return found


def _read(stream: Stream, registry_url: str, topic: str) -> list[_Record]:
    """Read what is committed, until all that is wanted has come and nothing more does."""
    found: list[_Record] = []
    ends = time.monotonic() + HANGS_S
    committed = {"isolation.level": "read_committed"}
    with (
        ConfluentRegistry(registry_url, {}) as registry,
        TopicReader(stream.bootstrap_servers, [topic], properties=committed) as reader,
    ):
        decoder = Decoder(registry.schema_text)
        while time.monotonic() < ends:
            messages = reader.read(0.5)
            found += (_record(decoder, one.key(), one.value() or b"") for one in messages)
            if not messages and len(found) >= stream.unique:
                break
    return found


def _record(decoder: Decoder, key: bytes | None, value: bytes) -> _Record:
    tick = decoder.decode(value).fields
    security = f"{tick['market']}.{tick['code']}"
    return _Record(security, key, value, tick["sequence"], tick["price"], tick["volume"])


def test_spark_gives_what_opend_sent(stream: Stream, tmp_path: Path) -> None:
    """Each tick once in a table."""
    jars = EXAMPLES / "spark" / "target" / "dependency"
    command = [require(VENV / "bin" / "spark-submit", jars), "--master", "local[2]"]
    command += ["--conf", "spark.sql.shuffle.partitions=2", "--conf", "spark.ui.enabled=false"]
    command += ["--driver-java-options", "-XX:TieredStopAtLevel=1"]  # it lives for seconds
    command += ["--jars", ",".join(map(str, sorted(jars.glob("*.jar"))))]
    schema, table = tmp_path / "ticker.avsc", tmp_path / "ticks"
    schema.write_text(schemas.text("opend.Ticker"))
    command += [str(EXAMPLES / "spark" / "unique_ticks.py"), stream.bootstrap_servers]
    run([*command, stream.prefix, str(schema), str(table), "json"], tmp_path)
    lines = [line for part in table.glob("*.json") for line in part.read_text().splitlines()]
    found: Ticks = {}
    for row in sorted(map(json.loads, lines), key=itemgetter("sequence")):
        tick = row["sequence"], row["price"], row["volume"]
        found.setdefault(f"{row['market']}.{row['code']}", []).append(tick)
    assert found == stream.sent


def test_candles_are_made_of_what_opend_sent(
    stream: Stream, registry_url: str, tmp_path: Path
) -> None:
    """Each trade once, in order, in a table; with what the consumer's own wheel brings."""
    for security, ticks in stream.sent.items():
        python = require(VENV / "bin" / "python")
        command = [python, str(EXAMPLES / "candles.py"), stream.bootstrap_servers, stream.prefix]
        command += [security, "--schema-registry", registry_url, "--every", "20ms"]
        run([*command, "--since", "2024-01-01"], tmp_path)
        with (tmp_path / f"{security}.csv").open(newline="") as file:
            rows = [
                (int(row["sequence"]), float(row["price"]), int(row["volume"]))
                for row in DictReader(file)
            ]
        assert rows == ticks
        assert (tmp_path / f"{security}.png").read_bytes()[:4] == b"\x89PNG"


def test_candles_name_a_topic_that_is_not_there(stream: Stream, tmp_path: Path) -> None:
    """A security that nobody subscribed is not taken for one without trades."""
    command = [require(VENV / "bin" / "python"), str(EXAMPLES / "candles.py")]
    command += [stream.bootstrap_servers, stream.prefix, "HK.99999"]
    with pytest.raises(AssertionError, match=r"ticker\.HK\.99999: Broker: Unknown topic"):
        run(command, tmp_path)


def test_candles_have_the_zones_of_the_worker() -> None:
    """An exchange's times are the same in its picture and in Kafka's timestamps."""
    assigned = (EXAMPLES / "candles.py").read_text().partition("\nZONES = ")[2].partition("}")[0]
    zones = ast.literal_eval(f"{assigned}}}")
    assert zones == {market: str(zone_of(market)) for market in zones}
    assert {"HK_FUTURE", *zones} == {one for one in MARKETS.values() if zone_of(one)}

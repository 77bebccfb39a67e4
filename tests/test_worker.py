"""The worker from OpenD to Kafka: the same suite on the embedded and on the real Kafka."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import chain
from typing import Any

import pytest
from confluent_kafka import KafkaError, Producer
from structlog.testing import capture_logs

from opend_kafka import preparing, schemas
from opend_kafka import worker as worker_module
from opend_kafka.config import Config
from opend_kafka.consuming.decoding import Decoder, Record
from opend_kafka.consuming.reading import TopicReader
from opend_kafka.errors import DeliveryFailed, DrainFailed, KafkaUnreachable, RegistryUnreachable
from opend_kafka.intake import ENGINE_VARIABLE
from opend_kafka.kafka.embedded import ApiKey, EmbeddedKafka, EmbeddedTopics
from opend_kafka.kafka.registry import SingleObject
from opend_kafka.kafka.routing import encode_key
from opend_kafka.kafka.topics import TopicSpec, ensure
from opend_kafka.opend.messages import decode_push
from opend_kafka.opend.securities import Security
from opend_kafka.plan import topic_specs
from opend_kafka.records import watermark
from opend_kafka.records.watermark import Block, Watermark
from opend_kafka.simulator.damage import GARBAGE
from opend_kafka.simulator.faults import BadBody, BadSha1, Fault
from opend_kafka.simulator.market import Market
from opend_kafka.simulator.server import Simulator
from opend_kafka.worker import Worker
from tests.conftest import Cluster
from tests.workers import HANGS_S, running, until

TRADED = tuple(Security.parse(one) for one in ("HK.00700", "HK.09988", "US.AAPL"))
START_US = 1_700_000_000_000_000


class _Sent:
    """What the simulator pushed: sequences by security, and every book."""

    def __init__(self) -> None:
        self.sequences: dict[str, list[int]] = defaultdict(list)
        self.books: dict[str, list[Any]] = defaultdict(list)

    def ticks(self, conn_id: int, security: Security, ticks: Any) -> None:
        self.sequences[str(security)] += [tick.sequence for tick in ticks]

    def damaged(self, conn_id: int, security: Security, ticks: Any, damage: str) -> None:
        self.ticks(conn_id, security, ticks)

    def book(self, conn_id: int, security: Security, book: Any) -> None:
        self.books[str(security)].append(
            [(level.price, level.volume) for level in book.orderBookAskList]
        )

    @property
    def records(self) -> int:
        return sum(map(len, self.sequences.values())) + sum(map(len, self.books.values()))


def _config(opend_port: int, bootstrap_servers: str, prefix: str, **changes: Any) -> Config:
    content: dict[str, Any] = {
        "opend": {"port": opend_port, "reconnect": {"initial_s": 0.01, "max_s": 0.1}},
        "subscriptions": [
            {
                "securities": [str(security) for security in TRADED],
                "subtypes": ["ticker", "order-book"],
            }
        ],
        "kafka": {"bootstrap_servers": bootstrap_servers, "topic_prefix": prefix},
        "schema_registry": {"url": None},
        "admin": {"port": 0},
    }
    for key, value in changes.items():
        content[key] = content.get(key, {}) | value if isinstance(value, dict) else value
    return Config.model_validate(content)


@asynccontextmanager
async def _simulator(
    sent: _Sent | None = None, damaged: _Sent | None = None
) -> AsyncIterator[Simulator]:
    market = Market(TRADED, seed=1, rate=1000, start_us=START_US)
    hooks = {"on_sent": sent.ticks, "on_book_sent": sent.book} if sent else {}
    if damaged is not None:
        hooks["on_damaged"] = damaged.damaged  # type: ignore[assignment]
    async with Simulator(market, pace=False, **hooks) as simulator:  # type: ignore[arg-type]
        yield simulator


def _write_watermark(cluster: Cluster, topic: str, security: Security) -> None:
    record = Watermark(security, 7, (Block(7, 1, 7),), START_US, "an earlier worker")
    wire_format = SingleObject()
    producer = Producer({"bootstrap.servers": cluster.bootstrap_servers})
    key = wire_format.prefix(topic, schemas.KEY, True) + encode_key(security)
    producer.produce(topic, record.encode(wire_format.prefix(topic, watermark.SCHEMA, False)), key)
    assert producer.flush(HANGS_S) == 0


def _read(bootstrap_servers: str, prefix: str, records: int) -> dict[str, list[Record]]:
    """Read so many records, by topic, each topic in its order."""
    decoder = Decoder()
    by_topic: dict[str, list[Record]] = defaultdict(list)
    with TopicReader(bootstrap_servers, [f"{prefix}.ticker.*", f"{prefix}.order*"]) as reader:
        read = 0
        while read < records:
            messages = reader.read(HANGS_S, at_most=records - read)
            read += len(messages)
            for message in messages:
                by_topic[message.topic() or ""].append(decoder.decode(message.value() or b""))
    return by_topic


def _dead_letters(bootstrap_servers: str, prefix: str, letters: int) -> list[dict[str, Any]]:
    """Read so many dead letters; none has a key."""
    decoder = Decoder()
    with TopicReader(bootstrap_servers, [f"{prefix}.dead-letter"]) as reader:
        read: list[Any] = []
        while len(read) < letters:
            read += reader.read(HANGS_S, at_most=letters - len(read))
    assert {message.key() for message in read} == {None}
    return [decoder.decode(message.value()).fields for message in read]


def _events(bootstrap_servers: str, prefix: str) -> list[dict[str, Any]]:
    """Read the session events up to STOPPED, in their order; `key` is the decoded key."""
    decoder = Decoder()
    events: list[dict[str, Any]] = []
    with TopicReader(bootstrap_servers, [f"{prefix}.events"]) as reader:
        while not events or events[-1]["kind"] != "STOPPED":
            for message in reader.read(HANGS_S, at_most=1):
                key = message.key()
                event = decoder.decode(message.value() or b"").fields
                events.append(event | {"key": decoder.decode(key).fields if key else None})
    return events


async def test_worker_reads_its_watermarks_at_the_start(cluster: Cluster, prefix: str) -> None:
    """What an earlier worker wrote is there before OpenD is asked anything."""
    async with _simulator() as simulator:
        config = _config(simulator.port, cluster.bootstrap_servers, prefix)
        ensure(cluster.topics, topic_specs(config), create=True)
        _write_watermark(cluster, f"{prefix}.watermark", TRADED[0])
        worker = Worker(config, topic_admin=cluster.topics)
        with capture_logs() as lines:
            async with running(worker) as task:
                await until(lambda: worker.status.session == "live", task)
    steps = [line["event"] for line in lines if line["event"] in ("watermarks_read", "logged_in")]
    assert steps == ["watermarks_read", "logged_in"]
    assert [line["securities"] for line in lines if line["event"] == "watermarks_read"] == [1]


async def test_worker_warns_of_watermarks_that_retention_removes(
    apache: Cluster, prefix: str
) -> None:
    """A topic of watermarks that is not compacted is told of, with what mends it."""
    ensure(apache.topics, [TopicSpec(f"{prefix}.watermark")], create=True)
    async with _simulator() as simulator:
        worker = Worker(_config(simulator.port, apache.bootstrap_servers, prefix))
        with capture_logs() as lines:
            async with running(worker) as task:
                await until(lambda: worker.status.session == "live", task)
    (cause,) = [line["cause"] for line in lines if line["event"] == "topic_differs"]
    assert f"{prefix}.watermark has cleanup.policy=delete" in cause


@pytest.mark.parametrize("engine", ["compiled", "plain"])
async def test_worker_lands_every_tick_and_book_in_push_order(
    cluster: Cluster, prefix: str, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the simulator pushed stands in the topics: all of it, once, in its order."""
    monkeypatch.setenv(ENGINE_VARIABLE, engine)
    sent = _Sent()
    async with _simulator(sent) as simulator:
        config = _config(simulator.port, cluster.bootstrap_servers, prefix)
        worker = Worker(config, topic_admin=cluster.topics)
        async with running(worker) as task:
            await until(lambda: worker.status.session == "live", task)
            await simulator.drive(until_tick=3000)
            await until(lambda: worker.delivered == sent.records, task)
    by_topic = await asyncio.to_thread(_read, cluster.bootstrap_servers, prefix, sent.records)
    for security in map(str, TRADED):
        ticks = by_topic[f"{prefix}.ticker.{security}"]
        assert [tick.fields["sequence"] for tick in ticks] == sent.sequences[security]
        books = by_topic[f"{prefix}.order-book.{security}"]
        asks = [
            [(level["price"], level["volume"]) for level in book.fields["asks"]] for book in books
        ]
        assert asks == sent.books[security]


async def test_worker_drains_what_it_has_read_when_it_is_stopped(
    cluster: Cluster, prefix: str
) -> None:
    """After a stop, every record that was handed to the producer is in Kafka."""
    async with _simulator() as simulator:
        properties = {"properties": {"linger.ms": 2000}, "topic_prefix": prefix}
        kafka = properties | {"bootstrap_servers": cluster.bootstrap_servers}
        config = _config(simulator.port, cluster.bootstrap_servers, prefix, kafka=kafka)
        worker = Worker(config, topic_admin=cluster.topics)
        async with running(worker) as task:
            await until(lambda: worker.status.session == "live", task)
            simulator.advance(0.5)
            await until(lambda: worker.buffered_records > 0, task)
        assert worker.buffered_records == 0
        assert worker.delivered > 0


async def test_worker_links_again_after_the_link_broke(cluster: Cluster, prefix: str) -> None:
    """A cut link is logged and counted; the next one goes on with ticks."""
    sent = _Sent()
    async with _simulator(sent) as simulator:
        worker = Worker(
            _config(simulator.port, cluster.bootstrap_servers, prefix), topic_admin=cluster.topics
        )
        async with running(worker) as task:
            await until(lambda: worker.status.session == "live", task)
            first = worker.status.conn_id
            simulator.drop_clients()
            await until(
                lambda: worker.status.session == "live" and worker.status.conn_id != first, task
            )
            simulator.advance(0.1)
            await until(lambda: worker.delivered >= sent.records, task)
    value = worker.metrics.registry.get_sample_value
    assert value("opend_kafka_reconnects_total", {"reason": "link_lost"}) == 1


async def test_worker_reports_an_unknown_code_and_keeps_the_others(
    embedded: Cluster, prefix: str
) -> None:
    """One bad code is refused by name, and the rest is live."""
    async with _simulator() as simulator:
        wanted = [{"securities": [*map(str, TRADED), "HK.99999"], "subtypes": ["ticker"]}]
        config = _config(simulator.port, embedded.bootstrap_servers, prefix, subscriptions=wanted)
        worker = Worker(config, topic_admin=embedded.topics)
        async with running(worker) as task:
            await until(lambda: worker.status.session == "live", task)
            assert worker.status.standing == {f"ticker of {one}" for one in TRADED}
            assert list(worker.status.refused) == ["ticker of HK.99999"]
            assert any("HK.99999" in reason for reason in worker.status.reasons_not_ready())


@pytest.mark.parametrize(
    ("fault", "reason"), [(BadSha1(count=3), "checksum"), (BadBody(count=3), "malformed")]
)
async def test_worker_takes_what_it_cannot_read_to_the_dead_letters(
    cluster: Cluster, prefix: str, fault: Fault, reason: str
) -> None:
    """Unreadable pushes are letters with the bytes that came; every other push is records."""
    sent, damaged = _Sent(), _Sent()
    async with _simulator(sent, damaged) as simulator:
        # Without repair, which would bring the ticks of the damaged pushes after all.
        repair = {"repair": {"enabled": False}}
        config = _config(simulator.port, cluster.bootstrap_servers, prefix, **repair)
        worker = Worker(config, topic_admin=cluster.topics)
        async with running(worker) as task:
            await until(lambda: worker.status.session == "live", task)
            simulator.advance(0.05)
            simulator.inject(fault)
            simulator.advance(0.1)
            await until(lambda: worker.delivered == sent.records, task)
            conn_id = worker.status.conn_id
    letters = await asyncio.to_thread(_dead_letters, cluster.bootstrap_servers, prefix, 3)
    by_topic = await asyncio.to_thread(_read, cluster.bootstrap_servers, prefix, sent.records)
    assert {(letter["reason"], letter["proto_id"], letter["conn_id"]) for letter in letters} == {
        (reason, 3011, int.from_bytes(conn_id.to_bytes(8), signed=True))
    }
    if reason == "checksum":
        ticks = [tick for one in letters for tick in decode_push(3011, one["body"]).tickerList]
        assert {tick.sequence for tick in ticks} == {*chain(*damaged.sequences.values())}
    else:
        assert [letter["body"] for letter in letters] == [GARBAGE] * 3
    # Serials count up: the letters' are those that no record has.
    serials = {
        record.fields["provenance"]["push_serial"]
        for records in by_topic.values()
        for record in records
    }
    missing = {*range(min(serials), max(serials))} - serials
    assert {letter["push_serial"] for letter in letters} == missing
    counted = {"reason": reason}
    value = worker.metrics.registry.get_sample_value
    assert value("opend_kafka_dead_letters_total", counted) == 3


async def test_worker_tells_what_happens_to_the_link(cluster: Cluster, prefix: str) -> None:
    """The way up, a loss, the way up again and the stop stand in the events, in that order."""
    async with _simulator() as simulator:
        worker = Worker(
            _config(simulator.port, cluster.bootstrap_servers, prefix), topic_admin=cluster.topics
        )
        async with running(worker) as task:
            await until(lambda: worker.status.session == "live", task)
            first = worker.status.conn_id
            simulator.drop_clients()
            await until(lambda: worker.status.conn_id not in (0, first), task)
            await until(lambda: worker.status.session == "live", task)
    events = await asyncio.to_thread(_events, cluster.bootstrap_servers, prefix)
    assert [event["kind"] for event in events] == [
        "LOGGED_IN", "LIVE", "LINK_DOWN", "LOGGED_IN", "LIVE", "STOPPED",
    ]  # fmt: skip
    assert [event["conn_id"] == first for event in events] == [True] * 3 + [False] * 3
    assert events[2]["reason"] == "link_lost"


async def test_worker_names_the_security_of_a_refused_subscription_in_the_events(
    cluster: Cluster, prefix: str
) -> None:
    """The event's key is the security, and its subtype stands in the value."""
    async with _simulator() as simulator:
        wanted = [{"securities": ["HK.99999", "HK.00700"], "subtypes": ["ticker"]}]
        config = _config(simulator.port, cluster.bootstrap_servers, prefix, subscriptions=wanted)
        worker = Worker(config, topic_admin=cluster.topics)
        async with running(worker) as task:
            await until(lambda: worker.status.session == "live", task)
    events = await asyncio.to_thread(_events, cluster.bootstrap_servers, prefix)
    (refused,) = (event for event in events if event["kind"] == "SUBSCRIPTION_REFUSED")
    assert refused["key"] == {"market": "HK", "code": "99999"}
    assert refused["subtype"] == "ticker"


async def test_worker_takes_new_subscriptions_without_a_new_link(
    cluster: Cluster, prefix: str
) -> None:
    """What a newer configuration adds is subscribed and lands, over the same connection."""
    sent = _Sent()
    async with _simulator(sent) as simulator:
        one = [{"securities": ["HK.00700"], "subtypes": ["ticker"]}]
        both = ["ticker", "order-book"]
        two = [{"securities": ["HK.00700", "US.AAPL"], "subtypes": both}]
        at = (simulator.port, cluster.bootstrap_servers, prefix)
        worker = Worker(_config(*at, subscriptions=one), topic_admin=cluster.topics)
        async with running(worker) as task:
            await until(lambda: worker.status.session == "live", task)
            conn_id = worker.status.conn_id
            await worker.resubscribe(_config(*at, subscriptions=two))
            await until(lambda: "ticker of US.AAPL" in worker.status.standing, task)
            simulator.advance(0.1)
            await until(lambda: worker.delivered == sent.records, task)
            assert worker.status.conn_id == conn_id
    by_topic = await asyncio.to_thread(_read, cluster.bootstrap_servers, prefix, sent.records)
    ticks = by_topic[f"{prefix}.ticker.US.AAPL"]
    assert [tick.fields["sequence"] for tick in ticks] == sent.sequences["US.AAPL"]


async def test_worker_takes_new_subscriptions_that_come_during_its_start(
    embedded: Cluster, prefix: str
) -> None:
    """A hangup before Kafka has answered is not lost, and is no fault."""
    async with _simulator() as simulator:
        at = (simulator.port, embedded.bootstrap_servers, prefix)
        one = [{"securities": ["HK.00700"], "subtypes": ["ticker"]}]
        worker = Worker(_config(*at, subscriptions=one), topic_admin=embedded.topics)
        early = asyncio.create_task(worker.resubscribe(_config(*at)))
        async with running(worker) as task:
            await early
            await until(lambda: len(worker.status.standing) == 2 * len(TRADED), task)


async def test_worker_keeps_trying_where_no_opend_answers(embedded: Cluster, prefix: str) -> None:
    """Without OpenD the worker says what is wrong, again and again, and still stops cleanly."""
    worker = Worker(_config(1, embedded.bootstrap_servers, prefix), topic_admin=embedded.topics)
    value = worker.metrics.registry.get_sample_value
    unreachable = {"reason": "unreachable"}
    with capture_logs() as logged:
        async with running(worker) as task:
            await until(
                lambda: (value("opend_kafka_reconnects_total", unreachable) or 0) >= 3, task
            )
    assert any("no OpenD answers at 127.0.0.1:1" in line.get("cause", "") for line in logged)


async def test_worker_ends_where_no_kafka_answers(
    prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kafka unreachable at the start is an error that names the address."""
    monkeypatch.setattr("opend_kafka.kafka.topics.ANSWER_TIMEOUT_S", 0.3)
    worker = Worker(_config(1, "127.0.0.1:1", prefix))
    with pytest.raises(KafkaUnreachable, match=r"127\.0\.0\.1:1"):
        await worker.run(asyncio.Event())


async def test_worker_ends_where_no_registry_answers(
    embedded: Cluster, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The registry gone at the start is waited for a while, and then an error."""
    monkeypatch.setattr(preparing, "REGISTRY_START_S", 0.6)
    registry = {"schema_registry": {"url": "http://127.0.0.1:1"}}
    worker = Worker(
        _config(1, embedded.bootstrap_servers, prefix, **registry), topic_admin=embedded.topics
    )
    with pytest.raises(RegistryUnreachable, match=r"http://127\.0\.0\.1:1"):
        await worker.run(asyncio.Event())


@pytest.mark.parametrize("policy", ["exit", "continue"])
async def test_worker_follows_the_policy_for_what_kafka_refuses(prefix: str, policy: str) -> None:
    """`exit` ends the worker with the reason; `continue` counts and goes on."""
    with EmbeddedKafka() as kafka:
        async with _simulator() as simulator:
            part = {
                "bootstrap_servers": kafka.bootstrap_servers,
                "topic_prefix": prefix,
                "on_delivery_failure": policy,
            }
            config = _config(simulator.port, kafka.bootstrap_servers, prefix, kafka=part)
            worker = Worker(config, topic_admin=EmbeddedTopics(kafka))
            # One for each of the first requests, whether it carries records or events.
            kafka.inject_errors(ApiKey.PRODUCE, *[KafkaError.TOPIC_AUTHORIZATION_FAILED] * 4)
            if policy == "exit":
                with pytest.raises(DeliveryFailed, match="authorization"):
                    await worker.run(asyncio.Event())
            else:
                async with running(worker) as task:
                    await until(lambda: worker.status.delivery_failures > 0, task)
                    simulator.advance(0.1)
                    await until(lambda: worker.delivered > 0, task)


async def test_worker_names_the_tick_that_a_real_broker_refuses_and_goes_on(
    apache: Cluster, prefix: str
) -> None:
    """With `continue`: the event has its security, reason and sequence; all the others land."""
    sent = _Sent()
    narrow = TopicSpec(f"{prefix}.ticker.HK.00700", config={"max.message.bytes": "100"})
    ensure(apache.topics, [narrow], create=True)
    async with _simulator(sent) as simulator:
        policy = {
            "bootstrap_servers": apache.bootstrap_servers,
            "topic_prefix": prefix,
            "on_delivery_failure": "continue",
        }
        config = _config(simulator.port, apache.bootstrap_servers, prefix, kafka=policy)
        worker = Worker(config, topic_admin=apache.topics)
        async with running(worker) as task:
            await until(lambda: worker.status.session == "live", task)
            simulator.advance(0.1)
            refused = sent.sequences["HK.00700"]
            await until(lambda: worker.status.delivery_failures == len(refused) > 0, task)
            await until(lambda: worker.delivered == sent.records - len(refused), task)
    events = await asyncio.to_thread(_events, apache.bootstrap_servers, prefix)
    failed = [one for one in events if one["kind"] == "DELIVERY_FAILED"]
    assert {(one["key"]["code"], one["subtype"], one["reason"]) for one in failed} == {
        ("00700", "ticker", "MSG_SIZE_TOO_LARGE")
    }
    told = [one["detail"].rpartition(" (sequence ")[2].rstrip(")") for one in failed]
    assert told == [str(sequence) for sequence in refused]


async def test_worker_goes_on_where_its_producer_failed_for_good(prefix: str) -> None:
    """A new producer delivers every tick in order; the events tell of it."""
    sent = _Sent()
    with EmbeddedKafka() as kafka:
        async with _simulator(sent) as simulator:
            config = _config(simulator.port, kafka.bootstrap_servers, prefix)
            worker = Worker(config, topic_admin=EmbeddedTopics(kafka))
            async with running(worker) as task:
                await until(lambda: worker.status.session == "live", task)
                simulator.advance(0.1)
                await until(lambda: worker.delivered == sent.records, task)
                kafka.inject_errors(ApiKey.PRODUCE, KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER)
                simulator.advance(0.5)
                await until(lambda: worker.delivered == sent.records, task)
        by_topic = await asyncio.to_thread(_read, kafka.bootstrap_servers, prefix, sent.records)
        events = await asyncio.to_thread(_events, kafka.bootstrap_servers, prefix)
    for security in map(str, TRADED):
        ticks = by_topic[f"{prefix}.ticker.{security}"]
        assert [tick.fields["sequence"] for tick in ticks] == sent.sequences[security]
    assert [one["kind"] for one in events].count("PRODUCER_RESTARTED") == 1


async def test_worker_stops_reading_while_too_much_waits_for_kafka(prefix: str) -> None:
    """Past max_buffered_bytes nothing more is read; when Kafka is back, all of it arrives."""
    sent = _Sent()
    with EmbeddedKafka() as kafka:
        async with _simulator(sent) as simulator:
            part = {
                "bootstrap_servers": kafka.bootstrap_servers,
                "topic_prefix": prefix,
                "max_buffered_bytes": 1_000_000,
            }
            config = _config(simulator.port, kafka.bootstrap_servers, prefix, kafka=part)
            worker = Worker(config, topic_admin=EmbeddedTopics(kafka))
            async with running(worker) as task:
                await until(lambda: worker.status.session == "live", task)
                kafka.broker_down(1)
                while worker.status.reading:
                    simulator.advance(0.5)
                    await asyncio.sleep(0.01)
                simulator.advance(1)
                assert worker.buffered_bytes < 3_000_000
                kafka.broker_up(1)
                await until(lambda: worker.status.reading, task)
                await until(lambda: worker.delivered == sent.records, task)


async def test_worker_is_not_ready_while_kafka_acknowledges_nothing(
    prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records that wait for long make the worker unready; a quiet market does not."""
    monkeypatch.setattr("opend_kafka.admin.status.ACKNOWLEDGED_WITHIN_S", 0.2)
    with EmbeddedKafka() as kafka:
        async with _simulator() as simulator:
            worker = Worker(
                _config(simulator.port, kafka.bootstrap_servers, prefix),
                topic_admin=EmbeddedTopics(kafka),
            )
            async with running(worker) as task:
                await until(lambda: not worker.status.reasons_not_ready(), task)
                kafka.broker_down(1)
                simulator.advance(0.1)
                await until(worker.status.reasons_not_ready, task)
                assert "acknowledged nothing" in worker.status.reasons_not_ready()[0]
                kafka.broker_up(1)
                await until(lambda: not worker.status.reasons_not_ready(), task)


async def test_worker_says_that_kafka_did_not_take_what_it_holds(
    prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A drain that Kafka does not answer ends with the number of records that may be missing."""
    monkeypatch.setattr(worker_module, "DRAIN_S", 0.2)
    with EmbeddedKafka() as kafka:
        async with _simulator() as simulator:
            worker = Worker(
                _config(simulator.port, kafka.bootstrap_servers, prefix),
                topic_admin=EmbeddedTopics(kafka),
            )
            stop = asyncio.Event()
            task = asyncio.create_task(worker.run(stop))
            await until(lambda: worker.status.session == "live", task)
            kafka.broker_down(1)
            simulator.advance(0.5)
            await until(lambda: worker.buffered_records > 0, task)
            stop.set()
            with pytest.raises(DrainFailed, match=r"did not acknowledge \d+ records"):
                await task

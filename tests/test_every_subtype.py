"""Everything that OpenD pushes in real time, at once, from OpenD to Kafka."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest

from opend_kafka.config import Config
from opend_kafka.consuming.decoding import Decoder, Record
from opend_kafka.consuming.reading import TopicReader
from opend_kafka.kafka.registry import registered_schemas
from opend_kafka.opend.pb import Qot_UpdateTicker_pb2
from opend_kafka.opend.securities import Security
from opend_kafka.opend.subscriptions import Subtype
from opend_kafka.simulator.market import Market
from opend_kafka.simulator.server import Simulator
from opend_kafka.worker import Worker
from tests.conftest import Cluster
from tests.records.expected import records_of
from tests.workers import running, until

#: Fifty securities, of every market that is simulated; the first ten have one of each.
FIFTY = tuple(
    Security(market, f"{number:05}")
    for number in range(5)
    for market in ("HK", "HK_FUTURE", "US", "SH", "SZ", "SG", "JP", "AU", "MY", "CA")
)
#: Twenty seconds before a minute ends: K-lines end too.
START_US = 1_700_000_020_000_000
#: The market's, and what is traded in them on average.
SECONDS, TICKS_EACH = 60, 2
#: Seconds after which something on this machine hangs.
HANGS_S = 60

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: By topic and security, in order: each record's schema and fields.
_Records = defaultdict[tuple[str, str], list[tuple[str, dict[str, Any]]]]


class _Sent:
    """What the simulator pushed, as a consumer must read it."""

    def __init__(self, market: Market, prefix: str, layout: str) -> None:
        self.records: _Records = defaultdict(list)
        self.subtypes: set[Subtype] = set()
        self.count = 0
        self._market = market
        self._prefix = prefix
        self._by_security = layout == "subtype_security"

    def ticks(self, conn_id: int, security: Security, ticks: Any) -> None:
        stock = self._market.stock(security)
        s2c = Qot_UpdateTicker_pb2.S2C(security=stock.message, name=stock.name, tickerList=ticks)
        self.push(conn_id, s2c)

    def book(self, conn_id: int, security: Security, book: Any) -> None:
        self.push(conn_id, book)

    def push(self, conn_id: int, s2c: Any) -> None:
        for index, one in enumerate(records_of(s2c)):
            # The contract's `-xx` for what Kafka's metrics would take for a dot.
            place = f".{one.security.replace('_', '-5f')}" if self._by_security else ""
            topic = f"{self._prefix}.{one.subtype}{place}"
            came = {"origin": "PUSH", "conn_id": conn_id, "push_index": index}
            fields = one.fields | {"provenance": came}
            self.records[topic, one.security].append((one.schema, fields))
            self.subtypes.add(one.subtype)
            self.count += 1


@contextmanager
def _decoding(registry_url: str | None) -> Iterator[Decoder]:
    if registry_url is None:
        yield Decoder()
        return
    with registered_schemas(registry_url) as schema_by_id:
        yield Decoder(schema_by_id)


class _Landed(NamedTuple):
    """A record that was read, and what Kafka says of it."""

    topic: str
    key: dict[str, Any]
    record: Record
    timestamp_ms: int


def _read(
    bootstrap_servers: str, topics: list[str], records: int, registry_url: str | None
) -> Iterator[_Landed]:
    """Read so many records."""
    left = records
    with (
        _decoding(registry_url) as decoder,
        TopicReader(bootstrap_servers, topics) as reader,
    ):
        while left:
            messages = reader.read(HANGS_S, at_most=left)
            assert messages, f"{left} records are not there"
            left -= len(messages)
            for message in messages:
                key = decoder.decode(message.key() or b"").fields
                record = decoder.decode(message.value() or b"")
                yield _Landed(message.topic() or "", key, record, message.timestamp()[1])


def _by_place(landed: list[_Landed]) -> _Records:
    """Sort records as those that were sent, without what only the worker knows."""
    found = _Records(list)
    for topic, key, record, _ in landed:
        came = dict(record.fields["provenance"])
        del came["push_serial"], came["ingest_time"]
        place = topic, f"{key['market']}.{key['code']}"
        found[place].append((record.schema, record.fields | {"provenance": came}))
    return found


async def _land(
    cluster: Cluster,
    prefix: str,
    layout: str,
    *,
    securities: int,
    registry_url: str | None = None,
    record_timestamp: str = "ingest",
) -> tuple[_Sent, list[_Landed]]:
    """Have a worker bring all that is pushed to Kafka; give what was sent and what is there."""
    traded, ticks = FIFTY[:securities], securities * TICKS_EACH
    market = Market(traded, seed=1, rate=ticks / SECONDS, start_us=START_US)
    sent = _Sent(market, prefix, layout)
    async with Simulator(
        market,
        pace=False,
        quota=securities * len(Subtype),
        on_sent=sent.ticks,
        on_book_sent=sent.book,
        on_state_sent=sent.push,
    ) as simulator:
        kafka = {
            "bootstrap_servers": cluster.bootstrap_servers,
            "topic_prefix": prefix,
            "topic_layout": layout,
            "topics": {"partitions": 1 if layout == "subtype_security" else 3},
            "record_timestamp": record_timestamp,
        }
        worker = Worker(
            _config(simulator.port, traded, kafka, registry_url), topic_admin=cluster.topics
        )
        async with running(worker, within_s=HANGS_S) as task:
            await until(lambda: worker.status.session == "live", task, within_s=HANGS_S)
            await simulator.drive(ticks)
            await until(lambda: worker.delivered == sent.count, task, within_s=HANGS_S)
    assert sent.subtypes == set(Subtype)
    topics = [f"{prefix}.{one}" for one in Subtype]
    if layout == "subtype_security":
        topics = [f"{topic}.*" for topic in topics]
    return sent, [*_read(cluster.bootstrap_servers, topics, sent.count, registry_url)]


def _config(
    opend_port: int,
    traded: tuple[Security, ...],
    kafka: dict[str, Any],
    registry_url: str | None,
) -> Config:
    return Config.model_validate(
        {
            "opend": {"port": opend_port},
            "subscriptions": [{"securities": [*map(str, traded)], "subtypes": list(Subtype)}],
            "kafka": kafka,
            "schema_registry": {"url": registry_url},
            "admin": {"port": 0},
        }
    )


@pytest.mark.parametrize(("layout", "securities"), [("subtype", 50), ("subtype_security", 10)])
async def test_every_subtype_lands_as_it_was_pushed(
    cluster: Cluster, prefix: str, layout: str, securities: int
) -> None:
    """All 21 subtypes of all markets: each record in its topic, in order, with every value."""
    sent, landed = await _land(cluster, prefix, layout, securities=securities)
    assert _by_place(landed) == sent.records


@pytest.mark.parametrize(("layout", "securities"), [("subtype_security", 50), ("subtype", 10)])
async def test_every_subtype_lands_with_a_registry(
    apache: Cluster, prefix: str, layout: str, securities: int, registry_url: str
) -> None:
    """The same by the schemas that the registry knows; with 50 securities in 1,050 topics."""
    sent, landed = await _land(
        apache, prefix, layout, securities=securities, registry_url=registry_url
    )
    assert _by_place(landed) == sent.records


#: By schema: the fields that tell when it happened.
_TIMES = {
    "opend.Ticker": ("event_time",),
    "opend.Quote": ("update_time_at",),
    "opend.KLine": ("time_key_at",),
    "opend.RtData": ("time_at",),
    "opend.OrderBook": ("svr_recv_time_bid_at", "svr_recv_time_ask_at"),
    "opend.Broker": (),
}


def _event_ms(record: Record) -> int:
    times = [record.fields[name] for name in _TIMES[record.schema]]
    told = [time for time in times if time is not None]
    latest = max(told, default=record.fields["provenance"]["ingest_time"])
    return int((latest - _EPOCH) / timedelta(milliseconds=1))


async def test_timestamps_in_kafka_are_event_times_where_that_is_wanted(
    cluster: Cluster, prefix: str
) -> None:
    """Of each record its own; of a queue of brokers, and where books have none, the ingest time."""
    _, landed = await _land(cluster, prefix, "subtype", securities=10, record_timestamp="event")
    assert [one.timestamp_ms for one in landed] == [_event_ms(one.record) for one in landed]

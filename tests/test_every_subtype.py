"""Everything that OpenD pushes in real time, at once, from OpenD to Kafka."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from opend_kafka.config import Config
from opend_kafka.consuming.decoding import Decoder
from opend_kafka.consuming.reading import TopicReader
from opend_kafka.opend.pb import (
    Qot_UpdateBasicQot_pb2,
    Qot_UpdateBroker_pb2,
    Qot_UpdateKL_pb2,
    Qot_UpdateRT_pb2,
)
from opend_kafka.opend.pb.Qot_Common_pb2 import KLType
from opend_kafka.opend.securities import Security
from opend_kafka.opend.subscriptions import Subtype
from opend_kafka.simulator.market import Market
from opend_kafka.simulator.server import Simulator
from opend_kafka.worker import Worker
from tests.conftest import Cluster

TRADED = tuple(Security.parse(one) for one in ("HK.00700", "US.AAPL"))
CODES = {security.code: str(security) for security in TRADED}
#: Twenty seconds before a minute ends: K-lines end too.
START_US = 1_700_000_020_000_000
#: Seconds after which something on this machine hangs.
HANGS_S = 60

#: By subtype and security, in order: some values of each record.
_Values = defaultdict[tuple[str, str], list[tuple[Any, ...]]]

#: Record fields by schema; those of what was sent are in `_Sent`, in the same order.
_FIELDS = {
    "opend.Ticker": ("sequence", "price", "volume"),
    "opend.Quote": ("update_time", "last_price", "volume", "hp_volume", "sec_status"),
    "opend.KLine": ("time_key", "open", "close", "volume", "rehab_type", "rehab_type_code"),
    "opend.RtData": ("time", "opened_mins", "cur_price", "volume"),
}


class _Sent:
    """What the simulator pushed."""

    def __init__(self) -> None:
        self.values: _Values = defaultdict(list)

    def ticks(self, conn_id: int, security: Security, ticks: Any) -> None:
        self.values["ticker", str(security)] += [
            (tick.sequence, tick.price, tick.volume) for tick in ticks
        ]

    def book(self, conn_id: int, security: Security, book: Any) -> None:
        subtype = "order-book-odd" if book.orderBookType else "order-book"
        self.values[subtype, str(security)].append(
            tuple((level.price, level.volume) for level in book.orderBookAskList)
        )

    def state(self, conn_id: int, s2c: Any) -> None:
        for subtype, code, values in _of_state(s2c):
            self.values[subtype, CODES[code]].append(values)

    @property
    def records(self) -> int:
        return sum(map(len, self.values.values()))


def _of_state(s2c: Any) -> Iterator[tuple[str, str, tuple[Any, ...]]]:
    """Yield subtype, code and values of each record that a push must become."""
    one: Any
    values: tuple[Any, ...]
    match s2c:
        case Qot_UpdateBasicQot_pb2.S2C():
            for one in s2c.basicQotList:
                hp_volume = one.hpVolume if one.HasField("hpVolume") else None
                values = (one.updateTime, one.curPrice, one.volume, hp_volume, "NORMAL")
                yield "quote", one.security.code, values
        case Qot_UpdateKL_pb2.S2C():
            period = KLType.Name(s2c.klType).removeprefix("KLType_")
            subtype = f"k-{period.removesuffix('in').lower()}"
            for one in s2c.klList:
                values = (
                    one.time,
                    one.openPrice,
                    one.closePrice,
                    one.volume,
                    "NONE",
                    s2c.rehabType,
                )
                yield subtype, s2c.security.code, values
        case Qot_UpdateRT_pb2.S2C():
            for one in s2c.rtList:
                values = (one.time, one.minute, one.price, one.volume)
                yield "rt-data", s2c.security.code, values
        case Qot_UpdateBroker_pb2.S2C():
            values = tuple((one.id, one.name, one.pos) for one in s2c.brokerAskList)
            yield "broker", s2c.security.code, values


def _of_record(schema: str, fields: dict[str, Any]) -> tuple[Any, ...]:
    if schema == "opend.OrderBook":
        return tuple((one["price"], one["volume"]) for one in fields["asks"])
    if schema == "opend.Broker":
        return tuple(
            (one["broker_id"], one["broker_name"], one["broker_pos"]) for one in fields["asks"]
        )
    return tuple(fields[name] for name in _FIELDS[schema])


def _read(bootstrap_servers: str, prefix: str, records: int) -> _Values:
    """Read so many records of all subtypes."""
    decoder, found, left = Decoder(), _Values(list), records
    with TopicReader(bootstrap_servers, [f"{prefix}.{one}" for one in Subtype]) as reader:
        while left:
            messages = reader.read(HANGS_S, at_most=left)
            assert messages, f"{left} records are not there"
            left -= len(messages)
            for message in messages:
                record = decoder.decode(message.value() or b"")
                subtype = (message.topic() or "").removeprefix(f"{prefix}.")
                security = f"{record.fields['market']}.{record.fields['code']}"
                found[subtype, security].append(_of_record(record.schema, record.fields))
    return found


async def test_every_subtype_lands_as_it_was_pushed(cluster: Cluster, prefix: str) -> None:
    """All 21 subtypes of two securities, from one worker: each push in its topic, in order."""
    sent = _Sent()
    market = Market(TRADED, seed=1, rate=5, start_us=START_US)
    async with Simulator(
        market,
        pace=False,
        on_sent=sent.ticks,
        on_book_sent=sent.book,
        on_state_sent=sent.state,
    ) as simulator:
        config = _config(simulator.port, cluster.bootstrap_servers, prefix)
        worker = Worker(config, topic_admin=cluster.topics)
        stop = asyncio.Event()
        task = asyncio.create_task(worker.run(stop))
        async with asyncio.timeout(HANGS_S):
            while not (worker.status.session == "live" or task.done()):
                await asyncio.sleep(0.005)
            await simulator.drive(150)
            while not (worker.delivered == sent.records or task.done()):
                await asyncio.sleep(0.005)
            stop.set()
            await task
    assert {subtype for subtype, _ in sent.values} == set(Subtype)
    assert _read(cluster.bootstrap_servers, prefix, sent.records) == sent.values


def _config(opend_port: int, bootstrap_servers: str, prefix: str) -> Config:
    return Config.model_validate(
        {
            "opend": {"port": opend_port},
            "subscriptions": [{"securities": list(CODES.values()), "subtypes": list(Subtype)}],
            "kafka": {
                "bootstrap_servers": bootstrap_servers,
                "topic_prefix": prefix,
                "topic_layout": "subtype",
            },
            "schema_registry": {"url": None},
            "admin": {"port": 0},
        }
    )

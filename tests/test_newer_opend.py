"""An OpenD that is newer than this worker: what it adds is noticed, and what is known goes on."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from opend_kafka.config import Config
from opend_kafka.consuming.decoding import Decoder, Record
from opend_kafka.consuming.reading import TopicReader
from opend_kafka.opend.frames import Frame, encode
from opend_kafka.opend.securities import Security
from opend_kafka.simulator.market import Market
from opend_kafka.simulator.pushes import Push, ticker_push
from opend_kafka.simulator.server import Simulator
from opend_kafka.worker import Worker
from tests.conftest import Cluster

TENCENT = Security("HK", "00700")
#: Field 2000, of value 1, behind those that we know.
NEW_FIELD = b"\x80\x7d\x01"
#: Seconds after which something on this machine hangs.
HANGS_S = 30


def _config(opend_port: int, bootstrap_servers: str, prefix: str, *, kept: bool) -> Config:
    return Config.model_validate(
        {
            "opend": {"port": opend_port},
            "subscriptions": [
                {"securities": [str(TENCENT)], "subtypes": ["ticker"], "first_push": False}
            ],
            "kafka": {
                "bootstrap_servers": bootstrap_servers,
                "topic_prefix": prefix,
                "dead_letter_unknown_fields": kept,
            },
            "schema_registry": {"url": None},
            "admin": {"port": 0},
        }
    )


def _newer(simulator: Simulator) -> Push:
    """Give a push of the latest tick, with a field that only a newer OpenD has."""
    stock = simulator.market.stock(TENCENT)
    push = ticker_push(simulator.conn_ids, stock, stock.latest(1))
    body = push.response.SerializeToString() + NEW_FIELD
    return replace(push, frame=encode(Frame(push.proto_id, 0, body)))


def _read(bootstrap_servers: str, topic: str) -> list[Record]:
    """Read the first record of a topic."""
    decoder = Decoder()
    with TopicReader(bootstrap_servers, [topic]) as reader:
        return [decoder.decode(one.value() or b"") for one in reader.read(HANGS_S, at_most=1)]


@pytest.mark.parametrize("kept", [True, False])
async def test_push_of_a_newer_opend_lands(embedded: Cluster, prefix: str, kept: bool) -> None:
    """Its tick is in its topic; with dead_letter_unknown_fields the raw push is kept beside it."""
    market = Market([TENCENT], seed=1, rate=10, start_us=1_700_000_000_000_000)
    async with Simulator(market, pace=False) as simulator:
        config = _config(simulator.port, embedded.bootstrap_servers, prefix, kept=kept)
        worker = Worker(config, topic_admin=embedded.topics)
        stop = asyncio.Event()
        task = asyncio.create_task(worker.run(stop))
        async with asyncio.timeout(HANGS_S):
            while not (worker.status.session == "live" or task.done()):
                await asyncio.sleep(0.005)
            simulator.send(_newer(simulator))
            simulator.advance(0)
            while not (worker.delivered or task.done()):
                await asyncio.sleep(0.005)
            stop.set()
            await task
    (tick,) = market.stock(TENCENT).latest(1)
    (record,) = await asyncio.to_thread(
        _read, embedded.bootstrap_servers, f"{prefix}.ticker.{TENCENT}"
    )
    assert record.fields["sequence"] == tick.sequence
    assert _noticed(worker) == 1
    if kept:
        (letter,) = await asyncio.to_thread(
            _read, embedded.bootstrap_servers, f"{prefix}.dead-letter"
        )
        fields: dict[str, Any] = letter.fields
        assert (fields["reason"], fields["message"], fields["push_indexes"]) == (
            "unknown_fields",
            "Qot_UpdateTicker",
            [],
        )
        assert fields["body"].endswith(NEW_FIELD)


def _noticed(worker: Worker) -> float | None:
    return worker.metrics.registry.get_sample_value(
        "opend_kafka_unknown_fields_total", {"message": "Qot_UpdateTicker"}
    )

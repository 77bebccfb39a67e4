"""A recording stands in for the OpenD that it is of: the worker makes the same records of it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from pathlib import Path
from typing import Any

from opend_kafka.config import Config
from opend_kafka.consuming.decoding import Decoder
from opend_kafka.consuming.reading import TopicReader
from opend_kafka.opend.messages import decode_push
from opend_kafka.opend.pb.Qot_Common_pb2 import SubType_Ticker
from opend_kafka.opend.securities import Security
from opend_kafka.opend.subscriptions import Subtype
from opend_kafka.recorder import Recorder
from opend_kafka.recording.files import Recording
from opend_kafka.recording.pushes import RecordedPush
from opend_kafka.simulator.market import Market
from opend_kafka.simulator.replay import AS_FAST_AS_IT_GOES, Replay
from opend_kafka.simulator.server import Simulator
from opend_kafka.worker import Worker
from tests.conftest import Cluster
from tests.simulator.clients import SECURITIES, Client
from tests.simulator.recordings import recorded, write
from tests.workers import HANGS_S, running, until

TRADED = ("HK.00700", "US.AAPL")
#: Twenty seconds before a minute ends: K-lines end too.
START_US = 1_700_000_020_000_000
EVERYTHING = [str(one) for one in Subtype]
#: Of a recording's pushes, the first and the last that the worker is away for: more ticks than
#: OpenD pushes from its cache.
AWAY_FROM, AWAY_UNTIL = 100, 500
#: Seconds without a subscription after which the replay begins.
SETTLE_S = 0.3

#: By subtype and security: every field of each record, but provenance.
_Records = defaultdict[tuple[str, str], list[dict[str, Any]]]


def _worker(cluster: Cluster, prefix: str, opend_port: int, *subtypes: str) -> Worker:
    config = Config.model_validate(
        {
            "opend": {"port": opend_port},
            "subscriptions": [{"securities": list(TRADED), "subtypes": subtypes or EVERYTHING}],
            "kafka": {
                "bootstrap_servers": cluster.bootstrap_servers,
                "topic_prefix": prefix,
                "topic_layout": "subtype",
            },
            "schema_registry": {"url": None},
            "admin": {"port": 0},
        }
    )
    return Worker(config, topic_admin=cluster.topics)


def _read(cluster: Cluster, prefix: str, records: int, subtypes: list[str]) -> _Records:
    decoder, found, left = Decoder(), _Records(list), records
    topics = [f"{prefix}.{one}" for one in subtypes]
    with TopicReader(cluster.bootstrap_servers, topics) as reader:
        while left:
            messages = reader.read(HANGS_S, at_most=left)
            assert messages, f"{left} records are not there"
            left -= len(messages)
            for message in messages:
                fields = dict(decoder.decode(message.value() or b"").fields)
                origin = fields.pop("provenance")["origin"]
                subtype = (message.topic() or "").removeprefix(f"{prefix}.")
                security = f"{fields['market']}.{fields['code']}"
                found[subtype, security].append(fields | {"origin": origin})
    return found


async def _record_beside_a_worker(
    cluster: Cluster, prefix: str, path: Path, sent: list[int]
) -> int:
    """Have a worker and a recorder take the same pushes; give the worker's records."""
    market = Market([Security.parse(one) for one in TRADED], seed=1, rate=5, start_us=START_US)

    def count(conn_id: int, *_: object) -> None:
        sent.append(conn_id)

    async with Simulator(
        market, pace=False, on_sent=count, on_book_sent=count, on_state_sent=count
    ) as simulator:
        worker = _worker(cluster, prefix, simulator.port)
        recorder, stop = Recorder(worker.config, path), asyncio.Event()
        recording = asyncio.create_task(recorder.run(stop))
        async with running(worker) as task:
            await until(lambda: worker.status.session == recorder.phase == "live", task)
            await simulator.drive(150)
            await until(lambda: recorder.pushes == len(sent) / 2, task)
            await until(lambda: worker.delivered and not worker.buffered_records, task)
        stop.set()
        await recording
    return worker.delivered


async def test_replay_gives_the_same_records(
    embedded: Cluster, prefix: str, tmp_path: Path
) -> None:
    """All 21 subtypes: a worker behind the replay makes what one behind that OpenD made."""
    path, sent = tmp_path / "pushes.rec", list[int]()
    direct, replayed = f"{prefix}a", f"{prefix}b"
    records = await _record_beside_a_worker(embedded, direct, path, sent)
    with Recording(path) as recording:
        replay = Replay(recording, speed=AS_FAST_AS_IT_GOES, settle_s=SETTLE_S, linger_s=0)
        async with replay:
            worker = _worker(embedded, replayed, replay.port)
            async with running(worker) as task:
                await replay.play()
                await until(lambda: worker.delivered >= records, task)
            assert replay.played.taken == replay.played.total == len(sent) / 2
    expected = _read(embedded, direct, records, EVERYTHING)
    assert {subtype for subtype, _ in expected} == set(Subtype)
    assert _read(embedded, replayed, worker.delivered, EVERYTHING) == expected


async def test_worker_that_was_away_repairs_from_the_replay(
    embedded: Cluster, prefix: str, tmp_path: Path
) -> None:
    """What was played while the worker was down it asks for; nothing is missing, nor made up."""
    now_s, pushes = 0.0, _in_three_parts(recorded(SubType_Ticker, seconds=6))
    with Recording(write(tmp_path / "pushes.rec", pushes)) as recording:
        async with Replay(recording, settle_s=0, linger_s=0, clock=lambda: now_s) as replay:
            other = await Client.connect(replay.port)
            before = _worker(embedded, prefix, replay.port, "ticker")
            async with running(before) as task:
                await until(lambda: before.status.session == "live", task)
                await other.ask(Client.subscription([SubType_Ticker]))
                playing = asyncio.create_task(replay.play())
                await until(lambda: _has(before, pushes[:AWAY_FROM]), task)
            now_s = 1.0
            await other.until(lambda: len(other.pushes()) == AWAY_UNTIL)
            after = _worker(embedded, prefix, replay.port, "ticker")
            async with running(after) as task:
                await until(lambda: after.status.session == "live", task)
                now_s = 2.0
                await playing
                await until(lambda: _has(after, pushes), task)
            await other.close()
    found = _read(embedded, prefix, before.delivered + after.delivered, ["ticker"])
    for security in SECURITIES:
        ticks = found["ticker", str(security)]
        assert {tick["sequence"] for tick in ticks} == set(_sequences(pushes, security))
        assert "REPAIR" in {tick["origin"] for tick in ticks}


def _in_three_parts(pushes: list[RecordedPush]) -> list[RecordedPush]:
    """Let them come before, while and after the worker is away: a second apart."""
    return [
        push._replace(
            received_us=START_US + ((number >= AWAY_FROM) + (number >= AWAY_UNTIL)) * 1_000_000
        )
        for number, push in enumerate(pushes)
    ]


def _has(worker: Worker, pushes: list[RecordedPush]) -> bool:
    """Tell whether a worker has sent on all ticks of some pushes."""
    return all(
        worker.last_sequence(security) == max(_sequences(pushes, security))
        for security in SECURITIES
    )


def _sequences(pushes: list[RecordedPush], security: Security) -> list[int]:
    told = [decode_push(push.proto_id, push.body) for push in pushes]
    return [
        tick.sequence
        for s2c in told
        if s2c.security.code == security.code
        for tick in s2c.tickerList
    ]

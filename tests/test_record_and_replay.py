"""A recording stands in for the OpenD that it is of: the worker makes the same records of it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from pathlib import Path
from typing import Any

from opend_kafka.config import Config
from opend_kafka.consuming.decoding import Decoder
from opend_kafka.consuming.reading import TopicReader
from opend_kafka.opend.securities import Security
from opend_kafka.opend.subscriptions import Subtype
from opend_kafka.recorder import Recorder
from opend_kafka.recording.files import Recording
from opend_kafka.simulator.market import Market
from opend_kafka.simulator.replay import AS_FAST_AS_IT_GOES, Replay
from opend_kafka.simulator.server import Simulator
from opend_kafka.worker import Worker
from tests.conftest import Cluster
from tests.workers import HANGS_S, running, until

TRADED = ("HK.00700", "US.AAPL")
#: Twenty seconds before a minute ends: K-lines end too.
START_US = 1_700_000_020_000_000
#: Seconds without a subscription after which the replay begins.
SETTLE_S = 0.3

#: By subtype and security: every field of each record, but provenance.
_Records = defaultdict[tuple[str, str], list[dict[str, Any]]]


def _worker(cluster: Cluster, prefix: str, opend_port: int) -> Worker:
    config = Config.model_validate(
        {
            "opend": {"port": opend_port},
            "subscriptions": [{"securities": list(TRADED), "subtypes": list(Subtype)}],
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


def _read(cluster: Cluster, prefix: str, records: int) -> _Records:
    decoder, found, left = Decoder(), _Records(list), records
    topics = [f"{prefix}.{one}" for one in Subtype]
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
    expected = _read(embedded, direct, records)
    assert {subtype for subtype, _ in expected} == set(Subtype)
    assert _read(embedded, replayed, worker.delivered) == expected

"""What takes the pushes: compiled code where it was built and the push is ordinary, else Python's.

Both ways make the same records, in the order in which OpenD pushed. OPEND_KAFKA_ENGINE=plain has
everything go Python's way: to find out whether the other one is at fault.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from opend_kafka.continuity.tracker import Tracker
from opend_kafka.hops import HopSampler
from opend_kafka.kafka.producer import RecordProducer
from opend_kafka.metrics import Metrics
from opend_kafka.opend.events import Push
from opend_kafka.opend.frames import BodyFormat, CipherOf, FrameReader
from opend_kafka.pipeline import Pipeline, Record
from opend_kafka.records.kinds import KINDS

try:
    from opend_kafka.express import Express
    from opend_kafka.opend.cutter import FrameCutter
except ImportError:  # the package was built without a C compiler
    Express = FrameCutter = None  # type: ignore[assignment,misc]

#: The environment variable that can ask for Python's way.
ENGINE_VARIABLE = "OPEND_KAFKA_ENGINE"


def engine() -> str:
    """Give the name of the way that ordinary pushes go: compiled, or plain."""
    plain = Express is None or os.environ.get(ENGINE_VARIABLE) == "plain"
    return "plain" if plain else "compiled"


class Intake:
    """Takes every push of a connection, one connection after the other.

    Args:
        pipeline: takes what is not ordinary, and all where there is no compiled way.
        hops: sees a sample of them.
        producer: takes the records.
        tracker: follows the ticks.
        metrics: counted in.
        heard: told of each row's stream: subtype, market number, code.
        event_time: see `Pipeline`.
        now_us: the wall clock of the compiled way; None: the machine's.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        hops: HopSampler,
        producer: RecordProducer,
        tracker: Tracker[Record],
        metrics: Metrics,
        *,
        heard: Callable[[tuple[str, int, str]], None],
        event_time: bool = False,
        now_us: Callable[[], int] | None = None,
    ) -> None:
        self._pipeline = pipeline
        self._hops = hops
        #: Frames are cut by compiled code, which has offered each of them already.
        self._cut = False
        self._express: Any = None
        if engine() == "compiled":
            self._express = Express(
                KINDS,
                pipeline,
                producer,
                tracker,
                metrics,
                heard=heard,
                sampler=hops,
                now_us=now_us,
                event_time=event_time,
            )

    def reader(self, cipher_of: CipherOf) -> FrameReader:
        """Make what cuts a connection's bytes into frames: ordinary pushes may never leave it."""
        if self._express is None:
            return FrameReader(cipher_of)
        self._cut = True
        self._express.connected(0)  # until OpenD says what the new connection's number is
        return FrameCutter(cipher_of, self._express)

    def connected(self, conn_id: int) -> None:
        """Learn whose pushes come from now on."""
        if self._express is not None:
            self._express.connected(conn_id)

    def push(self, push: Push) -> None:
        """Bring one push to the producer. It raises nothing because of what the push holds."""
        if not self._offer(push):
            self._hops.push(push)
            self._pipeline.push(push)

    def _offer(self, push: Push) -> bool:
        """Offer a push to the compiled way, where nobody has yet: those that came by WebSocket."""
        if self._express is None or self._cut or push.format != BodyFormat.PROTOBUF:
            return False
        self._express.connected(push.conn_id)
        taken: bool = self._express.offer(push.proto_id, push.serial, push.body)
        return taken

    def flush(self) -> None:
        """Tell the metrics what has been counted."""
        if self._express is not None:
            self._express.flush()

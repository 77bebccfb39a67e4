"""How long ticks take from the exchange to OpenD, and from there to the worker: of a sample.

A sampled push is decoded once more, beside its way to Kafka, which so pays nothing for it but a
subtraction. Each latency is the difference of two clocks: OpenD's and the exchange's, or the
worker's and OpenD's.
"""

from __future__ import annotations

from collections.abc import Callable

from opend_kafka.errors import PushRejected
from opend_kafka.metrics import Hop, Metrics
from opend_kafka.opend.events import Push
from opend_kafka.opend.messages import ProtoId, decode_push
from opend_kafka.opend.pb import Qot_Common_pb2

#: Samples a second at which the next ones are taken half as often.
SAMPLES = 100

_REALTIME = Qot_Common_pb2.PushDataType_Realtime


class HopSampler:
    """Looks at one push of ticks of so many: at every one where there are few of them.

    Args:
        metrics: the latencies are observed in.
        clock: seconds, monotonic.
        now_us: the wall clock, microseconds since 1970.
        on_latency: told each latency, too: the hop and the seconds.
    """

    def __init__(
        self,
        metrics: Metrics,
        *,
        clock: Callable[[], float],
        now_us: Callable[[], int],
        on_latency: Callable[[str, float], None] = lambda hop, seconds: None,
    ) -> None:
        self._observe = {hop: metrics.hop_latency.labels(hop).observe for hop in Hop}
        self._clock = clock
        self._now_us = now_us
        self._on_latency = on_latency
        #: Of so many pushes one is looked at: the one at which `_left` comes to 0.
        self.every = self._left = 1
        #: Since when the pushes are counted, how many there were, and how many were looked at.
        self._since = float("-inf")
        self._pushes = 0
        self._samples = 0

    def push(self, push: Push) -> None:
        """Take a push that has just come. It raises nothing because of what the push holds."""
        if push.proto_id != ProtoId.QOT_UPDATE_TICKER:
            return
        self._left -= 1
        if self._left <= 0:
            self.look(push)

    def look(self, push: Push) -> None:
        """Take one of `every` pushes of ticks, counted by somebody else."""
        self._adapt(self._clock())
        self._look(push)

    def _adapt(self, now: float) -> None:
        """Sample about `SAMPLES` a second, by what the last second was like."""
        self._pushes += self.every
        self._samples += 1
        elapsed_s = now - self._since
        if elapsed_s >= 1:
            self.every = max(1, int(self._pushes / elapsed_s / SAMPLES))
            self._since, self._pushes, self._samples = now, 0, 0
        elif self._samples >= SAMPLES:
            self.every *= 2
            self._samples = 0
        self._left = self.every

    def _look(self, push: Push) -> None:
        try:
            s2c = decode_push(push.proto_id, push.body, push.format)
        except PushRejected:
            return  # the pipeline says so
        # The newest of them: what came before it in the same push has waited for it.
        tick = s2c.tickerList[-1] if s2c.tickerList else None
        if tick is None or tick.pushDataType != _REALTIME or not tick.recvTime:
            return  # of the cache, or replayed: its times are of another day
        self._tell(Hop.OPEND_TO_WORKER, self._now_us() / 1e6 - tick.recvTime)
        if tick.timestamp:
            self._tell(Hop.EXCHANGE_TO_OPEND, tick.recvTime - tick.timestamp)

    def _tell(self, hop: Hop, seconds: float) -> None:
        """Clocks that are not set alike may show less than nothing."""
        seconds = max(0.0, seconds)
        self._observe[hop](seconds)
        self._on_latency(hop, seconds)

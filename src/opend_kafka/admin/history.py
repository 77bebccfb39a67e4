"""The last minutes, for the charts of the page: rates and latencies by subtype. Bounded."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import Counter

from opend_kafka.metrics import Hop, Metrics

#: Seconds between two looks at the metrics,
INTERVAL_S = 2.0

#: of which so many are kept: five minutes.
POINTS = 150

#: Latencies are judged over so many looks, half a minute, and so many samples at most.
_LOOKS = 15
_SAMPLES = 512


@dataclass(slots=True)
class _Latency:
    """The newest samples, each with the number of the look that follows it."""

    samples: deque[tuple[int, float]] = field(default_factory=lambda: deque(maxlen=_SAMPLES))
    p50: float | None = None
    p99: float | None = None

    def judge(self, look: int) -> None:
        while self.samples and self.samples[0][0] <= look - _LOOKS:
            self.samples.popleft()
        ordered = sorted(seconds for _, seconds in self.samples)
        self.p50, self.p99 = _quantile(ordered, 0.5), _quantile(ordered, 0.99)

    def as_json(self) -> dict[str, float | None]:
        return {"p50_s": _short(self.p50), "p99_s": _short(self.p99)}


@dataclass(slots=True)
class _Stream:
    """One subtype: what was counted at the last look, and what came of each look."""

    pushes: float = 0.0
    records: float = 0.0
    push_rate: float = 0.0
    rates: deque[float] = field(default_factory=lambda: deque(maxlen=POINTS))
    latencies: deque[float | None] = field(default_factory=lambda: deque(maxlen=POINTS))


class History:
    """Looks at the metrics from time to time, and remembers.

    Args:
        metrics: looked at.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._streams: dict[str, _Stream] = {}
        self._latencies: dict[str, _Latency] = {hop: _Latency() for hop in Hop}
        self._buffered: deque[int] = deque(maxlen=POINTS)
        self._looked_at: float | None = None
        #: How many looks there were.
        self.looks = 0

    def latency(self, name: str, seconds: float) -> None:
        """Take a sample: of a hop, or of a subtype's way from the worker to Kafka."""
        self._latencies.setdefault(name, _Latency()).samples.append((self.looks, seconds))
        if name not in _HOPS:
            self._latencies[Hop.WORKER_TO_ACK].samples.append((self.looks, seconds))

    def look(self, now: float, buffered_bytes: int) -> None:
        """Add a point to each chart.

        Args:
            now: seconds, monotonic.
            buffered_bytes: what waits for Kafka.
        """
        elapsed_s = 0.0 if self._looked_at is None else now - self._looked_at
        self._looked_at = now
        for latencies in self._latencies.values():
            latencies.judge(self.looks)
        self.looks += 1
        records = dict(_by_subtype(self._metrics.records_delivered))
        for subtype, pushes in _by_subtype(self._metrics.pushes_received):
            stream = self._streams.setdefault(subtype, _Stream())
            delivered = records.get(subtype, 0.0)
            if elapsed_s > 0:
                stream.push_rate = (pushes - stream.pushes) / elapsed_s
                stream.rates.append(round((delivered - stream.records) / elapsed_s, 1))
                latency = self._latencies.get(subtype)
                stream.latencies.append(_short(latency.p99) if latency else None)
            stream.pushes, stream.records = pushes, delivered
        if elapsed_s > 0:
            self._buffered.append(buffered_bytes)

    def as_json(self) -> dict[str, Any]:
        """Give it as what JSON can hold; the newest point of a chart is the last."""
        return {
            "interval_s": INTERVAL_S,
            "points": POINTS,
            "subtypes": {name: self._stream_json(name) for name in sorted(self._streams)},
            "hops": {str(hop): self._latencies[hop].as_json() for hop in Hop},
            "buffered_bytes": list(self._buffered),
        }

    def _stream_json(self, name: str) -> dict[str, Any]:
        stream = self._streams[name]
        return {
            "pushes_per_s": round(stream.push_rate, 1),
            "records_per_s": stream.rates[-1] if stream.rates else 0.0,
            "latency": self._latencies.get(name, _Latency()).as_json(),
            "rates": list(stream.rates),
            "latencies": list(stream.latencies),
        }


_HOPS: Mapping[str, Hop] = {str(hop): hop for hop in Hop}


def _by_subtype(counter: Counter) -> Iterator[tuple[str, float]]:
    for family in counter.collect():
        for sample in family.samples:
            if sample.name.endswith("_total"):
                yield sample.labels["subtype"], sample.value


def _quantile(ordered: list[float], part: float) -> float | None:
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else None


def _short(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 6)

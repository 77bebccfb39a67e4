from collections.abc import Callable, Iterable

from opend_kafka.continuity.tracker import Tracker
from opend_kafka.hops import HopSampler
from opend_kafka.kafka.producer import RecordProducer
from opend_kafka.metrics import Metrics
from opend_kafka.opend.cutter import Taker
from opend_kafka.pipeline import Pipeline, Record
from opend_kafka.records.tables import Kind

class Express(Taker):
    def __init__(
        self,
        kinds: Iterable[Kind],
        pipeline: Pipeline,
        producer: RecordProducer,
        tracker: Tracker[Record],
        metrics: Metrics,
        *,
        heard: Callable[[tuple[str, int, str]], None],
        sampler: HopSampler,
        now_us: Callable[[], int] | None = None,
        event_time: bool = False,
    ) -> None: ...
    def connected(self, conn_id: int) -> None: ...
    def offer(self, proto_id: int, serial: int, body: bytes) -> bool: ...
    def flush(self) -> None: ...

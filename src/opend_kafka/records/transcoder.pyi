from opend_kafka.opend.subscriptions import Subtype
from opend_kafka.records.engine import Provenance
from opend_kafka.records.programs import Program

class Transcoder:
    def __init__(self, program: Program) -> None: ...
    def transcode(
        self, body: bytes, prefix: bytes, provenance: Provenance
    ) -> list[tuple[Subtype, int, str, str, int | None, bytes]] | None: ...
    def event_time_ms(self, row: int, ingest_time_us: int) -> int: ...

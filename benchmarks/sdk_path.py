"""What a user would write instead: the official SDK's handler and confluent-kafka's serializer.

From the bytes of a push: protobuf, as the SDK's network thread parses it; the SDK's
`TickerHandlerBase.on_recv_rsp`, which gives a DataFrame; a dict a row; `AvroSerializer`, with a
registry in memory, so that nothing waits for one; `produce()`. The socket, SHA-1, and the SDK's
threads and queues are left out, in its favour; so are continuity, dead letters and metrics, which
such a script has not got. A process of its own; orders come as JSON lines.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from confluent_kafka import Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from benchmarks.children import Parent
from benchmarks.load import Load, Shape, now_us, securities
from opend_kafka import config as configuration
from opend_kafka.kafka.properties import producer_properties
from opend_kafka.opend.frames import HEADER

_FLUSH_S = 60.0

#: The SDK's own columns of a ticker's DataFrame.
_SCHEMA = """{
  "type": "record", "name": "Ticker", "fields": [
    {"name": "code", "type": "string"},
    {"name": "name", "type": "string"},
    {"name": "time", "type": "string"},
    {"name": "price", "type": "double"},
    {"name": "volume", "type": "long"},
    {"name": "turnover", "type": "double"},
    {"name": "ticker_direction", "type": "string"},
    {"name": "sequence", "type": "long"},
    {"name": "type", "type": "string"},
    {"name": "push_data_type", "type": "string"}
  ]
}"""


def main() -> None:
    """Obey `run`: bring so many ticks of so many topics to Kafka, one in a push."""
    parent = Parent()
    config = configuration.load(Path(sys.argv[1]))
    producer = Producer(
        producer_properties(config.kafka.bootstrap_servers, config.kafka.librdkafka)
    )
    parse, handle = _sdk(producer, config.kafka.topic_prefix)
    try:
        while True:
            order = parent.next_order()
            pushes = Load(Shape(order["topics"]), now_us()).take(order["records"])
            bodies = [push.frame[HEADER.size :] for push in pushes]
            begun, cpu = time.monotonic_ns(), time.process_time_ns()
            for body in bodies:
                handle(parse(body))
                producer.poll(0)
            if producer.flush(_FLUSH_S):
                raise TimeoutError("not all records are acknowledged")
            parent.say(
                cpu_ns=time.process_time_ns() - cpu,
                wall_ns=time.monotonic_ns() - begun,
                delivered=len(bodies),
            )
    except EOFError:
        pass


def _sdk(producer: Producer, prefix: str) -> tuple[Callable[[bytes], Any], Callable[[Any], Any]]:
    """Give what parses a push, and the handler: the code that a user would write."""
    futu, messages = _imported()
    topic_of = {f"{one}": f"{prefix}.ticker.{one.market}.{one.code}" for one in securities(1000)}
    registry = SchemaRegistryClient.new_client({"url": "mock://"})
    serialize = AvroSerializer(registry, _SCHEMA)

    class Handler(futu.TickerHandlerBase):  # type: ignore[misc, name-defined] # it ships no types
        def on_recv_rsp(self, rsp_pb: Any) -> Any:
            code, frame = super().on_recv_rsp(rsp_pb)
            if code != futu.RET_OK:
                raise ValueError(frame)
            for row in frame.to_dict("records"):
                topic = topic_of[row["code"]]
                value = serialize(row, SerializationContext(topic, MessageField.VALUE))
                producer.produce(topic, value, row["code"].encode())
            return code, frame

    def parse(body: bytes) -> Any:
        response = messages.Response()
        response.ParseFromString(body)
        return response

    return parse, Handler().on_recv_rsp


def _imported() -> tuple[Any, Any]:
    """Import the SDK. It opens a log file below $HOME, and takes SIGINT."""
    os.environ["HOME"] = tempfile.mkdtemp(prefix="bench-home-")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import futu
        from futu.common.pb import Qot_UpdateTicker_pb2

    return futu, Qot_UpdateTicker_pb2


if __name__ == "__main__":
    main()

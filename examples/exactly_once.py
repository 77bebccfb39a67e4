"""Ticks from Kafka, each once and in order, into another topic exactly once: with transactions.

python examples/exactly_once.py localhost:9092 opend ticks-in-order my-group

What is produced and the offsets up to which it was read are committed together, or not at all. So
a crash or a rebalance leaves nothing half done; what reads the result must read committed
(isolation.level). Ticks are held back within a transaction only: at its end all of it is given on.
"""

import json
import re
import sys
import time
from collections.abc import Callable
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Producer, TopicPartition

from opend_kafka.consuming.decoding import Decoder
from opend_kafka.consuming.missing import MissingTicks
from opend_kafka.consuming.streaming import OrderedTick, TickStream

#: Seconds of a transaction: a tick that is later than this is marked as late.
TRANSACTION_S = 0.5


class TickCopier:
    """Copies ticks; each transaction begins where the last one ended."""

    def __init__(self, bootstrap_servers: str, prefix: str, target: str, group: str) -> None:
        self._target = target
        self._topics = [rf"^{re.escape(prefix)}\.ticker(\..*)?$", f"{prefix}.events"]
        self._stream = TickStream(Decoder(), delay_s=float("inf"))
        self._in_transaction = False
        # The same id after a restart: Kafka then ends what the last life had left open. Of several
        # consumers in a group, each needs an id of its own.
        producing = {"bootstrap.servers": bootstrap_servers, "transactional.id": f"{group}-ticks"}
        self._producer = Producer(producing)
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap_servers,
                "group.id": group,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "isolation.level": "read_committed",
            }
        )

    def run(
        self,
        stopped: Callable[[], bool] = lambda: False,
        before_commit: Callable[[], None] = lambda: None,
    ) -> None:
        """Copy until stopped. An error, also of `before_commit`, undoes what is not committed."""
        self._producer.init_transactions(30)
        self._consumer.subscribe(
            self._topics, on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost
        )
        try:
            while not stopped():
                self._begin()
                self._read(until=time.monotonic() + TRANSACTION_S)
                before_commit()
                self._commit()
        finally:
            if self._in_transaction:
                self._in_transaction = False
                self._producer.abort_transaction(30)
            self._consumer.close()

    def _begin(self) -> None:
        self._producer.begin_transaction()
        self._in_transaction = True

    def _read(self, until: float) -> None:
        while (left_s := until - time.monotonic()) > 0:
            for message in self._consumer.consume(500, left_s):
                if message.error():
                    raise RuntimeError(message.error())
                where: tuple[Any, Any, Any] = message.topic(), message.partition(), message.offset()
                for item in self._stream.take(*where, message.key(), message.value(), 0.0):
                    self._produce(item)

    def _produce(self, item: OrderedTick | MissingTicks) -> None:
        if isinstance(item, OrderedTick):
            tick = item.tick
            value = {"sequence": tick.sequence, "price": tick.price, "volume": tick.volume}
            self._producer.produce(
                self._target, json.dumps(value | {"late": item.late}), f"{tick.market}.{tick.code}"
            )

    def _commit(self) -> None:
        for item in self._stream.flush():
            self._produce(item)
        offsets = [TopicPartition(*at, offset) for at, offset in self._stream.offsets().items()]
        if offsets:
            member = self._consumer.consumer_group_metadata()
            self._producer.send_offsets_to_transaction(offsets, member, 30)
        self._producer.commit_transaction(30)
        self._in_transaction = False

    def _assigned(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        # get_watermark_offsets calls a partition empty where one of its two questions fails.
        asked = [TopicPartition(one.topic, one.partition, OFFSET_BEGINNING) for one in partitions]
        firsts = self._consumer.offsets_for_times(asked, 10)
        stored = self._consumer.committed(partitions, 10)
        for one, first, known in zip(partitions, firsts, stored, strict=True):
            if first.error or known.error:
                raise KafkaException(first.error or known.error)
            committed = known.offset if known.offset >= 0 else None
            one.offset = self._stream.assigned(one.topic, one.partition, committed, first.offset)
        self._consumer.assign(partitions)

    def _revoked(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        """Commit what was read, while the partitions are ours; the next consumer goes on there."""
        if self._in_transaction:
            self._commit()
            self._begin()
        for one in partitions:
            self._stream.revoked(one.topic, one.partition)

    def _lost(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        """End: another consumer has them already, and processes what is not committed."""
        raise RuntimeError(f"lost {partitions}")


if __name__ == "__main__":
    TickCopier(*sys.argv[1:]).run()

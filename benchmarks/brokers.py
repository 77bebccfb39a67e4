"""The brokers, in processes of their own: the embedded cluster, or a real Apache Kafka.

As a program it is the embedded one; orders come as JSON lines.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka.admin import AdminClient

from benchmarks.children import Child, Parent
from opend_kafka.kafka.embedded import EmbeddedKafka
from opend_kafka.kafka.topics import KafkaTopics, TopicSpec
from tests.clusters import apache_kafka

_ANSWER_S = 10.0

EMBEDDED, APACHE = "embedded", "apache"


@dataclass(frozen=True, slots=True)
class Brokers:
    """A running cluster; `create` makes topics, of one partition each."""

    name: str
    bootstrap_servers: str
    create: Callable[[list[str]], None]


@contextmanager
def embedded(folder: Path) -> Iterator[Brokers]:
    """Run librdkafka's mock cluster."""
    with Child("brokers", log=folder / "brokers.log") as child:
        servers = child.hear()["bootstrap_servers"]

        def create(names: list[str]) -> None:
            child.ask("create", topics=names)

        yield Brokers(EMBEDDED, servers, create)


@contextmanager
def apache(folder: Path) -> Iterator[Brokers]:
    """Run Apache Kafka, one broker.

    Raises:
        KafkaUnavailable: this machine cannot.
    """
    with (
        tempfile.TemporaryDirectory(dir=folder) as data,
        apache_kafka.running(Path(data) / "kafka") as kafka,
    ):
        topics = KafkaTopics(kafka.bootstrap_servers, {})

        def create(names: list[str]) -> None:
            refused = topics.create([TopicSpec(name) for name in names])
            assert not refused, refused

        yield Brokers(APACHE, kafka.bootstrap_servers, create)


RUNNING = {EMBEDDED: embedded, APACHE: apache}


def main() -> None:
    """Be the embedded cluster until standard input ends."""
    parent = Parent()
    with EmbeddedKafka() as kafka:
        parent.say(bootstrap_servers=kafka.bootstrap_servers)
        try:
            while True:
                names = parent.next_order()["topics"]
                with _kept_awake(kafka):
                    for name in names:
                        kafka.create_topic(name)
                parent.say()
        except EOFError:
            pass


@contextmanager
def _kept_awake(kafka: EmbeddedKafka) -> Iterator[None]:
    """Keep the mock busy: idle, it looks only every 50 ms whether it is to make a topic."""
    ended = threading.Event()
    client = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})

    def ask() -> None:
        while not ended.is_set():
            client.list_topics("none", timeout=_ANSWER_S)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield
    finally:
        ended.set()
        asking.join()


if __name__ == "__main__":
    main()

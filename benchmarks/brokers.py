"""The brokers, in processes of their own: the embedded cluster, or a real Apache Kafka.

As a program it is the embedded one; orders come as JSON lines.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.children import Child, Parent
from opend_kafka.kafka.embedded import EmbeddedKafka, EmbeddedTopics
from opend_kafka.kafka.topics import KafkaTopics, TopicSpec, ensure
from tests.clusters import apache_kafka

EMBEDDED, APACHE = "embedded", "apache"


@dataclass(frozen=True, slots=True)
class Brokers:
    """A running cluster."""

    name: str
    bootstrap_servers: str
    create: Callable[[list[TopicSpec]], None]


@contextmanager
def embedded(folder: Path) -> Iterator[Brokers]:
    """Run librdkafka's mock cluster."""
    with Child("brokers", log=folder / "brokers.log") as child:
        servers = child.hear()["bootstrap_servers"]

        def create(specs: list[TopicSpec]) -> None:
            child.ask("create", topics=[spec.name for spec in specs])

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

        def create(specs: list[TopicSpec]) -> None:
            ensure(KafkaTopics(kafka.bootstrap_servers, {}), specs, create=True)

        yield Brokers(APACHE, kafka.bootstrap_servers, create)


RUNNING = {EMBEDDED: embedded, APACHE: apache}


def main() -> None:
    """Be the embedded cluster until standard input ends."""
    parent = Parent()
    with EmbeddedKafka() as kafka:
        parent.say(bootstrap_servers=kafka.bootstrap_servers)
        topics = EmbeddedTopics(kafka)
        try:
            while True:
                order = parent.next_order()
                ensure(topics, [TopicSpec(name) for name in order["topics"]], create=True)
                parent.say()
        except EOFError:
            pass


if __name__ == "__main__":
    main()

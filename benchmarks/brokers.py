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
from opend_kafka.kafka.embedded import EmbeddedKafka
from opend_kafka.kafka.topics import KafkaTopics, TopicSpec
from tests.clusters import apache_kafka

#: Seconds that the embedded cluster has to make topics: it takes up to 50 ms for each.
_CREATE_S = 180.0

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
            child.ask("create", topics=names, limit_s=_CREATE_S)

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
                for name in parent.next_order()["topics"]:
                    kafka.create_topic(name)
                parent.say()
        except EOFError:
            pass


if __name__ == "__main__":
    main()

"""The clusters and the registry that tests share, and what a worker needs to run against them."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
import structlog
from confluent_kafka import Consumer, KafkaException, TopicPartition
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling, Scheduling

from opend_kafka.kafka.embedded import EmbeddedKafka, EmbeddedTopics
from opend_kafka.kafka.topics import KafkaTopics, TopicAdmin, TopicSpec
from tests.clusters import apache_kafka, apicurio
from tests.clusters.requirement import skipping_unless_required

# A loaded machine makes no example wrong.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

#: Names a cluster to test on in place of one that the tests start.
BOOTSTRAP_VARIABLE = "OPEND_KAFKA_TEST_BOOTSTRAP"


@dataclass(frozen=True, slots=True)
class Cluster:
    """A Kafka to test on, and the way to its topics."""

    bootstrap_servers: str
    topics: TopicAdmin

    def create(self, specs: list[TopicSpec]) -> None:
        """Create topics, and wait until they can be read."""
        assert self.topics.create(specs) == {}
        self.await_topics({spec.name: spec.partitions for spec in specs})

    def await_topics(self, partitions: dict[str, int]) -> None:
        """Wait until topics are known and led: a broker learns of what was made by itself."""
        asking = Consumer({"bootstrap.servers": self.bootstrap_servers, "group.id": "tests"})
        deadline = time.monotonic() + AWAITED_S
        with closing(asking):
            for topic, count in partitions.items():
                for number in range(count):
                    while not _answers(asking, TopicPartition(topic, number)):
                        assert time.monotonic() < deadline, f"{topic} is not led"
                        time.sleep(0.01)


#: Seconds within which what was made is there.
AWAITED_S = 20


def _answers(consumer: Consumer, partition: TopicPartition) -> bool:
    """Tell whether a partition's leader answers, and the list of topics has it."""
    try:
        consumer.get_watermark_offsets(partition, timeout=1)
    except KafkaException:
        return False
    return partition.topic in consumer.list_topics(timeout=AWAITED_S).topics


#: What takes a minute, most of it waiting.
LONG = ("tests/test_end_to_end.py", "tests/test_survival.py", "tests/chaos/test_chaos.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the longest, and let them begin first: nobody is to wait for them in the end."""
    for item in items:
        if item.nodeid.startswith(LONG):
            item.add_marker("long")
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


class _FileByFile(LoadFileScheduling):  # type: ignore[misc] # xdist ships no types
    """A file's tests stay in one process; the longest follow each other, so as to have room."""

    def _split_scope(self, nodeid: str) -> str:
        scope: str = super()._split_scope(nodeid)
        return "long" if scope in LONG else scope


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling | None:
    """Distribute so where several processes run."""
    return _FileByFile(config, log)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a developer's own OPEND_KAFKA__… out of the tests."""
    for name in list(os.environ):
        if name.startswith("OPEND_KAFKA__"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """Undo what a test's command does to the process's logging."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def embedded() -> Iterator[Cluster]:
    """Give librdkafka's mock cluster."""
    with EmbeddedKafka() as kafka:
        yield Cluster(kafka.bootstrap_servers, EmbeddedTopics(kafka))


@pytest.fixture(scope="session")
def apache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Give a real Apache Kafka: one that the environment names, or one started here."""
    named = os.environ.get(BOOTSTRAP_VARIABLE)
    if named:
        yield Cluster(named, KafkaTopics(named, {}))
        return
    with ExitStack() as stack:
        with skipping_unless_required():
            kafka = stack.enter_context(apache_kafka.running(tmp_path_factory.mktemp("kafka")))
        yield Cluster(kafka.bootstrap_servers, KafkaTopics(kafka.bootstrap_servers, {}))


@pytest.fixture(params=["embedded", "apache"])
def cluster(request: pytest.FixtureRequest) -> Cluster:
    """Give one after the other: what a test says of the fake holds for the real one."""
    given: Cluster = request.getfixturevalue(request.param)
    return given


@pytest.fixture(scope="session")
def registry_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the URL of a real schema registry."""
    with ExitStack() as stack:
        with skipping_unless_required():
            registry = stack.enter_context(apicurio.running(tmp_path_factory.mktemp("registry")))
        yield registry.url


@pytest.fixture
def prefix() -> str:
    """Give a topic prefix that no other test has."""
    return f"t{uuid4().hex[:12]}"

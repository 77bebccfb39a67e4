"""The Kafka that other tests rely on: it keeps what it acknowledges and survives a lost broker."""

import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Message, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from . import apache_kafka, maven
from .apache_kafka import ApacheKafka
from .processes import ServiceFailed
from .requirement import skipping_unless_required

_LIMIT_S = 30.0


@pytest.fixture(scope="module")
def one_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApacheKafka]:
    """A cluster of one broker that all tests of this module share."""
    with ExitStack() as stack:
        with skipping_unless_required():
            folder = tmp_path_factory.mktemp("kafka")
            kafka = stack.enter_context(apache_kafka.running(folder))
        yield kafka


@pytest.fixture
def three_brokers(tmp_path: Path) -> Iterator[ApacheKafka]:
    """A cluster of three brokers of a test's own, since the test stops some."""
    with ExitStack() as stack:
        with skipping_unless_required():
            kafka = stack.enter_context(apache_kafka.running(tmp_path, brokers=3))
        yield kafka


def test_a_produced_record_is_consumed(one_broker: ApacheKafka) -> None:
    """What the broker acknowledges to a producer, a consumer group then reads."""
    _create_topic(one_broker, "round-trip")
    _produce(one_broker, "round-trip", b"quote")
    assert _consume_values(one_broker, "round-trip", count=1) == [b"quote"]


def test_a_restarted_broker_still_has_its_records(one_broker: ApacheKafka) -> None:
    """A broker that is stopped and started again keeps its address and its data."""
    _create_topic(one_broker, "kept")
    _produce(one_broker, "kept", b"before")
    one_broker.stop_broker(0)
    one_broker.start_broker(0)
    _produce(one_broker, "kept", b"after")
    assert _consume_values(one_broker, "kept", count=2) == [b"before", b"after"]


def test_a_topic_must_be_created_before_use(one_broker: ApacheKafka) -> None:
    """The broker does not create topics on demand, so a test notices a missing one."""
    client = AdminClient({"bootstrap.servers": one_broker.bootstrap_servers})
    client.list_topics("never-created", timeout=_LIMIT_S)
    assert "never-created" not in client.list_topics(timeout=_LIMIT_S).topics


def test_three_brokers_lose_one_and_get_it_back(three_brokers: ApacheKafka) -> None:
    """With its leader killed a topic still takes records with acks=all; the broker can return."""
    _create_topic(three_brokers, "replicated")
    _produce(three_brokers, "replicated", b"whole")
    leader = _leader(three_brokers, "replicated")
    three_brokers.stop_broker(leader, kill=True)
    _produce(three_brokers, "replicated", b"degraded")
    three_brokers.start_broker(leader)
    _await_in_sync(three_brokers, "replicated", brokers=3)
    assert _consume_values(three_brokers, "replicated", count=2) == [b"whole", b"degraded"]


def test_a_broker_that_dies_at_its_start_is_reported_with_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker that refuses its settings makes the start fail at once and says why."""
    real_sizes = apache_kafka._test_sizes()
    monkeypatch.setattr(
        apache_kafka, "_test_sizes", lambda: {**real_sizes, "num.io.threads": "none"}
    )
    monkeypatch.setattr(apache_kafka._Program, "bootstrap_checkpoint", _any_file)
    with (
        skipping_unless_required(),
        pytest.raises(ServiceFailed, match=r"(?s)broker 0 ended with .*num\.io\.threads"),
        apache_kafka.running(tmp_path),
    ):
        pass


def test_without_maven_kafka_is_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine without Maven gets the reason for a skip, not a stack trace of subprocess."""
    only_java = tmp_path / "bin"
    only_java.mkdir()
    for name in ("java", "setpriv"):
        (only_java / name).symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(only_java))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty-cache"))
    with (
        pytest.raises(apache_kafka.KafkaUnavailable, match="mvn is not on PATH"),
        apache_kafka.running(tmp_path / "data"),
    ):
        pass


def test_an_unresolvable_pom_is_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Maven cannot resolve is reported with Maven's own first error line."""
    mvn = tmp_path / "mvn"
    mvn.write_text("#!/bin/sh\necho '[ERROR] no such artifact'\nexit 1\n")
    mvn.chmod(0o755)
    pom = tmp_path / "pom.xml"
    pom.write_text("<project/>")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty-cache"))
    with pytest.raises(maven.Unavailable, match="no such artifact"):
        maven.resolve(pom)


def test_two_who_need_the_same_jars_ask_maven_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one waits for the first one's answer and takes it."""
    jar, runs = tmp_path / "a.jar", tmp_path / "runs"
    jar.touch()
    mvn = tmp_path / "mvn"
    mvn.write_text(_MAVEN_THAT_FINDS.format(jar=jar, runs=runs))
    mvn.chmod(0o755)
    pom = tmp_path / "pom.xml"
    pom.write_text("<project/>")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty-cache"))
    with ThreadPoolExecutor(2) as both:
        assert list(both.map(maven.resolve, [pom, pom])) == [[jar], [jar]]
    assert runs.read_text() == "run\n"


#: Gives its answer late, so that another one would begin meanwhile.
_MAVEN_THAT_FINDS = """\
#!/bin/sh
echo run >> {runs}
sleep 0.2
for argument; do
    case $argument in -Dmdep.outputFile=*) printf %s {jar} > "${{argument#*=}}";; esac
done
"""


def _any_file(_program: object, settings: Path) -> Path:
    return settings


def _create_topic(kafka: ApacheKafka, name: str) -> None:
    client = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    for created in client.create_topics([NewTopic(name, num_partitions=1)]).values():
        created.result(_LIMIT_S)


def _produce(kafka: ApacheKafka, topic: str, value: bytes) -> None:
    """Produce a record and wait until all in-sync brokers have acknowledged it."""
    failures: list[object] = []

    def on_delivery(error: object, _message: Message) -> None:
        if error is not None:
            failures.append(error)

    producer = Producer(
        {"bootstrap.servers": kafka.bootstrap_servers, "acks": "all", "log_level": 0}
    )
    producer.produce(topic, value, on_delivery=on_delivery)
    assert producer.flush(_LIMIT_S) == 0
    assert failures == []


def _consume_values(kafka: ApacheKafka, topic: str, *, count: int) -> list[bytes | None]:
    """Return the values of the topic's first records, read by a new consumer group."""
    consumer = Consumer(
        {
            "bootstrap.servers": kafka.bootstrap_servers,
            "group.id": f"reads-{topic}",
            "auto.offset.reset": "earliest",
            "log_level": 0,
        }
    )
    try:
        consumer.subscribe([topic])
        return [message.value() for message in consumer.consume(count, timeout=_LIMIT_S)]
    finally:
        consumer.close()


def _leader(kafka: ApacheKafka, topic: str) -> int:
    client = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    return client.list_topics(topic, timeout=_LIMIT_S).topics[topic].partitions[0].leader


def _await_in_sync(kafka: ApacheKafka, topic: str, *, brokers: int) -> None:
    client = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    deadline = time.monotonic() + _LIMIT_S
    while time.monotonic() < deadline:
        partition = client.list_topics(topic, timeout=_LIMIT_S).topics[topic].partitions[0]
        if len(partition.isrs) == brokers:
            return
        time.sleep(0.05)
    pytest.fail(f"{topic} has not {brokers} brokers in sync after {_LIMIT_S:.0f} s")

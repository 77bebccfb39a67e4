"""Real Apache Kafka (KRaft) for tests: one or more brokers on loopback, data in a given folder.

Every node is a broker and a controller at once. Facts about formatting, quorums and settings:
Kafka's documentation, "KRaft" and "Broker Configs"; meta.properties: KIP-631 and KIP-858.
"""

import os
import shutil
import subprocess
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from . import java, maven, processes
from .processes import ReservedPort, Service, ServiceFailed, await_ready

_POM = Path(__file__).parent / "poms" / "kafka" / "pom.xml"
_START_LIMIT_S = 60.0
_FORMAT_LIMIT_S = 60.0
_METADATA_LIMIT_S = 2.0


class KafkaUnavailable(maven.Unavailable):
    """Java or Maven is missing or could not resolve; str() is the reason for a skip."""


@dataclass(frozen=True)
class Listener:
    """Another way in, beside the plain one that every broker has.

    `protocol` is SSL, SASL_SSL or SASL_PLAINTEXT; `settings` are the listener's own, without
    Kafka's prefix listener.name.{name}; `java_flags` go to the brokers' Java. `host` is the name
    under which a broker tells clients to come back.
    """

    name: str
    protocol: str
    settings: Mapping[str, str] = field(default_factory=dict)
    java_flags: Sequence[str] = ()
    host: str = processes.LOOPBACK


@contextmanager
def running(
    data_dir: Path,
    *,
    brokers: int = 1,
    listeners: Sequence[Listener] = (),
    settings: Mapping[str, str] | None = None,
) -> "Iterator[ApacheKafka]":
    """Start Kafka, hand it over once all brokers answer, and close it at the end.

    `data_dir` is created if need be and must not hold an earlier Kafka's data; `settings` come
    on top of each broker's own. Raises KafkaUnavailable when the machine cannot run Kafka, and
    ServiceFailed, with the end of a broker's log, when a broker dies at its start or not all
    answer within 60 s.
    """
    with ApacheKafka(data_dir, brokers=brokers, listeners=listeners, settings=settings) as kafka:
        yield kafka


class ApacheKafka:
    """A Kafka cluster of real broker processes, numbered from 0.

    A broker's number is also its node id, so it is what a client's metadata calls the leader.
    Brokers keep their ports when they are stopped and started again.

    A broker that is killed, unlike one that is stopped in order, leads its partitions in the
    eyes of the others until its session of 3 s ends: that is how long producers then wait.
    A restarted broker of either kind is let in only once its earlier session has ended.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        brokers: int = 1,
        listeners: Sequence[Listener] = (),
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """Start the brokers; raises as `running` does."""
        try:
            program = _Program(data_dir)
        except maven.Unavailable as reason:
            raise KafkaUnavailable(f"Kafka cannot run: {reason}") from reason
        self._archive = program.archive
        with ExitStack() as cleanup:
            self._ports = cleanup.enter_context(ExitStack())
            self._nodes = _make_nodes(
                program, data_dir, brokers, self._ports, listeners, settings or {}
            )
            self.bootstrap_servers: str = ",".join(node.port.address for node in self._nodes)
            cleanup.callback(self.close)
            self._start_all()
            cleanup.pop_all()

    def __enter__(self) -> "ApacheKafka":
        """Return the cluster, which runs already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the cluster."""
        self.close()

    def servers(self, listener: str) -> str:
        """Return the bootstrap servers of another listener."""
        return ",".join(
            port.address
            for node in self._nodes
            for one, port in node.listeners
            if one.name == listener
        )

    def stop_broker(self, index: int, *, kill: bool = False) -> None:
        """End a broker by SIGTERM, or by SIGKILL when `kill`; returns when it has ended.

        SIGTERM gives it 30 s to hand over its partitions; then it is killed.
        """
        self._nodes[index].service.stop(kill=kill)

    def start_broker(self, index: int) -> None:
        """Start a stopped broker on its data and port; returns once it answers.

        Raises ServiceFailed when it dies or does not answer within 60 s, which it cannot while
        more than half of the brokers are down, and ValueError when it is running already.
        """
        node = self._nodes[index]
        if node.service.is_running():
            raise ValueError(f"broker {index} is running already")
        node.start()
        self._await_answers([node])

    def close(self) -> None:
        """End all brokers without ceremony; their data is of no further use."""
        started = [node for node in self._nodes if node.has_started]
        if self._archive.is_missing and started:
            # Only an orderly exit writes the archive that makes later starts quick.
            started[0].service.stop()
        for node in started:
            node.service.stop(kill=True)
        self._ports.close()
        self._archive.keep()

    def _start_all(self) -> None:
        for node in self._nodes:
            node.start()
        self._await_answers(self._nodes)

    def _await_answers(self, nodes: "Sequence[_Node]") -> None:
        """Wait until each node accepts connections and the cluster lists it as alive."""
        services = [node.service for node in nodes]
        await_ready(services, lambda: all(n.port.answers() for n in nodes), _START_LIMIT_S)
        client = _quiet_client(",".join(node.port.address for node in nodes))
        expected = {node.index for node in nodes}
        await_ready(services, lambda: _lists(client, expected), _START_LIMIT_S)


class _Program:
    """Kafka's jars and what starts them; raises Unavailable when the machine lacks something."""

    def __init__(self, work_dir: Path) -> None:
        processes.require_support()
        self._java = maven.program("java")
        self._classpath = os.pathsep.join(str(jar) for jar in maven.resolve(_POM))
        self._work_dir = work_dir
        work_dir.mkdir(parents=True, exist_ok=True)
        self.archive = java.ClassArchive(maven.cache_key(_POM), work_dir)

    def broker_command(self, node: "_Node", *, heap_mib: int, may_archive: bool) -> list[str]:
        archive = self.archive
        flags = archive.use_or_write_flags() if may_archive else archive.use_flags()
        flags += [flag for listener, _ in node.listeners for flag in listener.java_flags]
        return self._command(heap_mib, flags, "kafka.Kafka", str(node.settings))

    def bootstrap_checkpoint(self, settings: Path) -> Path:
        """Return the bootstrap.checkpoint of a formatted log folder, as Kafka's own tool wrote it.

        It depends on Kafka's version alone, so the tool, a Java start of 0.7 s, runs only once.
        """
        cached = maven.cache_dir() / f"{maven.cache_key(_POM)}.bootstrap.checkpoint"
        if not cached.exists():
            formatted = self._run_format_tool(settings)
            staged = cached.with_name(f"{cached.name}.{os.getpid()}")
            shutil.copy(formatted / "bootstrap.checkpoint", staged)
            os.replace(staged, cached)
            shutil.rmtree(formatted)
        return cached

    def _run_format_tool(self, settings: Path) -> Path:
        tool = ["kafka.tools.StorageTool", "format", "-t", _random_id(), "-c", str(settings)]
        command = self._command(256, self.archive.use_flags(), *tool)
        done = subprocess.run(command, capture_output=True, text=True, timeout=_FORMAT_LIMIT_S)
        if done.returncode != 0:
            raise ServiceFailed(f"StorageTool could not format: {done.stdout}{done.stderr}")
        return settings.parent / "data"

    def _command(self, heap_mib: int, flags: Sequence[str], *main: str) -> list[str]:
        quick = java.quick_start_flags(heap_mib, self._work_dir)
        quiet = [
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-Dorg.slf4j.simpleLogger.showDateTime=true",
            "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
        ]
        return [self._java, *quick, *flags, *quiet, "-cp", self._classpath, *main]


@dataclass
class _Node:
    """One broker: its ports, its folder with settings, log and data, and its process if any."""

    index: int
    folder: Path
    port: ReservedPort
    controller_port: ReservedPort
    listeners: Sequence[tuple[Listener, ReservedPort]] = ()
    command: Sequence[str] = ()
    _service: Service | None = None

    @property
    def has_started(self) -> bool:
        return self._service is not None

    @property
    def service(self) -> Service:
        assert self._service is not None, "the broker has not been started"
        return self._service

    @property
    def settings(self) -> Path:
        return self.folder / "server.properties"

    def start(self) -> None:
        name = f"Kafka broker {self.index}"
        self._service = Service(name, self.command, self.folder / "broker.log")


def _make_nodes(
    program: _Program,
    data_dir: Path,
    brokers: int,
    ports: ExitStack,
    listeners: Sequence[Listener],
    settings: Mapping[str, str],
) -> list[_Node]:
    """Return nodes that are formatted as one cluster; `ports` will release what they reserve."""

    def port() -> ReservedPort:
        return ports.enter_context(ReservedPort())

    nodes = [
        _Node(i, data_dir / f"broker-{i}", port(), port(), [(one, port()) for one in listeners])
        for i in range(brokers)
    ]
    for node in nodes:
        node.folder.mkdir()
        _write_properties(node.settings, _settings(node, nodes) | dict(settings))
    checkpoint = program.bootstrap_checkpoint(nodes[0].settings)
    cluster_id = _random_id()
    for node in nodes:
        _format(node, checkpoint, cluster_id)
        node.command = program.broker_command(
            node, heap_mib=512 if brokers == 1 else 256, may_archive=node.index == 0
        )
    return nodes


def _format(node: _Node, checkpoint: Path, cluster_id: str) -> None:
    """Make the node's log folder as StorageTool does; the broker adds its own directory.id."""
    data = node.folder / "data"
    data.mkdir()
    shutil.copy(checkpoint, data / "bootstrap.checkpoint")
    identity = {"version": "1", "cluster.id": cluster_id, "node.id": str(node.index)}
    _write_properties(data / "meta.properties", identity)


def _settings(node: _Node, nodes: Sequence[_Node]) -> dict[str, str]:
    """Return a node's configuration; durations end in .ms (milliseconds), sizes are bytes."""
    voters = ",".join(f"{each.index}@{each.controller_port.address}" for each in nodes)
    plain = f"PLAINTEXT://{node.port.address}"
    bound = "".join(f",{one.name}://{port.address}" for one, port in node.listeners)
    advertised = "".join(f",{one.name}://{one.host}:{port.number}" for one, port in node.listeners)
    protocols = "".join(f",{one.name}:{one.protocol}" for one, _ in node.listeners)
    return {
        "process.roles": "broker,controller",
        "node.id": str(node.index),
        "controller.quorum.voters": voters,
        "controller.listener.names": "CONTROLLER",
        "listeners": f"{plain}{bound},CONTROLLER://{node.controller_port.address}",
        "advertised.listeners": f"{plain}{advertised}",
        "listener.security.protocol.map": f"PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT{protocols}",
        "log.dirs": str(node.folder / "data"),
        "auto.create.topics.enable": "false",
        **_replication(len(nodes)),
        **_test_sizes(),
        **{
            f"listener.name.{one.name.lower()}.{key}": value
            for one, _ in node.listeners
            for key, value in one.settings.items()
        },
    }


def _replication(brokers: int) -> dict[str, str]:
    """Return how often data is kept: thrice where possible, and writable with one broker down."""
    copies = str(min(3, brokers))
    in_sync = "2" if brokers >= 3 else "1"
    return {
        "default.replication.factor": copies,
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": copies,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": in_sync,
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": in_sync,
    }


def _test_sizes() -> dict[str, str]:
    """Return settings that trade the production defaults for quick answers and little memory."""
    return {
        "num.partitions": "1",
        "offsets.topic.num.partitions": "3",
        "transaction.state.log.num.partitions": "3",
        "share.coordinator.state.topic.num.partitions": "3",
        "group.initial.rebalance.delay.ms": "0",
        # How soon a member of the newer protocol (KIP-848) hears of a rebalance; 5 s by default.
        "group.consumer.min.heartbeat.interval.ms": "100",
        "group.consumer.heartbeat.interval.ms": "100",
        # Lets a test's consumer be given up after a second, not six.
        "group.min.session.timeout.ms": "1000",
        # A killed broker's partitions move after 3 s, not 9 s; less would fence a broker that
        # a busy two-core machine merely keeps waiting.
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
        # New nodes wait this long before the first election; a standing leader is not affected.
        "controller.quorum.election.timeout.ms": "300",
        "controller.quorum.election.backoff.max.ms": "300",
        "num.network.threads": "2",
        "num.io.threads": "4",
        # The default of 128 MiB is allocated at start.
        "log.cleaner.dedupe.buffer.size": str(4 * 1024 * 1024),
        "log.cleaner.io.buffer.size": str(64 * 1024),
    }


def _write_properties(file: Path, properties: dict[str, str]) -> None:
    file.write_text("".join(f"{key}={value}\n" for key, value in properties.items()))


def _random_id() -> str:
    """Return a random id in Kafka's notation: 16 bytes in URL-safe base64 without padding."""
    return urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")


def _quiet_client(bootstrap_servers: str) -> AdminClient:
    """Return a client that retries quickly and keeps refused connections to itself."""
    return AdminClient(
        {
            "bootstrap.servers": bootstrap_servers,
            "reconnect.backoff.ms": 20,
            "reconnect.backoff.max.ms": 100,
            "log_level": 0,
        }
    )


def _lists(client: AdminClient, expected: set[int]) -> bool:
    """Return whether the cluster has a controller and lists the expected brokers as alive."""
    try:
        metadata = client.list_topics(timeout=_METADATA_LIMIT_S)
    except KafkaException:
        return False
    return metadata.controller_id >= 0 and expected <= metadata.brokers.keys()

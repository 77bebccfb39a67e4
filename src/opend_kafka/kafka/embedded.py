"""A Kafka inside this process, for ``opend-kafka demo`` and for fast tests.

librdkafka, which every confluent-kafka wheel bundles, contains a mock cluster: brokers on
127.0.0.1 that speak the Kafka protocol to any client, this process's or another's, and keep
their logs in memory. This module starts one through ctypes, so there is nothing to install.

It is not a Kafka to keep data in, nor one to prove exactly-once with. As of librdkafka 2.16.0
(``rdkafka_mock.c``, and by experiment):

- a partition keeps its newest 5 MiB of batches as produced, so compressed, or 100,000 batches;
- a batch that an idempotent producer sends again, its answer lost, is written twice;
- an unknown topic is created with 4 partitions when a producer or a metadata request names it;
- CreateTopics, DescribeConfigs and offsets by time are missing.
"""

from __future__ import annotations

import ctypes
import re
import sys
import threading
from collections.abc import Mapping
from enum import IntEnum
from functools import lru_cache
from pathlib import Path

from confluent_kafka import cimpl

from opend_kafka.errors import EmbeddedKafkaError
from opend_kafka.kafka.topics import KafkaTopics, TopicSpec

_RD_KAFKA_PRODUCER = 0
_TOPIC_NAME = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,249}")
_USE_REAL_KAFKA = "use --bootstrap-servers of a real Kafka"

_POINTER, _TEXT = ctypes.c_void_p, ctypes.c_char_p
_INT, _INTS = ctypes.c_int, ctypes.POINTER(ctypes.c_int)
_INT16, _INT32, _SIZE = ctypes.c_int16, ctypes.c_int32, ctypes.c_size_t
# Without these ctypes would pass every pointer as a 32-bit int. From rdkafka.h, rdkafka_mock.h.
_SIGNATURES: dict[str, tuple[object, list[object]]] = {
    "rd_kafka_conf_new": (_POINTER, []),
    "rd_kafka_conf_set_log_cb": (None, [_POINTER, _POINTER]),
    "rd_kafka_conf_destroy": (None, [_POINTER]),
    "rd_kafka_new": (_POINTER, [_INT, _POINTER, _TEXT, _SIZE]),
    "rd_kafka_destroy": (None, [_POINTER]),
    "rd_kafka_err2str": (_TEXT, [_INT]),
    "rd_kafka_mock_cluster_new": (_POINTER, [_POINTER, _INT]),
    "rd_kafka_mock_cluster_bootstraps": (_TEXT, [_POINTER]),
    "rd_kafka_mock_cluster_destroy": (None, [_POINTER]),
    "rd_kafka_mock_group_initial_rebalance_delay_ms": (None, [_POINTER, _INT32]),
    "rd_kafka_mock_topic_create": (_INT, [_POINTER, _TEXT, _INT, _INT]),
    "rd_kafka_mock_broker_set_down": (_INT, [_POINTER, _INT32]),
    "rd_kafka_mock_broker_set_up": (_INT, [_POINTER, _INT32]),
    "rd_kafka_mock_broker_set_rtt": (_INT, [_POINTER, _INT32, _INT]),
    "rd_kafka_mock_push_request_errors_array": (None, [_POINTER, _INT16, _SIZE, _INTS]),
    "rd_kafka_mock_clear_request_errors": (None, [_POINTER, _INT16]),
}


class ApiKey(IntEnum):
    """The requests of the Kafka protocol that the mock brokers answer and can refuse."""

    PRODUCE = 0
    FETCH = 1
    LIST_OFFSETS = 2
    METADATA = 3
    OFFSET_COMMIT = 8
    OFFSET_FETCH = 9
    FIND_COORDINATOR = 10
    JOIN_GROUP = 11
    HEARTBEAT = 12
    LEAVE_GROUP = 13
    SYNC_GROUP = 14
    API_VERSIONS = 18
    INIT_PRODUCER_ID = 22


class EmbeddedKafka:
    """A running mock cluster; usable as a context manager, and from any thread.

    Close the clients first: to those still connected every broker goes down for good, and a
    group's consumer with offsets left to commit needs its session.timeout.ms (45 s) to close.
    """

    def __init__(self, *, brokers: int = 1) -> None:
        """Start `brokers` brokers with ids 1 to `brokers`, each on a free port of 127.0.0.1.

        Raises EmbeddedKafkaError if this librdkafka has no mock cluster or it does not start.
        """
        if brokers < 1:
            raise EmbeddedKafkaError(f"an embedded Kafka needs at least 1 broker, not {brokers}")
        self._brokers = brokers
        self._lock = threading.Lock()
        self._library = _load_library()
        self._handle = _new_handle(self._library)
        self._cluster: int | None = _new_cluster(self._library, self._handle, brokers)
        servers: bytes = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster)
        self._bootstrap_servers = servers.decode("ascii")

    @property
    def bootstrap_servers(self) -> str:
        """The brokers as clients take them, ``127.0.0.1:port,…``; still readable once closed."""
        return self._bootstrap_servers

    def create_topic(self, name: str, *, partitions: int = 1, replication_factor: int = 1) -> None:
        """Create a topic, under the rules of a real Kafka (the mock itself checks next to none).

        Raises EmbeddedKafkaError if the name or a number is not allowed or the topic exists.
        """
        if not _TOPIC_NAME.fullmatch(name):
            raise EmbeddedKafkaError(
                f"{name!r} is no Kafka topic name; use 1 to 249 of the characters A-Z a-z 0-9 . _ -"
            )
        if partitions < 1:
            raise EmbeddedKafkaError(f"topic {name} needs at least 1 partition, not {partitions}")
        if not 1 <= replication_factor <= self._brokers:
            raise EmbeddedKafkaError(
                f"topic {name} cannot have {replication_factor} replicas: this embedded Kafka has "
                f"{self._brokers} broker(s), so choose 1 to {self._brokers}"
            )
        arguments = (name.encode("ascii"), partitions, replication_factor)
        self._call(f"create topic {name}", "topic_create", *arguments)

    def broker_down(self, broker: int) -> None:
        """Cut broker `broker`'s connections and refuse new ones; its log and its port remain.

        No other broker takes over its partitions. Raises EmbeddedKafkaError for an unknown id.
        """
        self._check_broker(broker)
        self._call(f"stop broker {broker}", "broker_set_down", broker)

    def broker_up(self, broker: int) -> None:
        """Let broker `broker` accept connections again; EmbeddedKafkaError for an unknown id."""
        self._check_broker(broker)
        self._call(f"start broker {broker}", "broker_set_up", broker)

    def inject_errors(self, request: ApiKey, *codes: int) -> None:
        """Answer the next ``len(codes)`` requests of this kind with these errors, in this order.

        Codes are those of confluent_kafka.KafkaError. A refused request changes nothing; with
        KafkaError._TRANSPORT the broker drops the connection in place of an answer.
        """
        errors = (_INT * len(codes))(*codes)
        self._call("inject errors", "push_request_errors_array", request, len(codes), errors)

    def clear_errors(self, request: ApiKey) -> None:
        """Forget the injected errors of this kind of request that no client has met yet."""
        self._call("clear errors", "clear_request_errors", request)

    def set_round_trip_ms(self, broker: int, ms: int) -> None:
        """Delay each answer of `broker` by `ms` milliseconds; EmbeddedKafkaError if below 0."""
        if ms < 0:
            raise EmbeddedKafkaError(f"a round trip cannot take {ms} ms; give 0 or more")
        self._check_broker(broker)
        self._call(f"slow down broker {broker}", "broker_set_rtt", broker, ms)

    def close(self) -> None:
        """Stop the brokers and their threads and forget all data; again does nothing."""
        with self._lock:
            cluster, self._cluster = self._cluster, None
            if cluster is not None:
                # In this order: rd_kafka_destroy aborts the process if a mock cluster is left.
                self._library.rd_kafka_mock_cluster_destroy(cluster)
                self._library.rd_kafka_destroy(self._handle)

    def __enter__(self) -> EmbeddedKafka:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call(self, action: str, function: str, *arguments: object) -> None:
        # The lock keeps close() in another thread from freeing the cluster during the call.
        with self._lock:
            if self._cluster is None:
                raise EmbeddedKafkaError("this embedded Kafka is closed; start a new one")
            mock = getattr(self._library, f"rd_kafka_mock_{function}")
            code: int | None = mock(self._cluster, *arguments)
        if code:
            reason: bytes = self._library.rd_kafka_err2str(code)
            raise EmbeddedKafkaError(f"the embedded Kafka could not {action}: {reason.decode()}")

    def _check_broker(self, broker: int) -> None:
        # librdkafka itself would take -1 as "all brokers".
        if not 1 <= broker <= self._brokers:
            raise EmbeddedKafkaError(f"there is no broker {broker}; ids are 1 to {self._brokers}")


@lru_cache(maxsize=1)
def _load_library() -> ctypes.CDLL:
    """The librdkafka this process's confluent_kafka uses, with its functions' C signatures."""
    try:
        library = ctypes.CDLL(str(_library_path()))
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError) as error:
        raise EmbeddedKafkaError(
            f"this build of librdkafka has no mock cluster ({error}); {_USE_REAL_KAFKA}"
        ) from error
    return library


def _library_path() -> Path:
    """The file to look the functions up in: on Windows the DLL, else the extension module.

    dlsym() also searches what a module is linked to, so the name of the library that the wheel
    carries (or of the system's, in a build from source) need not be known; Windows lacks that.
    """
    extension = Path(cimpl.__file__)
    if sys.platform != "win32":
        return extension
    libraries = extension.parent.parent.glob("confluent_kafka.libs/librdkafka*.dll")
    return next(libraries, Path("librdkafka.dll"))


def _new_handle(library: ctypes.CDLL) -> int:
    """A librdkafka client that owns the cluster's threads; it connects to no broker itself."""
    configuration = library.rd_kafka_conf_new()
    # No log callback means no log: the default one writes to stderr.
    library.rd_kafka_conf_set_log_cb(configuration, None)
    reason = ctypes.create_string_buffer(512)
    handle: int | None = library.rd_kafka_new(
        _RD_KAFKA_PRODUCER, configuration, reason, len(reason)
    )
    if handle is None:
        library.rd_kafka_conf_destroy(configuration)
        raise EmbeddedKafkaError(
            f"librdkafka did not start ({reason.value.decode()}); {_USE_REAL_KAFKA}"
        )
    return handle


def _new_cluster(library: ctypes.CDLL, handle: int, brokers: int) -> int:
    """The started cluster, made to answer as promptly as a real one that has settled."""
    cluster: int | None = library.rd_kafka_mock_cluster_new(handle, brokers)
    if cluster is None:
        library.rd_kafka_destroy(handle)
        raise EmbeddedKafkaError(
            "the embedded Kafka could not listen on 127.0.0.1; free some ports or file "
            f"descriptors, or {_USE_REAL_KAFKA}"
        )
    # Else a group's first consumer waits 3 s for others to join before it gets a message.
    library.rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, 0)
    # Without a controller AdminClient's create_topics waits for one until it times out; with one
    # it fails at once, as unsupported. 2.16.0 can appoint one, 2.12.0 could not.
    set_controller_id = getattr(library, "rd_kafka_mock_set_controller_id", None)
    if set_controller_id is not None:
        set_controller_id(_POINTER(cluster), 1)
    return cluster


class EmbeddedTopics(KafkaTopics):
    """A `TopicAdmin` over an embedded cluster, which has no CreateTopics request.

    Topic settings are left out: an embedded broker has none.
    """

    def __init__(self, cluster: EmbeddedKafka) -> None:
        super().__init__(cluster.bootstrap_servers, {})
        self._cluster = cluster

    def create(self, specs: list[TopicSpec], *, dry_run: bool = False) -> dict[str, str]:
        """See `TopicAdmin.create`."""
        failures = {}
        for spec in specs if not dry_run else []:
            try:
                self._cluster.create_topic(spec.name, partitions=spec.partitions)
            except EmbeddedKafkaError as error:
                failures[spec.name] = str(error)
        return failures

    def add_partitions(self, totals: Mapping[str, int], *, dry_run: bool = False) -> dict[str, str]:
        """See `TopicAdmin.add_partitions`: an embedded topic keeps those that it was made with."""
        return dict.fromkeys(totals, "an embedded Kafka cannot add partitions; make a new one")

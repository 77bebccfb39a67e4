"""librdkafka's configuration: our defaults under the user's properties."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from confluent_kafka import KafkaException

from opend_kafka.errors import ConfigurationError, system_words
from opend_kafka.kafka.library_log import CLIENTS_LOGGER

_PRODUCER = {
    # Promises 1 and 2: order across retries, and no acknowledgement before all replicas have it.
    "enable.idempotence": True,
    "acks": "all",
    # Spends little time on either side; records of one topic are alike, so it halves them.
    "compression.type": "lz4",
    "linger.ms": 5,
    # As Java does, so that all clients of a topic agree on a key's partition.
    "partitioner": "murmur2_random",
    # The worker bounds what waits (kafka.max_buffered_bytes); these must not come before it.
    "queue.buffering.max.messages": 0,
    "queue.buffering.max.kbytes": 2_147_483_647,
    # Five minutes by default, after which an outage would cost records. Nothing has to be given up
    # early: what waits is bounded. A day, because a broker forgets an idle producer after one
    # (its producer.id.expiration.ms).
    "message.timeout.ms": 86_400_000,
    # 10 s by default: brokers that are back after a long outage are to be used soon.
    "reconnect.backoff.max.ms": 1_000,
    # 60 s, 30 s and 30 s by default: a broker that falls silent without closing its connection,
    # as in a loss of power, holds up its partitions for so long. A broker that waits for its
    # replicas answers within request.timeout.ms, which must be the smaller.
    "socket.timeout.ms": 20_000,
    "request.timeout.ms": 15_000,
    "socket.connection.setup.timeout.ms": 10_000,
    # Left as they are, all looked at: max.in.flight (5, the most with which order can be kept),
    # retries (no end), retry.backoff.max.ms and topic.metadata.refresh.fast.interval.ms (100 ms
    # up to 1 s, at which a new leader is asked for), enable.gapless.guarantee (off: a refused
    # record would take all that wait behind it down with it, where its loss is told as it is).
}

#: What our own accounts stand on; a user's property cannot change it.
_RESERVED = {
    "delivery.report.only.error": "every record's report is waited for",
    "transactional.id": "the worker makes no transactions, and would send nothing",
}

#: Files that librdkafka reads; of one that is missing it says `BIO lib`.
_FILES = (
    "ssl.ca.location",
    "ssl.certificate.location",
    "ssl.crl.location",
    "ssl.key.location",
    "ssl.keystore.location",
)

_METHOD = "sasl.oauthbearer.method"

#: What librdkafka says around the cause: that no client was made, and OpenSSL's own numbers.
_AROUND = re.compile(r"^Failed to create [a-z ]+: |error:[0-9A-F]+:")

#: Properties of producers that an admin client or a consumer would complain about.
_PRODUCER_ONLY = (
    "acks",
    "batch.",
    "compression.",
    "delivery.",
    "enable.idempotence",
    "linger.ms",
    "max.in.flight",
    "message.",
    "partitioner",
    "queue.buffering.",
    "request.required.acks",
    "request.timeout.ms",
    "retries",
    "sticky.",
    "transactional.",
)


def producer_properties(bootstrap_servers: str, user: dict[str, str]) -> dict[str, Any]:
    """Give a producer's configuration; the user's properties win.

    Raises:
        ConfigurationError: one of them would stop the worker's own accounts.
    """
    for key, reason in _RESERVED.items():
        if key in user:
            raise ConfigurationError(f"kafka.properties: {key} cannot be set: {reason}")
    _require_what_librdkafka_needs(user)
    return _common(bootstrap_servers) | _PRODUCER | user


def admin_properties(bootstrap_servers: str, user: dict[str, str]) -> dict[str, Any]:
    """Give an admin client's or a consumer's configuration: connection and security only.

    Raises:
        ConfigurationError: what is to secure the connection is not there.
    """
    _require_what_librdkafka_needs(user)
    return _common(bootstrap_servers) | {
        key: value for key, value in user.items() if not key.startswith(_PRODUCER_ONLY)
    }


def _require_what_librdkafka_needs(user: dict[str, str]) -> None:
    """Say what librdkafka would say badly, late, or not at all."""
    for key in _FILES:
        if key in user:
            _require_file(key, user[key])
    if user.get("security.protocol", "").upper().startswith("SASL"):
        mechanism = user.get("sasl.mechanism", user.get("sasl.mechanisms"))
        if mechanism is None:
            raise ConfigurationError(
                "kafka.properties: sasl.mechanism is missing: PLAIN, SCRAM-SHA-256, "
                "SCRAM-SHA-512 or OAUTHBEARER"
            )
        unsecured = user.get("enable.sasl.oauthbearer.unsecure.jwt") == "true"
        if mechanism == "OAUTHBEARER" and not unsecured and _METHOD not in user:
            raise ConfigurationError(
                f"kafka.properties: sasl.mechanism OAUTHBEARER needs {_METHOD}: oidc, and "
                "sasl.oauthbearer.token.endpoint.url, client.id and client.secret with it"
            )


def _require_file(key: str, path: str) -> None:
    if key == "ssl.ca.location" and path == "probe":
        return
    try:
        # A directory of certificates is librdkafka's to judge.
        with suppress(IsADirectoryError), open(path, "rb"):
            pass
    except OSError as error:
        raise ConfigurationError(
            f"kafka.properties: {key}: {path}: {system_words(error)}"
        ) from None


def _common(bootstrap_servers: str) -> dict[str, Any]:
    return {
        "bootstrap.servers": bootstrap_servers,
        "client.id": "opend-kafka",
        "logger": CLIENTS_LOGGER,
    }


@contextmanager
def refusing_bad_properties() -> Iterator[None]:
    """Turn librdkafka's refusal of a property into an error that names the key.

    Raises:
        ConfigurationError: in place of it.
    """
    try:
        yield
    except KafkaException as error:
        cause = _AROUND.sub("", error.args[0].str())
        raise ConfigurationError(f"kafka.properties: {cause}") from None
    except TypeError as error:  # a property that only a program can set, such as error_cb
        raise ConfigurationError(f"kafka.properties: {error}") from None

"""librdkafka's configuration: our defaults under the user's properties."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from confluent_kafka import KafkaException

from opend_kafka.errors import ConfigurationError

#: librdkafka's own log lines go where ours go.
LIBRARY_LOGGER = logging.getLogger("librdkafka")

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
}

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
    """Give a producer's configuration; the user's properties win."""
    return _common(bootstrap_servers) | _PRODUCER | user


def admin_properties(bootstrap_servers: str, user: dict[str, str]) -> dict[str, Any]:
    """Give an admin client's or a consumer's configuration: connection and security only."""
    return _common(bootstrap_servers) | {
        key: value for key, value in user.items() if not key.startswith(_PRODUCER_ONLY)
    }


def _common(bootstrap_servers: str) -> dict[str, Any]:
    return {
        "bootstrap.servers": bootstrap_servers,
        "client.id": "opend-kafka",
        "logger": LIBRARY_LOGGER,
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
        raise ConfigurationError(f"kafka.properties: {error.args[0].str()}") from None

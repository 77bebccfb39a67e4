"""What the brokers allow this user to do with topics: told when they are described (KIP-430)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from confluent_kafka import KafkaError as LibraryError
from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

#: What Kafka says where a user's ACLs do not reach.
FORBIDDEN = (LibraryError.TOPIC_AUTHORIZATION_FAILED, LibraryError.CLUSTER_AUTHORIZATION_FAILED)

#: Topic → what may be done with it, as Kafka's ACLs call it: READ, WRITE, ….
Operations = Mapping[str, frozenset[str]]


def operations(client: AdminClient, names: Iterable[str], timeout_s: float) -> Operations:
    """Ask what is allowed. Topics of which the brokers do not tell it are left out."""
    wanted = list(names)
    if not wanted:
        return {}
    futures = client.describe_topics(
        TopicCollection(wanted), include_authorized_operations=True, request_timeout=timeout_s
    )
    allowed = {}
    for name, future in futures.items():
        try:
            told = future.result().authorized_operations
        except KafkaException:
            continue  # it is missing, or looks so to this user
        if told is not None:
            allowed[name] = frozenset(one.name for one in told)
    return allowed


def lacking(needed: Mapping[str, Collection[str]], allowed: Operations) -> dict[str, str]:
    """Give the topics with which one may not do what is needed, each with what is to be granted."""
    return {
        topic: to_be_granted(" and ".join(missing), topic)
        for topic, those in allowed.items()
        if (missing := [one for one in needed[topic] if one not in those])
    }


def to_be_granted(operation: str, topic: str) -> str:
    """Say which permission is missing."""
    # Who may not DESCRIBE a topic is told that it is missing.
    hidden = " (or DESCRIBE, if the topic stands)" if operation == "CREATE" else ""
    return f"not allowed: grant {operation} on topic {topic} to this user{hidden}"

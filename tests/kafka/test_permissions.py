"""What the brokers allow a user; with ACLs that deny: test_security.py."""

from __future__ import annotations

from opend_kafka.kafka.permissions import lacking
from opend_kafka.kafka.topics import TopicSpec
from tests.conftest import Cluster


def test_cluster_without_acls_allows_everything(apache: Cluster, prefix: str) -> None:
    """It says so of each topic that exists, and nothing of others."""
    apache.create([TopicSpec(prefix)])
    allowed = apache.topics.operations([prefix, f"{prefix}.none"])
    assert list(allowed) == [prefix]
    assert allowed[prefix] >= {"READ", "WRITE", "DESCRIBE_CONFIGS"}


def test_cluster_that_tells_nothing_is_not_asked_for_more(embedded: Cluster, prefix: str) -> None:
    """Where nothing is told nothing is lacking."""
    embedded.create([TopicSpec(prefix)])
    assert embedded.topics.operations([prefix]) == {}


def test_nothing_is_asked_about_no_topics(apache: Cluster) -> None:
    """The library would refuse an empty question."""
    assert apache.topics.operations([]) == {}


def test_lacking_names_topics_and_what_to_grant() -> None:
    """Only those that lack something are named."""
    allowed = {"a": frozenset({"READ", "WRITE"}), "b": frozenset({"READ"}), "c": frozenset[str]()}
    needed = {"a": ("WRITE",), "b": ("WRITE", "READ"), "c": ("WRITE", "READ"), "untold": ("READ",)}
    assert lacking(needed, allowed) == {
        "b": "not allowed: grant WRITE on topic b to this user",
        "c": "not allowed: grant WRITE and READ on topic c to this user",
    }

"""librdkafka's configuration."""

from __future__ import annotations

from pathlib import Path

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer

from opend_kafka.errors import ConfigurationError
from opend_kafka.kafka.properties import (
    admin_properties,
    producer_properties,
    refusing_bad_properties,
)


def test_producer_properties_keep_order_and_lose_nothing() -> None:
    """Idempotence, all replicas and Java's partitioner are what a producer gets unasked."""
    properties = producer_properties("kafka:9092", {})
    assert properties["enable.idempotence"] is True
    assert properties["acks"] == "all"
    assert properties["partitioner"] == "murmur2_random"
    assert properties["compression.type"] in ("lz4", "zstd")


def test_producer_properties_let_the_user_win() -> None:
    """What the user sets replaces our default."""
    assert producer_properties("kafka:9092", {"linger.ms": "50"})["linger.ms"] == "50"


def test_producer_properties_are_all_known_to_librdkafka() -> None:
    """Our defaults make a producer."""
    Producer(producer_properties("127.0.0.1:1", {}))


def test_producer_properties_outlast_an_outage_of_hours() -> None:
    """Nothing is given up early, and brokers that are back are used soon."""
    properties = producer_properties("kafka:9092", {})
    assert properties["message.timeout.ms"] >= 12 * 3_600_000
    assert properties["reconnect.backoff.max.ms"] <= 2_000
    # A broker that waits for its replicas must be able to say so before it is given up.
    assert properties["request.timeout.ms"] < properties["socket.timeout.ms"]


@pytest.mark.parametrize("key", ["delivery.report.only.error", "transactional.id"])
def test_producer_properties_refuse_what_would_stop_the_accounts(key: str) -> None:
    """Some of librdkafka's properties are not the user's to set."""
    with pytest.raises(ConfigurationError, match=rf"kafka\.properties: {key} cannot be set"):
        producer_properties("kafka:9092", {key: "x"})


def test_refusing_bad_properties_names_what_only_a_program_can_set() -> None:
    """A callback cannot come from a file; it is no traceback."""
    expected = r"^kafka\.properties: .*error_cb"
    with pytest.raises(ConfigurationError, match=expected), refusing_bad_properties():
        Producer(producer_properties("127.0.0.1:1", {"error_cb": "x"}))


def test_admin_properties_keep_connection_and_security_only() -> None:
    """What is a producer's alone does not reach the other clients; security does."""
    properties = admin_properties(
        "kafka:9092", {"linger.ms": "50", "compression.type": "zstd", "sasl.username": "me"}
    )
    assert properties["sasl.username"] == "me"
    assert "linger.ms" not in properties
    assert "compression.type" not in properties


def test_refusing_bad_properties_names_the_key() -> None:
    """Librdkafka's refusal becomes a configuration error."""
    refusal = KafkaException(KafkaError(KafkaError._INVALID_ARG, "no such property"))
    expected = r"^kafka\.properties: no such property$"
    with pytest.raises(ConfigurationError, match=expected), refusing_bad_properties():
        raise refusal


@pytest.mark.parametrize("key", ["ssl.ca.location", "ssl.key.location"])
def test_file_that_is_missing_is_named(tmp_path: Path, key: str) -> None:
    """Librdkafka would say `BIO lib`."""
    path = str(tmp_path / "none.pem")
    expected = rf"^kafka\.properties: {key}: {path}: No such file or directory$"
    for properties_of in (producer_properties, admin_properties):
        with pytest.raises(ConfigurationError, match=expected):
            properties_of("kafka:9092", {key: path})


def test_places_of_authorities_need_not_be_files(tmp_path: Path) -> None:
    """Librdkafka takes a directory of certificates, and looks for the system's own."""
    for path in (str(tmp_path), "probe"):
        assert admin_properties("kafka:9092", {"ssl.ca.location": path})["ssl.ca.location"] == path


@pytest.mark.parametrize(
    ("properties", "cause"),
    [
        ({}, "sasl.mechanism is missing: PLAIN, SCRAM"),
        ({"sasl.mechanism": "OAUTHBEARER"}, "needs sasl.oauthbearer.method: oidc"),
    ],
)
def test_login_that_cannot_be_is_refused(properties: dict[str, str], cause: str) -> None:
    """Librdkafka would try Kerberos, or wait for a token for ever."""
    with pytest.raises(ConfigurationError, match=cause):
        admin_properties("kafka:9092", {"security.protocol": "SASL_SSL"} | properties)


def test_refusal_tells_nothing_of_librdkafkas_inside(tmp_path: Path) -> None:
    """Neither which client it was, nor OpenSSL's numbers, help to mend the file."""
    file = tmp_path / "ca.pem"
    file.write_text("no certificate")
    properties = {"security.protocol": "SSL", "ssl.ca.location": str(file)}
    expected = r"^kafka\.properties: ssl\.ca\.location failed: .*no certificate or crl found$"
    with pytest.raises(ConfigurationError, match=expected), refusing_bad_properties():
        Producer(producer_properties("127.0.0.1:1", properties))

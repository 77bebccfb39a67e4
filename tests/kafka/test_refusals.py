"""What librdkafka tells aside, in one line for people."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError as LibraryError
from confluent_kafka import KafkaException

from opend_kafka.errors import KafkaDenied, KafkaUnreachable
from opend_kafka.kafka.refusals import Refusals, topics_of

DOWN = LibraryError(LibraryError._ALL_BROKERS_DOWN, "1/1 brokers are down")
TRANSPORT = LibraryError(LibraryError._TRANSPORT, "Failed to get metadata")
#: In librdkafka's own words, as the real broker has it say (tests/kafka/test_security.py).
LOGIN = LibraryError(
    LibraryError._AUTHENTICATION,
    "sasl_ssl://kafka:9093/bootstrap: SASL authentication error: Authentication failed: Invalid "
    "username or password (after 301ms in state AUTH_REQ)",
)
CERTIFICATE = LibraryError(
    LibraryError._SSL,
    "ssl://kafka:9093/bootstrap: SSL handshake failed: error:0A000086:SSL routines::certificate "
    "verify failed: broker certificate could not be verified, verify that ssl.ca.location is "
    "correctly configured (after 4ms in state SSL_HANDSHAKE)",
)
ALERT = LibraryError(
    LibraryError._TRANSPORT,
    "ssl://kafka:9093/bootstrap: Receive failed: error:0A000412:SSL routines::ssl/tls alert bad "
    "certificate: SSL alert number 42 (after 1ms in state APIVERSION_QUERY)",
)
NO_TLS = LibraryError(
    LibraryError._TRANSPORT,
    "ssl://kafka:9093/bootstrap: SSL handshake failed: Disconnected: SSL connection closed by "
    "peer: connecting to a PLAINTEXT broker listener? (after 3ms in state SSL_HANDSHAKE)",
)
TOKEN = LibraryError(
    LibraryError._AUTHENTICATION,
    'Failed to acquire SASL OAUTHBEARER token: Failed to retrieve OIDC token from "http://i": 401',
)
NOBODY = LibraryError(
    LibraryError._TRANSPORT,
    "kafka:9093/bootstrap: Connect to ipv4#10.0.0.1:9092 failed: Connection refused (after 0ms in "
    "state CONNECT)",
)


def _told(*errors: LibraryError) -> Refusals:
    refusals = Refusals("kafka:9093")
    for error in errors:
        refusals.on_error(error)
    return refusals


@pytest.mark.parametrize(
    ("told", "text"),
    [
        (LOGIN, "refuses the login (Authentication failed: Invalid username or password); correct"),
        (
            CERTIFICATE,
            "shows a certificate that is not trusted (certificate verify failed); an authority in "
            "ssl.ca.location must have signed it",
        ),
        (ALERT, "or misses it (Receive failed: ssl/tls alert bad certificate); set ssl.cert"),
        (NO_TLS, "connecting to a PLAINTEXT broker listener?); correct security.protocol"),
        (TOKEN, "for want of a token (Failed to acquire SASL OAUTHBEARER token"),
    ],
)
def test_refusal_is_one_line_with_its_cause_and_its_remedy(told: LibraryError, text: str) -> None:
    """It names the cluster, what was refused without librdkafka's noise, and the properties."""
    error = _told(told, DOWN).error(TRANSPORT)
    assert isinstance(error, KafkaDenied)
    assert str(error).startswith("Kafka at kafka:9093 ")
    assert text in str(error)


@pytest.mark.parametrize(
    ("told", "cause"),
    [
        ((NOBODY, DOWN), r"\(Connect to ipv4#10\.0\.0\.1:9092 failed: Connection refused\)"),
        ((DOWN,), "connections are closed at once: does security.protocol suit this port"),
        ((), "Failed to get metadata"),
    ],
)
def test_silence_is_told_with_what_is_known_of_it(
    told: tuple[LibraryError, ...], cause: str
) -> None:
    """Where nobody refused anything, no broker answers: with the best cause that there is."""
    refusals = _told(*told)
    assert not refusals.is_final
    with pytest.raises(KafkaUnreachable, match=cause):
        raise refusals.error(TRANSPORT)


def test_broker_that_goes_by_another_name_is_named() -> None:
    """What brokers advertise may be what their certificates do not say."""
    told = _told(LibraryError(LibraryError._SSL, CERTIFICATE.str().replace("kafka:", "inner:")))
    assert "(inner:9093: certificate verify failed)" in str(told.error(TRANSPORT))


def test_refusal_is_final_once_every_broker_is_down() -> None:
    """One broker's wrong certificate need not be the next one's."""
    assert not _told(CERTIFICATE).is_final
    assert _told(CERTIFICATE, DOWN).is_final


def test_refused_token_is_final() -> None:
    """Without a token no broker is even asked."""
    assert _told(TOKEN).is_final


class _Client:
    """Answers after some failures, each of which tells something aside."""

    def __init__(self, refusals: Refusals, *failures: LibraryError) -> None:
        self._refusals, self._failures = refusals, list(failures)
        self._aside: list[LibraryError] = []
        self.asked = 0

    def list_topics(self, *, timeout: float) -> SimpleNamespace:
        self.asked += 1
        if self._failures:
            self._aside.append(self._failures.pop(0))
            raise KafkaException(TRANSPORT)
        return SimpleNamespace(topics={"a": None})

    def poll(self, timeout: float) -> None:
        while self._aside:
            self._refusals.on_error(self._aside.pop(0))


def test_topics_are_asked_for_until_a_broker_answers() -> None:
    """A broker that starts a little later is waited for."""
    refusals = Refusals("kafka:9093")
    assert list(topics_of(_Client(refusals, NOBODY, LOGIN), refusals, 20)) == ["a"]


def test_topics_are_not_asked_for_after_a_final_refusal() -> None:
    """A wrong password is told at once, not after all the time that brokers have to answer."""
    refusals = _told(DOWN)
    client = _Client(refusals, *[LOGIN] * 10)
    with pytest.raises(KafkaDenied):
        topics_of(client, refusals, 20)
    assert client.asked == 1


def test_answer_makes_earlier_refusals_forgotten() -> None:
    """What was refused once is not why nobody answers an hour later."""
    refusals = _told(LOGIN, DOWN)
    topics_of(_Client(refusals), refusals, 20)
    assert not refusals.is_final
    assert isinstance(refusals.error(TRANSPORT), KafkaUnreachable)

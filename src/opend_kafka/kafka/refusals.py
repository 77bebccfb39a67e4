"""Why brokers do not let a client in: librdkafka tells it aside, and goes on trying."""

from __future__ import annotations

import re
import time
from typing import Any, Protocol

from confluent_kafka import KafkaError as LibraryError
from confluent_kafka import KafkaException

from opend_kafka.errors import KafkaDenied, KafkaUnreachable

#: Seconds of the first attempt; each one after it has twice as many.
_FIRST_TURN_S = 0.1

#: Which broker librdkafka speaks of.
_BROKER = re.compile(r"^(?:\S+://)?([^\s/]+)/\S+: ")

#: What it says behind the cause, and between.
_AROUND = re.compile(
    r"\s*\(after \d+ms in state \w+\)|error:[0-9A-F]+:|"
    r"SSL routines::|: broker certificate could not be verified.*|: SSL alert number \d+|"
    r"SASL authentication error: |SSL handshake failed: "
)

_PROPERTIES = "of kafka.properties"

#: What is found in librdkafka's words, what it means, and what to do.
_MEANINGS = (
    (
        "OAUTHBEARER token",
        "cannot be asked, for want of a token",
        f"correct sasl.oauthbearer.* {_PROPERTIES}, or see why the issuer of tokens refuses",
    ),
    (
        "certificate verify failed",
        "shows a certificate that is not trusted",
        "an authority in ssl.ca.location must have signed it, for this very host name: correct "
        f"ssl.ca.location {_PROPERTIES}, kafka.bootstrap_servers, or what the brokers advertise",
    ),
    (
        " alert ",
        "refuses the client's certificate, or misses it",
        f"set ssl.certificate.location and ssl.key.location {_PROPERTIES} to one that the brokers "
        "trust",
    ),
    (
        "PLAINTEXT broker listener",
        "does not speak TLS at this port",
        f"correct security.protocol {_PROPERTIES}, or the port in kafka.bootstrap_servers",
    ),
)

_LOGIN = (
    "refuses the login",
    f"correct sasl.mechanism, sasl.username and sasl.password {_PROPERTIES}",
)


class Client(Protocol):
    """What the clients of librdkafka have in common: an AdminClient, a Consumer."""

    def list_topics(self, *, timeout: float) -> Any:
        """Ask for all topics."""
        ...

    def poll(self, timeout: float) -> Any:
        """Serve callbacks."""
        ...


class Refusals:
    """What keeps one client out; a client's property `error_cb` is `on_error`.

    Args:
        bootstrap_servers: the cluster, for errors.
        keys: where a user corrects its address, for errors.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        *,
        keys: str = "kafka.bootstrap_servers and kafka.properties",
    ) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._keys = keys
        #: What the last one of them refused; None: nothing.
        self.denied: KafkaDenied | None = None
        self._cause: str | None = None
        self._final = False
        self._all_down = False

    def on_error(self, error: LibraryError) -> None:
        """Take what librdkafka tells aside."""
        text = error.str()
        if error.code() == LibraryError._ALL_BROKERS_DOWN:
            self._all_down = True
            return
        broker = _BROKER.match(text)
        self._cause = _AROUND.sub("", _BROKER.sub("", text))
        if broker and broker[1] != self._bootstrap_servers:
            self._cause = f"{broker[1]}: {self._cause}"
        for words, meaning, remedy in _MEANINGS:
            if words in text:
                self.denied = self._denial(meaning, remedy)
                # Without a token no broker is connected to, so none is down.
                self._final = "OAUTHBEARER" in words
                return
        if error.code() == LibraryError._AUTHENTICATION:
            self.denied = self._denial(*_LOGIN)

    @property
    def is_final(self) -> bool:
        """Whether every broker has refused, in a way that no waiting mends."""
        return self.denied is not None and (self._final or self._all_down)

    def forget(self) -> None:
        """Begin anew: a broker has let the client in."""
        self.denied = self._cause = None
        self._final = self._all_down = False

    def error(self, error: LibraryError) -> KafkaDenied | KafkaUnreachable:
        """Say why nothing answers, better than the client's own error does."""
        if self.denied is not None:
            return self.denied
        cause = self._cause or error.str()
        if self._all_down and self._cause is None:
            cause = "connections are closed at once: does security.protocol suit this port?"
        return KafkaUnreachable(self._bootstrap_servers, cause, keys=self._keys)

    def _denial(self, meaning: str, remedy: str) -> KafkaDenied:
        return KafkaDenied(self._bootstrap_servers, f"{meaning} ({self._cause})", remedy)


def topics_of(client: Client, refusals: Refusals, timeout_s: float) -> dict[str, Any]:
    """Ask for all topics, and give up early where the brokers refuse the client for good.

    Raises:
        KafkaDenied: they refuse the login or a certificate.
        KafkaUnreachable: none answers.
    """
    deadline = time.monotonic() + timeout_s
    turn_s = _FIRST_TURN_S
    while True:
        left_s = deadline - time.monotonic()
        try:
            topics: dict[str, Any] = client.list_topics(
                timeout=max(0.01, min(turn_s, left_s))
            ).topics
        except KafkaException as exception:
            client.poll(0)  # calls `on_error`
            if refusals.is_final or time.monotonic() >= deadline:
                raise refusals.error(exception.args[0]) from None
            turn_s *= 2
        else:
            client.poll(0)
            refusals.forget()  # what one broker refused is not why a later question fails
            return topics

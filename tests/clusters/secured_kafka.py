"""A real Kafka that lets in by every way that is secured, and by ACLs."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined] # not all in its __all__
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from cryptography import x509

from tests.transport.authority import LOOPBACK, Authority

from . import apache_kafka, issuer
from .apache_kafka import ApacheKafka, Listener
from .issuer import Issuer

#: Whom every listener knows, by whatever it proves it.
USER = "worker"
PASSWORD = "correct horse: battery, staple="  # noqa: S105 - of a broker that stands for a test

_LIMIT_S = 20.0
_MODULES = "org.apache.kafka.common.security"


class SecuredKafka:
    """One broker. Its plain listener is the administrator's; the others ask who is there."""

    def __init__(self, kafka: ApacheKafka, folder: Path, ours: Authority, tokens: Issuer) -> None:
        """Take a broker that runs; make its first user."""
        self.bootstrap_servers = kafka.bootstrap_servers
        self._kafka = kafka
        self._admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers, "log_level": 0})
        self.tokens = tokens
        self.authority_file = ours.file
        self.certificate = ours.identity(USER)
        stranger = Authority(folder, "stranger")
        self.other_authority_file = stranger.file
        self.other_certificate = stranger.identity("intruder")
        self.password_file = folder / "password"
        self.password_file.write_text(PASSWORD + "\n")
        self.secret_file = folder / "secret"
        self.secret_file.write_text(tokens.secret + "\n")
        self.add_user(USER)

    def servers(self, listener: str) -> str:
        """Return the address of a listener: SCRAM, PLAIN, OAUTH, MTLS, TLS, MISNAMED, ELSEWHERE."""
        return self._kafka.servers(listener)

    def add_user(self, name: str) -> None:
        """Let a user log in by SCRAM, with PASSWORD; return once the broker knows it."""
        self.set_password(name, PASSWORD)
        client = AdminClient(
            {
                "bootstrap.servers": self.servers("SCRAM"),
                "security.protocol": "SASL_SSL",
                "sasl.mechanism": "SCRAM-SHA-512",
                "sasl.username": name,
                "sasl.password": PASSWORD,
                "ssl.ca.location": str(self.authority_file),
                "log_level": 0,
            }
        )
        _await(lambda: _answers(client))

    def set_password(self, name: str, password: str) -> None:
        """Change what a user logs in with; who is logged in must prove it within a second."""
        mechanism = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        upsertion = UserScramCredentialUpsertion(name, mechanism, password.encode())
        for done in self._admin.alter_user_scram_credentials([upsertion]).values():
            done.result(_LIMIT_S)

    def allow(self, user: str, operation: str, topic: str, *, prefixed: bool = False) -> None:
        """Grant an operation on a topic, or on all that begin so; return once it counts."""
        acl = AclBinding(
            ResourceType.TOPIC,
            topic,
            ResourcePatternType.PREFIXED if prefixed else ResourcePatternType.LITERAL,
            f"User:{user}",
            "*",
            AclOperation[operation],
            AclPermissionType.ALLOW,
        )
        for done in self._admin.create_acls([acl]).values():
            done.result(_LIMIT_S)
        _await(lambda: self._acls(user, operation))

    def withdraw(self, user: str, operation: str) -> None:
        """Take back what was granted."""
        for done in self._admin.delete_acls([_filter(user, operation)]).values():
            done.result(_LIMIT_S)
        _await(lambda: not self._acls(user, operation))

    def _acls(self, user: str, operation: str) -> bool:
        return bool(self._admin.describe_acls(_filter(user, operation)).result(_LIMIT_S))


@contextmanager
def running(folder: Path) -> Iterator[SecuredKafka]:
    """Start it, and close it at the end; raises as `apache_kafka.running` does."""
    ours = Authority(folder, "ours")
    with ExitStack() as stack:
        tokens = stack.enter_context(issuer.issuing(folder, USER, f"{PASSWORD} of a client"))
        kafka = stack.enter_context(
            apache_kafka.running(
                folder / "kafka",
                listeners=_listeners(ours, tokens),
                settings={
                    "authorizer.class.name": (
                        "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
                    ),
                    # Who comes by the plain listener, and the broker itself.
                    "super.users": "User:ANONYMOUS",
                    # By default, a refused login is answered late.
                    "connection.failed.authentication.delay.ms": "0",
                },
            )
        )
        yield SecuredKafka(kafka, folder, ours, tokens)


def _listeners(ours: Authority, tokens: Issuer) -> list[Listener]:
    here = _tls(ours.identity("kafka", LOOPBACK))
    keys = tokens.keys.as_uri()
    quoted = PASSWORD.replace("\\", "\\\\").replace('"', '\\"')
    return [
        Listener(
            "SCRAM",
            "SASL_SSL",
            here
            | _sasl("SCRAM-SHA-512", "scram.ScramLoginModule required;")
            | {"connections.max.reauth.ms": "1000"},
        ),
        Listener(
            "PLAIN",
            "SASL_SSL",
            here | _sasl("PLAIN", f'plain.PlainLoginModule required user_{USER}="{quoted}";'),
        ),
        Listener(
            "OAUTH",
            "SASL_SSL",
            here
            | _sasl("OAUTHBEARER", "oauthbearer.OAuthBearerLoginModule required;")
            | {
                "oauthbearer.sasl.server.callback.handler.class": (
                    f"{_MODULES}.oauthbearer.OAuthBearerValidatorCallbackHandler"
                ),
                "sasl.oauthbearer.jwks.endpoint.url": keys,
                "sasl.oauthbearer.expected.audience": issuer.AUDIENCE,
                "sasl.oauthbearer.expected.issuer": issuer.NAME,
            },
            [f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={keys}"],
        ),
        Listener(
            "MTLS",
            "SSL",
            here
            | {
                "ssl.client.auth": "required",
                "ssl.truststore.type": "PEM",
                "ssl.truststore.location": str(ours.file),
                "ssl.principal.mapping.rules": "RULE:^CN=([^,]*).*$/$1/",
            },
        ),
        Listener("TLS", "SSL", here),
        Listener("MISNAMED", "SSL", here, host="localhost"),
        Listener(
            "ELSEWHERE", "SSL", _tls(ours.identity("elsewhere", x509.DNSName("kafka.example")))
        ),
    ]


def _tls(identity: Path) -> dict[str, str]:
    return {"ssl.keystore.type": "PEM", "ssl.keystore.location": str(identity)}


def _sasl(mechanism: str, module: str) -> dict[str, str]:
    return {
        "sasl.enabled.mechanisms": mechanism,
        f"{mechanism.lower()}.sasl.jaas.config": f"{_MODULES}.{module}",
    }


def _filter(user: str, operation: str) -> AclBindingFilter:
    return AclBindingFilter(
        ResourceType.TOPIC,
        None,  # type: ignore[arg-type] # any
        ResourcePatternType.ANY,
        f"User:{user}",
        None,  # type: ignore[arg-type] # any
        AclOperation[operation],
        AclPermissionType.ALLOW,
    )


def _answers(client: AdminClient) -> bool:
    try:
        client.list_topics(timeout=1)
    except KafkaException:
        return False
    return True


def _await(condition: Callable[[], bool]) -> None:
    """Wait for what the broker learns a moment after it has promised it."""
    deadline = time.monotonic() + _LIMIT_S
    while not condition():
        assert time.monotonic() < deadline, "the broker does not take a change"
        time.sleep(0.01)

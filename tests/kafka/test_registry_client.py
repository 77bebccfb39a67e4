"""The way to a registry: logins, TLS, and what is said where it does not open."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.schema_registry.error import SchemaRegistryError
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from opend_kafka.errors import (
    ConfigurationError,
    RegistryDenied,
    RegistryUnreachable,
    SchemaRefused,
)
from opend_kafka.kafka.registry import ConfluentRegistry
from opend_kafka.kafka.registry_client import (
    connect,
    failure,
    incompatibilities,
    is_missing,
    shown,
)
from tests.kafka.door import BASIC, BEARER, PASSWORD, TOKEN, USER, standing_before
from tests.transport.authority import LOOPBACK, Authority

BASIC_PROPERTIES = {"basic.auth.user.info": f"{USER}:{PASSWORD}"}
BEARER_PROPERTIES = {
    "bearer.auth.credentials.source": "STATIC_TOKEN",
    "bearer.auth.token": TOKEN,
    "bearer.auth.logical.cluster": "any",
}


def _knock(url: str, properties: Mapping[str, Any]) -> None:
    with ConfluentRegistry(url, properties) as registry:
        registry.await_answer(0)


@pytest.mark.parametrize(
    ("login", "properties"), [(BASIC, BASIC_PROPERTIES), (BEARER, BEARER_PROPERTIES)]
)
def test_login_opens_the_door(registry_url: str, login: str, properties: dict[str, str]) -> None:
    """A name with its password, or a token, is sent as the registry wants it."""
    with standing_before(registry_url, login=login) as door:
        _knock(door, properties)


def test_password_in_the_url_opens_the_door(registry_url: str) -> None:
    """The login may stand in the URL, percent-encoded."""
    with standing_before(registry_url, login=BASIC) as door:
        _knock(door.replace("://", f"://{USER}:p%3Aass%20word@"), {})


@pytest.mark.parametrize("properties", [{}, {"basic.auth.user.info": f"{USER}:wrong"}])
def test_wrong_login_is_told_at_once(registry_url: str, properties: dict[str, str]) -> None:
    """A refused login is not waited for, and the error names what to correct, and no password."""
    with (
        standing_before(registry_url, login=BASIC) as door,
        ConfluentRegistry(door, properties) as registry,
        pytest.raises(RegistryDenied, match=r"HTTP 401.*basic\.auth\.user\.info") as denied,
    ):
        registry.await_answer(60)
    assert "wrong" not in str(denied.value)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Give an authority that no machine trusts."""
    return Authority(tmp_path, "of-the-test")


def test_certificate_of_the_named_authority_is_trusted(
    registry_url: str, authority: Authority
) -> None:
    """`ssl.ca.location` names whom to trust."""
    with standing_before(registry_url, tls=authority.server(LOOPBACK)) as door:
        _knock(door, {"ssl.ca.location": str(authority.file)})


def test_certificate_of_a_stranger_is_not_trusted(registry_url: str, authority: Authority) -> None:
    """Without it, a private authority's certificate is refused, and the error says so."""
    with (
        standing_before(registry_url, tls=authority.server(LOOPBACK)) as door,
        pytest.raises(RegistryUnreachable, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        _knock(door, {})


@pytest.mark.parametrize("shows_its_own", [True, False])
def test_registry_may_ask_for_a_certificate(
    registry_url: str, authority: Authority, shows_its_own: bool
) -> None:
    """With `ssl.certificate.location` and `ssl.key.location` the client shows its own."""
    server = authority.server(LOOPBACK)
    server.verify_mode = ssl.CERT_REQUIRED
    server.load_verify_locations(authority.file)
    own = {"ssl.certificate.location": str(authority.identity("client"))}
    properties = {"ssl.ca.location": str(authority.file)} | (own if shows_its_own else {})
    with standing_before(registry_url, tls=server) as door:
        if shows_its_own:
            _knock(door, properties)
        else:
            with pytest.raises(RegistryUnreachable):
                _knock(door, properties)


@pytest.mark.parametrize(
    ("properties", "cause"),
    [
        ({"ssl.ca.location": "/no/such.pem"}, "No such file"),
        ({"ssl.certificate.location": "/no/such.pem"}, "No such file"),
        ({"ssl.key.location": "/no/such.pem"}, "ssl.certificate.location required"),
        ({"basic.auth.user.info": "nobody"}, "username"),
        ({"bearer.auth.credentials.source": "STATIC_TOKEN"}, "Missing required bearer"),
        ({"no.such": "1"}, r"no\.such"),
    ],
)
def test_unusable_property_is_a_configuration_error(properties: dict[str, str], cause: str) -> None:
    """What cannot be used is refused before anything is asked, with the reason."""
    with pytest.raises(ConfigurationError, match=rf"schema_registry.*{cause}"):
        connect("http://127.0.0.1:1", properties)


def test_file_without_a_certificate_is_a_configuration_error(tmp_path: Path) -> None:
    """A key where a certificate should be is refused too."""
    key = ec.generate_private_key(ec.SECP256R1())
    file = tmp_path / "key.pem"
    form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(key.private_bytes(*form))
    with pytest.raises(ConfigurationError, match=r"schema_registry\.properties: a file of ssl"):
        connect("http://127.0.0.1:1", {"ssl.ca.location": str(file)})


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://localhost:8081", "http://localhost:8081"),
        ("https://me:secret@host/api", "https://me:********@host/api"),
        ("http://a:b@one,http://c:d@two", "http://a:********@one,http://c:********@two"),
    ],
)
def test_shown_url_holds_no_password(url: str, expected: str) -> None:
    """What is logged of a URL keeps the password out."""
    assert shown(url) == expected


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (SchemaRegistryError(403, 40301, "Forbidden"), RegistryDenied),
        (SchemaRegistryError(409, 409, "Incompatible"), SchemaRefused),
        (OSError("gone"), RegistryUnreachable),
    ],
)
def test_failure_tells_who_is_at_fault(error: Exception, kind: type[Exception]) -> None:
    """A refused user, a refused schema and no answer are three errors."""
    assert type(failure("http://registry", "opend.Ticker", error)) is kind


@pytest.mark.parametrize(("code", "missing"), [(40401, True), (40403, True), (50001, False)])
def test_missing_is_what_the_registry_calls_so(code: int, missing: bool) -> None:
    """Only a subject, or a schema under it, that is not there is missing."""
    assert is_missing(SchemaRegistryError(404, code, "")) == missing


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (
            {
                "is_compatible": False,
                "messages": [
                    "{errorType:'TYPE_MISMATCH', description:'The type (path '/fields/8/type') "
                    "of a field in the new schema does not match with the old schema'}",
                    "{oldSchemaVersion: 1}",
                    "{oldSchema: '{...}'}",
                ],
            },
            "{errorType:'TYPE_MISMATCH', description:'The type (path '/fields/8/type (price)') of "
            "a field in the new schema does not match with the old schema'}; {oldSchemaVersion: 1}",
        ),
        ({"is_compatible": False, "reason": "at /fields/0"}, "at /fields/0 (market)"),
        ({"is_compatible": False, "reason": "at /fields/99"}, "at /fields/99"),
        ({"is_compatible": False}, "it does not say why"),
    ],
    ids=["Confluent", "Apicurio", "no such field", "no words"],
)
def test_incompatibility_is_told_in_the_registrys_words(
    monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any], cause: str
) -> None:
    """Each registry's form is read, the older schema is left out, and fields have their names."""
    with connect("http://127.0.0.1:1", {}) as client:
        monkeypatch.setattr(client, "get_versions", lambda subject: [3])
        monkeypatch.setattr(client._rest_client, "post", lambda url, body: answer)
        told = incompatibilities(client, "http://127.0.0.1:1", "subject", "opend.Ticker")
    assert told == [f"incompatible with version 3: {cause}"]

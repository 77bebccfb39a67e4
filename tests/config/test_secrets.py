"""Secrets that lie in files."""

from __future__ import annotations

from pathlib import Path

import pytest

from opend_kafka.config.parts import Kafka
from opend_kafka.config.secrets import with_secrets
from opend_kafka.errors import ConfigurationError


def test_properties_keep_their_types() -> None:
    """The registry's client is particular about numbers and false: it gets them as they are."""
    properties: dict[str, str | int | float | bool] = {
        "timeout": 5,
        "ssl.ca.location": False,
        "basic.auth.user.info": "u:p",
    }
    assert with_secrets("section", properties) == properties


def test_secret_is_read_from_its_file(tmp_path: Path) -> None:
    """A property named …_file is the property with the file's content, without its line end."""
    file = tmp_path / "secret"
    file.write_text("u:p\n")
    given = {"basic.auth.user.info_file": str(file)}
    assert with_secrets("section", given) == {"basic.auth.user.info": "u:p"}


def test_kafkas_secret_is_read_from_its_file(tmp_path: Path) -> None:
    """Librdkafka gets the password, and never sees the name of the file."""
    file = tmp_path / "password"
    file.write_text("secret\n")
    kafka = Kafka(properties={"sasl.password_file": str(file), "linger.ms": 1})
    assert kafka.librdkafka == {"sasl.password": "secret", "linger.ms": "1"}


@pytest.mark.parametrize(
    ("properties", "cause"),
    [
        ({"sasl.password_file": "/no/such"}, "/no/such: No such file"),
        ({"bearer.auth.token": "t", "bearer.auth.token_file": "f"}, "are both given; keep one"),
    ],
)
def test_secret_that_cannot_be_had_is_refused(properties: dict[str, str], cause: str) -> None:
    """A file that is not there, or a secret that is given twice, is named."""
    with pytest.raises(ConfigurationError, match=f"section: .*{cause}"):
        with_secrets("section", properties)


def test_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """Somebody named the keystore itself."""
    file = tmp_path / "keystore"
    file.write_bytes(b"\xff\xfe\xfd")
    with pytest.raises(ConfigurationError, match="it is not UTF-8"):
        with_secrets("section", {"sasl.password_file": str(file)})

"""Confluent's client of a schema registry: made, asked, and its errors turned into ours."""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

from opend_kafka import schemas
from opend_kafka.errors import (
    ConfigurationError,
    RegistryDenied,
    RegistryError,
    RegistryUnreachable,
    SchemaRefused,
    system_words,
)

#: Confluent's codes for a subject that is not there, and for a schema that is not under it.
_NOT_FOUND = (40401, 40403)

_DENIED = (401, 403)

#: Seconds that one answer of the registry may take.
_ANSWER_TIMEOUT_S = 10

#: Where registries say that two schemas differ: `/fields/8/type`, in the newer one.
_PLACE = re.compile(r"/fields/(\d+)(?:/[\w/]+)?")


def connect(url: str, properties: Mapping[str, Any]) -> SchemaRegistryClient:
    """Give Confluent's client; nothing is asked of the registry yet.

    Raises:
        ConfigurationError: a property, or a file that one names, cannot be used.
    """
    defaults = {"url": url, "timeout": _ANSWER_TIMEOUT_S, "max.retries": 0}
    try:
        return SchemaRegistryClient(defaults | dict(properties))
    except (ValueError, TypeError) as error:
        raise ConfigurationError(f"schema_registry: {error}") from None
    except OSError as error:  # ssl.SSLError is one too
        cause = str(error) if isinstance(error, ssl.SSLError) else system_words(error)
        raise ConfigurationError(
            f"schema_registry.properties: a file of ssl.* cannot be used: {cause}"
        ) from None


def shown(url: str) -> str:
    """Give a URL, or several, without the password that may stand in it."""
    return re.sub(r"(?<=://)([^/@:,]*):[^/@,]*@", r"\1:********@", url)


def is_missing(error: Exception) -> bool:
    """Say whether a subject, or a schema under it, is not there: the registry's own word."""
    return isinstance(error, SchemaRegistryError) and error.error_code in _NOT_FOUND


def failure(url: str, subject: str, error: Exception) -> RegistryError:
    """Give our error for one of the client's, whose HTTP library has others of its own."""
    if isinstance(error, SchemaRegistryError):
        if error.http_status_code in _DENIED:
            return RegistryDenied(url, error.http_status_code, error.error_message)
        return SchemaRefused(subject, error.error_message)
    return RegistryUnreachable(url, str(error) or type(error).__name__)


def incompatibilities(
    client: SchemaRegistryClient, url: str, subject: str, schema: str
) -> list[str]:
    """Give what the registry has against a schema, version by version; nothing where it has none.

    Raises:
        RegistryError: it does not answer, or refuses the question.
    """
    body = Schema(schemas.text(schema), "AVRO").to_dict()
    causes = []
    try:
        for version in client.get_versions(subject):
            # The client's own test_compatibility keeps the registry's words to itself.
            path = f"compatibility/subjects/{quote(subject, safe='')}/versions/{version}"
            answer = client._rest_client.post(f"{path}?verbose=true", body=body)
            if not answer["is_compatible"]:
                named = _with_field_names(_words(answer), schema)
                causes.append(f"incompatible with version {version}: {named}")
    except Exception as error:
        if not is_missing(error):
            raise failure(url, subject, error) from None
    return causes


def _words(answer: Mapping[str, Any]) -> str:
    """Give the reason: `messages` of Confluent's registry, `reason` of Apicurio's."""
    # Confluent's has the whole older schema among them, where one looks for what differs.
    told = [one for one in answer.get("messages") or [] if not one.startswith("{oldSchema:")]
    return "; ".join(told) or str(answer.get("reason") or "it does not say why")


def _with_field_names(words: str, schema: str) -> str:
    """Put the name of the field behind each place that a registry gives as a number."""
    fields = json.loads(schemas.text(schema)).get("fields", [])

    def named(place: re.Match[str]) -> str:
        number = int(place[1])
        return place[0] + (f" ({fields[number]['name']})" if number < len(fields) else "")

    return _PLACE.sub(named, words)

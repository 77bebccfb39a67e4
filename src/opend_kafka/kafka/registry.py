"""Schemas on the wire: Confluent's format with a registry, single-object encoding without."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, Self

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

from opend_kafka import schemas
from opend_kafka.errors import (
    ConfigurationError,
    RecordUndecodable,
    RegistryUnreachable,
    SchemaRefused,
)

#: Confluent's codes for a subject that is not there, and for a schema that is not under it.
_NO_SUBJECT = 40401
_NOT_FOUND = (_NO_SUBJECT, 40403)

_NOT_REGISTERED = "it is not registered there, and schema_registry.auto_register is false"

#: Seconds that one answer of the registry may take.
_ANSWER_TIMEOUT_S = 10

SubjectName = Callable[[str, str, bool], str]


class WireFormat(Protocol):
    """The seam: what stands before a record's Avro bytes. A context manager."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def await_answer(self, timeout_s: float) -> None:
        """Wait until the registry answers at all.

        Raises:
            RegistryUnreachable: it does not, within `timeout_s`.
        """
        ...

    def examine(self, topic: str, schema: str, is_key: bool) -> str:
        """Say how a schema stands; change nothing.

        Raises:
            RegistryError: the registry does not answer, or would not take the schema.
        """
        ...

    def prefix(self, topic: str, schema: str, is_key: bool) -> bytes:
        """Give the prefix of a schema's records in a topic.

        Raises:
            RegistryError: the registry does not answer, or refuses the schema.
        """
        ...

    def schema_text(self, schema_id: int) -> str:
        """Give the JSON text of the schema that a record names by its id.

        Raises:
            RecordUndecodable: there is no such schema, or no registry.
            RegistryUnreachable: the registry does not answer.
        """
        ...


class SingleObject:
    """Avro single-object encoding: the record names its schema by fingerprint."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def await_answer(self, timeout_s: float) -> None:
        """See `WireFormat.await_answer`: there is nobody to wait for."""

    def examine(self, topic: str, schema: str, is_key: bool) -> str:
        """See `WireFormat.examine`."""
        return "no registry: Avro single-object encoding"

    def prefix(self, topic: str, schema: str, is_key: bool) -> bytes:
        """See `WireFormat.prefix`."""
        return schemas.SINGLE_OBJECT_MAGIC + schemas.fingerprint(schema)

    def schema_text(self, schema_id: int) -> str:
        """See `WireFormat.schema_text`."""
        raise RecordUndecodable(
            f"the record names schema {schema_id} of a registry, and schema_registry.url is null"
        )


class ConfluentRegistry:
    """Confluent's wire format: the record names its schema by the registry's id.

    Args:
        url: the registry's Confluent-compatible API.
        properties: handed to confluent-kafka's `SchemaRegistryClient` as they are.
        strategy: record, topic or topic_record.
        auto_register: False: look the schemas up, and fail where one is not registered.
    """

    def __init__(
        self,
        url: str,
        properties: dict[str, str],
        *,
        strategy: str = "record",
        auto_register: bool = True,
    ) -> None:
        self._url = url
        self._subject_name = SUBJECT_NAMES[strategy]
        self._auto_register = auto_register
        self._prefixes: dict[tuple[str, str], bytes] = {}
        defaults = {"url": url, "timeout": _ANSWER_TIMEOUT_S, "max.retries": 0}
        try:
            self._client = SchemaRegistryClient(defaults | properties)
        except (ValueError, TypeError) as error:
            raise ConfigurationError(f"schema_registry: {error}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def await_answer(self, timeout_s: float) -> None:
        """See `WireFormat.await_answer`. It asks twice a second."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                self._client.get_subjects()
            except Exception as error:
                if time.monotonic() >= deadline:
                    raise self._unreachable(error) from None
                time.sleep(0.5)
            else:
                return

    def prefix(self, topic: str, schema: str, is_key: bool) -> bytes:
        """See `WireFormat.prefix`. Each subject is asked about once."""
        subject = self._subject_name(topic, schema, is_key)
        known = self._prefixes.get((subject, schema))
        if known is None:
            known = schemas.CONFLUENT_MAGIC + self._schema_id(subject, schema).to_bytes(4, "big")
            self._prefixes[subject, schema] = known
        return known

    def examine(self, topic: str, schema: str, is_key: bool) -> str:
        """See `WireFormat.examine`."""
        subject = self._subject_name(topic, schema, is_key)
        avro = Schema(schemas.text(schema), "AVRO")
        try:
            registered = self._client.lookup_schema(subject, avro)
            return f"{subject}: registered, id {registered.schema_id}"
        except SchemaRegistryError as error:
            if error.error_code not in _NOT_FOUND:
                raise SchemaRefused(subject, error.error_message) from None
            known = error.error_code != _NO_SUBJECT
        except Exception as error:
            raise self._unreachable(error) from None
        if not self._auto_register:
            raise SchemaRefused(subject, _NOT_REGISTERED)
        if known and not self._client.test_compatibility(subject, avro):
            raise SchemaRefused(subject, "it is incompatible with a version that stands there")
        return f"{subject}: not there yet; the worker will register it"

    def schema_text(self, schema_id: int) -> str:
        """See `WireFormat.schema_text`."""
        return _schema_text(self._client, self._url, schema_id)

    def _schema_id(self, subject: str, schema: str) -> int:
        avro = Schema(schemas.text(schema), "AVRO")
        try:
            if self._auto_register:
                return int(self._client.register_schema(subject, avro))
            return int(self._client.lookup_schema(subject, avro).schema_id or 0)
        except SchemaRegistryError as error:
            if error.error_code in _NOT_FOUND:
                raise SchemaRefused(subject, _NOT_REGISTERED) from None
            raise SchemaRefused(subject, error.error_message) from None
        except Exception as error:
            # The client's HTTP library has errors of its own, which are no part of its API.
            raise self._unreachable(error) from None

    def _unreachable(self, error: Exception) -> RegistryUnreachable:
        return RegistryUnreachable(self._url, str(error) or type(error).__name__)


def _topic_subject(topic: str, schema: str, is_key: bool) -> str:
    return f"{topic}-{'key' if is_key else 'value'}"


#: The names of Confluent's three strategies: RecordNameStrategy and its sisters.
SUBJECT_NAMES: dict[str, SubjectName] = {
    "record": lambda topic, schema, is_key: schema,
    "topic": _topic_subject,
    "topic_record": lambda topic, schema, is_key: f"{topic}-{schema}",
}


@contextmanager
def registered_schemas(url: str) -> Iterator[Callable[[int], str]]:
    """Give the function that fetches a schema's JSON text by its id from a registry.

    The function raises RegistryUnreachable where the registry does not answer, and
    RecordUndecodable where it does not know the id.
    """
    try:
        client = SchemaRegistryClient({"url": url, "timeout": _ANSWER_TIMEOUT_S})
    except (ValueError, TypeError) as error:
        raise ConfigurationError(f"the schema registry: {error}") from None

    with client:
        yield lambda schema_id: _schema_text(client, url, schema_id)


def _schema_text(client: SchemaRegistryClient, url: str, schema_id: int) -> str:
    try:
        return client.get_schema(schema_id).schema_str or ""
    except SchemaRegistryError as error:
        raise RecordUndecodable(
            f"the registry at {url} has no schema {schema_id}: {error.error_message}"
        ) from None
    except Exception as error:
        raise RegistryUnreachable(url, str(error) or type(error).__name__) from None

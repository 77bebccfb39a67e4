"""Schemas on the wire: Confluent's format with a registry, single-object encoding without."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol, Self

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

from opend_kafka import schemas
from opend_kafka.errors import (
    RecordUndecodable,
    RegistryDenied,
    RegistryUnreachable,
    SchemaRefused,
    SchemasMissing,
)
from opend_kafka.kafka.registry_client import connect, failure, incompatibilities, is_missing, shown

SubjectName = Callable[[str, str, bool], str]

#: What a record needs: (topic, schema name, is it the key?).
Wanted = Iterable[tuple[str, str, bool]]


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

    def require(self, wanted: Wanted) -> None:
        """See to it that all these schemas are registered, where it may not register them.

        Raises:
            SchemasMissing: some are not; it names all of them.
            RegistryError: the registry does not answer, or refuses.
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

    def require(self, wanted: Wanted) -> None:
        """See `WireFormat.require`: records need nothing but themselves."""

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
        properties: Mapping[str, Any],
        *,
        strategy: str = "record",
        auto_register: bool = True,
    ) -> None:
        self._url = shown(url)
        self._subject_name = SUBJECT_NAMES[strategy]
        self._auto_register = auto_register
        self._prefixes: dict[tuple[str, str], bytes] = {}
        self._client = connect(url, properties)

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
                translated = failure(self._url, "", error)
                if isinstance(translated, RegistryDenied):
                    raise translated from None
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
        except Exception as error:
            if not is_missing(error):
                raise failure(self._url, subject, error) from None
        if not self._auto_register:
            raise SchemasMissing([subject])
        if causes := incompatibilities(self._client, self._url, subject, schema):
            raise SchemaRefused(subject, "; ".join(causes))
        return f"{subject}: not there yet; the worker will register it"

    def require(self, wanted: Wanted) -> None:
        """See `WireFormat.require`."""
        missing: dict[str, None] = {}
        for one in wanted if not self._auto_register else ():
            try:
                self.prefix(*one)
            except SchemasMissing as error:
                missing |= dict.fromkeys(error.subjects)
        if missing:
            raise SchemasMissing(list(missing))

    def schema_text(self, schema_id: int) -> str:
        """See `WireFormat.schema_text`."""
        return _schema_text(self._client, self._url, schema_id)

    def _schema_id(self, subject: str, schema: str) -> int:
        avro = Schema(schemas.text(schema), "AVRO")
        try:
            if self._auto_register:
                return int(self._client.register_schema(subject, avro))
            return int(self._client.lookup_schema(subject, avro).schema_id or 0)
        except Exception as error:
            if is_missing(error):
                raise SchemasMissing([subject]) from None
            raise failure(self._url, subject, error) from None

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
    with connect(url, {"max.retries": 1}) as client:
        yield lambda schema_id: _schema_text(client, shown(url), schema_id)


def _schema_text(client: SchemaRegistryClient, url: str, schema_id: int) -> str:
    try:
        return client.get_schema(schema_id).schema_str or ""
    except SchemaRegistryError as error:
        raise RecordUndecodable(
            f"the registry at {url} has no schema {schema_id}: {error.error_message}"
        ) from None
    except Exception as error:
        raise RegistryUnreachable(url, str(error) or type(error).__name__) from None

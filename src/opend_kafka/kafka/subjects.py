"""Subjects of a registry: what stands there against our schemas, and its registration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self

from confluent_kafka.schema_registry import Schema
from confluent_kafka.schema_registry.error import SchemaRegistryError

from opend_kafka import schemas
from opend_kafka.kafka.registry import SUBJECT_NAMES, Wanted
from opend_kafka.kafka.registry_client import connect, failure, incompatibilities, is_missing, shown

#: What our schemas promise: a reader of a newer one reads all that was ever written.
LEVEL = "BACKWARD_TRANSITIVE"

#: Levels that keep the promise.
_KEEPING = (LEVEL, "FULL_TRANSITIVE")

#: Confluent's code for a subject that follows the level of the whole registry.
_NO_LEVEL = 40408


class Standing(StrEnum):
    """How a schema of ours stands under its subject."""

    SAME = "same"
    COMPATIBLE = "compatible"
    INCOMPATIBLE = "INCOMPATIBLE"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class SubjectReport:
    """A subject, as it is. `level` is None where it has none of its own; `causes` say why not."""

    subject: str
    schema: str
    standing: Standing
    schema_id: int | None = None
    level: str | None = None
    causes: tuple[str, ...] = ()

    @property
    def settled(self) -> bool:
        """Whether nothing is left to do."""
        return self.standing is Standing.SAME and self.level in _KEEPING


class Subjects:
    """The subjects of one registry. A context manager.

    Args:
        url: the registry's Confluent-compatible API.
        properties: handed to confluent-kafka's `SchemaRegistryClient` as they are.
        strategy: record, topic or topic_record.
    """

    def __init__(self, url: str, properties: Mapping[str, Any], *, strategy: str) -> None:
        self._url = shown(url)
        self._subject_name = SUBJECT_NAMES[strategy]
        self._client = connect(url, properties)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def examine(self, wanted: Wanted) -> list[SubjectReport]:
        """Say how each subject stands that these records need; change nothing.

        Raises:
            RegistryError: the registry does not answer, or refuses to.
        """
        pairs = {(self._subject_name(*one), one[1]): None for one in wanted}
        return [self._examine(subject, schema) for subject, schema in pairs]

    def register(self, report: SubjectReport) -> SubjectReport:
        """Set the level and register the schema, where that is possible; say how it stands now.

        The level comes first, so that the registry itself holds the schema against all versions.

        Raises:
            RegistryError: the registry does not answer, or refuses.
        """
        if report.settled or report.standing is Standing.INCOMPATIBLE:
            return report
        subject, schema = report.subject, report.schema
        try:
            if report.level not in _KEEPING:
                self._client.set_compatibility(subject, level=LEVEL)
            known = self._client.register_schema(subject, _avro(schema))
        except SchemaRegistryError as error:
            # An older version may be at odds with it, which a weaker level had let pass.
            causes = incompatibilities(self._client, self._url, subject, schema)
            if not causes:
                raise failure(self._url, subject, error) from None
            return replace(
                report, standing=Standing.INCOMPATIBLE, causes=tuple(causes), level=LEVEL
            )
        except Exception as error:
            raise failure(self._url, subject, error) from None
        level = report.level if report.level in _KEEPING else LEVEL
        return replace(report, standing=Standing.SAME, schema_id=known, level=level)

    def _examine(self, subject: str, schema: str) -> SubjectReport:
        level = self._level(subject)
        try:
            found = self._client.lookup_schema(subject, _avro(schema))
            return SubjectReport(subject, schema, Standing.SAME, found.schema_id, level)
        except Exception as error:
            if not is_missing(error):
                raise failure(self._url, subject, error) from None
        if not self._has_versions(subject):
            return SubjectReport(subject, schema, Standing.MISSING, None, level)
        causes = tuple(incompatibilities(self._client, self._url, subject, schema))
        standing = Standing.INCOMPATIBLE if causes else Standing.COMPATIBLE
        return SubjectReport(subject, schema, standing, None, level, causes)

    def _has_versions(self, subject: str) -> bool:
        try:
            return bool(self._client.get_versions(subject))
        except Exception as error:
            if is_missing(error):
                return False
            raise failure(self._url, subject, error) from None

    def _level(self, subject: str) -> str | None:
        try:
            level: str = self._client.get_compatibility(subject)
            return level
        except Exception as error:
            own = isinstance(error, SchemaRegistryError) and error.error_code == _NO_LEVEL
            if own or is_missing(error):
                return None
            raise failure(self._url, subject, error) from None


def _avro(schema: str) -> Schema:
    return Schema(schemas.text(schema), "AVRO")

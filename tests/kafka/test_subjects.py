"""Subjects of the real registry, compared and registered."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

from opend_kafka import schemas
from opend_kafka.errors import RegistryDenied, RegistryUnreachable
from opend_kafka.kafka.subjects import LEVEL, Standing, SubjectReport, Subjects
from tests.kafka.door import BASIC, standing_before

TICKER = "opend.Ticker"


@pytest.fixture
def client(registry_url: str) -> Iterator[SchemaRegistryClient]:
    """Give Confluent's own client: the judge."""
    with SchemaRegistryClient({"url": registry_url}) as judge:
        yield judge


@pytest.fixture
def subjects(registry_url: str) -> Iterator[Subjects]:
    """Give the subjects of the registry, one a topic, so that each test has its own."""
    with Subjects(registry_url, {}, strategy="topic") as given:
        yield given


def _changed(field: str, **change: object) -> Schema:
    """Give a tick's schema in which a field is another."""
    changed = json.loads(schemas.text(TICKER))
    (found,) = [one for one in changed["fields"] if one["name"] == field]
    found.update(change)
    return Schema(json.dumps(changed), "AVRO")


def _without(field: str) -> Schema:
    changed = json.loads(schemas.text(TICKER))
    changed["fields"] = [one for one in changed["fields"] if one["name"] != field]
    return Schema(json.dumps(changed), "AVRO")


def _examine(subjects: Subjects, topic: str) -> SubjectReport:
    (report,) = subjects.examine([(topic, TICKER, False)])
    return report


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("record", ["opend.SecurityKey", TICKER]),
        ("topic", ["one-key", "one-value", "two-value"]),
        ("topic_record", ["one-opend.SecurityKey", f"one-{TICKER}", f"two-{TICKER}"]),
    ],
)
def test_examine_names_each_subject_once(
    registry_url: str, strategy: str, expected: list[str]
) -> None:
    """The strategy decides which subjects there are."""
    wanted = [("one", schemas.KEY, True), ("one", TICKER, False), ("two", TICKER, False)]
    with Subjects(registry_url, {}, strategy=strategy) as given:
        assert [report.subject for report in given.examine(wanted)] == expected


def test_examine_finds_what_is_missing(subjects: Subjects, prefix: str) -> None:
    """A subject that is not there is missing, and has no level."""
    expected = SubjectReport(f"{prefix}-value", TICKER, Standing.MISSING)
    assert _examine(subjects, prefix) == expected


def test_register_settles_what_is_missing(
    subjects: Subjects, client: SchemaRegistryClient, prefix: str
) -> None:
    """After it the schema stands there, with its level, and nothing is left to do."""
    registered = subjects.register(_examine(subjects, prefix))
    assert _examine(subjects, prefix) == registered
    assert registered.settled
    assert client.get_compatibility(f"{prefix}-value") == LEVEL


def test_register_again_changes_nothing(
    subjects: Subjects, client: SchemaRegistryClient, prefix: str
) -> None:
    """A second time there is nothing to do."""
    registered = subjects.register(_examine(subjects, prefix))
    assert subjects.register(_examine(subjects, prefix)) == registered
    assert client.get_versions(f"{prefix}-value") == [1]


def test_register_adds_a_version_that_is_compatible(
    subjects: Subjects, client: SchemaRegistryClient, prefix: str
) -> None:
    """Where an older schema stands that ours can read, ours becomes the next version."""
    client.register_schema(f"{prefix}-value", _without("hp_volume"))
    report = _examine(subjects, prefix)
    assert report.standing is Standing.COMPATIBLE
    assert subjects.register(report).settled
    assert client.get_versions(f"{prefix}-value") == [1, 2]


def test_examine_says_what_is_incompatible(
    subjects: Subjects, client: SchemaRegistryClient, prefix: str
) -> None:
    """The registry's own words tell the version and the two types, and ours name the field."""
    client.register_schema(f"{prefix}-value", _changed("price", type="string"))
    client.set_compatibility(f"{prefix}-value", level=LEVEL)
    report = _examine(subjects, prefix)
    (cause,) = report.causes
    assert (report.standing, report.settled) == (Standing.INCOMPATIBLE, False)
    assert cause.startswith("incompatible with version 1: ")
    assert "DOUBLE not compatible with writer type: STRING at /fields/8/type (price)" in cause


def test_register_leaves_what_is_incompatible(
    subjects: Subjects, client: SchemaRegistryClient, prefix: str
) -> None:
    """Nothing is registered under it, and its level stays."""
    client.register_schema(f"{prefix}-value", _changed("price", type="string"))
    client.set_compatibility(f"{prefix}-value", level="BACKWARD")
    report = _examine(subjects, prefix)
    assert subjects.register(report) == report
    assert client.get_versions(f"{prefix}-value") == [1]
    assert client.get_compatibility(f"{prefix}-value") == "BACKWARD"


def test_every_version_counts_not_only_the_latest(
    subjects: Subjects, client: SchemaRegistryClient, prefix: str
) -> None:
    """A version before the latest that ours cannot read makes it incompatible."""
    subject = f"{prefix}-value"
    client.register_schema(subject, _without("price"))
    client.register_schema(subject, _changed("price", default=0.0))
    (cause,) = _examine(subjects, prefix).causes
    assert cause.startswith("incompatible with version 1: ")


def test_weaker_level_is_not_settled_and_is_raised(
    subjects: Subjects, client: SchemaRegistryClient, prefix: str
) -> None:
    """A schema that stands there without our level gets the level."""
    subjects.register(_examine(subjects, prefix))
    client.set_compatibility(f"{prefix}-value", level="BACKWARD")
    report = _examine(subjects, prefix)
    assert (report.standing, report.settled) == (Standing.SAME, False)
    assert subjects.register(report).settled
    assert client.get_compatibility(f"{prefix}-value") == LEVEL


def test_stronger_level_stays(
    subjects: Subjects, client: SchemaRegistryClient, prefix: str
) -> None:
    """FULL_TRANSITIVE keeps the promise too."""
    client.set_compatibility(f"{prefix}-value", level="FULL_TRANSITIVE")
    assert subjects.register(_examine(subjects, prefix)).settled
    assert client.get_compatibility(f"{prefix}-value") == "FULL_TRANSITIVE"


def test_register_is_told_what_a_weak_level_had_hidden(
    subjects: Subjects, client: SchemaRegistryClient, prefix: str
) -> None:
    """Should examining have been told nothing, registering still names what differs."""
    subject = f"{prefix}-value"
    client.register_schema(subject, _changed("price", type="string"))
    client.set_compatibility(subject, level="NONE")
    unaware = SubjectReport(subject, TICKER, Standing.COMPATIBLE, level="NONE")
    report = subjects.register(unaware)
    assert report.standing is Standing.INCOMPATIBLE
    assert "(price)" in report.causes[0]


def test_subject_without_a_level_of_its_own_has_none(
    subjects: Subjects, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Confluent's registry says 40408 where a subject follows the level of all: it is not ours."""
    subjects.register(_examine(subjects, prefix))

    def follows(subject: str) -> str:
        raise SchemaRegistryError(404, 40408, f"Subject '{subject}' does not have subject-level")

    monkeypatch.setattr(subjects._client, "get_compatibility", follows)
    report = _examine(subjects, prefix)
    assert (report.standing, report.level, report.settled) == (Standing.SAME, None, False)


def test_registry_that_is_gone_is_named() -> None:
    """No registry is an error that names its URL."""
    with (
        Subjects("http://127.0.0.1:1", {}, strategy="record") as given,
        pytest.raises(RegistryUnreachable, match=r"http://127\.0\.0\.1:1"),
    ):
        given.examine([("topic", TICKER, False)])


def test_refused_login_is_named(registry_url: str) -> None:
    """Who is not let in is told so, and not that schemas are missing."""
    with (
        standing_before(registry_url, login=BASIC) as door,
        Subjects(door, {}, strategy="record") as given,
        pytest.raises(RegistryDenied),
    ):
        given.examine([("topic", TICKER, False)])

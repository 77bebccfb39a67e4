"""What the documents say is so."""

from __future__ import annotations

import ast
import json
import re
import shlex
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastavro import schemaless_reader

from opend_kafka import config, schemas
from opend_kafka.cli import cli
from opend_kafka.config import Config
from opend_kafka.consuming.decoding import Decoder
from opend_kafka.continuity.gap import Outcome
from opend_kafka.logs import REPEATED
from opend_kafka.metrics import Metrics
from opend_kafka.opend.frames import FrameReader
from opend_kafka.opend.messages import decode_push
from opend_kafka.records.engine import Provenance, RecordEncoder
from opend_kafka.records.ticker import TICKER
from tests.consuming.samples import a_tick, single_object

ROOT = Path(__file__).parent.parent
DOCUMENTS = ["README.md", "CONTRIBUTING.md", *(f"docs/{p.name}" for p in ROOT.glob("docs/*.md"))]


def _text(document: str) -> str:
    return ROOT.joinpath(document).read_text()


def _blocks(document: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", _text(document), re.DOTALL | re.MULTILINE)


def _command_lines(document: str) -> list[list[str]]:
    lines = "".join(_blocks(document, "bash")).splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


@pytest.mark.parametrize("document", ["README.md", "docs/configuration.md", "docs/kafka.md"])
def test_configurations_in_documents_load(document: str) -> None:
    """Each YAML block is a configuration that the worker takes."""
    for block in _blocks(document, "yaml"):
        assert config.parse(block).wanted()


def test_configuration_document_shows_the_defaults() -> None:
    """What docs/configuration.md shows as defaults are the defaults."""
    (block,) = _blocks("docs/configuration.md", "yaml")
    shown = config.parse(block)
    entry = {
        "securities": ["HK.00700", "US.AAPL"],
        "subtypes": ["ticker", "order-book", "order-book-odd"],
    }
    defaults = Config.model_validate({"subscriptions": [entry]})
    assert config.effective(shown) == config.effective(defaults)


def test_configuration_document_shows_every_key() -> None:
    """No key is missing from docs/configuration.md."""
    (block,) = _blocks("docs/configuration.md", "yaml")
    shown = yaml.safe_load(block)
    parsed = config.parse(block)
    assert set(shown) == set(Config.model_fields)
    for name in ("opend", "kafka", "schema_registry", "repair", "admin", "log"):
        assert set(shown[name]) == set(type(getattr(parsed, name)).model_fields)
    assert set(shown["subscriptions"][0]) == set(type(parsed.subscriptions[0]).model_fields)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_commands_in_documents_parse(document: str) -> None:
    """Each `opend-kafka` line names a command with options that it has."""
    for words in _command_lines(document):
        if words[0].endswith("opend-kafka"):
            command = cli.commands[words[1]]
            command.make_context(words[1], list(words[2:]), resilient_parsing=False)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_make_targets_in_documents_exist(document: str) -> None:
    """Each `make` line names a target of the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", _text("Makefile"), re.MULTILINE))
    assert {words[1] for words in _command_lines(document) if words[0] == "make"} <= targets


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_in_documents_lead_somewhere(document: str) -> None:
    """Each relative link names a file that is there."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)", _text(document))
    folder = ROOT.joinpath(document).parent
    assert [link for link in links if not folder.joinpath(link).exists()] == []


def test_readmes_tick_is_what_the_worker_makes() -> None:
    """The decoded example is OpenD's own push, through our encoder and decoder."""
    vectors = json.loads(ROOT.joinpath("tests/data/frames.json").read_text())["vectors"]
    (vector,) = (one for one in vectors if one["name"] == "ticker_realtime_hk")
    (frame,) = FrameReader().receive(bytes.fromhex(vector["frame_plain"]))
    s2c = decode_push(frame.proto_id, frame.body)
    encoder = RecordEncoder(TICKER)
    provenance = Provenance(6825335709542277011, frame.serial, 1624588428174901)
    prefix = schemas.SINGLE_OBJECT_MAGIC + schemas.fingerprint("opend.Ticker")
    value = encoder.encode(s2c, encoder.rows(s2c)[0], 0, provenance, prefix)
    decoded = json.dumps(Decoder().decode(value).fields, default=lambda time: time.isoformat())
    (block,) = _blocks("README.md", "json")
    assert json.loads(block) == json.loads(decoded)


def test_operations_document_names_every_metric() -> None:
    """docs/operations.md lists all metrics that exist, and none that do not."""
    exist = {
        metric.name.removeprefix("opend_kafka_") + ("_total" if metric.type == "counter" else "")
        for metric in Metrics("0").registry.collect()
        if not metric.name.startswith("process_")
    }
    table = _text("docs/operations.md").split("prefix `opend_kafka_`")[1].split("\n#")[0]
    rows = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    listed = {name for row in rows for name in re.findall(r"`([a-z_]+)", row)}
    assert listed == exist


#: What writes a line of the log.
LOGGING = {"debug", "info", "warning", "error", "write"}

#: What logs, and is no part of a worker.
NO_WORKER = ("simulator", "recording", "recorder.py", "demo")


def _logged_events(source: Path) -> Iterator[str]:
    """Give the events that a module logs, by `log.info("…")` or `write("…")` and their like."""
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Call) and node.args:
            logs = ast.unparse(node.func).rpartition(".")[2] in LOGGING
            match node.args[0]:
                case ast.Constant(value=str(event)) if logs:
                    yield event
                case ast.JoinedStr(values=[ast.Constant(value="gap_"), *_]) if logs:
                    yield from (f"gap_{outcome}" for outcome in Outcome)
                case ast.Name(id="REPEATED"):
                    yield REPEATED


def test_operations_document_names_every_log_event() -> None:
    """docs/operations.md explains each event that the worker logs, and none that it does not."""
    source = ROOT / "src/opend_kafka"
    logged = {
        event
        for module in source.rglob("*.py")
        if module.relative_to(source).parts[0] not in NO_WORKER
        for event in _logged_events(module)
    }
    section = _text("docs/operations.md").split("## What the log says")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`[^|]*) \|", section, re.MULTILINE)
    assert {event for row in rows for event in re.findall(r"`([a-z_]+)`", row)} == logged


def test_python_about_fingerprints_finds_the_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    """What docs/kafka.md shows reads a record of ours by the files of avro/ alone."""
    (block,) = _blocks("docs/kafka.md", "python")
    tick = a_tick(7)
    names: dict[str, Any] = {"value": single_object("opend.Ticker", tick)}
    monkeypatch.chdir(ROOT)
    exec(block, names)  # noqa: S102 - our own document
    assert schemaless_reader(BytesIO(names["body"]), names["schema"], None) == tick


def test_every_command_is_in_a_document() -> None:
    """README or another document shows each command at work."""
    lines = [words for document in DOCUMENTS for words in _command_lines(document)]
    shown = {words[1] for words in lines if words[0].endswith("opend-kafka")}
    shown |= set(re.findall(r"`opend-kafka (\w+)`", _text("CHANGELOG.md")))
    assert set(cli.commands) <= shown


def _statements(document: str) -> list[str]:
    """Give the items of its lists, each with the lines that go on with it."""
    return re.findall(r"^- .*\n(?:  .*\n)*", _text(document), re.MULTILINE)


def test_every_statement_about_consuming_names_its_proof() -> None:
    """Each item of docs/consuming.md links tests that exist where the link leads."""
    for statement in _statements("docs/consuming.md"):
        proofs = re.findall(r"\[(test_\w+)\]\(\.\./([\w/]+\.py)\)", statement)
        assert proofs, f"no test proves: {statement}"
        missing = [name for name, file in proofs if f"def {name}(" not in _text(file)]
        assert missing == []


def test_python_about_consuming_runs() -> None:
    """What docs/consuming.md shows gives typed ticks, each once."""
    (block,) = _blocks("docs/consuming.md", "python")
    names: dict[str, Any] = {
        "values": [single_object("opend.Ticker", a_tick(sequence)) for sequence in (1, 2, 1)]
    }
    exec(block, names)  # noqa: S102 - our own document
    assert [tick.sequence for tick in names["ticks"]] == [1, 2]

"""opend-kafka-consumer: the consumer's modules in a distribution of their own."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import venv
from importlib.metadata import distribution
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.consuming.samples import a_tick, single_object
from tests.consuming.test_dependencies import MODULES

ROOT = Path(__file__).parents[2]
CONSUMER = ROOT / "distributions" / "consumer"

_READ = """
import sys
from opend_kafka import __version__
from opend_kafka.consuming.decoding import Decoder
from opend_kafka.consuming.streaming import TickStream
from opend_kafka.consuming.ticks import TickDeduplicator
tick = Decoder().decode(bytes.fromhex(sys.argv[1])).fields
print(__version__, tick["sequence"], TickDeduplicator().is_new(tick))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    """Give the wheel as pip builds it."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet"]
    command = [*pip, "--no-deps", "--no-build-isolation", "-w", str(folder), str(CONSUMER)]
    subprocess.run(command, check=True, timeout=120)
    [path] = folder.glob("opend_kafka_consumer-*.whl")
    return ZipFile(path)


def test_consumer_wheel_has_the_repositorys_own_files(wheel: ZipFile) -> None:
    """So where opend-kafka of the same version is installed too, neither changes the other."""
    packed = {name: wheel.read(name) for name in wheel.namelist() if ".dist-info/" not in name}
    there = {
        name: (ROOT / "src" / name).read_bytes()
        if not name.startswith("opend_kafka/avro/")
        else (ROOT / "avro" / Path(name).name).read_bytes()
        for name in packed
    }
    assert packed == there


def test_consumer_wheel_has_nothing_of_the_worker(wheel: ZipFile) -> None:
    """Neither its packages nor what only the commands need."""
    folders = {name.rpartition("/")[0] for name in wheel.namelist() if ".dist-info/" not in name}
    assert folders == {"opend_kafka", "opend_kafka/avro", "opend_kafka/consuming"}


def test_consumer_wheel_has_all_that_needs_no_kafka_client(wheel: ZipFile) -> None:
    """Each module of opend_kafka.consuming that imports with fastavro alone."""
    folder = "opend_kafka/consuming/"
    packed = {name.removeprefix(folder) for name in wheel.namelist() if name.startswith(folder)}
    assert packed == {f"{one}.py" for one in ("__init__", *MODULES)}


def test_consumer_reads_ticks_where_only_its_wheel_and_fastavro_are(
    wheel: ZipFile, tmp_path: Path
) -> None:
    """In a fresh environment, without the worker's many dependencies."""
    venv.create(tmp_path, with_pip=False, symlinks=True)
    [site] = tmp_path.glob("lib/python*/site-packages")
    wheel.extractall(site)
    fastavro = distribution("fastavro").locate_file("fastavro")
    (site / "fastavro").symlink_to(Path(str(fastavro)))
    data = single_object("opend.Ticker", a_tick(2**60 + 1)).hex()
    ended = subprocess.run(
        [tmp_path / "bin" / "python", "-I", "-c", _READ, data],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (ended.stderr, ended.stdout) == ("", f"{_version()} {2**60 + 1} True\n")


def test_both_distributions_have_one_version() -> None:
    """A record's schema and its reader are of one release."""
    consumer = tomllib.loads((CONSUMER / "pyproject.toml").read_text())
    assert consumer["project"]["version"] == _version()


def _version() -> str:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return str(project["version"])

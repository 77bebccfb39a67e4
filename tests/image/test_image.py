"""The image, built and run: `make image`. Skipped where there is no container engine."""

from __future__ import annotations

import asyncio
import json
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
import yaml

from opend_kafka import __version__
from tests.clusters.maven import Unavailable
from tests.clusters.processes import ReservedPort
from tests.conftest import Cluster
from tests.helm.chart import Release, render
from tests.helm.generate import ROOT
from tests.image import engine as engines
from tests.image.engine import Engine

pytestmark = pytest.mark.image

IMAGE = "opend-kafka:test"

#: Seconds after which a container hangs: the machine may be busy.
HANGS_S = 90


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """Give an engine that has built our image."""
    try:
        with engines.running() as running:
            running.build(IMAGE)
            yield running
            # What is younger saves the next build its downloads.
            running.run("image", "prune", "--force", "--filter", "until=24h")
    except Unavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def image(engine: Engine) -> Any:
    """Give what the engine knows of our image."""
    return engine.inspect(IMAGE)["Config"]


@contextmanager
def container(engine: Engine, *arguments: str) -> Iterator[str]:
    """Run a container; give its name, and remove it at the end."""
    name = f"opend-kafka-{uuid4().hex[:8]}"
    engine.output("run", "--detach", "--network", "host", "--name", name, *arguments)
    try:
        yield name
    finally:
        engine.run("rm", "--force", name)


def test_image_starts_the_worker_as_a_numbered_user(image: Any) -> None:
    """Kubernetes can see that it is not root; the command takes the signals itself."""
    assert image["User"] == "10001:10001"
    assert image["Entrypoint"] == ["opend-kafka"]
    assert image["Cmd"] == ["run", "-c", "/etc/opend-kafka/config.yaml"]
    assert image["StopSignal"] == "SIGTERM"


def test_image_says_what_it_is(image: Any) -> None:
    """Labels of the Open Container Initiative, with the product's version."""
    labels = {
        key.removeprefix("org.opencontainers.image."): value
        for key, value in image["Labels"].items()
    }
    assert labels["version"] == __version__
    assert set(labels) >= {"title", "description", "licenses", "revision"}


def test_image_has_no_compiler(engine: Engine) -> None:
    """What built it has stayed behind, and so has pip in the worker's own environment."""
    found = engine.output(
        "run", "--rm", "--network", "none", "--entrypoint", "sh", IMAGE, "-c",
        "command -v gcc cc ld; ls /opt/opend-kafka/bin | grep ^pip; true",
    )  # fmt: skip
    assert found == ""


def test_image_has_the_compiled_parts(engine: Engine) -> None:
    """Each extension that the package declares is there, compiled."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    for module in (one["name"] for one in project["tool"]["setuptools"]["ext-modules"]):
        shown = engine.output(
            "run", "--rm", "--network", "none", "--entrypoint", "python", IMAGE, "-c",
            f"import {module} as module; print(module.__file__)",
        )  # fmt: skip
        assert shown.endswith(".so")


def test_image_compiles_nothing_at_its_start(engine: Engine) -> None:
    """Every module's bytecode is there: the root file system is read-only."""
    missing = engine.output(
        "run", "--rm", "--network", "none", "--entrypoint", "python", IMAGE, "-c",
        "import importlib.util, pathlib, opend_kafka;"
        "root = pathlib.Path(opend_kafka.__file__).parent;"
        "print([str(one) for one in root.rglob('*.py')"
        " if not pathlib.Path(importlib.util.cache_from_source(str(one))).exists()])",
    )  # fmt: skip
    assert missing == "[]"


def test_wrong_configuration_is_said(engine: Engine, tmp_path: Path) -> None:
    """Exit code 2, and one line that names the key."""
    (tmp_path / "config.yaml").write_text("kafka: {bootstrap_server: x}\nsubscriptions: []\n")
    tmp_path.chmod(0o755)
    done = engine.run(
        "run", "--rm", "--network", "none", "--read-only", "--volume",
        f"{tmp_path}:/etc/opend-kafka:ro", IMAGE,
    )  # fmt: skip
    assert done.returncode == 2
    assert "kafka.bootstrap_server" in done.stderr


def _flags(release: Release, folder: Path) -> list[str]:
    """Translate the rendered pod for `docker run`: its confinement, its files, its environment."""
    (pod,), (worker,) = release.pods(), release.workers()
    user, confined = pod["securityContext"], worker["securityContext"]
    assert not confined["allowPrivilegeEscalation"]
    assert confined["readOnlyRootFilesystem"]
    # RuntimeDefault is what the engine does where nothing else is said.
    flags = ["--user", f"{user['runAsUser']}:{user['runAsGroup']}", "--read-only"]
    flags += ["--security-opt", "no-new-privileges"]
    flags += [flag for one in confined["capabilities"]["drop"] for flag in ("--cap-drop", one)]
    flags += [flag for one in worker["env"] for flag in ("--env", f"{one['name']}={one['value']}")]
    memory = worker["resources"]["limits"]["memory"]
    assert memory.endswith("Mi")
    flags += ["--memory", f"{memory[:-2]}m"]
    (mount,) = worker["volumeMounts"]
    (config,) = (one["data"] for one in release.of("ConfigMap") if "config.yaml" in one["data"])
    for name, text in config.items():
        (folder / name).write_text(text)
    folder.chmod(0o755)
    return [*flags, "--volume", f"{folder}:{mount['mountPath']}:ro"]


async def _until_healthy(engine: Engine, name: str) -> None:
    deadline = time.monotonic() + HANGS_S
    while (state := engine.inspect(name)["State"])["Health"]["Status"] != "healthy":
        logs = engine.run("logs", name)
        assert state["Running"], f"it ended: {logs.stdout}{logs.stderr}"
        assert time.monotonic() < deadline, json.dumps(state)
        await asyncio.sleep(0.2)


async def _until_ready(port: int) -> None:
    deadline = time.monotonic() + HANGS_S
    async with aiohttp.ClientSession() as session:
        while True:
            async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
                if answer.status == 200:
                    return
                assert time.monotonic() < deadline, await answer.text()
            await asyncio.sleep(0.1)


async def test_rendered_pod_runs_and_drains(
    engine: Engine, apache: Cluster, prefix: str, tmp_path: Path
) -> None:
    """As the chart confines it: healthy, ready, writing to no file; SIGTERM drains it, exit 0."""
    with ReservedPort() as opend, ReservedPort() as admin:
        release = render(
            {
                "endpoints": [{"name": "opend", "host": "127.0.0.1", "port": opend.number}],
                "admin": {"host": "127.0.0.1", "port": admin.number},
                "config": {
                    "kafka": {
                        "bootstrap_servers": apache.bootstrap_servers,
                        "topic_prefix": prefix,
                    },
                    "schema_registry": {"url": None},
                },
            }
        )
        (worker,) = release.workers()
        simulator = container(
            engine, "--read-only", "--no-healthcheck", IMAGE, "simulate", "--port",
            str(opend.number), "--securities", "HK.00700,US.AAPL",
        )  # fmt: skip
        with simulator, container(
            engine, *_flags(release, tmp_path), "--health-interval", "1s", IMAGE, *worker["args"]
        ) as name:  # fmt: skip
            await _until_healthy(engine, name)
            await _until_ready(admin.number)
            # The engine itself makes the place where the configuration is mounted.
            changed = {line.split()[1] for line in engine.output("diff", name).splitlines()}
            assert changed <= {"/etc", worker["volumeMounts"][0]["mountPath"]}
            engine.output("stop", "--time", str(HANGS_S), name, within_s=2 * HANGS_S)
            assert engine.inspect(name)["State"]["ExitCode"] == 0
            lines = engine.run("logs", name).stderr.splitlines()
            log = [json.loads(line) for line in lines if line.startswith("{")]
            assert log[-1]["event"] == "drained"
            assert log[-1]["delivered"] > 0
            assert log[-1]["failed"] == 0


def test_chart_and_dockerfile_name_the_same_user(image: Any) -> None:
    """The chart's user is the image's."""
    (pod,) = render().pods()
    context = pod["securityContext"]
    assert image["User"] == f"{context['runAsUser']}:{context['runAsGroup']}"


def test_compose_builds_this_image() -> None:
    """docker-compose.yml builds the Dockerfile that is tested here."""
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    assert services["worker"]["build"] == "."

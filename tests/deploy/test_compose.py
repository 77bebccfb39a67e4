"""docker-compose.yml, read by the compose specification's own loader; and the files it mounts.

Its images cannot be pulled on every machine, so nothing is started here.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from opend_kafka import config
from tests.clusters.requirement import tool

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy" / "compose"

#: MiB that the worker's process itself takes at most, as the fault suite judges it.
PROCESS_MIB = 160

#: Ours are built, and OpenD's is the user's own.
BUILT = {"opend-kafka", "opend"}

#: OpenD's port answers once somebody has logged in, which may need a person.
UNCHECKED = {"opend", "worker"}


@pytest.fixture(scope="module", params=["simulator", "opend"])
def services(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Give the services of one profile after the other, as the specification's loader does."""
    environment = {**os.environ, "COMPOSE_PROFILES": request.param}
    done = subprocess.run(
        [tool("compose"), "-format", "json", str(ROOT / "docker-compose.yml")],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    model: dict[str, Any] = json.loads(done.stdout)["services"]
    return {
        name: one
        for name, one in model.items()
        if request.param in one.get("profiles", [request.param])
    }


def test_one_opend_answers_to_its_name(services: dict[str, Any]) -> None:
    """In each profile exactly one container is called as the worker's configuration says."""
    host = config.load(DEPLOY / "worker.yaml").opend.host
    called = [
        name
        for name, one in services.items()
        if host == name or host in ((one["networks"].get("default") or {}).get("aliases") or [])
    ]
    assert len(called) == 1


def test_plain_up_starts_the_simulator() -> None:
    """Without a profile, that of .env counts."""
    lines = (ROOT / ".env").read_text().splitlines()
    assert "COMPOSE_PROFILES=simulator" in lines


def test_ports_are_on_loopback_only(services: dict[str, Any]) -> None:
    """Nothing has a password: nobody else may reach it."""
    ports = [port for one in services.values() for port in one.get("ports", [])]
    assert ports
    assert all(port["host_ip"] == "127.0.0.1" for port in ports)
    published = [port["published"] for port in ports]
    assert len(set(published)) == len(published)


def test_images_are_pinned(services: dict[str, Any]) -> None:
    """Each image from elsewhere has a version."""
    foreign = [one["image"] for one in services.values() if one["image"] not in BUILT]
    assert all(re.search(r":v?\d+\.\d+\.\d+$", image) for image in foreign), foreign


def test_every_service_has_limits(services: dict[str, Any]) -> None:
    """Memory, processors and logs are bounded."""
    for name, one in services.items():
        assert one["mem_limit"], name
        assert one["cpus"], name
        assert one["logging"]["options"]["max-size"], name


def test_workers_memory_holds_what_may_wait(services: dict[str, Any]) -> None:
    """The limit holds the process and kafka.max_buffered_bytes."""
    limit = int(services["worker"]["mem_limit"].removesuffix("m"))
    buffered = config.load(DEPLOY / "worker.yaml").kafka.max_buffered_bytes / 2**20
    assert limit >= PROCESS_MIB * 1.2 + buffered


def test_every_service_tells_its_health(services: dict[str, Any]) -> None:
    """A health check in the file, or in our image."""
    assert {name for name, one in services.items() if "healthcheck" not in one} <= UNCHECKED


def test_each_waits_for_what_it_needs(services: dict[str, Any]) -> None:
    """Who is depended on for its health has a check of it; what a profile lacks is not required."""
    for name, one in services.items():
        for needed, how in (one.get("depends_on") or {}).items():
            if needed not in services:
                assert how["required"] is False, f"{name} needs {needed}"
            elif how["condition"] == "service_healthy":
                assert "healthcheck" in services[needed], f"{name} waits for {needed}"


def test_mounted_files_exist(services: dict[str, Any]) -> None:
    """Else the engine would make a folder in its place."""
    binds = [
        Path(volume["source"])
        for one in services.values()
        for volume in one.get("volumes", [])
        if volume["type"] == "bind"
    ]
    assert binds
    assert [path for path in binds if not path.is_file()] == []


def test_our_containers_are_confined(services: dict[str, Any]) -> None:
    """Ours run read-only and without capabilities, as in Kubernetes."""
    for one in services.values():
        if one["image"] == "opend-kafka":
            assert one["read_only"]
            assert one["cap_drop"] == ["ALL"]
            assert one["security_opt"] == ["no-new-privileges:true"]


def test_worker_is_configured_for_these_services(services: dict[str, Any]) -> None:
    """Its Kafka and its registry are services, at the ports where they listen inside."""
    settings = config.load(DEPLOY / "worker.yaml")
    listeners = services["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    assert f"://{settings.kafka.bootstrap_servers}" in listeners
    assert settings.schema_registry.url == "http://schema-registry:8081"
    registry = services["schema-registry"]["environment"]
    assert registry["SCHEMA_REGISTRY_LISTENERS"].endswith(":8081")


def test_prometheus_takes_its_configuration(tmp_path: Path) -> None:
    """`promtool check config` takes it, with the alerts that are mounted beside it."""
    text = (DEPLOY / "prometheus.yaml").read_text()
    here = text.replace("/etc/prometheus/alerts.yaml", str(ROOT / "monitoring" / "alerts.yaml"))
    (tmp_path / "prometheus.yaml").write_text(here)
    done = subprocess.run(
        [tool("promtool"), "check", "config", str(tmp_path / "prometheus.yaml")],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_asks_the_worker() -> None:
    """It scrapes the port that the image's admin endpoint listens on."""
    jobs = yaml.safe_load((DEPLOY / "prometheus.yaml").read_text())["scrape_configs"]
    (targets,) = (
        job["static_configs"][0]["targets"] for job in jobs if job["job_name"] != "prometheus"
    )
    assert targets == ["worker:8080"]
    assert "OPEND_KAFKA__ADMIN__PORT=8080" in (ROOT / "Dockerfile").read_text()


def test_grafana_finds_dashboard_and_source(services: dict[str, Any]) -> None:
    """The dashboard lies where the provider looks, and asks the only kind of source there is."""
    folder = yaml.safe_load((DEPLOY / "grafana/dashboards.yaml").read_text())["providers"][0]
    targets = [volume["target"] for volume in services["grafana"]["volumes"]]
    home = services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home in targets
    assert Path(home).parent == Path(folder["options"]["path"])
    (source,) = yaml.safe_load((DEPLOY / "grafana/datasource.yaml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    assert source["type"] == "prometheus"

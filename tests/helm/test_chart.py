"""What every way of using the chart renders: Kubernetes takes it, and it is safe."""

from __future__ import annotations

import json

import pytest

from opend_kafka.worker import DRAIN_S
from tests.clusters.requirement import tool
from tests.helm.chart import Release, helm, named, render
from tests.helm.combinations import COMBINATIONS
from tests.helm.generate import CHART
from tests.helm.schemas import VERSIONS, faults

MIB = 1024 * 1024

#: What the process itself takes beside kafka.max_buffered_bytes, as the fault suite judges it.
PROCESS_MIB = 160


@pytest.fixture(scope="module", params=COMBINATIONS)
def combination(request: pytest.FixtureRequest) -> str:
    """Give one name after the other."""
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def release(combination: str) -> Release:
    """Give what the combination renders."""
    return render(COMBINATIONS[combination])


def test_helm_lints_it_strictly(combination: str) -> None:
    """`helm lint --strict` has nothing to say."""
    done = helm("lint", "--strict", str(CHART), values=COMBINATIONS[combination])
    assert done.returncode == 0, done.stdout


def test_kubernetes_takes_it(combination: str) -> None:
    """Each object is valid, and has no unknown key, in each version of Kubernetes."""
    found = [
        f"{version}: {fault}"
        for rendered_for, versions in VERSIONS.items()
        for one in render(COMBINATIONS[combination], kubernetes=rendered_for).objects
        for version in versions
        for fault in faults(one, version)
    ]
    assert found == []


def test_worker_takes_its_configuration(release: Release) -> None:
    """The ConfigMaps hold what the worker itself validates."""
    assert all(one.wanted() for one in release.configs())
    assert len(release.configs()) == len(release.workers())


def test_names_are_not_used_twice(release: Release) -> None:
    """No object takes the place of another."""
    names = [(one["kind"], one["metadata"]["name"]) for one in release.objects]
    assert len(set(names)) == len(names)


def test_memory_suffices_while_kafka_is_away(release: Release) -> None:
    """The limit holds the process itself and all that may wait for Kafka."""
    for worker, config in zip(release.workers(), release.configs(), strict=True):
        limit = _mebibytes(worker["resources"]["limits"]["memory"])
        assert limit >= PROCESS_MIB * 1.2 + config.kafka.max_buffered_bytes / MIB


def _mebibytes(quantity: str) -> float:
    return float(quantity[:-2]) * {"Mi": 1, "Gi": 1024}[quantity[-2:]]


def test_worker_has_time_to_drain(release: Release) -> None:
    """Kubernetes waits longer than the worker drains."""
    assert all(pod["terminationGracePeriodSeconds"] > DRAIN_S for pod in release.pods())


def test_pods_are_confined(release: Release) -> None:
    """No root, no writing, no capability, no token, the runtime's seccomp profile: tests too."""
    pods = release.pods() + [one["spec"] for one in release.of("Pod")]
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        for container in pod["containers"]:
            if container["name"] != "opend":
                assert container["securityContext"] == {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                }


def test_probes_ask_what_each_is_for(release: Release) -> None:
    """A restart follows /livez alone; /readyz only says whether the worker is ready."""
    for worker in release.workers():
        paths = {
            probe: worker[probe]["httpGet"]["path"]
            for probe in ("startupProbe", "livenessProbe", "readinessProbe")
        }
        assert paths == {
            "startupProbe": "/livez",
            "livenessProbe": "/livez",
            "readinessProbe": "/readyz",
        }
        (port,) = worker["ports"]
        assert all(worker[probe]["httpGet"]["port"] == port["name"] for probe in paths)


def test_each_worker_has_its_own_configuration(release: Release) -> None:
    """A pod mounts the ConfigMap of its own name, where the command looks for it."""
    for workload, pod in zip(release.of("StatefulSet"), release.pods(), strict=True):
        worker = named(pod["containers"], "worker")
        mount = named(worker["volumeMounts"], "config")
        config_map = named(pod["volumes"], "config")["configMap"]["name"]
        assert config_map == workload["metadata"]["name"]
        assert worker["args"][-1] == f"{mount['mountPath']}/config.yaml"


def test_environment_agrees_with_the_configuration(release: Release) -> None:
    """What would win over the file says the same: where the admin endpoint listens."""
    for worker, config in zip(release.workers(), release.configs(), strict=True):
        given = {one["name"]: one.get("value") for one in worker["env"]}
        assert given["OPEND_KAFKA__ADMIN__HOST"] == config.admin.host
        assert given["OPEND_KAFKA__ADMIN__PORT"] == str(config.admin.port)
        assert worker["ports"][0]["containerPort"] == config.admin.port


def test_one_pod_an_endpoint(release: Release) -> None:
    """Two workers at one OpenD would write every record twice."""
    assert all(one["spec"]["replicas"] == 1 for one in release.of("StatefulSet"))
    addresses = [(one.opend.host, one.opend.port) for one in release.configs()]
    assert len(set(addresses)) == len(addresses) or set(addresses) <= {
        ("127.0.0.1", one.opend.port) for one in release.configs()
    }


def test_selectors_find_the_pods(release: Release) -> None:
    """Service, budget, policy and monitors select labels that the pods have."""
    pods = [one["spec"]["template"]["metadata"]["labels"] for one in release.of("StatefulSet")]
    selectors = [one["spec"]["selector"]["matchLabels"] for one in release.of("StatefulSet")]
    for labels, selector in zip(pods, selectors, strict=True):
        assert selector.items() <= labels.items()
    common = [one["spec"]["selector"] for one in release.of("Service")]
    common += [one["spec"]["podSelector"]["matchLabels"] for one in release.of("NetworkPolicy")]
    common += [
        one["spec"]["selector"]["matchLabels"]
        for kind in ("PodDisruptionBudget", "PodMonitor")
        for one in release.of(kind)
    ]
    assert all(selector.items() <= labels.items() for selector in common for labels in pods)
    services = [one["metadata"]["labels"] for one in release.of("Service")]
    monitors = [one["spec"]["selector"]["matchLabels"] for one in release.of("ServiceMonitor")]
    assert all(selector.items() <= labels.items() for selector in monitors for labels in services)


def test_no_secret_stands_in_a_config_map(release: Release) -> None:
    """What a configuration masks when it is shown is only ever a file's name."""
    for config in release.configs():
        shown = json.dumps([config.kafka.properties, config.schema_registry.properties])
        assert "hush" not in shown
        for part in (config.kafka.properties, config.schema_registry.properties):
            secret = [key for key in part if "password" in key or "user.info" in key]
            assert all(key.endswith("_file") for key in secret)


def test_helm_is_the_real_one() -> None:
    """What these tests call helm is Helm 3 or 4."""
    assert helm("version", "--short").stdout.startswith(("v3.", "v4.")), tool("helm")

"""The chart's values: what is refused, what is described, what has its source elsewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from opend_kafka import __version__
from opend_kafka.plan import topic_specs
from tests.helm.chart import Release, Values, named, refusal, render
from tests.helm.combinations import COMBINATIONS, SIDECAR, TWO_ENDPOINTS
from tests.helm.generate import CHART, COPIES, SCHEMA, config_schema

README = (CHART / "README.md").read_text()
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())

#: Values whose own keys are the user's, or the worker's: each is one row in the README.
_WHOLE = ("config", "podSecurityContext", "securityContext", "opendSidecar.securityContext")


def _leaves(values: Values, path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        name = f"{path}{key}"
        if isinstance(value, dict) and value and name not in _WHOLE:
            yield from _leaves(value, f"{name}.")
        else:
            yield name, value


def test_schema_is_one() -> None:
    """values.schema.json is valid JSON schema, and knows every default."""
    schema = json.loads(SCHEMA.read_text())
    Draft7Validator.check_schema(schema)
    assert set(schema["properties"]) - {"global"} == set(VALUES)


def test_schema_has_the_workers_configuration() -> None:
    """A key that the worker takes, the chart takes."""
    written = json.loads(SCHEMA.read_text())["$defs"]["config"]
    assert written == config_schema(), "the configuration has changed: run `make chart`"


@pytest.mark.parametrize("copy", COPIES, ids=lambda path: path.name)
def test_copies_are_equal(copy: Any) -> None:
    """The chart's alerts and dashboard are those of monitoring/."""
    assert copy.read_text() == COPIES[copy].read_text(), "monitoring/ has changed: run `make chart`"


def test_chart_has_the_products_version() -> None:
    """The chart installs the image of its own version."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["appVersion"] == __version__


def test_readme_has_every_value_and_its_default() -> None:
    """One row a value, with the default that values.yaml has."""
    rows = re.findall(r"^\| `([^`]+)` \| `([^`]*)` \| .+ \|$", README, re.MULTILINE)
    shown = {name: yaml.safe_load(default) for name, default in rows if name not in _WHOLE}
    assert shown == {name: value for name, value in _leaves(VALUES) if name not in _WHOLE}
    assert {name for name, _ in rows} >= set(_WHOLE)


@pytest.mark.parametrize("block", re.findall(r"```yaml\n(.*?)```", README, re.DOTALL))
def test_values_in_the_readme_render(block: str) -> None:
    """What the README shows can be installed, and its configuration is the worker's."""
    assert all(one.wanted() for one in render(yaml.safe_load(block)).configs())


def test_links_in_the_readme_lead_somewhere() -> None:
    """Each relative link names a file that is there."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)", README)
    assert links
    assert [link for link in links if not (CHART / link).exists()] == []


#: Values that nobody can want → what the refusal says.
REFUSED: dict[str, tuple[Values, str]] = {
    "an unknown value": ({"replicas": 2}, "'replicas' not allowed"),
    "an unknown key below": ({"image": {"repo": "x"}}, "'repo' not allowed"),
    "an unknown key of the configuration": (
        {"config": {"kafka": {"bootstrap_server": "k:9092"}}},
        "'bootstrap_server' not allowed",
    ),
    "a subtype that does not exist": (
        {"config": {"subscriptions": [{"securities": ["HK.00700"], "subtypes": ["tick"]}]}},
        "/subtypes/0",
    ),
    "a security without its market": (
        {"config": {"subscriptions": [{"securities": ["00700"], "subtypes": ["ticker"]}]}},
        "/securities/0",
    ),
    "a text for a number": ({"admin": {"port": "http"}}, "got string, want integer"),
    "a port that does not exist": ({"admin": {"port": 70_000}}, "/admin/port"),
    "the admin endpoint among the configuration": (
        {"config": {"admin": {"port": 9000}}},
        "'admin' not allowed",
    ),
    "no endpoint": ({"endpoints": []}, "/endpoints"),
    "an endpoint without a host": (
        {"endpoints": [{"name": "hk", "port": 11111}]},
        "missing property 'host'",
    ),
    "a name that Kubernetes refuses": (
        {"endpoints": [{"name": "HK_1", "host": "opend", "port": 11111}]},
        "/endpoints/0/name",
    ),
    "less time than the worker drains": ({"terminationGracePeriodSeconds": 20}, "minimum"),
    "less memory than the worker needs": (
        {"resources": {"limits": {"memory": "500Mi"}}},
        "resources.limits.memory 500Mi is below 512Mi",
    ),
    "less memory than a larger buffer needs": (
        {
            "resources": {"limits": {"memory": "1G"}},
            "config": {"kafka": {"max_buffered_bytes": 1_000_000_000}},
        },
        "is below 1210Mi",
    ),
    "both monitors": (
        {"serviceMonitor": {"enabled": True}, "podMonitor": {"enabled": True}},
        "'not' failed",
    ),
    "a sidecar without an image": (
        {"opendSidecar": {"enabled": True}},
        "there is no public image of OpenD; name your own",
    ),
    "an authentication that Strimzi does not have": (
        {"strimzi": {"user": {"authentication": "plain"}}},
        "/strimzi/user/authentication",
    ),
    "a code that cannot be written as a topic": (
        {
            "strimzi": {"enabled": True},
            "config": {"subscriptions": [{"securities": ["HK.腾讯"], "subtypes": ["ticker"]}]},
        },
        "has characters that the chart cannot write",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_wrong_values_are_refused(case: str) -> None:
    """What cannot work ends `helm install`, with words that say what is wrong."""
    values, words = REFUSED[case]
    assert words in refusal(values)


#: Where a secret would stand in a ConfigMap.
SECRETS: dict[str, Values] = {
    "sasl.password": {"kafka": {"properties": {"sasl.password": "hush"}}},
    "ssl.key.pem": {"kafka": {"properties": {"ssl.key.pem": "hush"}}},
    "sasl.jaas.config": {"kafka": {"properties": {"sasl.jaas.config": "hush"}}},
    "basic.auth.user.info": {"schema_registry": {"properties": {"basic.auth.user.info": "a:hush"}}},
    "bearer.auth.token": {"schema_registry": {"properties": {"bearer.auth.token": "hush"}}},
    "url": {"schema_registry": {"url": "http://a:hush@registry:8081"}},
    "opend.websocket.key": {"opend": {"transport": "websocket", "websocket": {"key": "hush"}}},
}


@pytest.mark.parametrize("key", SECRETS)
def test_secrets_in_the_configuration_are_refused(key: str) -> None:
    """A ConfigMap is no place for a secret: the refusal says which key, and what to do."""
    said = refusal({"config": SECRETS[key]})
    assert key in said
    assert "would stand in a ConfigMap" in said
    assert "hush" not in said


def test_secrets_of_an_endpoint_are_refused() -> None:
    """What an endpoint lays over the configuration is no better a place."""
    endpoint = {"name": "a", "host": "b", "port": 1, "config": SECRETS["sasl.password"]}
    assert "would stand in a ConfigMap" in refusal({"endpoints": [endpoint]})


def test_secrets_are_mounted_where_the_configuration_names_them() -> None:
    """Each file that the configuration names lies in a Secret that is mounted read-only."""
    release = render(COMBINATIONS["secrets"])
    (worker,), (config,), (pod,) = release.workers(), release.configs(), release.pods()
    mounts = {one["mountPath"] for one in worker["volumeMounts"] if one["readOnly"]}
    named_files = [
        str(config.opend.rsa_private_key_file),
        str(config.kafka.properties["sasl.password_file"]),
        str(config.schema_registry.properties["basic.auth.user.info_file"]),
    ]
    assert all(file.rpartition("/")[0] in mounts for file in named_files)
    secrets = {one["secret"]["secretName"] for one in pod["volumes"] if "secret" in one}
    assert secrets == {"kafka-user", "registry-login", "opend-key"}


def test_restart_follows_the_configuration() -> None:
    """A pod's annotation changes with its own configuration, and with nothing else."""

    def checksums(values: Values) -> list[str]:
        templates = [one["spec"]["template"] for one in render(values).of("StatefulSet")]
        return [one["metadata"]["annotations"]["checksum/config"] for one in templates]

    hk, us = TWO_ENDPOINTS["endpoints"]
    configured: Values = us["config"]
    log = configured | {"log": {"level": "debug"}}
    before = checksums(TWO_ENDPOINTS | {"podLabels": {"team": "data"}})
    after = checksums({"endpoints": [hk, us | {"config": log}]})
    assert before[0] == after[0]
    assert before[1] != after[1]


def test_no_registry_is_none() -> None:
    """Helm drops a null from the values; the worker gets it all the same, not its default."""
    (config,) = render(COMBINATIONS["no registry"]).configs()
    assert config.schema_registry.url is None


def test_memory_follows_the_buffer() -> None:
    """A larger buffer asks for more, unless more is given."""

    def limit(values: Values) -> str:
        (worker,) = render(values).workers()
        memory: str = worker["resources"]["limits"]["memory"]
        return memory

    larger: Values = {"config": {"kafka": {"max_buffered_bytes": 1024**3}}}
    assert limit({}) == "512Mi"
    assert limit(larger) == "1280Mi"
    assert limit(larger | {"resources": {"limits": {"memory": "4Gi"}}}) == "4Gi"


def test_budget_stands_only_where_there_are_several_workers() -> None:
    """Of one worker, a budget could only forbid a node's drain."""
    assert render().of("PodDisruptionBudget") == []
    budget = render(TWO_ENDPOINTS).one("PodDisruptionBudget")
    assert budget["spec"]["maxUnavailable"] == 1


def _egress_ports(release: Release) -> set[int]:
    (_, rule) = release.one("NetworkPolicy")["spec"]["egress"][:2]
    return {one["port"] for one in rule["ports"]}


def test_network_policy_opens_what_the_configuration_names() -> None:
    """OpenD's port, every broker's, and the registry's: 443 where its URL has none."""
    assert _egress_ports(render(COMBINATIONS["network policy"])) == {11111, 9093, 9094, 443}


def test_network_policy_lets_the_test_in() -> None:
    """`helm test` works also where only Prometheus may ask."""
    (ingress,) = render(COMBINATIONS["network policy, narrowed"]).one("NetworkPolicy")["spec"][
        "ingress"
    ]
    selectors = [
        one["podSelector"]["matchLabels"] for one in ingress["from"] if "podSelector" in one
    ]
    test = render().one("Pod")["metadata"]["labels"]
    assert any(selector.items() <= test.items() for selector in selectors)


@pytest.mark.parametrize(
    ("version", "place"), [("1.28.0", "containers"), ("1.29.0", "initContainers")]
)
def test_sidecar_outlives_the_worker_where_kubernetes_can(version: str, place: str) -> None:
    """From 1.29 on OpenD is a native sidecar, so that the worker drains before OpenD ends."""
    (pod,) = render(SIDECAR, kubernetes=version).pods()
    opend = named(pod[place], "opend")
    assert opend.get("restartPolicy") == ("Always" if place == "initContainers" else None)


def test_sidecar_is_where_the_worker_looks_for_opend() -> None:
    """The worker asks its own pod, at the endpoint's port."""
    release = render(SIDECAR)
    (config,), (pod,) = release.configs(), release.pods()
    port = named(pod["initContainers"], "opend")["ports"][0]["containerPort"]
    assert (config.opend.host, config.opend.port) == ("127.0.0.1", port)


@pytest.mark.parametrize("name", ["strimzi", "strimzi, a topic a subtype"])
def test_strimzis_topics_are_those_of_the_worker(name: str) -> None:
    """Names, partitions, replicas and settings are what `opend-kafka topics` wants."""
    release = render(COMBINATIONS[name])
    (config,) = release.configs()
    rendered = {
        one["spec"]["topicName"]: (
            one["spec"]["partitions"],
            one["spec"].get("replicas", -1),
            {key: str(value) for key, value in one["spec"].get("config", {}).items()},
        )
        for one in release.of("KafkaTopic")
    }
    assert rendered == {
        spec.name: (spec.partitions, spec.replication_factor, spec.config)
        for spec in topic_specs(config)
    }


@pytest.mark.parametrize("create", [True, False])
def test_strimzis_user_may_what_the_worker_needs(create: bool) -> None:
    """The rules are those of docs/kafka.md, and no more."""
    values = {"strimzi": {"enabled": True}, "config": {"kafka": {"topics": {"create": create}}}}
    acls = render(values).one("KafkaUser")["spec"]["authorization"]["acls"]
    allowed = {
        (one["resource"]["patternType"], one["resource"]["name"], operation)
        for one in acls
        for operation in one["operations"]
    }
    assert allowed == {
        ("prefix", "opend.", "Write"),
        ("prefix", "opend.", "DescribeConfigs"),
        ("literal", "opend.watermark", "Read"),
        *([("prefix", "opend.", "Create")] if create else []),
    }


def test_rules_and_dashboard_are_whole() -> None:
    """What the operator and Grafana get is what monitoring/ has."""
    release = render(COMBINATIONS["pod monitor, rules and dashboard"])
    originals = {copy.name: original.read_text() for copy, original in COPIES.items()}
    assert release.one("PrometheusRule")["spec"] == yaml.safe_load(originals["alerts.yaml"])
    dashboards = [
        one["data"] for one in release.of("ConfigMap") if "config.yaml" not in one["data"]
    ]
    shown = [json.loads(text) for data in dashboards for text in data.values()]
    assert shown == [json.loads(originals["dashboard.json"])]


def test_release_test_asks_every_worker() -> None:
    """`helm test` asks each worker's pod whether it is ready."""
    release = render(TWO_ENDPOINTS)
    asked = [
        named(container["env"], "OPEND_KAFKA__ADMIN__HOST")["value"]
        for container in release.one("Pod")["spec"]["containers"]
    ]
    service = release.one("Service")["metadata"]["name"]
    pods = [f"{one['metadata']['name']}-0" for one in release.of("StatefulSet")]
    assert asked == [f"{pod}.{service}.data.svc" for pod in pods]

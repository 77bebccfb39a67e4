"""What each version of Kubernetes, and the operators beside it, take: their own schemas."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.protocols import Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from tests.clusters.requirement import missing
from tests.helm.chart import Object
from tests.helm.generate import ROOT

#: Rendered for → taken by: the oldest; and the newest, as well as the first with native sidecars,
#: for which it renders the same.
VERSIONS = {"1.25.0": ("1.25.0",), "1.37.0": ("1.29.0", "1.37.0")}

_PACKAGE = find_spec("kubernetes_validate")
assert _PACKAGE is not None
assert _PACKAGE.origin is not None
_KUBERNETES = Path(_PACKAGE.origin).parent / "kubernetes-json-schema"

#: .ci/tools puts prometheus-operator there, whose repository has its custom resources' definitions.
_MONITORING = ROOT / ".tools/monitoring-crds/example/prometheus-operator-crd"

#: Written by hand from Strimzi's documentation: what the chart uses of kafka.strimzi.io/v1.
_STRIMZI = Path(__file__).parent / "strimzi.json"


def faults(one: Object, version: str) -> Iterator[str]:
    """Say what that version of Kubernetes would refuse in an object, or ignore as unknown."""
    for error in _validator(one["apiVersion"], one["kind"], version).iter_errors(one):
        yield f"{one['kind']} {one['metadata']['name']}: {error.json_path}: {error.message}"


def _validator(api_version: str, kind: str, version: str) -> Validator:
    group = api_version.partition("/")[0]
    if group == "monitoring.coreos.com":
        return _custom_resource(kind)
    if group == "kafka.strimzi.io":
        return Draft202012Validator(json.loads(_STRIMZI.read_text())[f"{api_version} {kind}"])
    return _built_in(api_version, kind, version)


@cache
def _built_in(api_version: str, kind: str, version: str) -> Validator:
    # rbac.authorization.k8s.io/v1 is rbac-v1 in the files' names.
    name = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", api_version)
    schema = json.loads((_folder(version) / f"{kind.lower()}-{name}.json").read_text())
    return Draft202012Validator(schema, registry=_definitions(version))


@cache
def _definitions(version: str) -> Registry[Any]:
    contents = json.loads((_folder(version) / "_definitions.json").read_text())
    definitions = Resource.from_contents(contents, default_specification=DRAFT202012)
    # Crawled once: else each look-up walks through all of it.
    registry: Registry[Any] = Registry().with_resource("_definitions.json", definitions).crawl()
    return registry


def _folder(version: str) -> Path:
    return _KUBERNETES / f"v{version}-local-strict"


@cache
def _custom_resource(kind: str) -> Validator:
    if not _MONITORING.is_dir():
        missing("prometheus-operator's custom resources")
    text = (_MONITORING / f"monitoring.coreos.com_{kind.lower()}s.yaml").read_text()
    definition = yaml.load(text, yaml.CSafeLoader)  # the quick one
    (version,) = definition["spec"]["versions"]
    return Draft202012Validator(_strict(version["schema"]["openAPIV3Schema"]))


def _strict(schema: Any) -> Any:
    """Refuse unknown keys, which an API server drops without a word."""
    if isinstance(schema, list):
        return [_strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {key: _strict(value) for key, value in schema.items()}
    if "properties" in schema and "additionalProperties" not in schema:
        if schema.get("x-kubernetes-preserve-unknown-fields") or "metadata" in schema["properties"]:
            return strict
        strict["additionalProperties"] = False
    return strict

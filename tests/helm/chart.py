"""The chart, rendered by the real helm, and its objects as people look for them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from opend_kafka import config
from opend_kafka.config import Config
from tests.clusters.requirement import tool
from tests.helm.generate import CHART

Values = dict[str, Any]
Object = dict[str, Any]

#: Seconds; it takes a tenth of one.
_HELM_HANGS_S = 60


def helm(*arguments: str, values: Values | None = None) -> subprocess.CompletedProcess[str]:
    """Run helm; the values go to it as a file."""
    files = [] if values is None else ["--values", "-"]
    return subprocess.run(
        [tool("helm"), *arguments, *files],
        input=yaml.safe_dump(values),
        capture_output=True,
        text=True,
        timeout=_HELM_HANGS_S,
    )


@dataclass(frozen=True, slots=True)
class Release:
    """What `helm template` gave."""

    objects: list[Object]

    def of(self, kind: str) -> list[Object]:
        """Give the objects of a kind."""
        return [one for one in self.objects if one["kind"] == kind]

    def one(self, kind: str) -> Object:
        """Give the only object of a kind."""
        (found,) = self.of(kind)
        return found

    def pods(self) -> list[Object]:
        """Give the worker's pods."""
        return [one["spec"]["template"]["spec"] for one in self.of("StatefulSet")]

    def workers(self) -> list[Object]:
        """Give the containers that run the worker."""
        return [named(pod["containers"], "worker") for pod in self.pods()]

    def configs(self) -> list[Config]:
        """Give the configurations, as the worker reads them."""
        texts = [one["data"]["config.yaml"] for one in self.of("ConfigMap") if _is_config(one)]
        return [config.parse(text) for text in texts]


def _is_config(config_map: Object) -> bool:
    return "config.yaml" in config_map["data"]


def named(objects: Iterable[Object], name: str) -> Object:
    """Give the one that has this name."""
    (found,) = (one for one in objects if one["name"] == name)
    return found


def render(values: Values | None = None, *, kubernetes: str = "1.37.0") -> Release:
    """Render the chart as the release `market`, for a version of Kubernetes."""
    return _rendered(json.dumps(values or {}), kubernetes)


@cache
def _rendered(values: str, kubernetes: str) -> Release:
    done = helm(
        "template", "market", str(CHART), "--namespace", "data", "--kube-version", kubernetes,
        values=json.loads(values),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return Release([one for one in yaml.load_all(done.stdout, yaml.CSafeLoader) if one])


def refusal(values: Values) -> str:
    """Give what helm says where it refuses to render; its lines as one."""
    done = helm("template", "market", str(CHART), "--kube-version", "1.37.0", values=values)
    assert done.returncode != 0, "helm took it"
    return " ".join(done.stderr.split())

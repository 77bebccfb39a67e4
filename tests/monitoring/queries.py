"""What a PromQL query asks for, held against what a worker shows; and promtool, which parses it."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from tests.clusters.requirement import tool

#: Metric → label → the values that were seen.
Shown = dict[str, dict[str, set[str]]]

#: Labels that Prometheus itself adds to each sample,
_TARGET = {"job", "instance"}

#: and metrics that it makes.
_ITS_OWN = {"up"}

#: Words of PromQL that are no metrics.
_WORDS = {
    "absent", "and", "by", "changes", "group_left", "histogram_quantile", "increase", "max",
    "max_over_time", "offset", "on", "or", "rate", "sum", "unless", "without",
}  # fmt: skip


def faults(query: str, shown: Shown) -> list[str]:
    """Say what of a query no worker shows: metrics, labels, and values that are asked for."""
    found = []
    # What stands in braces, brackets and the lists of labels is looked at apart.
    bare = re.sub(
        r"\{[^}]*\}|\[[^]]*\]|\b(?:by|on|without)\s*\([^)]*\)|\d+[smhd]\b|\"[^\"]*\"", " ", query
    )
    names = set(re.findall(r"[a-zA-Z_]\w*", bare)) - _WORDS
    found += [f"no worker shows {one}" for one in names - set(shown) - _ITS_OWN]
    for name, matchers in re.findall(r"(\w+)\{([^}]*)\}", query):
        for label, sign, value in re.findall(r"(\w+)\s*(=~|!~|!=|=)\s*\"([^\"]*)\"", matchers):
            known = shown.get(name, {}).get(label, set())
            if label not in _TARGET and not known:
                found.append(f"{name} has no label {label}")
            values = value.split("|") if "~" in sign else [value]
            found += [
                f"{name} has no {label} {one}"
                for one in values
                if label not in _TARGET and one not in known
            ]
    labels = {label for name in names for label in shown.get(name, {})} | _TARGET
    for kept in re.findall(r"\b(?:by|on|without)\s*\(([^)]*)\)", query):
        found += [f"no label {one}" for one in re.findall(r"\w+", kept) if one not in labels]
    return found


def parse(queries: Iterable[str], folder: Path) -> None:
    """Have promtool parse them all, as rules."""
    rules = [{"record": f"query:{number}", "expr": one} for number, one in enumerate(queries)]
    file = folder / "rules.json"  # JSON is YAML
    file.write_text(json.dumps({"groups": [{"name": "queries", "rules": rules}]}))
    promtool("check", "rules", str(file))


def promtool(*arguments: str, folder: Path | None = None) -> None:
    """Run promtool; fail with what it says."""
    done = subprocess.run(
        [tool("promtool"), *arguments], cwd=folder, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr

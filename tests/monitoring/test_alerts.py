"""The alerts: what they stand on, what they fire on, and what is written about them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.monitoring.queries import Shown, faults, promtool

MONITORING = Path(__file__).parents[2] / "monitoring"
OPERATIONS = (MONITORING.parent / "docs/operations.md").read_text()

(_GROUP,) = yaml.safe_load((MONITORING / "alerts.yaml").read_text())["groups"]
RULES: dict[str, dict[str, Any]] = {rule["alert"]: rule for rule in _GROUP["rules"]}


def test_promtool_takes_the_rules() -> None:
    """Prometheus' own tool finds no fault in them."""
    promtool("check", "rules", str(MONITORING / "alerts.yaml"))


def test_alerts_fire_when_they_should_and_only_then() -> None:
    """What monitoring/alerts_test.yaml says holds."""
    promtool("test", "rules", "alerts_test.yaml", folder=MONITORING)


@pytest.mark.parametrize("alert", RULES)
def test_alert_stands_on_what_a_worker_shows(alert: str, shown: Shown) -> None:
    """Each metric, label and value of its expression is there in a running worker."""
    assert faults(RULES[alert]["expr"], shown) == []


@pytest.mark.parametrize("alert", RULES)
def test_alert_says_what_it_is_and_where_to_read_on(alert: str) -> None:
    """A severity, a summary, a description; and the document has a section of its name."""
    rule = RULES[alert]
    notes = rule["annotations"]
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert notes["summary"]
    assert notes["description"].endswith(".")
    assert notes["runbook_url"] == f"docs/operations.md#{alert.lower()}"
    assert f"\n### {alert}\n" in OPERATIONS


@pytest.mark.parametrize("alert", RULES)
def test_alert_is_tested_both_ways(alert: str) -> None:
    """A test has it fire, and one has it silent."""
    tests = yaml.safe_load((MONITORING / "alerts_test.yaml").read_text())["tests"]
    fires, silent = 0, 0
    for one in tests:
        for asked in one.get("promql_expr_test", ()):
            if f'alertname="{alert}"' in asked["expr"]:
                fires += bool(asked["exp_samples"])
            # The first of them has everything in order, and asks for every alert.
            if asked["expr"] == "ALERTS" or f'alertname="{alert}"' in asked["expr"]:
                silent += not asked["exp_samples"]
    assert fires
    assert silent


def test_document_tells_of_no_other_alert() -> None:
    """Each section that is named as an alert is one."""
    assert set(re.findall(r"^### (OpendKafka\w+)$", OPERATIONS, re.MULTILINE)) == set(RULES)

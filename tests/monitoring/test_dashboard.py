"""The Grafana dashboard: every query in it can be answered."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.monitoring.queries import Shown, faults, parse

DASHBOARD: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "monitoring/dashboard.json").read_text()
)
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]
QUERIES += [one["expr"] for one in DASHBOARD["annotations"]["list"]]


def _filled(query: str) -> str:
    """Put in what Grafana would."""
    return query.replace("$__rate_interval", "5m").replace("$job", ".+").replace("$instance", ".+")


def test_every_query_is_answered_by_a_worker(shown: Shown) -> None:
    """Each metric, label and value that is asked for is there in a running worker."""
    missing = {query: found for query in QUERIES if (found := faults(_filled(query), shown))}
    assert missing == {}


def test_every_query_parses(tmp_path: Path) -> None:
    """Promtool takes each of them."""
    parse(map(_filled, QUERIES), tmp_path)


def test_every_metric_of_ours_is_on_the_dashboard(shown: Shown) -> None:
    """What a worker counts, somebody can look at."""
    asked = " ".join(QUERIES)
    ours = {one for one in shown if one.startswith("opend_kafka_") and not one.endswith("_created")}
    # Of a histogram, the buckets are looked at.
    ours -= {"opend_kafka_hop_latency_seconds_count", "opend_kafka_hop_latency_seconds_sum"}
    assert {one for one in ours if not re.search(rf"\b{one}\b", asked)} == set()


def test_variables_ask_for_metrics_that_are_there(shown: Shown) -> None:
    """The lists of jobs and workers are made from a metric that every worker shows."""
    source, *lists = DASHBOARD["templating"]["list"]
    assert source["type"] == "datasource"
    for one in lists:
        (metric,) = re.findall(r"label_values\((\w+)", one["query"]["query"])
        assert metric in shown


def test_no_panel_names_a_datasource_of_its_own() -> None:
    """It can be read into any Grafana: the datasource is a variable."""
    for panel in PANELS:
        for part in (panel, *panel["targets"]):
            assert part["datasource"]["uid"] == "${datasource}"


def test_panels_do_not_overlap() -> None:
    """Each stands in its own place on the grid of 24 columns."""
    taken: dict[tuple[int, int], str] = {}
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        for place in (
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        ):
            assert place[0] < 24
            assert place not in taken, f"{panel['title']} and {taken[place]}"
            taken[place] = panel["title"]


def test_every_panel_has_a_title_and_a_number_of_its_own() -> None:
    """Grafana keeps panels apart by their ids, people by their titles."""
    for name in ("id", "title"):
        values = [panel[name] for panel in DASHBOARD["panels"]]
        assert len(values) == len(set(values))

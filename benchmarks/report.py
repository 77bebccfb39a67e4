"""What was measured, in tables for people, and their place in a page."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime

from benchmarks import marks
from benchmarks.brokers import APACHE
from benchmarks.latency import Quantiles
from benchmarks.results import Results
from benchmarks.stages import Cost
from benchmarks.targets import TARGETS
from benchmarks.throughput import Costs, Pair

#: What is between them is generated.
BEGIN, END = "<!-- begin: make bench -->", "<!-- end: make bench -->"

#: The axis of `growth` that docs/kafka.md tells of.
_TOPICS = "topics"


def text(results: Results) -> str:
    """Give everything in Markdown: the machine, and a table a section that was measured."""
    parts = [_machine(results)]
    for title, section in _SECTIONS:
        if shown := section(results):
            parts += [f"### {title}", shown]
    return "\n\n".join(parts)


def replaced(page: str, content: str) -> str:
    """Give the page with other content between the two marks: see `marks.replaced`."""
    return marks.replaced(page, content, begin=BEGIN, end=END)


def topics(results: Results) -> str:
    """Give, in Markdown, how the number of topics tells on a real Kafka; empty without one."""
    heads = (
        "topics",
        "ticks/s, at the most",
        "a bare loop's",
        "µs of CPU a tick",
        "a bare loop's",
        "CPU at 10,000 ticks/s",
        "resident MB",
    )
    on = results.clusters.get(APACHE)
    rows = [
        (
            f"{row.value:,}",
            _by_the_clock(row.pair.ours),
            _by_the_clock(row.pair.bare),
            _number(statistics.median(row.pair.ours.cpu_us)),
            _number(statistics.median(row.pair.bare.cpu_us)),
            _paced(row.pair),
            _mb(row.pair.rss),
        )
        for row in (on.growth if on else ())
        if row.axis == _TOPICS
    ]
    return f"{_machine(results)}\n\n{table(heads, rows)}" if rows else ""


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Give a table in Markdown, all columns but the first to the right; nothing without rows."""
    rows = list(rows)
    if not rows:
        return ""
    lines = [heads, ["---", *["--:"] * (len(heads) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _machine(results: Results) -> str:
    shown = dict(results.machine)
    cores, processor = shown.pop("cores"), shown.pop("processor")
    rest = ", ".join(
        value if name in ("memory", "system") else f"{name} {value}"
        for name, value in shown.items()
    )
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    return f"`{results.command}`, {day}: {cores} × {processor}, {rest}; all processes share it."


def _targets(results: Results) -> str:
    headlines = {name: on.headline() for name, on in results.clusters.items()}
    rows = []
    for target in TARGETS:
        cells = []
        for headline in headlines.values():
            found, reached = target.read(headline), target.reached(headline)
            sign = {True: "yes", False: "**no**", None: ""}[reached]
            cells.append("" if found is None else f"{_number(found)}, {sign}")
        if any(cells):
            rows.append((target.name, *cells))
    return table(("to reach", *headlines), rows)


def _costs(results: Results) -> str:
    heads = (
        "on",
        "what",
        "topics",
        "µs of CPU a record",
        "min–max",
        "records/s a core",
        "÷ bare loop",
        "records/s by the clock",
        "resident MB",
    )
    rows = []
    for name, on in results.clusters.items():
        for what, pairs in (("ticks", on.ticks), ("books", on.books)):
            for topics, pair in pairs.items():
                if pair.bare.cpu_us:
                    rows.append((name, f"{what}: bare loop", str(topics), *_cost(pair.bare)))
                rows.append((name, f"{what}: **ours**", str(topics), *_cost(pair.ours, pair)))
        if on.sdk.cpu_us:
            at = str(max(on.ticks, default=20))
            rows.append((name, "ticks: the SDK's way", at, *_cost(on.sdk)))
    return table(heads, rows)


def _cost(costs: Costs, pair: Pair | None = None) -> tuple[str, ...]:
    low, middle, high = min(costs.cpu_us), statistics.median(costs.cpu_us), max(costs.cpu_us)
    return (
        _number(middle),
        f"{_number(low)}–{_number(high)}",
        f"{costs.a_second:,.0f}",
        _ratio(pair) if pair else "",
        _by_the_clock(costs),
        _mb(pair.rss) if pair else "",
    )


def _by_the_clock(costs: Costs) -> str:
    return f"{1e6 / statistics.median(costs.wall_us):,.0f}"


def _paced(pair: Pair) -> str:
    return "" if pair.paced_cpu is None else f"{pair.paced_cpu:.0%}"


def _ratio(pair: Pair) -> str:
    return f"{pair.ratio:.2f}" if pair.bare.cpu_us else ""


def _stages(results: Results) -> str:
    return "\n\n".join(
        table(
            (f"on {name}", *(f"{what}: µs, allocations" for what in on.stages)),
            (
                (stage, *(_stage(costs.get(stage)) for costs in on.stages.values()))
                for stage in _stage_names(on.stages)
            ),
        )
        for name, on in results.clusters.items()
        if on.stages
    )


def _stage_names(stages: Mapping[str, Mapping[str, Cost]]) -> list[str]:
    """Give the stages of whichever form has the most of them."""
    return max(map(list, stages.values()), key=len)


def _stage(cost: Cost | None) -> str:
    if cost is None:
        return ""
    asked = "" if cost.allocations is None else f", {cost.allocations:.1f}"
    return f"{cost.cpu_us:.2f}{asked}"


def _latency(results: Results) -> str:
    heads = (
        "on",
        "topics",
        "linger.ms",
        "ticks/s",
        "socket to produce, ms: p50, p99, p99.9",
        "socket to ack, ms: p50, p99, p99.9",
        "CPU",
        "resident MB",
        "feeder late, ms",
    )
    rows = [
        (
            name,
            str(cell.topics),
            str(cell.linger_ms),
            f"{cell.rate:,}",
            _quantiles(cell.to_produce),
            _quantiles(cell.to_ack),
            f"{cell.cpu_part:.0%}",
            _mb(cell.rss),
            _number(cell.feeder_lag_ms),
        )
        for name, on in results.clusters.items()
        for cell in on.latency
    ]
    return table(heads, rows)


def _growth(results: Results) -> str:
    heads = (
        "on",
        "what grows",
        "to",
        "µs of CPU a record",
        "records/s a core",
        "records/s by the clock",
        "÷ bare loop",
        "bare loop's µs",
        "CPU at 10,000 ticks/s",
        "resident MB",
    )
    rows = [
        (
            name,
            row.axis,
            f"{row.value:,}",
            _number(statistics.median(row.pair.ours.cpu_us)),
            f"{row.pair.ours.a_second:,.0f}",
            _by_the_clock(row.pair.ours),
            _ratio(row.pair),
            _number(statistics.median(row.pair.bare.cpu_us)) if row.pair.bare.cpu_us else "",
            _paced(row.pair),
            _mb(row.pair.rss),
        )
        for name, on in results.clusters.items()
        for row in on.growth
    ]
    return table(heads, rows)


def _soak(results: Results) -> str:
    heads = ("on", "minutes", "ticks", "CPU", "resident MB: least", "most", "at the end", "grown")
    rows = [
        (
            name,
            f"{on.soak.seconds / 60:.0f}",
            f"{on.soak.delivered:,}",
            f"{on.soak.cpu_part:.0%}",
            *(f"{size / 1e6:.1f}" for size in (min(on.soak.rss), max(on.soak.rss))),
            f"{on.soak.rss[-1] / 1e6:.1f}",
            f"{on.soak.grown / 1e6:+.1f}",
        )
        for name, on in results.clusters.items()
        if on.soak is not None
    ]
    return table(heads, rows)


def _consuming(results: Results) -> str:
    rates = results.consuming.get("ticks_per_s", {})
    return table(("step", "ticks/s a core"), [(name, f"{rate:,}") for name, rate in rates.items()])


_SECTIONS: tuple[tuple[str, Callable[[Results], str]], ...] = (
    ("What is to be reached", _targets),
    ("The limit, ours, and what a user would write instead", _costs),
    ("By stage", _stages),
    ("Latency", _latency),
    ("Growth", _growth),
    ("Ten thousand ticks a second, a hundred topics, for minutes", _soak),
    ("A consumer's steps", _consuming),
)


def _quantiles(found: Quantiles | None) -> str:
    if found is None:
        return "does not keep up"
    return ", ".join(_number(one) for one in (found.p50, found.p99, found.p999))


def _number(value: float) -> str:
    return f"{value:.2f}" if value < 100 else f"{value:,.0f}"


def _mb(size: int) -> str:
    return f"{size / 1e6:.0f}"

"""What was measured, in words and tables for people."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from benchmarks.latency import Cell, Quantiles
from benchmarks.results import OnBrokers
from benchmarks.throughput import Costs, Pair


def text(cluster: str, on: OnBrokers) -> str:
    """Give all tables of one cluster in Markdown."""
    parts = [f"### {cluster}"]
    if on.ticks or on.books or on.sdk.cpu_us:
        parts.append(_costs(on))
    if on.latency:
        parts.append(_latency(on.latency))
    return "\n\n".join(parts) + "\n"


def _costs(on: OnBrokers) -> str:
    heads = ("", "µs of CPU, median (min–max)", "a second and core", "÷ bare", "RSS, MB")
    rows: list[Sequence[str]] = []
    for what, pairs in (("ticks", on.ticks), ("books", on.books)):
        for topics, pair in pairs.items():
            name = f"{what}, {topics} topic{'s' if topics > 1 else ''}"
            if pair.bare.cpu_us:
                rows.append((f"bare loop, {name}", *_cost(pair.bare), "", ""))
            rows.append((f"**ours**, {name}", *_cost(pair.ours), _ratio(pair), _mb(pair.rss)))
    if on.sdk.cpu_us:
        rows.append(("SDK's handler, AvroSerializer", *_cost(on.sdk), "", ""))
    return table(heads, rows)


def _cost(costs: Costs) -> tuple[str, str]:
    low, middle, high = min(costs.cpu_us), statistics.median(costs.cpu_us), max(costs.cpu_us)
    return f"{middle:.2f} ({low:.2f}–{high:.2f})", f"{costs.a_second:,.0f}"


def _ratio(pair: Pair) -> str:
    return f"{pair.ratio:.2f}" if pair.bare.cpu_us else ""


def _mb(size: int) -> str:
    return f"{size / 1e6:.0f}" if size else ""


def _latency(cells: Iterable[Cell]) -> str:
    heads = (
        "topics",
        "linger.ms",
        "ticks/s",
        "socket to produce, ms: p50 / p99 / p99.9",
        "socket to ack, ms: p50 / p99 / p99.9",
        "CPU",
        "RSS, MB",
    )
    rows = [
        (
            str(cell.topics),
            str(cell.linger_ms),
            f"{cell.rate:,}",
            _quantiles(cell.to_produce),
            _quantiles(cell.to_ack),
            f"{cell.cpu_part:.0%}",
            _mb(cell.rss),
        )
        for cell in cells
    ]
    return table(heads, rows)


def _quantiles(found: Quantiles) -> str:
    return " / ".join(_ms(one) for one in (found.p50, found.p99, found.p999))


def _ms(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:,.0f}"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Give a table in Markdown; all columns but the first to the right."""
    lines = [heads, ["---", *["--:"] * (len(heads) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)

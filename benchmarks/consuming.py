"""What a tick costs a consumer, beside a plain `set` of what has come, in the same run."""

from __future__ import annotations

import statistics
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

from rich.table import Table

from opend_kafka import schemas
from opend_kafka.consuming.decoding import Decoder
from opend_kafka.consuming.records import Ticker
from opend_kafka.consuming.ticks import TickDeduplicator, TickOrderer
from opend_kafka.opend.pb import Qot_UpdateTicker_pb2
from opend_kafka.opend.securities import Security
from opend_kafka.records.engine import Provenance, RecordEncoder
from opend_kafka.records.ticker import TICKER
from opend_kafka.simulator.market import Market

_START_US = 1_700_000_000_000_000
_SECURITIES = 20

#: Of so many ticks one comes again: as often as no real OpenD repeats.
_REPEATED = 10


def measure(ticks: int, runs: int) -> dict[str, Any]:
    """Give each step's ticks a second of CPU, medians over the runs, and the growth of memory."""
    values = _values(ticks)
    decoder = Decoder()
    decoded = [decoder.decode(value).fields for value in values]
    steps: dict[str, Callable[[], object]] = {
        "plain set": lambda: _plain_set(decoded),
        "dedupe": lambda: sum(map(TickDeduplicator().is_new, decoded)),
        "order": lambda: _ordered(decoded),
        "decode": lambda: [decoder.decode(value) for value in values],
        "typed": lambda: [Ticker.from_fields(fields) for fields in decoded],
    }
    rates: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(runs):
        for name, step in steps.items():
            begun = time.process_time_ns()
            step()
            rates[name].append(ticks * 1e9 / (time.process_time_ns() - begun))
    plain = rates["plain set"]
    return {
        "ticks_per_s": {name: round(statistics.median(found)) for name, found in rates.items()},
        "dedupe_ratio_to_plain_set": round(
            statistics.median(
                ours / bare for ours, bare in zip(rates["dedupe"], plain, strict=True)
            ),
            3,
        ),
        "dedupe_bytes": _memory(ticks),
    }


def table(results: dict[str, Any]) -> Table:
    """Give the numbers as a table."""
    shown = Table(title="a consumer's ticks/s of CPU, one core")
    shown.add_column("")
    shown.add_column("median", justify="right")
    for name, rate in results["ticks_per_s"].items():
        shown.add_row(name, f"{rate:,}")
    sizes = ", ".join(f"{size:,} B {when}" for when, size in results["dedupe_bytes"].items())
    shown.caption = f"dedupe ÷ plain set: {results['dedupe_ratio_to_plain_set']:.2f}; holds {sizes}"
    return shown


def _values(ticks: int) -> list[bytes]:
    """Give ticks of some securities as the worker writes them; some come again."""
    traded = [Security("HK", f"{number:05}") for number in range(1, _SECURITIES + 1)]
    market = Market(traded, seed=1, rate=10_000, start_us=_START_US)
    prefix = schemas.SINGLE_OBJECT_MAGIC + schemas.fingerprint("opend.Ticker")
    encoder = RecordEncoder(TICKER)
    values: list[bytes] = []
    for serial, trade in enumerate(market.advance(_START_US + ticks * 100)):
        s2c = Qot_UpdateTicker_pb2.S2C(name=trade.stock.name)
        s2c.security.CopyFrom(trade.stock.message)
        s2c.tickerList.append(trade.tick)
        (row,) = encoder.rows(s2c)
        values.append(encoder.encode(s2c, row, 0, Provenance(1, serial, _START_US), prefix))
        if serial % _REPEATED == 0:
            values.append(values[-(serial % 1000) // 2 - 1])
    return values[:ticks]


def _plain_set(decoded: list[dict[str, Any]]) -> int:
    seen: set[tuple[str, str, int]] = set()
    new = 0
    for tick in decoded:
        identity = tick["market"], tick["code"], tick["sequence"]
        if identity not in seen:
            seen.add(identity)
            new += 1
    return new


def _ordered(decoded: list[dict[str, Any]]) -> int:
    orderer: TickOrderer[dict[str, Any]] = TickOrderer(0.1)
    out = 0
    for number, tick in enumerate(decoded):
        out += sum(1 for _ in orderer.take(tick, number / 10_000))
    return out


def _memory(ticks: int) -> dict[str, int]:
    """Give what a full deduplicator holds, and the same after ten times as many ticks."""
    window = max(1, ticks // _SECURITIES // 4)
    deduplicator = TickDeduplicator(window)
    sizes = {}
    sequence = 0
    tracemalloc.start()
    for times in (1, 10):
        while sequence < times * 2 * window:
            sequence += 1
            for number in range(_SECURITIES):
                deduplicator.is_new({"market": "HK", "code": f"{number:05}", "sequence": sequence})
        sizes[f"after {times} × the window × 2"] = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return sizes

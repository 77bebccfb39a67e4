"""From a range of a topic: a table of trades, and a picture of candlesticks. With pandas.

pip install confluent-kafka matplotlib pandas ./distributions/consumer
python examples/candles.py localhost:9092 opend HK.00700 --since 2026-11-20T09:30 --every 1min

It writes HK.00700.csv, each trade once, and HK.00700.png. Times are the exchange's.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import matplotlib as mpl
import pandas as pd
from confluent_kafka import Consumer, TopicPartition
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from opend_kafka.consuming.decoding import Decoder

#: Of each market; of others the times are in UTC.
ZONES = {
    "HK": "Asia/Hong_Kong", "US": "America/New_York", "SH": "Asia/Shanghai", "SZ": "Asia/Shanghai",
    "SG": "Asia/Singapore", "JP": "Asia/Tokyo", "AU": "Australia/Sydney",
    "MY": "Asia/Kuala_Lumpur", "CA": "America/Toronto",
}  # fmt: skip
IDENTITY = ["market", "code", "sequence"]
COLUMNS = ["sequence", "event_time", "price", "volume", "turnover", "ticker_direction", "type"]

#: Genuine trades whose prices say little of the market then. What belongs here is yours to say.
NOT_IN_CHARTS = {"ODD_LOT", "LATE", "AVERAGE_PRICE", "PRIOR_REFERENCE_PRICE", "DERIVATIVELY_PRICED"}

UP, DOWN, INK, FAINT, PAPER = "#12805c", "#c8402f", "#22303c", "#8a97a3", "#ffffff"


def records(
    bootstrap_servers: str, topic: str, since: pd.Timestamp | None, until: pd.Timestamp | None
) -> Iterator[bytes]:
    """Yield the values of a topic whose records have a time in [since, until)."""
    consumer = Consumer({"bootstrap.servers": bootstrap_servers, "group.id": "candles"})
    found = consumer.list_topics(topic, 10).topics[topic]
    if found.error:
        raise SystemExit(f"{topic}: {found.error.str()}")
    for number in found.partitions:
        first, end = consumer.get_watermark_offsets(TopicPartition(topic, number), 10)

        def offset(at: pd.Timestamp, number: int = number, end: int = end) -> int:
            asked = TopicPartition(topic, number, int(at.timestamp() * 1000))
            [answer] = consumer.offsets_for_times([asked], 10)
            return answer.offset if answer.offset >= 0 else end  # -1: all records are older

        at = offset(since) if since else first
        stop = offset(until) if until else end
        consumer.assign([TopicPartition(topic, number, at)])
        while at < stop:
            messages = consumer.consume(min(1000, stop - at), 10)
            if not messages:
                raise SystemExit(f"{topic}: nothing came within 10 s at offset {at}")
            for message in messages:
                if message.error():
                    raise RuntimeError(message.error())
                at = message.offset() + 1
                if message.offset() < stop:
                    yield message.value()
    consumer.close()


def trades(values: Iterator[bytes], decoder: Decoder, zone: str) -> pd.DataFrame:
    """Give each trade once, in order."""
    table = pd.DataFrame(decoder.decode(value).fields for value in values)
    if table.empty:
        raise SystemExit("there is no trade in that range")
    table = table.drop_duplicates(IDENTITY).sort_values("sequence")[COLUMNS]
    table["event_time"] = table["event_time"].dt.tz_convert(zone)
    return table.reset_index(drop=True)


def candles(table: pd.DataFrame, every: str) -> pd.DataFrame:
    """Give open, high, low, close, volume and turnover of each span that has trades."""
    charted = table[~table["type"].isin(NOT_IN_CHARTS)].set_index("event_time").sort_index()
    spans = charted.resample(every)
    found = spans["price"].ohlc().join(spans[["volume", "turnover"]].sum())
    return found.dropna()


def picture(spans: pd.DataFrame, title: str, note: str, file: Path) -> None:
    """Draw candles, their volume below and the volume-weighted average price."""
    with mpl.rc_context({"font.family": ["DejaVu Sans"], "text.color": INK, "font.size": 10}):
        figure = Figure(figsize=(12, 6.75), dpi=150, facecolor=PAPER)
        grid = figure.add_gridspec(2, 1, height_ratios=(4, 1), hspace=0.06, left=0.03, right=0.93)
        upper = figure.add_subplot(grid[0])
        lower = figure.add_subplot(grid[1], sharex=upper)
        _draw_prices(upper, spans)
        _draw_volumes(lower, spans)
        for axes in (upper, lower):
            _tidy(axes)
        _label_times(lower, spans)
        _head(figure, upper, spans, title, note)
        figure.savefig(file)


def _draw_prices(axes: Any, spans: pd.DataFrame) -> None:
    at, colors = range(len(spans)), _colors(spans)
    axes.vlines(at, spans["low"], spans["high"], color=colors, linewidth=1)
    body = (spans["close"] - spans["open"]).abs()
    least = (spans["high"].max() - spans["low"].min()) / 600  # a line where nothing has changed
    bottom = spans[["open", "close"]].min(axis=1)
    axes.bar(at, body.clip(lower=least), bottom=bottom, width=0.68, color=colors)
    average = spans["turnover"].cumsum() / spans["volume"].cumsum()
    axes.plot(at, average, color="#3b6ea8", linewidth=1.3, alpha=0.85, label="VWAP")
    last = spans["close"].iloc[-1]
    axes.axhline(last, color=colors[-1], linewidth=0.8, linestyle=(0, (4, 4)), alpha=0.7)
    axes.annotate(
        f"{last:,.2f}", (1, last), xycoords=("axes fraction", "data"), xytext=(6, 0),
        textcoords="offset points", va="center", color=PAPER, fontweight="bold",
        bbox={"boxstyle": "round,pad=0.3", "facecolor": colors[-1], "edgecolor": "none"},
    )  # fmt: skip
    axes.legend(loc="upper left", frameon=False, labelcolor=FAINT, handlelength=1.2)
    axes.tick_params(axis="x", labelbottom=False)
    axes.margins(x=0.01, y=0.08)


def _draw_volumes(axes: Any, spans: pd.DataFrame) -> None:
    axes.bar(range(len(spans)), spans["volume"], width=0.68, color=_colors(spans), alpha=0.45)
    axes.yaxis.set_major_formatter(EngFormatter(sep=""))
    axes.locator_params(axis="y", nbins=3)


def _colors(spans: pd.DataFrame) -> list[str]:
    return [UP if up else DOWN for up in spans["close"] >= spans["open"]]


def _tidy(axes: Any) -> None:
    axes.spines[:].set_visible(False)
    axes.set_facecolor(PAPER)
    axes.set_axisbelow(True)
    axes.grid(axis="y", color="#e8ecef", linewidth=0.8)
    axes.yaxis.tick_right()
    axes.tick_params(length=0, labelcolor=FAINT, pad=6)


def _label_times(axes: Any, spans: pd.DataFrame) -> None:
    """Label where a round time begins: spans without trades, as nights, take no room."""
    for step in ("1s", "5s", "15s", "1min", "5min", "15min", "1h", "4h", "1D", "7D", "30D"):
        begun = spans.index.to_series().dt.tz_localize(None).dt.floor(step)
        marks = begun.ne(begun.shift()).to_numpy().nonzero()[0][1:]
        if len(marks) <= 12:
            break
    span = pd.Timedelta(step)
    form = "%H:%M:%S" if span < pd.Timedelta("1min") else "%H:%M" if span.days < 1 else "%-d %b"
    axes.set_xticks(marks)
    axes.set_xticklabels([begun.iloc[one].strftime(form) for one in marks])


def _head(figure: Figure, axes: Any, spans: pd.DataFrame, title: str, note: str) -> None:
    first, last = spans["open"].iloc[0], spans["close"].iloc[-1]
    left, color = axes.get_position().x0 + 0.008, UP if last >= first else DOWN
    figure.text(left, 0.945, title, fontsize=17, fontweight="bold", va="center")
    change = f"{'▲' if last >= first else '▼'} {abs(last / first - 1):.2%}"
    at_right = {"fontsize": 13, "fontweight": "bold", "ha": "right", "va": "center"}
    figure.text(0.93, 0.945, change, color=color, **at_right)
    begins, ends = (one.strftime("%-d %B %Y") for one in spans.index[[0, -1]])
    days = begins if begins == ends else f"{begins} – {ends}"
    zone = spans.index[0].strftime("%Z")
    figure.text(left, 0.905, f"{days} · {zone} · {note}", color=FAINT, va="center")


def schemas_of(registry: str | None) -> Decoder:
    """Give a decoder that asks a registry, where there is one."""
    if registry is None:
        return Decoder()

    def schema(number: int) -> str:
        with urlopen(f"{registry}/schemas/ids/{number}", timeout=10) as answer:  # noqa: S310
            return str(json.load(answer)["schema"])

    return Decoder(schema)


def main() -> None:
    """Write the table and the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bootstrap_servers")
    parser.add_argument("prefix")
    parser.add_argument("security", help="as HK.00700; topics are by security, the default")
    parser.add_argument("--schema-registry", metavar="URL")
    parser.add_argument("--since", help="records' times in Kafka, in the exchange's zone")
    parser.add_argument("--until")
    parser.add_argument("--every", default="1min", help="a candle's span, as pandas writes it")
    parser.add_argument("--out", type=Path, default=Path())
    given = parser.parse_args()
    zone = ZONES.get(given.security.partition(".")[0], "UTC")
    span = (one and pd.Timestamp(one, tz=zone) for one in (given.since, given.until))
    values = records(given.bootstrap_servers, f"{given.prefix}.ticker.{given.security}", *span)
    table = trades(values, schemas_of(given.schema_registry), zone)
    table.to_csv(given.out / f"{given.security}.csv", index=False)
    note = f"{given.every} candles · {len(table):,} trades"
    file = given.out / f"{given.security}.png"
    picture(candles(table, given.every), given.security, note, file)
    print(f"{len(table)} trades in {given.security}.csv and {given.security}.png")


if __name__ == "__main__":
    main()

"""Live rates on a terminal."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from opend_kafka.cli.rates import WINDOW_S, RateLine, Rates


def test_rates_are_of_the_last_seconds() -> None:
    """What is older than the window counts no more."""
    rates = Rates()
    rates.add(["HK.00700"] * 100, 0.0)
    rates.add(["HK.00700"] * 20 + ["US.AAPL"] * 10, WINDOW_S)
    assert rates.text(WINDOW_S + 1) == "6.0 records/s · HK.00700 4.0 · US.AAPL 2.0"


def test_rates_begin_with_a_window_that_is_not_full() -> None:
    """After two seconds, two seconds are divided by."""
    rates = Rates()
    rates.add(["HK.00700"] * 10, 0.0)
    assert rates.text(2.0).startswith("5.0 records/s")


def test_rates_name_the_busiest() -> None:
    """A line has room for some; what is of no security counts, without a name."""
    rates = Rates()
    rates.add([name for number, name in enumerate(["", *"abcdef"]) for _ in range(number + 1)], 0.0)
    assert rates.text(1.0) == "28.0 records/s · f 7.0 · e 6.0 · d 5.0 · c 4.0"


def test_rates_of_nothing_are_nought() -> None:
    """Also before anything has come."""
    assert Rates().text(7.0) == "0.0 records/s"


def test_line_stays_below_the_rows() -> None:
    """Rows are printed as they are, markup and all; the rates come after them."""
    out = StringIO()
    with RateLine(Console(file=out, force_terminal=True, width=80)) as line:
        line.show([("HK.00700", "a row [bold]"), ("HK.00700", "another")], 1.0)
        line.show([], 1.5)
    rows, _, rates = out.getvalue().partition("another")
    assert "a row [bold]" in rows
    assert "2.0 records/s · HK.00700 2.0" in rates

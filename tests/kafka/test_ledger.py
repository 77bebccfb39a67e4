"""The numbers that both forms of the hot path write."""

from opend_kafka.kafka.ledger import Line, ledger


def test_empty_ledger_lets_records_go_directly() -> None:
    """Nothing is owed, and nothing stands before librdkafka's first producer."""
    lines = ledger()
    assert {line for line in Line if lines[line]} == {Line.DIRECT, Line.PRODUCERS}


def test_ledger_has_64_bits_a_line() -> None:
    """Compiled code reads it as an array of long long."""
    lines = ledger()
    assert (lines.typecode, lines.itemsize, len(lines)) == ("q", 8, len(Line))

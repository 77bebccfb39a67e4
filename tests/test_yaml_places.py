"""Where things stand in a YAML text."""

from __future__ import annotations

import yaml

from opend_kafka.yaml_places import dotted, line_of, places

TEXT = """\
subscriptions:
  - securities: [HK.00700]
    subtypes:
      - ticker
? [a, b]
: 1
"""


def test_every_key_and_element_has_its_line() -> None:
    """Counted from 1; a key that is no text has none."""
    assert dict(places(yaml.compose(TEXT))) == {
        ("subscriptions",): 1,
        ("subscriptions", 0): 2,
        ("subscriptions", 0, "securities"): 2,
        ("subscriptions", 0, "securities", 0): 2,
        ("subscriptions", 0, "subtypes"): 3,
        ("subscriptions", 0, "subtypes", 0): 4,
    }


def test_nothing_has_no_places() -> None:
    """An empty text is no fault of its own."""
    assert list(places(yaml.compose(""))) == []


def test_what_stands_nowhere_is_where_its_parent_is() -> None:
    """A missing key is a fault of the mapping that lacks it; without one, of the first line."""
    lines = dict(places(yaml.compose(TEXT)))
    assert line_of(("subscriptions", 0, "subtypes", 0), lines) == 4
    assert line_of(("subscriptions", 0, "sessions", "x"), lines) == 2
    assert line_of(("kafka",), lines) == 1


def test_paths_are_written_as_people_do() -> None:
    """Keys with dots, elements in brackets."""
    assert dotted(("subscriptions", 0, "securities")) == "subscriptions[0].securities"
    assert dotted(()) == ""

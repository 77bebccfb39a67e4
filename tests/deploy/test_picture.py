"""docs/architecture.svg shows what there is."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "docs" / "architecture.svg"
_SVG = "{http://www.w3.org/2000/svg}"


def _texts(kind: str) -> list[str]:
    root = ElementTree.parse(PICTURE).getroot()  # noqa: S314 - our own document
    return [one.text or "" for one in root.iter(f"{_SVG}text") if one.get("class") == kind]


def test_modules_in_the_picture_exist() -> None:
    """Each name in it is a module or a package of ours."""
    names = _texts("module")
    assert names
    assert [name for name in names if not (ROOT / "src/opend_kafka" / name).exists()] == []


def test_pure_modules_in_the_picture_are_held_pure() -> None:
    """What the picture calls pure, an import rule keeps pure."""
    root = ElementTree.parse(PICTURE).getroot()  # noqa: S314 - our own document
    (pure,) = (one for one in root.iter(f"{_SVG}g") if one.get("class") == "pure")
    rules = (ROOT / "pyproject.toml").read_text().split("is pure")
    held = set(re.findall(r'"opend_kafka\.([a-z_.]+)"', "".join(rules[1:])))
    for one in pure.iter(f"{_SVG}text"):
        if one.get("class") == "module":
            module = (one.text or "").removesuffix(".py").replace("/", ".")
            assert module in held or module.partition(".")[0] in held, module


def test_picture_can_be_read_without_seeing_it() -> None:
    """It has a title and a description, and the page names it."""
    root = ElementTree.parse(PICTURE).getroot()  # noqa: S314 - our own document
    assert root.findtext(f"{_SVG}title")
    assert root.findtext(f"{_SVG}desc")
    assert "](architecture.svg)" in (ROOT / "docs" / "architecture.md").read_text()

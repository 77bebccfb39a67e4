"""The Dockerfile, as far as it can be judged without building it: `make image` builds it."""

from __future__ import annotations

import re
from pathlib import Path

from opend_kafka import __version__

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
_INSTRUCTIONS = re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE)


def test_any_builder_can_build_it() -> None:
    """It has no syntax line, no mounts, no here-documents: none of BuildKit's own."""
    assert not re.search(r"^#\s*syntax\s*=", DOCKERFILE, re.MULTILINE)
    assert not re.search(r"--mount|--link|--chmod|<<", _INSTRUCTIONS)


def test_version_is_the_products() -> None:
    """The label is right where nobody gives the argument."""
    assert f"ARG VERSION={__version__}\n" in DOCKERFILE


def test_dependencies_are_checked_by_their_hashes() -> None:
    """Nothing is installed from an index but what is locked."""
    installs = re.findall(r"install --quiet.*?(?=&&|\n\n)", _INSTRUCTIONS, re.DOTALL)
    assert installs
    assert all("--require-hashes" in one or "--no-index" in one for one in installs)


def test_builder_is_given_only_what_it_needs() -> None:
    """Everything is ignored but what is named, and all of that exists or is optional."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    named = {rule[1:] for rule in rules if rule.startswith("!")}
    assert {one for one in named if not (ROOT / one).exists()} <= {"setup.py"}

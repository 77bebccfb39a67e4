"""Whether a test that needs a real service may be skipped where the service cannot run."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

from .maven import Unavailable

REQUIRED_VARIABLE = "OPEND_KAFKA_TEST_REAL_KAFKA"


@contextmanager
def skipping_unless_required() -> Iterator[None]:
    """Turn `Unavailable` into a skip with its reason, or into a failure where CI insists.

    The environment variable OPEND_KAFKA_TEST_REAL_KAFKA=1 is how a machine that must have the
    services says so; without it their tests could vanish from CI unnoticed.
    """
    try:
        yield
    except Unavailable as reason:
        if os.environ.get(REQUIRED_VARIABLE) == "1":
            pytest.fail(f"{reason} ({REQUIRED_VARIABLE}=1 forbids skipping)", pytrace=False)
        pytest.skip(str(reason))


TOOLS_VARIABLE = "OPEND_KAFKA_TEST_TOOLS"

_TOOLS = Path(__file__).parents[2] / ".tools" / "bin"


def tool(name: str) -> str:
    """Give the path of a program that .ci/tools installs; skip the test where it is missing."""
    found = shutil.which(name, path=f"{_TOOLS}{os.pathsep}{os.environ.get('PATH', '')}")
    return found or missing(name)


def missing(what: str) -> NoReturn:
    """Skip the test for want of something that .ci/tools installs.

    With the environment variable OPEND_KAFKA_TEST_TOOLS=1, as in CI, the test fails instead.
    """
    reason = f"{what} is not installed; .ci/tools installs it"
    if os.environ.get(TOOLS_VARIABLE) == "1":
        pytest.fail(f"{reason} ({TOOLS_VARIABLE}=1 forbids skipping)", pytrace=False)
    pytest.skip(reason)

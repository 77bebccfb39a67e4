"""Whether a test that needs a real service may be skipped where the service cannot run."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

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

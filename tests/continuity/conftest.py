"""A worker with a past."""

from __future__ import annotations

import pytest

from tests.continuity.opend import Model


@pytest.fixture
def model() -> Model:
    """Give a worker that is live, with ten ticks in Kafka."""
    model = Model()
    model.trade(5)
    model.due.clear()
    model.unpushed.clear()
    model.settle()
    for _ in range(10):
        model.trade(1)
    model.settle()
    return model

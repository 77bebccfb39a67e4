"""The fault suite's short form, on three real brokers; `make chaos` plays the whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.chaos.scenarios import SHORT
from tests.chaos.stage import World, world
from tests.clusters.requirement import skipping_unless_required

#: Ticks a second: other tests share the machine.
RATE = 1000.0


@pytest.fixture
def stages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Give three brokers and a registry."""
    with ExitStack() as stack:
        with skipping_unless_required():
            shared = stack.enter_context(world(tmp_path_factory.mktemp("chaos")))
        yield shared


async def test_no_tick_is_lost_silently_or_out_of_order(stages: World) -> None:
    """What OpenD had is in Kafka, in its order, or an event says that it is not."""
    outcome = await SHORT.run(stages, seed=1, rate=RATE, quick=True)
    assert outcome.kept, "\n".join([*outcome.complaints(), outcome.log_tail()])

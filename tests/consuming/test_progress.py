"""Up to where a partition is processed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from opend_kafka.consuming.progress import Progress

TOPIC = "opend.ticker.HK.00700"


@given(data=st.data(), taken=st.integers(1, 12))
def test_nothing_that_is_not_done_is_below_what_is_committed(
    data: st.DataObject, taken: int
) -> None:
    """In whatever order records are processed, the offset is that of the first that is not."""
    progress = Progress()
    for offset in range(taken):
        progress.taken(TOPIC, 0, offset)
    left = set(range(taken))
    for offset in data.draw(st.permutations(sorted(left))):
        progress.done(TOPIC, 0, offset)
        left.remove(offset)
        assert progress.offsets() == {(TOPIC, 0): min(left, default=taken)}


def test_partitions_are_apart() -> None:
    """What one has open holds no other one back."""
    progress = Progress()
    for partition in (0, 1):
        progress.taken(TOPIC, partition, 7)
    progress.done(TOPIC, 1, 7)
    assert progress.offsets() == {(TOPIC, 0): 7, (TOPIC, 1): 8}


def test_partition_that_is_gone_is_not_committed() -> None:
    """Another consumer has it; what is processed of it after all changes nothing."""
    progress = Progress()
    progress.taken(TOPIC, 0, 7)
    progress.revoked(TOPIC, 0)
    progress.revoked(TOPIC, 0)
    progress.done(TOPIC, 0, 7)
    assert progress.offsets() == {}


def test_what_is_read_again_takes_nothing_back() -> None:
    """A record from below what has been committed changes nothing."""
    progress = Progress()
    progress.assigned(TOPIC, 0, 7)
    progress.taken(TOPIC, 0, 3)
    before = progress.offsets()
    progress.taken(TOPIC, 0, 7)
    progress.done(TOPIC, 0, 7)
    assert (before, progress.offsets()) == ({(TOPIC, 0): 7}, {(TOPIC, 0): 8})

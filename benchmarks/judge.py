"""Whether the worker has become slower: our ratio to the bare loop against the one that is kept."""

from __future__ import annotations

from collections.abc import Mapping

#: What must be left of the ratio: it fails when a quarter is gone.
KEPT_PART = 0.75


def fallen(
    baseline: Mapping[str, float], measured: Mapping[str, float], *, kept_part: float = KEPT_PART
) -> list[str]:
    """Say, of each number of topics, how the ratio has fallen too far; empty where none has.

    Args:
        baseline: number of topics → the ratio that is kept.
        measured: the same, of now; what it lacks has fallen.
        kept_part: what of the baseline must be left.
    """
    return [
        f"{topics} topics: {measured.get(topics, 0.0):.3f} of the bare loop's ticks/s a core; "
        f"it was {kept:.3f}, and {kept * kept_part:.3f} is the least"
        for topics, kept in baseline.items()
        if measured.get(topics, 0.0) < kept * kept_part
    ]


def better(one: Mapping[str, float], other: Mapping[str, float]) -> dict[str, float]:
    """Give the better of two measurements: a busy machine only ever makes it worse."""
    return {topics: max(one[topics], other.get(topics, 0.0)) for topics in one}

"""The part of a page that a command writes: what lies between two marks."""

from __future__ import annotations


def replaced(page: str, content: str, *, begin: str, end: str) -> str:
    """Give the page with other content between the two marks.

    Raises:
        ValueError: it has no such marks.
    """
    head, begun, rest = page.partition(begin)
    _, ended, tail = rest.partition(end)
    if not (begun and ended):
        raise ValueError(f"the page lacks {begin} and {end}")
    return f"{head}{begin}\n{content}\n{end}{tail}"

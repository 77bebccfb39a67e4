"""Where things stand in a YAML text: for errors that name the line and the key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import yaml

#: Where something stands: keys, and numbers of elements.
KeyPath = tuple[str | int, ...]


def places(node: yaml.Node | None, path: KeyPath = ()) -> Iterator[tuple[KeyPath, int]]:
    """Yield the line, from 1, at which each key and each element stands."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue  # the constructor refuses it, with its line
            yield (*path, key.value), key.start_mark.line + 1
            yield from places(value, (*path, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield (*path, index), value.start_mark.line + 1
            yield from places(value, (*path, index))


def line_of(path: KeyPath, lines: Mapping[KeyPath, int]) -> int:
    """Give the line of what stands at a path, or of the nearest above it; 1 where nothing does."""
    return next((lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in lines), 1)


def dotted(path: KeyPath) -> str:
    """Write a path as people do: subscriptions[0].securities."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")

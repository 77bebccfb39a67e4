"""Secrets that lie in files: `sasl.password_file` names the file that holds `sasl.password`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from opend_kafka.errors import ConfigurationError, system_words

_FILE = "_file"

_Value = str | int | float | bool


def with_secrets(section: str, given: Mapping[str, _Value]) -> dict[str, _Value]:
    """Give a client's properties, with what files hold in their place.

    Args:
        section: where they stand in the configuration, for errors.
        given: the properties.

    Raises:
        ConfigurationError: such a file cannot be read, or the property is given as well.
    """
    properties = {key: value for key, value in given.items() if not key.endswith(_FILE)}
    for key, path in given.items():
        if key.endswith(_FILE):
            name = key.removesuffix(_FILE)
            if name in properties:
                raise ConfigurationError(f"{section}: {name} and {key} are both given; keep one")
            properties[name] = _read(section, key, Path(str(path)))
    return properties


def _read(section: str, key: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        cause = system_words(error) if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigurationError(f"{section}: {key}: {path}: {cause}") from None

"""The file: read strictly, with the line of each fault; and shown again, secrets masked."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_settings import SettingsError

from opend_kafka.config.environment import (
    Sources,
    no_json,
    unknown_variables,
    variable_of,
)
from opend_kafka.config.parts import Config, why_unreadable
from opend_kafka.errors import ConfigurationError
from opend_kafka.yaml_places import KeyPath, dotted, line_of, places

#: Keys that are part of the contract and come with a later version.
_LATER = {
    ("scale",),
}

#: Names under `properties` whose values are never shown; where a secret's file is, is shown.
_SECRET = re.compile(
    r"(password|secret|token(?!\.endpoint)|jaas|user\.info|private|\.pem$|oauthbearer\.config)"
    r"(?!.*_file$)"
)


def load(path: Path) -> Config:
    """Read the file and the environment.

    Raises:
        ConfigurationError: what is wrong, one line a fault, each with its key and its line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {why_unreadable(error)}") from None
    return parse(text, origin=str(path))


def parse(text: str, *, origin: str = "configuration") -> Config:
    """As `load`, from the file's text. `origin` names it in errors."""
    content, lines = _read(text, origin)
    if unknown := unknown_variables():
        raise ConfigurationError(f"environment: {unknown[0]}: no such key in the configuration")
    try:
        return Sources(**content)
    except SettingsError as error:
        raise ConfigurationError(
            f"environment: {no_json() or error}: no valid JSON; write lists and maps as JSON"
        ) from None
    except ValidationError as error:
        faults = (_fault(fault, origin, lines) for fault in error.errors())
        raise ConfigurationError("\n".join(faults)) from None


def effective(config: Config) -> str:
    """Give the values in force as YAML, secrets masked."""
    shown: dict[str, Any] = config.model_dump(mode="json")
    for entry, model in zip(shown["subscriptions"], config.subscriptions, strict=True):
        entry["securities"] = [str(security) for security in model.securities]
        entry["session"] = model.session.name.lower() if model.session else None
    for part in ("kafka", "schema_registry"):
        properties = shown[part]["properties"]
        shown[part]["properties"] = {
            key: "********" if _SECRET.search(key) else value for key, value in properties.items()
        }
    if url := shown["schema_registry"]["url"]:
        shown["schema_registry"]["url"] = re.sub(r"(?<=://)([^/@:]*):[^/@]*@", r"\1:********@", url)
    text: str = yaml.safe_dump(shown, sort_keys=False)
    return text


def _read(text: str, origin: str) -> tuple[dict[str, Any], dict[KeyPath, int]]:
    """Give what the YAML holds, and the line of each key and element."""
    lines: dict[KeyPath, int] = {}
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        for key_path, line in places(root):
            if key_path in lines:
                raise ConfigurationError(
                    f"{origin}:{line}: {dotted(key_path)}: stands here a second time "
                    f"(first in line {lines[key_path]}); keep one"
                )
            lines[key_path] = line
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{origin}: no valid YAML: {_yaml_cause(error)}") from None
    except RecursionError:
        raise ConfigurationError(f"{origin}: no valid YAML: it is nested without end") from None
    except ValueError as error:
        # PyYAML's own constructors: 2024-13-45 is a date to it, and 0x_ a number.
        raise ConfigurationError(f"{origin}: no valid YAML: {error}") from None
    if content is None:
        content = {}
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise ConfigurationError(f"{origin}: the file is no mapping of keys to values")
    for key in content:
        # BaseSettings takes these as its own arguments: _env_file, _cli_parse_args.
        if key.startswith("_"):
            raise ConfigurationError(f"{origin}:{lines[(key,)]}: {key}: unknown key")
    return content, lines


def _fault(fault: Any, origin: str, lines: dict[KeyPath, int]) -> str:
    """Say one fault in a line: where, which key, what to do."""
    path: KeyPath = tuple(fault["loc"])
    key = dotted(path)
    if fault["type"] == "extra_forbidden":
        message = (
            "this key is not in this version yet; remove it" if path in _LATER else "unknown key"
        )
    elif fault["type"] == "missing":
        message = "this key is required"
    else:
        message = fault["msg"].removeprefix("Value error, ")
    if (variable := variable_of(path)) is not None:
        within = "" if "__".join(map(str, path)).upper() in variable else f"{key}: "
        return f"environment: {variable}: {within}{message}"
    return f"{origin}:{line_of(path, lines)}: {key + ': ' if key else ''}{message}"


def _yaml_cause(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}: " if mark else ""
    return where + str(getattr(error, "problem", None) or error)

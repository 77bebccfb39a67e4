"""The environment: `OPEND_KAFKA__KAFKA__BOOTSTRAP_SERVERS` is `kafka.bootstrap_servers`."""

from __future__ import annotations

import json
import os

from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from opend_kafka.config.parts import Config
from opend_kafka.yaml_places import KeyPath

ENV_PREFIX = "OPEND_KAFKA__"


class Sources(Config, BaseSettings):
    """The same, from arguments and the environment."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        env_prefix=ENV_PREFIX,
        env_nested_delimiter="__",
        env_parse_none_str="null",
        nested_model_default_partial_update=True,
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment win over the file, whose content is given as arguments."""
        return env_settings, init_settings


def unknown_variables() -> list[str]:
    """Give the variables under our prefix whose first part is no key: mostly misspelt ones."""
    known = {name.upper() for name in Config.model_fields}
    return sorted(
        name
        for name in os.environ
        if name.startswith(ENV_PREFIX)
        and name.removeprefix(ENV_PREFIX).split("__")[0].upper() not in known
    )


def variable_of(path: KeyPath) -> str | None:
    """Give the variable that a fault came from: its own, one above it as JSON, or one below it."""
    ours = {name.upper(): name for name in os.environ if name.upper().startswith(ENV_PREFIX)}
    for end in range(len(path), 0, -1):
        variable = ENV_PREFIX + "__".join(str(part) for part in path[:end]).upper()
        if variable in ours and (end == len(path) or _holds(ours[variable], path[end:])):
            return ours[variable]
    below = ENV_PREFIX + "__".join(str(part) for part in path).upper() + "__"
    return next(
        (name for key, name in sorted(ours.items()) if path and key.startswith(below)), None
    )


def _holds(variable: str, path: KeyPath) -> bool:
    """Say whether a variable's JSON has something at a path."""
    try:
        value = json.loads(os.environ[variable])
        for part in path:
            value = value[part]
    except (ValueError, LookupError, TypeError):
        return False
    return True


def no_json() -> str | None:
    """Give the variable that pydantic-settings could not read; it names only the part."""
    source = EnvSettingsSource(Sources)
    for name in sorted(os.environ):
        if name.upper().startswith(ENV_PREFIX):
            source.env_vars = {name.lower(): os.environ[name]}
            try:
                source()
            except SettingsError:
                return name
    return None

"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from opend_kafka.opend.securities import Security

F = TypeVar("F", bound=Callable[..., Any])

config_file = click.option(
    "-c",
    "--config",
    required=True,
    type=click.Path(path_type=Path),
    help="The configuration, a YAML file.",
)


def output_format(help_text: str) -> Callable[[F], F]:
    """Give the option --format, whose value is `style`: table or json."""
    return click.option(
        "--format",
        "style",
        type=click.Choice(["table", "json"]),
        default="table",
        show_default=True,
        help=help_text,
    )


class Securities(click.ParamType[tuple[Security, ...]]):
    """A list of securities: HK.00700,US.AAPL."""

    name = "list"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[Security, ...]:
        """Read the list; fail as click does where it is none."""
        if isinstance(value, tuple):
            return value
        try:
            return tuple(Security.parse(part.strip()) for part in str(value).split(","))
        except ValueError as error:
            self.fail(str(error), param, ctx)

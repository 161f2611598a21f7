"""Options that commands share."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click

Command = Callable[..., Any]

config_option = click.option(
    "-c", "--config", metavar="FILE", default="gateway.yaml", envvar="GATEWAY_CONFIG",
    show_envvar=True, show_default=True, help="The configuration.",
)  # fmt: skip


class LazyGroup(click.Group):
    """A group whose help has the whole first sentence of each command, however long."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """click's seam."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, found.get_short_help_str(sys.maxsize)) for name, found in commands if found])


class ConfigCommand(click.Command):
    """A command of the configuration alone: who writes its name without -c is told so."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """click's seam."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            if "unexpected extra argument" not in error.message:
                raise
            raise click.UsageError(f"{error.message}; a configuration is named by -c FILE", ctx) from None


def format_option(default: str) -> Callable[[Command], Command]:
    """`--format`, on every command that prints."""
    choice = click.Choice(["text", "json"])
    return click.option("--format", "style", type=choice, default=default, show_default=True, help="How to print.")


def duration(text: str) -> float:
    """Seconds in a duration as in the configuration."""
    from gateway.config.units import parse_duration

    return positive(text, parse_duration, "a duration such as 90s, 1h or 30d")


def positive(text: str, parse: Callable[[str], float], words: str) -> float:
    """What `parse` makes of an option's text; it must be `words`, and more than nothing."""
    try:
        value = parse(text)
    except ValueError:
        value = 0.0
    if value <= 0:
        raise click.BadParameter(f"{text!r} is not {words}")
    return value


def member(text: str) -> tuple[str, str]:
    """(name, value) of NAME=VALUE."""
    name, sign, value = text.partition("=")
    if not name or not sign:
        raise click.BadParameter(f"{text!r} is not NAME=VALUE")
    return name, value


def claim(text: str) -> tuple[str, Any]:
    """The same; a value that is JSON is what it says."""
    import json

    name, value = member(text)
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value

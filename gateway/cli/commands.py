"""Commands about a configuration: `gateway check`, `gateway routes` and `gateway schema`."""

from __future__ import annotations

import sys

import click

from gateway.cli.options import ConfigCommand, config_option, format_option


@click.command(cls=ConfigCommand)
@config_option
@format_option("text")
def check(config: str, style: str) -> None:
    """Say what is wrong with a configuration, all of it in one go."""
    from gateway.config import cli as cli_check

    sys.exit(cli_check.check(config, style))


@click.command(cls=ConfigCommand)
@config_option
@format_option("text")
def routes(config: str, style: str) -> None:
    """List the routes in the order of their rank, the most specific first."""
    from gateway.config import cli as cli_check

    sys.exit(cli_check.routes(config, style))


@click.command()
@format_option("json")
def schema(style: str) -> None:
    """Print the JSON Schema of the configuration (text: an outline of it)."""
    from gateway.config import schema_cli as cli_schema

    click.echo(cli_schema.show(style), nl=False)

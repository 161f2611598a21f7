"""The `gateway` command. Exit codes: 0 all is well, 1 there is a problem, 2 wrong usage.

What a command needs is imported when it runs, so that `gateway --version` and a mistyped option answer at once.
"""

from __future__ import annotations

import sys
from typing import Any

import click

from gateway import __version__
from gateway.alerting import cli as cli_alerts
from gateway.alerting.anomaly import cli as cli_anomaly
from gateway.alerting.export import cli as cli_export
from gateway.auth import cli as cli_identity
from gateway.cache import cli as cli_cache
from gateway.cli.options import (
    ConfigCommand,
    LazyGroup,
    config_option,
    format_option,
)
from gateway.control import cli as cli_top
from gateway.examples import cli as cli_demo
from gateway.examples import quickstart_cli as cli_quickstart
from gateway.observability.audit import cli as cli_audit
from gateway.routing.openapi import cli as cli_import
from gateway.server import cli as cli_health
from gateway.tuning import cli as cli_tune


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="gateway")
def main() -> None:
    """An API gateway for microservices."""


@main.command(cls=ConfigCommand)
@config_option
@click.option(
    "--bind", metavar="ADDRESS", multiple=True, help="Listen here instead of on `server.bind`; may be repeated."
)
@click.option("--workers", type=click.IntRange(1, 256), metavar="N", help="So many instead of `server.workers`.")
def serve(config: str, bind: tuple[str, ...], workers: int | None) -> None:
    """Serve until SIGTERM; SIGHUP reads the configuration again, USR2 upgrades in place."""
    from gateway.config import cli as cli_check

    if not cli_check.is_there(config):
        sys.exit(1)
    from gateway.server.serve import main as serve_main

    overrides: dict[str, Any] = {}
    if bind:
        overrides["bind"] = list(bind)
    if workers:
        overrides["workers"] = workers
    sys.exit(serve_main(config, overrides))


@main.command(cls=ConfigCommand)
@config_option
@format_option("text")
def check(config: str, style: str) -> None:
    """Say what is wrong with a configuration, all of it in one go."""
    from gateway.config import cli as cli_check

    sys.exit(cli_check.check(config, style))


@main.command(cls=ConfigCommand)
@config_option
@format_option("text")
def routes(config: str, style: str) -> None:
    """List the routes in the order of their rank, the most specific first."""
    from gateway.config import cli as cli_check

    sys.exit(cli_check.routes(config, style))


@main.command()
@format_option("json")
def schema(style: str) -> None:
    """Print the JSON Schema of the configuration (text: an outline of it)."""
    from gateway.config import schema_cli as cli_schema

    click.echo(cli_schema.show(style), nl=False)


@main.command()
@click.argument("method")
@click.argument("url")
@click.option(
    "-H", "--header", "headers", metavar="'NAME: VALUE'", multiple=True, help="A request header; may be repeated."
)
@click.option("-d", "--data", metavar="TEXT|@FILE", help="The body; JSON unless a -H Content-Type says otherwise.")
@config_option
@format_option("text")
def explain(method: str, url: str, headers: tuple[str, ...], data: str | None, config: str, style: str) -> None:
    """Say what would happen to a request, and why. URL is whole, or a path for the first `bind`. Nothing is sent."""
    from gateway.routing import explain as cli_explain

    request = cli_explain.Request.parse(method, url, headers, data)
    sys.exit(cli_explain.explain(request, config, style))


main.add_command(cli_alerts.alerts)
main.add_command(cli_anomaly.anomaly)
main.add_command(cli_audit.audit)
main.add_command(cli_cache.cache)
main.add_command(cli_demo.demo_traffic)
main.add_command(cli_export.export)
main.add_command(cli_health.health)
main.add_command(cli_identity.keys)
main.add_command(cli_identity.token)
main.add_command(cli_import.import_)
main.add_command(cli_quickstart.quickstart)
main.add_command(cli_top.top)
main.add_command(cli_tune.tune)

"""`gateway explain`."""

from __future__ import annotations

import sys

import click

from gateway.cli.options import config_option, format_option


@click.command()
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

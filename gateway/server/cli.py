"""`gateway serve`, and `gateway health`: whether a gateway serves, for probes of a container that has no curl."""

from __future__ import annotations

import sys
from typing import Any

import click

from gateway.cli.options import ConfigCommand, config_option


@click.command()
@click.option(
    "--admin", metavar="ADDRESS", default="127.0.0.1:8001", envvar="GATEWAY_ADMIN", show_envvar=True, show_default=True,
    help="Where its admin API listens; no configuration is read.",
)  # fmt: skip
@click.option("--live", is_flag=True, help="Whether it lives, be it draining (/healthz); else whether it is ready.")
def health(admin: str, live: bool) -> None:
    """Ask a gateway how it is: 0 when it is well, 1 with a line that says what it is instead."""
    from gateway.cli.client import Problem, is_serving

    path = "/healthz" if live else "/readyz"
    try:
        status, said = is_serving(admin, path)
    except Problem as problem:
        click.echo(str(problem), err=True)
        sys.exit(1)
    click.echo(said, err=status != 200)
    sys.exit(0 if status == 200 else 1)


@click.command(cls=ConfigCommand)
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

"""`gateway health`: whether a gateway serves, for whatever watches a container that has no curl."""

from __future__ import annotations

import sys

import click


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

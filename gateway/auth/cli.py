"""The command lines of `gateway keys` and `gateway token`; what they do is in cli_keys.py and cli_token.py."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click

from gateway.cli.options import LazyGroup, claim, config_option, duration, format_option, member

provider_option = click.option(
    "--provider", metavar="NAME", help="Which one under `auth`, when several could be meant."
)
older_option = click.option(
    "--older-than",
    type=duration,
    metavar="TIME",
    help="Retired so long ago; else when no token of theirs can be left.",
)


@click.group(cls=LazyGroup)
def keys() -> None:
    """Make, list and revoke API keys; make, rotate and prune signing keys."""


@keys.command()
@click.argument("name")
@click.option("--role", "roles", metavar="ROLE", multiple=True, help="A role of its holder; may be repeated.")
@click.option("--scope", "scopes", metavar="SCOPE", multiple=True, help="A scope of its holder; may be repeated.")
@click.option("--meta", "metadata", type=member, metavar="NAME=VALUE", multiple=True, help="What upstreams are told.")
@click.option(
    "--ttl", metavar="TIME", type=duration, help="How long it is good, such as 90d; else until it is revoked."
)
@click.option("--line", "is_line", is_flag=True, help="Store nothing; print the key, then its line for `keys`.")
@provider_option
@config_option
@format_option("text")
def create(name: str, is_line: bool, config: str, style: str, **given: Any) -> None:
    """Make an API key for NAME and print it, this once: what is kept is its SHA-256."""
    from gateway.auth import keys_cli as cli_keys

    def make() -> str:
        if is_line:
            return cli_keys.line(name)
        ttl = given.pop("ttl")
        body = {"name": name, **given, "metadata": dict(given["metadata"])}
        if ttl is not None:
            body["ttl"] = f"{ttl:.6f}s"
        return cli_keys.create(_document(config), {key: value for key, value in body.items() if value}, style)

    _run(make)


@keys.command("list")
@config_option
@format_option("text")
def list_keys(config: str, style: str) -> None:
    """List the API keys in the store, without what they are."""
    from gateway.auth import keys_cli as cli_keys

    _run(lambda: cli_keys.listed(_document(config), style))


@keys.command()
@click.argument("key_id", metavar="ID")
@config_option
def revoke(key_id: str, config: str) -> None:
    """Revoke the API key that `gateway keys list` calls ID, within a second."""
    from gateway.auth import keys_cli as cli_keys

    _run(lambda: cli_keys.revoke(_document(config), key_id))


@keys.command()
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--algorithm", metavar="ALG", default="ES256", show_default=True, help="What it signs with.")
def new(file: str, algorithm: str) -> None:
    """Write a first signing key to FILE, which is not there yet."""
    from gateway.auth import keys_cli as cli_keys

    _run(lambda: cli_keys.new(file, algorithm))


@keys.command()
@click.option("--now", "at_once", is_flag=True, help="Sign with it at once, before others could see that it is there.")
@click.option("--drop-older-than", type=duration, metavar="TIME", help="Remove keys that retired so long ago.")
@provider_option
@config_option
def rotate(at_once: bool, drop_older_than: float | None, provider: str | None, config: str) -> None:
    """Put a fresh signing key into the file of a provider; those before it are verified on."""
    from gateway.auth import keys_cli as cli_keys

    _run(lambda: cli_keys.rotate(_document(config), provider, at_once, drop_older_than))


@keys.command()
@older_option
@provider_option
@config_option
def prune(older_than: float | None, provider: str | None, config: str) -> None:
    """Remove signing keys that retired long ago."""
    from gateway.auth import keys_cli as cli_keys

    _run(lambda: cli_keys.prune(_document(config), provider, older_than))


@click.command()
@click.option("--sub", default="me", show_default=True, help="Who it is for.")
@click.option("--scope", "scopes", metavar="SCOPE", multiple=True, help="A scope; may be repeated.")
@click.option("--role", "roles", metavar="ROLE", multiple=True, help="A role, told where the provider looks for roles.")
@click.option("--claim", "claims", type=claim, metavar="NAME=VALUE", multiple=True, help="Any other claim.")
@click.option("--ttl", type=duration, default="1h", show_default=True, metavar="TIME", help="How long it is good.")
@click.option(
    "--key", type=click.Path(dir_okay=False), help="PEM private key, for a `jwt` provider with public `keys`."
)
@provider_option
@config_option
@format_option("text")
def token(config: str, style: str, **given: Any) -> None:
    """Print a token for try-outs, signed as a provider of the configuration expects it."""
    from gateway.auth import token_cli as cli_token

    _run(lambda: cli_token.mint(_document(config), cli_token.Wish(**given), style))


def _document(config: str) -> Any:
    from gateway.cli.client import document_of

    return document_of(config)


def _run(make: Callable[[], str]) -> None:
    """Print what comes of a command, or the one line that says why nothing does."""
    from gateway.cli.client import Problem

    try:
        click.echo(make(), nl=False)
    except Problem as problem:
        click.echo(str(problem), err=True)
        sys.exit(1)

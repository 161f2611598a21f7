"""The command lines of `gateway cache`."""

from __future__ import annotations

import json
import sys
from typing import Any
from urllib.parse import urlencode

import click

from gateway.cli.options import LazyGroup, config_option, format_option


@click.group(cls=LazyGroup)
def cache() -> None:
    """Purge what caches keep, and see how often they are of use."""


@cache.command()
@click.option("--url", "urls", metavar="URL", multiple=True, help="A URL, or a path for all hosts; may be repeated.")
@click.option("--prefix", "prefixes", metavar="URL", multiple=True, help="All that begin so; may be repeated.")
@click.option("--tag", "tags", metavar="TAG", multiple=True, help="All with this tag; may be repeated.")
@click.option("--route", "routes", metavar="NAME", multiple=True, help="All of this route; may be repeated.")
@click.option("--all", "is_all", is_flag=True, help="Everything.")
@config_option
def purge(is_all: bool, config: str, **given: tuple[str, ...]) -> None:
    """Purge in all workers of all hosts, within a second."""
    pairs = [(kind, value) for kind in ("url", "prefix", "tag", "route") for value in given[_PLURAL[kind]]]
    if is_all == bool(pairs):
        raise click.UsageError("say what: --url, --prefix, --tag or --route, or else --all")
    query = urlencode([("all", "true")] if is_all else pairs)
    _admin_answer(config, "DELETE", f"/api/cache?{query}")


@cache.command()
@config_option
@format_option("text")
def stats(config: str, style: str) -> None:
    """Show how often the caches of routes were of use, over all workers."""
    found = _admin_answer(config, "GET", "/api/cache")
    click.echo(json.dumps(found, indent=1) if style == "json" else "\n".join(_lines(found)))


_PLURAL = {"url": "urls", "prefix": "prefixes", "tag": "tags", "route": "routes"}


def _lines(found: dict[str, Any]) -> list[str]:
    lines = []
    for route, counts in sorted(found["routes"].items()):
        lines.append(f"{route}: " + ", ".join(f"{number} {name}" for name, number in counts.items() if number))
    return lines or ["no route has a cache that was asked"]


def _admin_answer(config: str, method: str, path: str) -> Any:
    """What the admin API answers; a problem is told in one line and ends the process with status 1."""
    from gateway.cli.client import Problem, admin_request, document_of

    try:
        return admin_request(document_of(config), method, path)
    except Problem as problem:
        click.echo(str(problem), err=True)
        sys.exit(1)

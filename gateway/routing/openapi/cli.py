"""`gateway import`: configurations made of what describes an API elsewhere."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from gateway.cli.options import LazyGroup

if TYPE_CHECKING:
    from gateway.config.reader import OptionReader

#: stands for the upstream until the document has said where that is
_NOWHERE = "http://127.0.0.1:8080"


@click.group("import", cls=LazyGroup)
def import_() -> None:
    """Make a configuration of what describes an API elsewhere."""


@import_.command()
@click.argument("document", metavar="FILE", type=click.Path(exists=True, dir_okay=False))
@click.option("--upstream", metavar="URL", help="What serves it; the first server of the document when not given.")
@click.option("--expand", is_flag=True, help="Write out the routes and schemas instead of a reference to FILE.")
def openapi(document: str, upstream: str | None, expand: bool) -> None:
    """Print a configuration for an OpenAPI document (3.0 or 3.1, YAML or JSON)."""
    sys.exit(print_openapi(document, upstream, expand=expand))


def print_openapi(document: str, upstream: str | None, *, expand: bool) -> int:
    """Print the configuration; 1 when the document has mistakes, which are shown instead."""
    from gateway.config.diagnostics import ConfigError
    from gateway.config.reader import LoadContext
    from gateway.config.sources import FileLoader
    from gateway.routing.openapi.document import Documents
    from gateway.routing.openapi.operations import server_of
    from gateway.routing.openapi.routes import expanded, name_of

    load = LoadContext()
    small = {"version": 1, "routes": [{"openapi": document, "upstream": "api"}]}
    file = FileLoader(load, {}).parse(dump(small).encode(), "gateway.yaml", os.getcwd())
    assert file is not None
    section = next(file.reader.sections("routes"))
    named = section.one("openapi")
    assert named is not None
    name = name_of(section, named)
    routes = [_plain(route, name) for route in expanded(section, has_auth=True)]
    target = upstream or _origin(server_of(Documents(section, named)))
    if load.complaints:
        click.echo(str(ConfigError(dict.fromkeys(load.complaints))), err=True)
        return 1
    if not target:
        raise click.UsageError("the document names no server with an address; say --upstream URL")
    if not expand:
        routes = [{"name": name, "openapi": document, "upstream": name}]
    click.echo(dump({"version": 1, "upstreams": {name: {"targets": [target]}}, "routes": routes}), nl=False)
    return 0


def _plain(route: OptionReader, upstream: str) -> dict[str, Any]:
    """A route as it would be written by hand."""
    keys = {key: route.raw(key) for key in route}
    first = {"name": keys.pop("name"), "match": keys.pop("match"), "upstream": upstream}
    return {**first, **{key: value for key, value in keys.items() if key != "upstream"}}


def _origin(url: str) -> str:
    """The scheme and host of an address, "" where it has none."""
    try:
        parts = urlsplit(url)
    except ValueError:  # a host in brackets that is none, of which reading the document complains
        return ""
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("http", "https") and parts.netloc else ""


def dump(value: Any) -> str:
    """A configuration as YAML 1.2; what would be a reference in a string stays the text that it is."""
    import yaml

    from gateway.config.yaml_core_schema import resolve

    class Dumper(yaml.SafeDumper):
        """Writes strings so that they are read as strings, and everything where it stands."""

        def ignore_aliases(self, data: Any) -> bool:
            return True

    def text(dumper: yaml.SafeDumper, data: str) -> yaml.ScalarNode:
        is_safe = isinstance(resolve(data), str)
        return dumper.represent_scalar("tag:yaml.org,2002:str", data, style=None if is_safe else '"')

    Dumper.add_representer(str, text)
    return yaml.dump(_escaped(json.loads(json.dumps(value))), Dumper=Dumper, sort_keys=False, allow_unicode=True)


def _escaped(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("${", "$${")
    if isinstance(value, dict):
        return {key: _escaped(member) for key, member in value.items()}
    return [_escaped(member) for member in value] if isinstance(value, list) else value

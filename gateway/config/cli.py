"""`gateway check` and `gateway routes`."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import click

from gateway.config.diagnostics import ConfigError, Diagnostic

if TYPE_CHECKING:
    from gateway.config.model import Document, Route
    from gateway.contracts import Plan


def ready(
    config: str, style: str = "text", *, to_stderr: bool = True, with_certificates: bool = False
) -> tuple[Document, Plan] | None:
    """The configuration, compiled; None once its complaints have been shown."""
    from gateway.config.compile import compile as compile_document
    from gateway.config.document import load
    from gateway.config.external_checks import Judge

    try:
        if not os.path.exists(config):
            raise _missing(config)
        document = load(config, judge=Judge(certificates=with_certificates))
        return document, compile_document(document)
    except ConfigError as error:
        if style == "json":
            _show_json(ok=False, complaints=[complaint.to_json() for complaint in error.complaints], warnings=[])
        else:
            click.echo(str(error), err=to_stderr)
        return None


def is_there(config: str) -> bool:
    """Whether the file exists; else that is said, and how to name one."""
    if os.path.exists(config):
        return True
    click.echo(str(_missing(config)), err=True)
    return False


def _missing(config: str) -> ConfigError:
    hint = "name a configuration with -c FILE or GATEWAY_CONFIG"
    return ConfigError([Diagnostic(config, 0, 0, "", "no such file", hint)])


def check(config: str, style: str) -> int:
    """Show every complaint and warning; 0 when the configuration can be used."""
    found = ready(config, style, to_stderr=False, with_certificates=True)
    if found is None:
        return 1
    document, _ = found
    routes, upstreams, version = len(document.routes), len(document.upstreams), document.version
    if style == "json":
        warnings = [warning.to_json() for warning in document.warnings]
        _show_json(ok=True, complaints=[], warnings=warnings, routes=routes, upstreams=upstreams, version=version)
        return 0
    for warning in document.warnings:
        click.echo(f"warning: {warning}")
    click.echo(f"OK: {_count(routes, 'route')}, {_count(upstreams, 'upstream')}, version {version}")
    return 0


def routes(config: str, style: str) -> int:
    """Show the routes in rank order, as a table or as JSON."""
    found = ready(config, style)
    if found is None:
        return 1
    document, plan = found
    by_name = {route.name: route for route in (*document.routes, *plan.own_routes)}
    rows = [_row(by_name[name]) for name in dict.fromkeys(route.name for route in plan.table.routes())]
    if style == "json":
        _show_json(ok=True, routes=rows)
        return 0
    click.echo(table([{name: _cell(value) for name, value in row.items()} for row in rows]), nl=False)
    return 0


def table(rows: list[dict[str, str]]) -> str:
    """Rows of the same columns, aligned under their names; columns that say nothing are left out."""
    names = [name for name in (rows[0] if rows else ()) if any(row[name] not in ("", "any") for row in rows)]
    head = {name: name.upper() for name in names}
    widths = {name: max(len(row[name]) for row in (head, *rows)) for name in names}
    lines = ["  ".join(row[name].ljust(widths[name]) for name in names).rstrip() for row in (head, *rows)]
    return "".join(line + "\n" for line in lines)


def conditions(route: Route) -> dict[str, Any]:
    """What a request must be for a route; empty lists mean "any"."""
    match = route.match
    return {
        "hosts": list(match.hosts),
        "methods": list(match.methods),
        "path": match.path,
        "headers": match.shown(match.headers),
        "query": match.shown(match.query),
    }


def _row(route: Route) -> dict[str, Any]:
    return {
        "name": route.name,
        **conditions(route),
        "priority": route.priority,
        "to": _end(route),
        "where": route.where,
    }


def _end(route: Route) -> str:
    if route.split is not None:
        end = "split " + ", ".join(f"{leg.upstream} {leg.weight}" for leg in route.split.legs)
    elif route.respond is not None:
        end = f"respond {route.respond.status}"
    else:
        end = route.upstream or "the gateway itself"
    return end if route.mirror is None else f"{end}, mirror {route.mirror.upstream}"


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}={wanted}" for name, wanted in value.items())
    if isinstance(value, list):
        return ",".join(value) or "any"
    return str(value or "")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _show_json(**members: Any) -> None:
    click.echo(json.dumps(members, indent=1, ensure_ascii=False))

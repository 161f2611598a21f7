"""`gateway explain`: asks the functions that serve traffic what they would do with a request, and sends nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from gateway.auth.explain import explain_auth, known, runs_offline
from gateway.cache.explain import cached
from gateway.config.cli import conditions, ready
from gateway.errors import GatewayError
from gateway.handlers.explain import action
from gateway.policies.transform.explain import content_of
from gateway.ratelimit.explain import matching_limits
from gateway.routing.explain_text import in_words
from gateway.upstream.explain import Picks
from gateway.validation.explain import body_of, faults_of, give_body, requirements, screened, typed

if TYPE_CHECKING:
    from gateway.config.model import Document
    from gateway.config.model import Route as RouteSpec
    from gateway.contracts import Plan, RoutePlan
    from gateway.exchange import Exchange, Headers, Response

#: Steps that only look at the exchange and change it: what they do is shown by doing it.
PURE_STEPS = frozenset({"cors", "guard", "screen", "rewrite", "headers", "transform"})


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked about: `url` is absolute, or a path."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes | None = None

    @classmethod
    def parse(cls, method: str, url: str, headers: tuple[str, ...], data: str | None = None) -> Request:
        """Read the command line; wrong usage raises click.UsageError."""
        fields = []
        for header in headers:
            name, colon, value = header.partition(":")
            if not colon or not name.strip():
                raise click.UsageError(f"-H takes 'Name: value', not {header!r}")
            fields.append((name.strip(), value.strip()))
        if not url.startswith("/") and not _is_url(url):
            raise click.UsageError(f"URL is http://host/path, https://host/path or /path, not {url!r}")
        body = body_of(data)
        return cls(method, url, typed(tuple(fields), body), body)

    def absolute(self, document: Document) -> str:
        """The URL with the host it would be sent to: that of the first `bind` for a path."""
        if not self.url.startswith("/"):
            return self.url
        bind = document.server.bind[0]
        host = "localhost" if bind.startswith(("unix:", "0.0.0.0:", "[::]:")) else bind
        return f"{'https' if document.server.tls else 'http'}://{host}{self.url}"


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 0) >= 0
    except ValueError:  # a bracket that is not closed, a port that is no number
        return False


def explain(request: Request, config: str, style: str) -> int:
    """Show what would become of `request`; 1 when the configuration cannot be used."""
    found = ready(config, style)
    if found is None:
        return 1
    report = explain_request(request, *found)
    click.echo(json.dumps(report, indent=1, ensure_ascii=False) if style == "json" else "\n".join(in_words(report)))
    return 0


def explain_request(request: Request, document: Document, plan: Plan) -> dict[str, Any]:
    """The whole answer, ready for JSON.

    `route` is null for what matches none; then `answer` tells the refusal.  `steps` are in the order of the walk; those
    with `run` false depend on state or the network and are only named.
    """
    from gateway.routing.ingress import offline

    exchange = offline(plan, request.method, request.absolute(document), list(request.headers))
    route = exchange.route
    before = list(exchange.headers)
    matched = route is not plan.unmatched and route is not plan.refused
    source = _source(route, document, plan) if matched else None
    pure = (PURE_STEPS | runs_offline(document, source)) - give_body(exchange, source, request.body)
    answer = _walk(exchange, route, plan, pure)
    report: dict[str, Any] = {
        "request": {"method": exchange.method, "target": exchange.target, "host": exchange.host, "path": exchange.path},
        "route": _route(route, source) if source is not None else None,
        "params": dict(exchange.params or {}),
        "close": _close(exchange, plan, document) if route is not plan.refused else [],
        "steps": [{"name": s.name, "where": s.where, "run": s.name in pure} for s in route.steps],
        "auth": explain_auth(source),
        "caller": known(exchange.caller),
        "validate": requirements(source),
        "sanitize": screened(source),
        "limits": matching_limits(document, source, exchange),
        "cache": cached(source),
        "content": content_of(source),
        "headers": _hidden(_changes(before, exchange.outgoing), source),
    }
    if answer is not None or source is None or source in plan.own_routes:
        return report | {"answer": answer, "upstream": None}
    if (does := action(source, route.total, document)) is not None:
        return report | {"answer": None, "upstream": does | _mirror(source)}
    picks = Picks(document, plan, exchange)
    sent = _split if source.split is not None else _upstream
    return report | {"answer": None, "upstream": sent(picks, route, source) | _mirror(source)}


def _walk(exchange: Exchange, route: RoutePlan, plan: Plan, pure: frozenset[str]) -> dict[str, Any] | None:
    """Run the pure steps; the answer, where the gateway gives it by itself."""
    try:
        for step in route.steps:
            hook = step.steps.on_request
            response = hook(exchange) if hook is not None and step.name in pure else None
            if response is not None:
                return _shown(response)
        if route.upstream == "respond" or route is plan.unmatched or route is plan.refused:
            return _shown(route.fetch(exchange))
    except GatewayError as error:
        return {
            "status": error.kind.status,
            "headers": [list(field) for field in error.headers],
            "error": error.kind.slug,
            "detail": error.detail or error.kind.title,
            "errors": faults_of(error),
        }
    return None


def _shown(response: Response) -> dict[str, Any]:
    headers = [list(field) for field in response.headers]
    return {"status": response.status, "headers": headers, "error": None, "detail": ""}


def _route(route: RoutePlan, source: RouteSpec) -> dict[str, Any]:
    return {"name": route.name, "where": route.where, **conditions(source), "priority": source.priority}


def _close(exchange: Exchange, plan: Plan, document: Document) -> list[dict[str, str]]:
    """The routes that came close, closest first, and on what each failed."""
    from gateway.routing.matching import matched_method

    raw = _raw_segments(exchange)
    verdicts = plan.table.explain(
        exchange.host, matched_method(exchange), exchange.path, exchange.environ, exchange.query, raw
    )
    sources = {source.name: source for source in (*document.routes, *plan.own_routes)}
    return [
        {
            "name": v.payload.name,
            "where": v.payload.where,
            "aspect": v.aspect,
            "detail": _without_secrets(v.detail, sources[v.payload.name]),
        }
        for v in verdicts
    ]


def _without_secrets(detail: str, source: RouteSpec) -> str:
    """SECURITY: a route may want a value that came from a reference (test_no_secret_is_told)."""
    match = source.match
    for name, value in (*match.headers, *match.query):
        if name in match.hidden:
            detail = detail.replace(repr(value), "'***'")
    return detail


def _hidden(changes: dict[str, list[list[str]]], source: RouteSpec | None) -> dict[str, list[list[str]]]:
    """The same without values that came from references."""
    names = source.headers.request.hidden if source is not None and source.headers is not None else ()
    return {
        kind: [[name, "***" if name.lower() in names else value] for name, value in fields]
        for kind, fields in changes.items()
    }


def _raw_segments(exchange: Exchange) -> tuple[str, ...] | None:
    from gateway.http.path import canonical_path

    raw_path = exchange.target.partition("?")[0]
    return canonical_path(raw_path).raw if raw_path != "*" else None


def _changes(before: Headers, after: Headers | None) -> dict[str, list[list[str]]]:
    """The request headers that policies added (or changed: both) and removed."""
    after = before if after is None else after
    return {
        "added": [list(field) for field in after if field not in before],
        "removed": [list(field) for field in before if field not in after],
    }


def _source(route: RoutePlan, document: Document, plan: Plan) -> RouteSpec:
    routes: tuple[RouteSpec, ...] = (*document.routes, *plan.own_routes)
    return next(each for each in routes if each.name == route.name)


def _upstream(picks: Picks, route: RoutePlan, source: RouteSpec) -> dict[str, Any]:
    return picks.upstream(source.upstream or "") | {"total": route.total}


def _split(picks: Picks, route: RoutePlan, source: RouteSpec) -> dict[str, Any]:
    """The legs; which one this request takes, where its header or its cookie says so."""
    from gateway.handlers.compile import choice

    assert source.split is not None
    at, why = choice(source.name, source.split).decide(picks.exchange.headers, 0.0)
    whole = sum(leg.weight for leg in source.split.legs)
    legs = [picks.upstream(leg.upstream) | {"share": leg.weight / whole} for leg in source.split.legs]
    taken = None if why == "weight" else legs[at]["name"]
    return {
        "name": "split",
        "where": source.split.where,
        "why": why,
        "taken": taken,
        "legs": legs,
        "total": route.total,
    }


def _mirror(source: RouteSpec) -> dict[str, Any]:
    spec = source.mirror
    return {"mirror": None if spec is None else {"name": spec.upstream, "where": spec.where, "share": spec.share}}

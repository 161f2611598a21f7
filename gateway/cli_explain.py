"""`gateway explain`: asks the functions that serve traffic what they would do with a request, and sends nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from gateway.cli_check import conditions, ready
from gateway.errors import GatewayError

if TYPE_CHECKING:
    from gateway.config.model import Document, Target
    from gateway.contracts import Plan, RoutePlan
    from gateway.exchange import Exchange, Headers, Response

#: Steps that only look at the exchange and change it: what they do is shown by doing it.
PURE_STEPS = frozenset({"guard", "rewrite", "headers"})


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked about: `url` is absolute, or a path."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]

    @classmethod
    def parse(cls, method: str, url: str, headers: tuple[str, ...]) -> Request:
        """Read the command line; wrong usage raises click.UsageError."""
        fields = []
        for header in headers:
            name, colon, value = header.partition(":")
            if not colon or not name.strip():
                raise click.UsageError(f"-H takes 'Name: value', not {header!r}")
            fields.append((name.strip(), value.strip()))
        parts = urlsplit(url) if not url.startswith("/") else None
        if parts is not None and not (parts.scheme in ("http", "https") and parts.netloc):
            raise click.UsageError(f"URL is http://host/path, https://host/path or /path, not {url!r}")
        return cls(method, url, tuple(fields))

    def absolute(self, document: Document) -> str:
        """The URL with the host it would be sent to: that of the first `bind` for a path."""
        if not self.url.startswith("/"):
            return self.url
        bind = document.server.bind[0]
        host = "localhost" if bind.startswith(("unix:", "0.0.0.0:", "[::]:")) else bind
        return f"{'https' if document.server.tls else 'http'}://{host}{self.url}"


def explain(request: Request, config: str, style: str) -> int:
    """Show what would become of `request`; 1 when the configuration cannot be used."""
    found = ready(config, style)
    if found is None:
        return 1
    report = examine(request, *found)
    click.echo(json.dumps(report, indent=1, ensure_ascii=False) if style == "json" else "\n".join(in_words(report)))
    return 0


def examine(request: Request, document: Document, plan: Plan) -> dict[str, Any]:
    """The whole answer, ready for JSON.

    `route` is null for what matches none; then `answer` tells the refusal.  `steps` are in the order of the walk; those
    with `run` false depend on state or the network and are only named.
    """
    from gateway.server.ingress import offline

    exchange = offline(plan, request.method, request.absolute(document), list(request.headers))
    route = exchange.route
    before = list(exchange.headers)
    answer = _walk(exchange, route, plan)
    matched = route is not plan.unmatched and route is not plan.refused
    report: dict[str, Any] = {
        "request": {"method": exchange.method, "target": exchange.target, "host": exchange.host, "path": exchange.path},
        "route": _route(route, document) if matched else None,
        "params": dict(exchange.params or {}),
        "close": _close(exchange, plan) if route is not plan.refused else [],
        "steps": [{"name": s.name, "where": s.where, "run": s.name in PURE_STEPS} for s in route.steps],
        "headers": _changes(before, exchange.outgoing),
    }
    if answer is not None:
        return report | {"answer": answer, "upstream": None}
    return report | {"answer": None, "upstream": _upstream(exchange, route, document)}


def _walk(exchange: Exchange, route: RoutePlan, plan: Plan) -> dict[str, Any] | None:
    """Run the pure steps; the answer, where the gateway gives it by itself."""
    try:
        for step in route.steps:
            hook = step.steps.on_request
            response = hook(exchange) if hook is not None and step.name in PURE_STEPS else None
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
        }
    return None


def _shown(response: Response) -> dict[str, Any]:
    headers = [list(field) for field in response.headers]
    return {"status": response.status, "headers": headers, "error": None, "detail": ""}


def _route(route: RoutePlan, document: Document) -> dict[str, Any]:
    source = next(each for each in document.routes if each.name == route.name)
    return {"name": route.name, "where": route.where, **conditions(source), "priority": source.priority}


def _close(exchange: Exchange, plan: Plan) -> list[dict[str, str]]:
    """The routes that came close, closest first, and on what each failed."""
    raw = _raw_segments(exchange)
    verdicts = plan.table.explain(exchange.host, exchange.method, exchange.path, exchange.environ, exchange.query, raw)
    return [
        {"name": v.payload.name, "where": v.payload.where, "aspect": v.aspect, "detail": v.detail} for v in verdicts
    ]


def _raw_segments(exchange: Exchange) -> tuple[str, ...] | None:
    from gateway.canonical import canonical

    raw_path = exchange.target.partition("?")[0]
    return canonical(raw_path).raw if raw_path != "*" else None


def _changes(before: Headers, after: Headers | None) -> dict[str, list[list[str]]]:
    """The request headers that policies added (or changed: both) and removed."""
    after = before if after is None else after
    return {
        "added": [list(field) for field in after if field not in before],
        "removed": [list(field) for field in before if field not in after],
    }


def _upstream(exchange: Exchange, route: RoutePlan, document: Document) -> dict[str, Any]:
    source = next(each for each in document.upstreams if each.name == route.upstream)
    path = exchange.target if exchange.upstream_path is None else exchange.upstream_path
    urls = [_url(target, path) for target in source.targets]
    return {"name": source.name, "where": source.where, "balance": source.balance, "urls": urls, "total": route.total}


def _url(target: Target, path: str) -> str:
    return f"unix:{target.socket} {path}" if target.scheme == "unix" else target.url.rstrip("/") + path


def in_words(report: dict[str, Any]) -> Iterator[str]:
    """The report as lines for people."""
    request, route = report["request"], report["route"]
    yield f"request   {request['method']} {request['target']}, host {request['host']}"
    if request["path"] != request["target"].partition("?")[0]:
        yield f"path      {request['path']} is what is matched"
    if route is None:
        yield "route     none"
    else:
        yield f"route     {route['name']}, {route['where']}"
        yield f"why       {_why(route)}"
    for name, value in report["params"].items():
        yield f"          {name} = {value}"
    for number, step in enumerate(report["steps"], 1):
        note = "" if step["run"] else "  (not run here)"
        yield f"{'steps' if number == 1 else '':10}{number}. {step['name']}, {step['where']}{note}"
    for kind, sign in (("removed", "-"), ("added", "+")):
        for name, value in report["headers"][kind]:
            yield f"header    {sign} {name}: {value}"
    yield from _end_in_words(report)
    for number, other in enumerate(report["close"]):
        yield f"{'' if number else 'close':10}{other['name']}, {other['where']}: {other['aspect']}: {other['detail']}"


def _why(route: dict[str, Any]) -> str:
    """Everything that the request had to be, in the order in which routes are ranked."""
    reasons = [f"host {' or '.join(route['hosts'])}"] if route["hosts"] else []
    reasons.append(f"path {route['path']}")
    if route["methods"]:
        reasons.append(f"method {' or '.join(route['methods'])}")
    for kind in ("headers", "query"):
        for name, value in route[kind].items():
            reasons.append(f"{kind.removesuffix('s')} {name}" + (" is there" if value == "*" else f" is {value!r}"))
    return "the most specific that fits in every respect: " + ", ".join(reasons)


def _end_in_words(report: dict[str, Any]) -> Iterator[str]:
    answer, upstream = report["answer"], report["upstream"]
    if answer is not None:
        yield f"answer    {answer['status']}" + (f" {answer['error']}: {answer['detail']}" if answer["error"] else "")
        for name, value in answer["headers"]:
            yield f"          {name}: {value}"
        return
    yield f"upstream  {upstream['name']}, {upstream['where']}, {upstream['total']:g} s in all"
    for number, url in enumerate(upstream["urls"]):
        yield f"{'' if number else 'to':10}{url}"
    if not upstream["urls"]:
        yield "to        nowhere: it has no target, so the answer is 503"

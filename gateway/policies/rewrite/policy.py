"""rewrite: the path, and where it is written the query, that the upstream sees."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway.config.compiling import CompileContext, Compiler
from gateway.config.model import Route
from gateway.contracts import OnRequest, Step, Steps
from gateway.exchange import Exchange
from gateway.http import template as templates
from gateway.policies.rewrite.model import Rewrite

_DOT_SEGMENT = re.compile(r"/\.{1,2}(/|$)")


def compile(spec: Rewrite) -> Steps:
    """The step that sets `exchange.upstream_path`; the query string is kept unless the rewrite has its own."""
    path, mark, _ = spec.target.partition("?")
    if not path.startswith("/"):
        raise ValueError("a rewrite begins with '/'")
    if _DOT_SEGMENT.search(path):
        raise ValueError("a rewrite may hold no '.' or '..' segments: servers resolve them differently")
    template = templates.compile(spec.target, "url")
    return Steps(on_request=_replaced(template) if mark else _kept(template))


def _kept(template: templates.Template) -> OnRequest:
    def on_request(exchange: Exchange) -> None:
        path, query = template.render(exchange), exchange.query
        exchange.upstream_path = f"{path}?{query}" if query else path

    return on_request


def _replaced(template: templates.Template) -> OnRequest:
    def on_request(exchange: Exchange) -> None:
        exchange.upstream_path = template.render(exchange)

    return on_request


class RewriteCompiler(Compiler):
    """Makes the step `rewrite`."""

    def __init__(self, context: CompileContext) -> None:
        """Nothing of it depends on the rest of the document."""

    def steps(self, route: Route) -> Iterator[Step]:
        """The step of a route."""
        if route.rewrite is not None:
            yield Step("rewrite", route.rewrite.where, compile(route.rewrite))

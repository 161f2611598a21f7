"""From `jsonrpc` and `graphql` of a route to its fetch."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from gateway.handlers.graphql.handler import GraphQL, Input, Query
from gateway.handlers.jsonrpc.handler import Call, JsonRpc
from gateway.handlers.jsonrpc.options import BODY, GraphQLPass
from gateway.handlers.jsonrpc.options import GraphQL as GraphQLSpec
from gateway.handlers.jsonrpc.options import JsonRpc as Spec
from gateway.http import buffered_body as body
from gateway.http import json_render as filling
from gateway.http import json_template as expressions
from gateway.http import template as templates
from gateway.http.json_render import Fill
from gateway.upstream.compile import CompiledUpstream

if TYPE_CHECKING:
    from gateway.handlers.graphql.passthrough import GraphqlProxy


def compile_jsonrpc(spec: Spec, service: CompiledUpstream) -> JsonRpc:
    """The upstream of a route with `jsonrpc`."""
    params: Fill | None
    if spec.params == BODY:
        params = body.json_body
    else:
        params = None if spec.params is None else filled(spec.params, spec.numbers)
    call = Call(
        upstream=spec.upstream,
        path=templates.compile(spec.path, "url").render,
        method=spec.method,
        params=params,
        notification=spec.notification,
        select=expressions.compile(spec.select) if spec.select else None,
        statuses=spec.statuses,
        batch=spec.batch,
    )
    return JsonRpc(call, service.fetch, service.total)


def compile_graphql(spec: GraphQLSpec, service: CompiledUpstream) -> GraphQL:
    """The upstream of a route with `graphql`."""
    inputs = tuple(
        Input(each.name, each.type, each.lists, each.is_required, filled(each.value, spec.numbers))
        for each in spec.variables
    )
    query = Query(
        upstream=spec.upstream,
        path=templates.compile(spec.path, "url").render,
        text=spec.query,
        operation=spec.operation,
        inputs=inputs,
        select=expressions.compile(spec.select) if spec.select else None,
        statuses=spec.statuses,
        partial=spec.partial,
    )
    return GraphQL(query, service.fetch, service.total)


def compile_passthrough(spec: GraphQLPass, service: CompiledUpstream) -> GraphqlProxy:
    """The upstream of a route with `graphql` that clients write themselves."""
    from gateway.handlers.graphql.passthrough import GraphqlProxy, QueryLimits

    bounds = QueryLimits(
        upstream=spec.upstream,
        path=templates.compile(spec.path, "url").render,
        depth=spec.depth,
        complexity=spec.complexity,
        aliases=spec.aliases,
        introspection=spec.introspection,
        persisted=MappingProxyType(dict(spec.persisted)),
        only=spec.only,
    )
    return GraphqlProxy(bounds, service.fetch, service.total)


def filled(spec: object, numbers: tuple[str, ...]) -> Fill:
    """JSON with {param}, {query.name}, {header.Name}, {claim.name} and {body.path}.

    A text that is one variable alone is a number where it is one of the path's `numbers`, and what the body has where
    it is of the body.  Path parameters are decoded: they do not become part of a URL here.
    """
    values = {BODY: body.value, "param": filling.parameters(numbers)}
    return filling.compile(spec, values, {BODY: body.text, "param": filling.decoded})

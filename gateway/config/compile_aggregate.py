"""From `aggregate` of a route to its fetch."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from gateway import expressions, templates
from gateway.aggregating.aggregate import STATE, Aggregate, Rules
from gateway.aggregating.part import Part
from gateway.config.compile_upstreams import Service
from gateway.config.frozen import FrozenMap, thaw
from gateway.config.model_aggregate import Aggregate as Spec
from gateway.config.model_aggregate import Part as PartSpec
from gateway.errors import UPSTREAM_BAD_ANSWER, GatewayError
from gateway.exchange import Exchange
from gateway.templates import Getter, Source, claim_text

Render = Callable[[Any], Any]


def aggregating(spec: Spec, upstreams: Mapping[str, Service | None]) -> tuple[Aggregate, float] | None:
    """(the upstream, the longest that its parts may take); None where an upstream could not be built."""
    sources = {part.name: _source(part.name) for part in spec.parts}
    parts = []
    for part in spec.parts:
        service = upstreams.get(part.upstream)
        if service is None:
            return None
        parts.append(_part(part, service, sources, spec.forward))
    shape = dict if spec.response is None else _shape(spec.response)
    total = sum(part.total for part in parts)
    return Aggregate(tuple(parts), Rules(shape, spec.partial, spec.meta, spec.taken)), total


def _part(spec: PartSpec, service: Service, sources: Mapping[str, Source], forward: tuple[str, ...] | None) -> Part:
    path = templates.compile(spec.path, "url", sources)
    return Part(
        name=spec.name,
        upstream=spec.upstream,
        fetch=service.fetch,
        total=service.total if spec.timeout is None else min(spec.timeout, service.total),
        method=spec.method,
        path=path.render,
        body=None if spec.body is None else _body(spec.body, sources),
        needs=spec.needs,
        default=json.dumps(thaw(spec.default)) if spec.has_default else None,
        is_required=spec.is_required,
        accept=frozenset(spec.accept),
        select=expressions.compile(spec.select) if spec.select else None,
        forward=None if forward is None else frozenset(forward),
    )


def _source(part: str) -> Source:
    """Variables such as {item.sku}: what the answer of a part has at a path of names."""

    def getter(name: str) -> Getter:
        find = expressions.compile(name)

        def get(exchange: Exchange) -> str:
            value = find((exchange.state or {})[STATE].get(part))
            if value is None or isinstance(value, dict | list):
                words = f"The part {part} has no {name} that a request could be made of."
                raise GatewayError(UPSTREAM_BAD_ANSWER, words)
            return claim_text(value)

        return get

    return getter


def _body(spec: Any, sources: Mapping[str, Source]) -> Callable[[Exchange], bytes]:
    render = _filled(spec, sources)
    return lambda exchange: json.dumps(render(exchange), ensure_ascii=False).encode()


def _filled(spec: Any, sources: Mapping[str, Source]) -> Render:
    """JSON whose texts are templates, rendered for an exchange."""
    if isinstance(spec, str):
        return templates.compile(spec, "text", sources).render
    return _built(spec, lambda item: _filled(item, sources))


def _shape(spec: Any) -> Render:
    """JSON whose texts are expressions, made of the parts' values."""
    return expressions.compile(spec) if isinstance(spec, str) else _built(spec, _shape)


def _built(spec: Any, compile_item: Callable[[Any], Render]) -> Render:
    if isinstance(spec, FrozenMap):
        members = tuple((name, compile_item(item)) for name, item in spec.items())
        return lambda given: {name: make(given) for name, make in members}
    if isinstance(spec, tuple):
        items = tuple(map(compile_item, spec))
        return lambda given: [make(given) for make in items]
    return lambda given: spec

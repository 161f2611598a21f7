"""From `aggregate` of a route to its fetch."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from gateway.errors import UPSTREAM_BAD_ANSWER, GatewayError
from gateway.exchange import Exchange
from gateway.handlers.aggregate.handler import STATE, Aggregate, AggregateRules
from gateway.handlers.aggregate.options import Aggregate as Spec
from gateway.handlers.aggregate.options import Part as PartSpec
from gateway.handlers.aggregate.part import AggregatePart
from gateway.http import json_render as filling
from gateway.http import json_template as expressions
from gateway.http import template as templates
from gateway.http.frozen import FrozenDict, unfreeze
from gateway.http.json_render import Fill, Values
from gateway.http.template import Getter, Source, claim_text
from gateway.http.template_parser import variables
from gateway.upstream.compile import CompiledUpstream
from gateway.upstream.greenlets import GreenletPool

Render = Callable[[Any], Any]
#: seconds beyond the longest that all parts may take: what fails of a part is told of it, not of the whole
MARGIN: Final = 0.1
#: what the variables of other parts are, as texts and as values
Known = tuple[Mapping[str, Source], Values]


def aggregating(
    spec: Spec, upstreams: Mapping[str, CompiledUpstream | None], hands: GreenletPool
) -> tuple[Aggregate, float] | None:
    """(the upstream, the longest that its parts may take); None where an upstream could not be built."""
    sources = {part.name: _source(part.name) for part in spec.parts}
    values = {part.name: _value(part.name) for part in spec.parts}
    parts = []
    for part in spec.parts:
        service = upstreams.get(part.upstream)
        if service is None:
            return None
        parts.append(_part(part, service, (sources, values), spec.forward))
    shape = None if spec.response is None else _shape(spec.response)
    total = sum(part.total for part in parts) + MARGIN
    return Aggregate(
        tuple(parts), AggregateRules(shape, spec.partial, spec.meta, spec.taken, _varies(spec)), hands
    ), total


def _varies(spec: Spec) -> tuple[str, ...]:
    """The client's header fields that the requests for parts are made of."""
    found = (each for part in spec.parts for text in _texts((part.path, part.body)) for each in variables(text))
    return tuple(dict.fromkeys(each.name for each in found if each.kind == "header"))


def _texts(value: Any) -> Iterator[str]:
    """The texts of frozen JSON."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, FrozenDict | tuple):
        for item in value.values() if isinstance(value, FrozenDict) else value:
            yield from _texts(item)


def _part(spec: PartSpec, service: CompiledUpstream, known: Known, forward: tuple[str, ...] | None) -> AggregatePart:
    sources, values = known
    path = templates.compile(spec.path, "url", sources)
    return AggregatePart(
        name=spec.name,
        upstream=spec.upstream,
        fetch=service.fetch if spec.retry is None else service.with_retry(spec.retry),
        total=service.total if spec.timeout is None else min(spec.timeout, service.total),
        method=spec.method,
        path=path.render,
        body=None if spec.body is None else filling.compile(spec.body, values, sources),
        needs=spec.needs,
        default=json.dumps(unfreeze(spec.default)) if spec.has_default else None,
        is_required=spec.is_required,
        accept=frozenset(spec.accept),
        select=expressions.compile(spec.select) if spec.select else None,
        forward=None if forward is None else frozenset(forward),
    )


def _value(part: str) -> Callable[[str], Fill]:
    """Variables such as {item.sku}: what the answer of a part has at a path of names; None where it has nothing."""

    def getter(name: str) -> Fill:
        find = expressions.compile(name)
        return lambda exchange: find((exchange.state or {})[STATE].get(part))

    return getter


def _source(part: str) -> Source:
    """The same as a text."""
    value_of = _value(part)

    def getter(name: str) -> Getter:
        find = value_of(name)

        def get(exchange: Exchange) -> str:
            value = find(exchange)
            if value is None or isinstance(value, dict | list):
                words = f"The part {part} has no {name} that a request could be made of."
                raise GatewayError(UPSTREAM_BAD_ANSWER, words)
            return claim_text(value)

        return get

    return getter


def _shape(spec: Any) -> Render:
    """JSON whose texts are expressions, made of the parts' values."""
    return expressions.compile(spec) if isinstance(spec, str) else filling.built(spec, _shape)

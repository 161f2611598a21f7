"""JSON whose texts are templates (gateway.http.template), made anew for each request."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from typing import Any
from urllib.parse import unquote

from gateway.exchange import Exchange
from gateway.http import template as templates
from gateway.http.frozen import FrozenDict
from gateway.http.template_parser import KINDS, Variable, parse

Fill = Callable[[Exchange], Any]
#: makes, from the name of a variable, a function that gives its JSON value
Values = Mapping[str, Callable[[str], Fill]]


def compile(spec: Any, values: Values, sources: Mapping[str, templates.Source] = templates.NOTHING_MORE) -> Fill:
    """A function that fills frozen JSON in.

    A text that is nothing but one variable of a kind in `values` becomes what that gives, of whatever type; all other
    texts stay texts, `sources` being kinds of variables that are known in them besides.
    """
    if isinstance(spec, str):
        pieces = parse(spec, (*KINDS, *values, *sources))
        if len(pieces) == 1 and isinstance(pieces[0], Variable) and pieces[0].kind in values:
            return values[pieces[0].kind](pieces[0].name)
        return templates.compile(spec, "text", sources).render
    return built(spec, lambda item: compile(item, values, sources))


def decoded(name: str) -> templates.Getter:
    """A parameter of the path, decoded: it does not become part of a URL here."""
    return lambda exchange: unquote((exchange.params or {}).get(name, ""))


def parameters(numbers: Collection[str]) -> Callable[[str], Fill]:
    """The same as a value: those in `numbers` are numbers."""

    def source(name: str) -> Fill:
        get, is_number = decoded(name), name in numbers
        return lambda exchange: json.loads(get(exchange)) if is_number else get(exchange)

    return source


def built(spec: Any, compile_item: Callable[[Any], Callable[[Any], Any]]) -> Callable[[Any], Any]:
    """A function that builds frozen JSON anew, each item made by what `compile_item` made of it."""
    if isinstance(spec, FrozenDict):
        members = tuple((name, compile_item(item)) for name, item in spec.items())
        return lambda given: {name: make(given) for name, make in members}
    if isinstance(spec, tuple):
        items = tuple(map(compile_item, spec))
        return lambda given: [make(given) for make in items]
    return lambda given: spec

"""Compilation of `transform`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from gateway.config.compiling import CompileContext, Compiler
from gateway.config.model import Route
from gateway.contracts import Step
from gateway.http import json_render as filling
from gateway.http import json_template as expressions
from gateway.http import template as templates
from gateway.policies.transform.json_path import parse

if TYPE_CHECKING:
    from gateway.policies.transform import policy as transform
    from gateway.policies.transform.options import JsonEdit, QueryEdit, Transform
    from gateway.policies.transform.query import QueryChange
    from gateway.validation.options import Validate

#: (depth, members) of the JSON that is transformed: a client's where `validate` says nothing else, and an upstream's
FROM_CLIENTS: Final = (32, 10_000)
FROM_UPSTREAMS: Final = (64, 50_000)


class TransformCompiler(Compiler):
    """Makes the step `transform`."""

    def __init__(self, context: CompileContext) -> None:
        """Nothing of it depends on the rest of the document."""

    def steps(self, route: Route) -> Iterator[Step]:
        """The step of a route."""
        if route.transform is not None:
            yield _step(route.transform, route.validate)


def _step(spec: Transform, validate: Validate | None) -> Step:
    """The step that transforms."""
    from gateway.policies.transform import policy as transform  # PERF: for configurations that have any

    asked = FROM_CLIENTS if validate is None else (validate.depth, validate.members)
    rules = transform.TransformOptions(
        query=_query(spec.query) if spec.query is not None else None,
        request=_body(spec.request, spec.numbers, asked) if spec.request is not None else None,
        response=_body(spec.response, spec.numbers, FROM_UPSTREAMS) if spec.response is not None else None,
    )
    return Step("transform", spec.where, transform.compile(rules))


def _query(spec: QueryEdit) -> QueryChange:
    from gateway.policies.transform.query import change

    texts = [(name, templates.compile(text, "text", {"param": filling.decoded})) for name, text in spec.set + spec.add]
    gone = frozenset((*spec.remove, *(name for name, _ in spec.set)))
    return change(spec.rename, gone, tuple((name, text.render) for name, text in texts))


def _body(spec: JsonEdit, numbers: tuple[str, ...], bounds: tuple[int, int]) -> transform.Body:
    from gateway.http.json_reader import JsonReader
    from gateway.policies.transform import policy as transform
    from gateway.policies.transform.json_edit import Change

    values, texts = {"param": filling.parameters(numbers)}, {"param": filling.decoded}
    change = Change(
        select=expressions.compile(spec.select) if spec.select else None,
        renames=tuple((parse(path), new) for path, new in spec.rename),
        removes=tuple(map(parse, spec.remove)),
        puts=tuple((parse(path), filling.compile(value, values, texts)) for path, value in spec.set),
    )
    return transform.Body(change.apply, spec.max_body, spec.content_types, JsonReader(*bounds))

"""Bindings of HTTP requests to gRPC methods: the google.api.http rules of a schema, compiled for lookup."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from google.protobuf.descriptor import Descriptor

from gateway.handlers.grpc.paths import Template, TemplateError, overlaps, parse
from gateway.handlers.grpc.schema import Method, Rule, Schema, SchemaError, field_at, field_of

WHOLE: Final = "*"
#: a custom rule of this kind is for every method of HTTP
ANY: Final = "*"

#: messages that are one text in JSON, so that a path or a query can say them
TEXTS: Final = frozenset(
    f"google.protobuf.{name}"
    for name in (
        *("Timestamp", "Duration", "FieldMask", "StringValue", "BytesValue", "BoolValue"),
        *("Int32Value", "Int64Value", "UInt32Value", "UInt64Value", "FloatValue", "DoubleValue"),
    )
)


@dataclass(frozen=True, slots=True)
class Table:
    """What requests can call, the most specific rules first; `schema` knows their messages."""

    schema: Schema
    bindings: tuple[Binding, ...]


@dataclass(frozen=True, slots=True)
class Binding:
    """One rule of one method."""

    method: Method
    verb: str
    template: Template
    body: str
    response_body: str

    @property
    def rank(self) -> tuple[tuple[int, ...], bool, int]:
        """The most specific one is the least: literals before *, * before **, verbs before none, HEAD before GET."""
        return self.template.kinds, not self.template.verb, {"HEAD": 0, ANY: 2}.get(self.verb, 1)


def bindings(schema: Schema, services: Iterable[str] = ()) -> tuple[Binding, ...]:
    """The rules of a schema's methods, or of some services only, the most specific ones first. Raises SchemaError."""
    wanted = set(services)
    found = [
        _binding(method, rule)
        for method in schema.methods
        if not wanted or method.service in wanted
        for rule in method.rules
    ]
    return tuple(sorted(found, key=lambda each: each.rank))


def member_at(
    table: Iterable[Binding], route: Sequence[tuple[str, str]], methods: Sequence[str]
) -> tuple[Binding, ...]:
    """Those that a route's requests can reach: `route` are (kind, literal) of its path, no `methods` = all."""
    return tuple(
        each
        for each in table
        if overlaps(route, each.template) and (not methods or each.verb in (*methods, ANY) or _is_head(each, methods))
    )


def _is_head(binding: Binding, methods: Sequence[str]) -> bool:
    return binding.verb == "GET" and "HEAD" in methods


def find(table: Iterable[Binding], method: str, raw: Sequence[str]) -> tuple[Binding, dict[str, str]] | tuple[str, ...]:
    """The binding and its variables; or the methods that the path has, () for a path that nothing matches."""
    wanted = ("HEAD", "GET", ANY) if method == "HEAD" else (method, ANY)
    others: dict[str, None] = {}
    for each in table:
        values = each.template.match(raw)
        if values is None:
            continue
        if each.verb in wanted:
            return each, values
        others[each.verb] = None
    return tuple(others)


def _binding(method: Method, rule: Rule) -> Binding:
    try:
        template = parse(rule.path)
    except TemplateError as error:
        raise SchemaError(f"the rule of {method.service}.{method.name} cannot be used: {error}") from None
    for mistake in _mistakes(method, rule, template):
        raise SchemaError(f"the rule of {method.service}.{method.name} cannot be used: {mistake}")
    return Binding(method, rule.verb, template, rule.body, rule.response_body)


def _mistakes(method: Method, rule: Rule, template: Template) -> Iterator[str]:
    for variable in template.variables:
        field = field_at(method.input, variable.field)
        if field is None:
            yield f"{method.input.full_name} has no field {variable.field}"
        elif field.is_repeated or not is_text(field.message_type):
            yield f"the field {variable.field} is none that a path can say"
    if rule.body not in ("", WHOLE) and field_of(method.input, rule.body) is None:
        yield f"{method.input.full_name} has no field {rule.body} for the body"
    if rule.response_body and field_of(method.output, rule.response_body) is None:
        yield f"{method.output.full_name} has no field {rule.response_body} for the answer"


def is_text(message: Descriptor | None) -> bool:
    """Whether a field of this type, None = a scalar, is one text in JSON."""
    return message is None or message.full_name in TEXTS

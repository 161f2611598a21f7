"""Options of `aggregate` of a route: an answer made of several."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any

from gateway.config import schema_parts as schemas
from gateway.config.diagnostics import did_you_mean
from gateway.config.options import Options
from gateway.config.schema_parts import FIELD_NAME, Schema
from gateway.config.variables import Known, check_template
from gateway.http import json_template as expressions
from gateway.http import template_parser as template
from gateway.http.frozen import freeze
from gateway.upstream.resilience.options import OwnRetry, own_retry, read_own_retry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.config.reader import OptionReader, ScalarNode
    from gateway.config.reading import RouteContext


class Part(Options, frozen=True):
    """One request. `path` is a template, `body` frozen JSON whose strings are templates (None = no body).

    `timeout` is seconds, None = the upstream's, and so is `retry`; `default` is frozen JSON; `select` is JMESPath,
    "" = all of it; `accept` are statuses besides 2xx.
    """

    name: str
    upstream: str
    method: str
    path: str
    body: Any
    needs: tuple[str, ...]
    timeout: float | None
    retry: OwnRetry | None
    has_default: bool
    default: Any
    is_required: bool
    accept: tuple[int, ...]
    select: str
    where: str


class Aggregate(Options, frozen=True):
    """`parts` in an order in which each stands behind those it needs.

    `response` is frozen JSON whose strings are JMESPath over {part: value}, None = that itself; `partial` is the
    status where a part failed, 0 = then all fails; `meta` whether the answer tells; `taken` are (header, part);
    `forward` are the client's headers (lower case) that go along, None = all.
    """

    parts: tuple[Part, ...]
    response: Any
    partial: int
    meta: bool
    taken: tuple[tuple[str, str], ...]
    forward: tuple[str, ...] | None
    where: str


PARTS_MAX = 32
_PART = r"^[A-Za-z_][A-Za-z0-9_-]{0,63}$"
FAIL = "fail"


def route_keys() -> dict[str, Schema]:
    """The keys of a route that this module describes."""
    name = schemas.text("a name of letters, digits, `_` and `-`", "The name of a part.", _PART)
    header = schemas.text("a header name (RFC 9110 token)", "A header name; compared without case.", FIELD_NAME)
    keys = {
        "parts": schemas.mapping("The requests, by name.", _part(name), name),
        "response": _json("What the answer is: texts are JMESPath over the parts; all of them when not written."),
        "partial": schemas.either(
            "a status from 200 to 299, or `fail`",
            "The status where parts failed.",
            {"enum": [FAIL]},
            schemas.integer("The status.", 200, 299),
            default=200,
        ),
        "meta": schemas.boolean("Whether the answer has a member `meta` that says which parts failed.", False),
        "take": schemas.mapping("Headers of the answer, and from which part they are.", name, header),
        "forward": schemas.listing("The client's headers that go along; all when not written.", header),
    }
    return {"aggregate": schemas.section("One answer made of several.", keys, ("parts",))}


def _part(name: Schema) -> Schema:
    keys = {
        "upstream": schemas.text("an upstream's name", "The upstream that is asked."),
        "method": schemas.choice("The method.", "GET", "POST", "PUT", "PATCH", "DELETE", default="GET"),
        "path": schemas.text(
            "a path such as /items/{id}", "May use {param}, {query.name}, {header.Name}, {part.field}.", "^/"
        ),
        "body": _json("Sent as JSON; its texts may use variables."),
        "needs": schemas.listing("Parts that must be there first; those that `path` and `body` use are.", name),
        "timeout": schemas.quantity("positive", "Longest time; the upstream's when not written."),
        "retry": own_retry(),
        "default": _json("What stands in its place when it fails."),
        "required": schemas.boolean("Whether the whole fails with it.", False),
        "accept": schemas.listing("Statuses besides 2xx that are no failure.", schemas.integer("A status.", 300, 599)),
        "select": schemas.text("a JMESPath expression", "What is taken out of the answer."),
    }
    return schemas.section("A request to an upstream.", keys, ("upstream", "path"))


def _json(description: str) -> Schema:
    return {"title": "a JSON value", "description": description}


META = "meta"


def read_aggregate(holder: OptionReader, context: RouteContext) -> Aggregate | None:
    """The section, None where it is not written."""
    if "aggregate" not in holder:
        return None
    reader = holder.section("aggregate")
    if reader.is_wrong("parts"):  # all else speaks of them
        return None
    readers = {section.path[-1]: section for section in part_readers(holder)}
    names = tuple(reader.section("parts"))
    if not names:
        reader.complain("there is no part", key="parts")
    if len(names) > PARTS_MAX:
        reader.complain(f"there are {len(names)} parts; one request may ask for {PARTS_MAX}", key="parts")
    parts = [_part_reader(str(name), section, names, context.known) for name, section in readers.items()]
    for name, section in readers.items():
        if str(name) in template.KINDS:
            section.complain(f"`{name}` is what variables of another kind begin with", "call it something else")
    response = reader.raw("response")
    for text in reader.strings("response"):
        _check_members(text, names)
    is_told = reader.flag(META)
    if is_told and not _may_tell(response, names):
        reader.complain("`meta` needs a `response` that is a mapping without a `meta` of its own", key=META)
    taken = tuple((name.value, part.value) for name, part in reader.pairs("take"))
    for _, part in reader.pairs("take"):
        if part.value not in names:
            part.complain(f"there is no part {part.shown}", did_you_mean(part.value, names))
    return Aggregate(
        parts=_ordered(reader, parts),
        response=freeze(response),
        partial=0 if reader.text("partial") == FAIL else reader.integer("partial"),
        meta=is_told,
        taken=taken,
        forward=tuple(text.value.lower() for text in reader.texts("forward")) if "forward" in reader else None,
        where=reader.where,
    )


def part_readers(holder: OptionReader) -> Iterator[OptionReader]:
    """The mappings of the parts."""
    parts = holder.section("aggregate").section("parts")
    return (parts.section(name) for name in parts if isinstance(parts.raw(name), dict))


def _part_reader(name: str, reader: OptionReader, names: tuple[str, ...], known: Known) -> Part:
    used: dict[str, None] = {}
    path = reader.one("path")
    if path is not None:
        _check_variables(path, names, known, used)
        _check_braces(path, names)
    body = reader.raw("body")
    for text in reader.strings("body"):
        _check_variables(text, names, known, used)
    for need in reader.texts("needs"):
        if need.value not in names:
            need.complain(f"there is no part {need.shown}", did_you_mean(need.value, names))
        used[need.value] = None
    if "body" in reader and reader.text("method") in ("GET", "DELETE"):
        reader.complain(f"a request with {reader.text('method')} has no body", "write `method: POST`", key="body")
    if "default" in reader and reader.flag("required"):
        reader.complain("a part that is required has no use for a default", key="default")
    select = reader.one("select")
    if select is not None:
        _check_expression(select)
    return Part(
        name=name,
        upstream=reader.text("upstream"),
        method=reader.text("method"),
        path=reader.text("path"),
        body=freeze(body) if "body" in reader else None,
        needs=tuple(used),
        timeout=reader.duration("timeout") if reader.text("timeout") else None,
        retry=read_own_retry(reader),
        has_default="default" in reader,
        default=freeze(reader.raw("default")),
        is_required=reader.flag("required"),
        accept=tuple(status for status in reader.raw("accept") or () if type(status) is int),
        select=reader.text("select"),
        where=reader.where,
    )


def _check_variables(text: ScalarNode, names: tuple[str, ...], known: Known, used: dict[str, None]) -> None:
    check_template(text, known)
    kinds = (*template.KINDS, *names)
    for stranger in template.unknown_variables(text.value, kinds):
        text.complain(f"the variable {stranger} is of no part", did_you_mean(stranger.kind, kinds))
    for variable in template.variables(text.value, kinds):
        if variable.kind in names:
            used[variable.kind] = None


def _check_braces(text: ScalarNode, names: tuple[str, ...]) -> None:
    """Complain about a brace in a path that belongs to no variable."""
    kinds = (*template.KINDS, *names)
    rest = "".join(piece for piece in template.parse(text.value, kinds) if isinstance(piece, str))
    if ("{" in rest or "}" in rest) and not template.unknown_variables(text.value, kinds):
        text.complain("a brace that is no variable", "such as {param}, {query.name} or {part.field}")


def _ordered(reader: OptionReader, parts: list[Part]) -> tuple[Part, ...]:
    by_name = {part.name: part for part in parts}
    graph = {part.name: [need for need in part.needs if need in by_name] for part in parts}
    try:
        return tuple(by_name[name] for name in TopologicalSorter(graph).static_order())
    except CycleError as error:
        circle = " -> ".join(reversed(error.args[1]))
        reader.complain(f"the parts wait for each other: {circle}", key="parts")
        return tuple(parts)


def _may_tell(response: Any, names: tuple[str, ...]) -> bool:
    return META not in names if response is None else isinstance(response, dict) and META not in response


def _check_expression(text: ScalarNode) -> None:
    try:
        expressions.compile(text.value)
    except expressions.ExpressionError as error:
        text.complain(f"{text.shown} is no JMESPath expression: {error}")


def _check_members(text: ScalarNode, names: tuple[str, ...]) -> None:
    """Complain about an expression that asks for a part that is not there."""
    _check_expression(text)
    try:
        asked = expressions.members(text.value)
    except expressions.ExpressionError:
        return  # which the check before has told
    for name in sorted(asked.difference(names)):
        text.complain(f'there is no part "{name}"', did_you_mean(name, names))

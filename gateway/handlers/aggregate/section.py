"""`aggregate` of routes."""

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from typing import Any

from gateway.config.diagnostics import did_you_mean
from gateway.config.reader import OptionReader, ScalarNode
from gateway.config.reading import RouteContext
from gateway.config.variables import Known, check_template
from gateway.handlers.aggregate.model import Aggregate, Part
from gateway.handlers.aggregate.schema import FAIL, PARTS_MAX
from gateway.http import json_template as expressions
from gateway.http import template_parser as template
from gateway.http.frozen import freeze
from gateway.upstream.resilience.options import read_own_retry

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
    parts = [_part(str(name), section, names, context.known) for name, section in readers.items()]
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


def _part(name: str, reader: OptionReader, names: tuple[str, ...], known: Known) -> Part:
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

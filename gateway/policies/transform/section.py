"""`transform` of routes."""

from __future__ import annotations

from gateway.config.expressions import NUMBER, check_expression
from gateway.config.reader import OptionReader, ScalarNode
from gateway.config.reading import RouteContext
from gateway.config.variables import Known, check_template
from gateway.http.frozen import freeze
from gateway.policies.transform.json_path import PathError, parse
from gateway.policies.transform.model import JsonEdit, QueryEdit, Transform
from gateway.policies.transform.schema import TYPES

_ASK_AN_UPSTREAM = ("upstream", "split", "function", "wsgi")
_READ_A_BODY = (*_ASK_AN_UPSTREAM, "jsonrpc", "graphql")


def read_transform(holder: OptionReader, context: RouteContext) -> Transform | None:
    """The section, None where it is not written."""
    if "transform" not in holder:
        return None
    reader = holder.section("transform")
    if not any(key in reader for key in ("query", "request", "response")):
        reader.complain("nothing is transformed", "it needs `query`, `request` or `response`")
    for key, actions in (("query", _ASK_AN_UPSTREAM), ("request", _READ_A_BODY)):
        if key in reader and not any(action in holder for action in actions):
            reader.complain(f"`{key}` has no effect on this route: nobody is sent it", key=key)
    return Transform(
        query=_query(reader.section("query"), context.known) if "query" in reader else None,
        request=_body(reader.section("request"), context.known) if "request" in reader else None,
        response=_body(reader.section("response"), context.known) if "response" in reader else None,
        numbers=tuple(NUMBER.findall(context.path)),
        where=reader.where,
    )


def _query(reader: OptionReader, known: Known) -> QueryEdit:
    seen: dict[str, str] = {}
    for old, new in reader.pairs("rename"):
        _once(seen, old, "rename")
        _once(seen, new, "rename")
    removed = list(reader.texts("remove"))
    for name in removed:
        _once(seen, name, "remove")
    for key in ("set", "add"):
        for name, value in reader.pairs(key):
            _once(seen, name, key)
            check_template(value, known)
    return QueryEdit(
        rename=_plain(reader, "rename"),
        remove=tuple(name.value for name in removed),
        set=_plain(reader, "set"),
        add=_plain(reader, "add"),
    )


def _body(holder: OptionReader, known: Known) -> JsonEdit:
    reader = holder.section("json")
    seen: dict[str, str] = {}
    select = reader.one("select")
    if select is not None:
        check_expression(select)
    for path, _ in reader.pairs("rename"):
        _once(seen, path, "rename")
        _check_path(path, has_name=True)
    removed = list(reader.texts("remove"))
    for path in removed:
        _once(seen, path, "remove")
        _check_path(path)
    values = reader.section("set")
    for name in values:
        _once(seen, values.key(name), "set")
        _check_path(values.key(name))
    for text in reader.strings("set"):
        check_template(text, known)
    return JsonEdit(
        select=reader.text("select"),
        rename=_plain(reader, "rename"),
        remove=tuple(path.value for path in removed),
        set=tuple((name, freeze(values.raw(name))) for name in values),
        max_body=holder.size("max_body"),
        content_types=tuple(text.value.lower() for text in holder.texts("content_types")) or TYPES,
    )


def _plain(reader: OptionReader, key: str) -> tuple[tuple[str, str], ...]:
    return tuple((name.value, value.value) for name, value in reader.pairs(key))


def _once(seen: dict[str, str], text: ScalarNode, key: str) -> None:
    if text.value in seen:
        text.complain(f"{text.shown} is in `{seen[text.value]}` already")
    seen.setdefault(text.value, key)


def _check_path(path: ScalarNode, *, has_name: bool = False) -> None:
    try:
        steps = parse(path.value)
    except PathError as error:
        path.complain(f"{path.shown} is no path: {error}")
        return
    if has_name and not isinstance(steps[-1], str):
        path.complain(f"{path.shown} is no member that has a name", "it ends with a name such as items[*].price")

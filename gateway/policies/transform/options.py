"""Options of `transform` of a route."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.config import schema_parts as schemas
from gateway.config.expressions import NUMBER, check_expression
from gateway.config.options import Options
from gateway.config.schema_parts import MEDIA_TYPE, Schema
from gateway.config.variables import Known, check_template
from gateway.http.frozen import freeze
from gateway.policies.transform.json_path import PathError, parse

if TYPE_CHECKING:
    from gateway.config.header_edits_model import Pairs
    from gateway.config.reader import OptionReader, ScalarNode
    from gateway.config.reading import RouteContext


class QueryEdit(Options, frozen=True):
    """Changes to a query, in the order `rename`, `remove`, `set`, `add`; names are decoded, values are templates."""

    rename: Pairs
    remove: tuple[str, ...]
    set: Pairs
    add: Pairs


class JsonEdit(Options, frozen=True):
    """Changes to JSON, in the order `select`, `rename`, `remove`, `set`; keys are paths, values frozen JSON.

    `max_body` is bytes; `content_types` are media types or ranges that are transformed.
    """

    select: str
    rename: Pairs
    remove: tuple[str, ...]
    set: tuple[tuple[str, Any], ...]
    max_body: int
    content_types: tuple[str, ...]


class Transform(Options, frozen=True):
    """What is changed on the way up and on the way back; `numbers` are parameters of the path that are numbers."""

    query: QueryEdit | None
    request: JsonEdit | None
    response: JsonEdit | None
    numbers: tuple[str, ...]
    where: str


TYPES = ("application/json", "application/*+json")
"""What is transformed where nothing else is written."""


def route_keys() -> dict[str, Schema]:
    """The keys of a route that this module describes."""
    keys = {
        "query": _query(),
        "request": _body("Of the client's JSON."),
        "response": _body("Of the JSON in answers with a status from 200 to 299."),
    }
    return {"transform": schemas.section("Changes to the query and to JSON bodies.", keys)}


def _query() -> Schema:
    name = schemas.text("a parameter's name", "A name, decoded.", r"^[^\x00-\x1f]+$")
    value = schemas.text("a string", "A value; may use {param}, {query.name}, {header.Name} and {claim.name}.")
    keys = {
        "rename": schemas.mapping("Parameters to rename, and their new names; values stay.", name, name),
        "remove": schemas.listing("Parameters to remove.", name),
        "set": schemas.mapping("Parameters to set, in place of any there are.", value, name),
        "add": schemas.mapping("Parameters to add beside those there are.", value, name),
    }
    return schemas.section("Of the query that the upstream sees; all that is not named stays byte for byte.", keys)


def _body(description: str) -> Schema:
    path = schemas.text("a path such as user.name or items[*].price", "Where in the JSON.", r"^[^\x00-\x1f]+$")
    media_type = schemas.text("a media type such as application/json or application/*+json", "A type.", MEDIA_TYPE)
    free: Schema = {
        "type": "object",
        "title": "a mapping",
        "description": "Paths and their new values: any JSON, whose texts may use {param}, {query.name} and the like.",
    }
    keys = {
        "select": schemas.text("a JMESPath expression", "What it becomes, before all else."),
        "rename": schemas.mapping(
            "Paths of members, and their new names.", schemas.text("a string", "A member's name."), path
        ),
        "remove": schemas.listing("Paths of what is taken out.", path),
        "set": free,
    }
    body = {
        "json": schemas.section("The changes.", keys),
        "max_body": schemas.quantity("size", "The largest body that is transformed.", "1MB"),
        "content_types": schemas.listing("Types that are transformed; JSON when not written.", media_type, least=1),
    }
    return schemas.section(description, body, ("json",))


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
        query=_query_reader(reader.section("query"), context.known) if "query" in reader else None,
        request=_body_reader(reader.section("request"), context.known) if "request" in reader else None,
        response=_body_reader(reader.section("response"), context.known) if "response" in reader else None,
        numbers=tuple(NUMBER.findall(context.path)),
        where=reader.where,
    )


def _query_reader(reader: OptionReader, known: Known) -> QueryEdit:
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


def _body_reader(holder: OptionReader, known: Known) -> JsonEdit:
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

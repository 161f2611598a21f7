"""Options of `jsonrpc` and `graphql` of a route."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.config import schema_parts as schemas
from gateway.config.expressions import NUMBER, check_expression
from gateway.config.options import Options
from gateway.config.schema_parts import LINE, Schema
from gateway.config.variables import Known, check_template
from gateway.http import json_template as expressions
from gateway.http import template_parser as template
from gateway.http.frozen import freeze

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.config.reader import OptionReader, ScalarNode
    from gateway.config.reading import RouteContext


class JsonRpc(Options, frozen=True):
    """`path` is a template, `params` frozen JSON whose texts are templates (None = none) or "body": the client's own.

    `statuses` are (code, status); `select` is JMESPath, "" = all; `batch` is the most calls at once, 0 = one only;
    `numbers` are the path's parameters that are numbers.
    """

    upstream: str
    path: str
    method: str
    params: Any
    notification: bool
    select: str
    statuses: tuple[tuple[int, int], ...]
    batch: int
    numbers: tuple[str, ...]
    where: str


class Variable(Options, frozen=True):
    """A variable of a GraphQL operation: a type in so many lists, and frozen JSON whose texts are templates."""

    name: str
    type: str
    lists: int
    is_required: bool
    value: Any


class GraphQL(Options, frozen=True):
    """`path` is a template, `query` the document; `statuses` are (code, status); `select` is JMESPath, "" = all.

    `partial` says whether data beside errors is an answer; `numbers` are the path's parameters that are numbers.
    """

    upstream: str
    path: str
    query: str
    operation: str
    variables: tuple[Variable, ...]
    select: str
    statuses: tuple[tuple[str, int], ...]
    partial: bool
    numbers: tuple[str, ...]
    where: str


class GraphQLPass(Options, frozen=True):
    """GraphQL of the clients' own, within bounds; `persisted` are (SHA-256 in hex, document)."""

    upstream: str
    path: str
    depth: int
    complexity: int
    aliases: int
    introspection: bool
    persisted: tuple[tuple[str, str], ...]
    only: bool
    where: str


def route_keys() -> dict[str, Schema]:
    """The keys of a route that this module describes."""
    params = {"type": ["object", "array"], "title": "a mapping or a list", "description": "Texts may use variables."}
    code = schemas.text("a code of JSON-RPC such as -32004", "A code.", r"^-?[0-9]{1,9}$")
    keys = {
        "upstream": schemas.text("an upstream's name", "The upstream that is called."),
        "path": schemas.text("a path such as /rpc", "Where it listens.", "^/"),
        "method": schemas.text("a method's name", "What is called.", r"^[^\x00-\x1f]+$"),
        "params": schemas.either(
            "a mapping, a list, or `body`",
            "What it is called with; `body`: the client's.",
            {"enum": ["body"]},
            params,
        ),
        "notification": schemas.boolean("Whether no answer is waited for: the client gets 202.", False),
        "select": schemas.text("a JMESPath expression", "What is taken out of the result."),
        "errors": schemas.mapping(
            "What statuses the service's codes stand for.", schemas.integer("A status.", 400, 599), code
        ),
        "batch": schemas.integer("The most calls that a list in the client's body may ask for.", 1, 1000),
        "version": schemas.choice("The version of JSON-RPC.", "2.0", default="2.0"),
    }
    return {
        "jsonrpc": schemas.section("A method that is called by JSON-RPC.", keys, ("upstream", "path", "method")),
        "graphql": _graphql(),
    }


def _graphql() -> Schema:
    value = {"title": "a JSON value", "description": "A value; its texts may use variables."}
    name = schemas.text("a variable's name", "A variable of the operation.", r"^[_A-Za-z][_0-9A-Za-z]*$")
    code = schemas.text("a code such as NOT_FOUND", "What `extensions.code` of an error says.", LINE)
    bounds = {
        "depth": schemas.integer("Levels of fields.", 1, 1000, 12),
        "complexity": schemas.integer(
            "Fields, those in a list times as many as are asked for.", 1, 1_000_000_000, 1000
        ),
        "aliases": schemas.integer("Fields under another name.", 0, 10_000, 30),
        "introspection": schemas.boolean("Whether the schema may be asked for.", False),
        "persisted": schemas.file_name("A JSON file of documents by their SHA-256 in hex."),
        "only": schemas.boolean("Whether only those are run.", False),
    }
    keys = {
        "upstream": schemas.text("an upstream's name", "The upstream that is asked."),
        "path": schemas.text("a path such as /graphql", "Where it listens.", "^/"),
        "query": schemas.text("a document of GraphQL", "What is asked, or `file:` and the name of a file that has it."),
        "operation": schemas.text(
            "an operation's name", "Which of several operations is run.", r"^[_A-Za-z][_0-9A-Za-z]*$"
        ),
        "variables": schemas.mapping("Values for the operation's variables.", value, name),
        "select": schemas.text("a JMESPath expression", "What is taken out of the answer, such as data.search."),
        "errors": schemas.mapping(
            "What statuses the service's codes stand for.", schemas.integer("A status.", 400, 599), code
        ),
        "partial": schemas.boolean("Whether data beside errors is an answer, which is then marked.", True),
        "passthrough": schemas.section("Clients write the document themselves, within these bounds.", bounds),
    }
    return schemas.section("A query of GraphQL.", keys, ("upstream", "path"))


BODY = "body"


def read_jsonrpc(holder: OptionReader, context: RouteContext) -> JsonRpc | None:
    """The section, None where it is not written."""
    if "jsonrpc" not in holder:
        return None
    reader = holder.section("jsonrpc")
    target = reader.one("path")
    if target is not None:
        check_template(target, context.known)
    params = reader.raw("params")
    if params != BODY:
        check_filled(reader.strings("params"), context.known)
    select = reader.one("select")
    if select is not None:
        check_expression(select)
    if reader.flag("notification"):
        for key in ("select", "errors"):
            if key in reader:
                reader.complain("a notification has no answer to look at", key=key)
    errors = reader.section("errors")
    return JsonRpc(
        upstream=reader.text("upstream"),
        path=reader.text("path"),
        method=reader.text("method"),
        params=freeze(params),
        notification=reader.flag("notification"),
        select=reader.text("select"),
        statuses=tuple((int(code), errors.integer(code)) for code in errors if code.lstrip("-").isdigit()),
        batch=reader.integer("batch") if "batch" in reader else 0,
        numbers=tuple(NUMBER.findall(context.path)),
        where=reader.where,
    )


def check_filled(texts: Iterable[ScalarNode], known: Known) -> None:
    """Complain about variables that are not there, and about expressions of {body.…} that are none."""
    for text in texts:
        check_template(text, known)
        for variable in template.variables(text.value, (*template.KINDS, BODY)):
            if variable.kind == BODY:
                try:
                    expressions.compile(variable.name)
                except expressions.ExpressionError as error:
                    text.complain(f"the variable {variable} is no JMESPath expression: {error}")

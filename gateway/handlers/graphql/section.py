"""`graphql` of routes."""

import hashlib
import json
import re
from importlib.util import find_spec
from typing import TYPE_CHECKING

from gateway.config.diagnostics import did_you_mean
from gateway.config.expressions import NUMBER, check_expression
from gateway.config.reader import OptionReader, ScalarNode
from gateway.config.reading import RouteContext
from gateway.config.variables import Known, check_template
from gateway.handlers.jsonrpc.options import GraphQL, GraphQLPass, Variable, check_filled
from gateway.http.frozen import freeze

if TYPE_CHECKING:
    from gateway.handlers.graphql.document import Operation

_FILE = "file:"
_REST_ONLY = ("query", "operation", "variables", "select", "errors", "partial")
_DIGEST = re.compile(r"[0-9a-f]{64}")


def read_graphql(holder: OptionReader, context: RouteContext) -> GraphQL | GraphQLPass | None:
    """The section, None where it is not written."""
    if "graphql" not in holder:
        return None
    reader = holder.section("graphql")
    target = reader.one("path")
    if target is not None:
        check_template(target, context.known)
    if find_spec("graphql") is None:  # an extra, for those who use it
        reader.complain("GraphQL needs the package graphql-core", "pip install 'gateway[graphql]'")
        return None
    if "passthrough" in reader:
        return _passing(reader)
    return _asking(reader, context.known, context.path)


def _asking(reader: OptionReader, known: Known, path: str) -> GraphQL:
    query, operation = _query(reader)
    select = reader.one("select")
    if select is not None:
        check_expression(select)
    check_filled(reader.strings("variables"), known)
    errors = reader.section("errors")
    return GraphQL(
        upstream=reader.text("upstream"),
        path=reader.text("path"),
        query=query,
        operation=reader.text("operation"),
        variables=_variables(reader, operation) if operation is not None else (),
        select=reader.text("select"),
        statuses=tuple((code, errors.integer(code)) for code in errors),
        partial=reader.flag("partial") if "partial" in reader else True,
        numbers=tuple(NUMBER.findall(path)),
        where=reader.where,
    )


def _query(reader: OptionReader) -> tuple[str, "Operation | None"]:
    """The document and the operation that is run; None after a complaint."""
    from gateway.handlers.graphql.document import DocumentError, chosen, read

    found = reader.one("query")
    if found is None:
        reader.complain("there is nothing to ask", "it needs `query`, or `passthrough`")
        return "", None
    text = _content(reader, found) if found.value.startswith(_FILE) else found.value
    try:
        operation = chosen(read(text), reader.text("operation"))
    except DocumentError as error:
        found.complain(f"the query cannot be run: {error}")
        return text, None
    if operation.kind == "subscription":
        found.complain("a subscription has no single answer")
    return text, operation


def _content(reader: OptionReader, name: ScalarNode) -> str:
    shown = ScalarNode(name.load, name.value.removeprefix(_FILE).strip(), name.path, name.place, name.origin)
    return (reader.contents(shown)[1] or b"{__typename}").decode("utf-8", "replace")


def _variables(reader: OptionReader, operation: "Operation") -> tuple[Variable, ...]:
    section, found = reader.section("variables"), []
    known = {each.name: each for each in operation.variables()}
    for name in section:
        if name not in known:
            section.key(name).complain(f"the operation has no variable ${name}", did_you_mean(name, known))
        else:
            each = known[name]
            found.append(Variable(name, each.type, each.lists, each.is_required, freeze(section.raw(name))))
    for each in known.values():
        if each.is_required and each.name not in section:
            reader.complain(f"the operation needs a value for ${each.name}", key="variables")
    return tuple(found)


def _passing(reader: OptionReader) -> GraphQLPass:
    for key in _REST_ONLY:
        if key in reader:
            reader.complain(f"`{key}` has no effect beside `passthrough`", key=key)
    bounds = reader.section("passthrough")
    if bounds.flag("only") and "persisted" not in bounds:
        bounds.complain("nothing could be run", "name the file of documents under `persisted`", key="only")
    return GraphQLPass(
        upstream=reader.text("upstream"),
        path=reader.text("path"),
        depth=bounds.integer("depth"),
        complexity=bounds.integer("complexity"),
        aliases=bounds.integer("aliases"),
        introspection=bounds.flag("introspection"),
        persisted=_persisted(bounds),
        only=bounds.flag("only"),
        where=reader.where,
    )


def _persisted(reader: OptionReader) -> tuple[tuple[str, str], ...]:
    """The documents of the file, each checked against its hash."""
    name = reader.one("persisted")
    data = reader.contents(name)[1] if name is not None else None
    if name is None or data is None:
        return ()
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        name.complain(f"the file {name.shown} is no JSON object of documents by their hash")
        return ()
    for digest, document in found.items():
        _check_document(name, digest, document)
    return tuple(found.items())


def _check_document(name: ScalarNode, digest: str, document: object) -> None:
    from gateway.handlers.graphql.document import DocumentError, read

    if not isinstance(document, str) or not _DIGEST.fullmatch(digest):
        name.complain(f"in the file {name.shown} `{digest[:80]}` is no SHA-256 in lower-case hex with a document")
    elif hashlib.sha256(document.encode()).hexdigest() != digest:
        name.complain(f"in the file {name.shown} the document under `{digest}` has another hash")
    else:
        try:
            read(document)
        except DocumentError as error:
            name.complain(f"in the file {name.shown} the document under `{digest}` cannot be run: {error}")

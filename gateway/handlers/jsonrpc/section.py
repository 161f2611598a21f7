"""`jsonrpc` of routes."""

from collections.abc import Iterable

from gateway.config.expressions import NUMBER, check_expression
from gateway.config.reader import OptionReader, ScalarNode
from gateway.config.reading import RouteContext
from gateway.config.variables import Known, check_template
from gateway.handlers.jsonrpc.model import JsonRpc
from gateway.http import json_template as expressions
from gateway.http import template_parser as template
from gateway.http.frozen import freeze

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

"""`function` and `wsgi` of routes."""

import re

from gateway.config.reader import OptionReader
from gateway.config.reading import RouteContext
from gateway.handlers.function.model import Function

_REST = re.compile(r"/\{[^{}]*:path\}")


def read_function(holder: OptionReader, context: RouteContext) -> Function | None:
    """What a route calls; None where it calls nothing."""
    key = next((key for key in ("function", "wsgi") if key in holder), None)
    if key is None:
        return None
    reader = holder.section(key)
    name = holder.one(key) or reader.one("call")
    if name is not None:
        name.leads_to(key)
    path = context.path
    rest = _REST.search(path)
    return Function(
        call=name.value if name is not None else "",
        is_wsgi=key == "wsgi",
        timeout=reader.duration("timeout"),
        concurrency=reader.integer("concurrency"),
        prefix=path[: rest.start()] if rest is not None and "{" not in path[: rest.start()] else "",
        where=reader.where,
    )

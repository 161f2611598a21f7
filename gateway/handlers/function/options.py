"""Options of `function` and `wsgi`: Python that answers in the workers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

from gateway.config.options import Options, Schema, integer, keys_of, positive, read
from gateway.config.schema_parts import either, section, text

if TYPE_CHECKING:
    from gateway.config.reader import OptionReader
    from gateway.config.reading import RouteContext

CALL = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*:[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$"
_REST = re.compile(r"/\{[^{}]*:path\}")


class Function(Options, frozen=True):
    """`call` is "package.module:name", of a WSGI application where `is_wsgi`.

    `timeout` is seconds; `concurrency` is calls at a time in each worker; `prefix` is the path in front of a WSGI
    application, "" = none.
    """

    call: str
    is_wsgi: bool
    timeout: Annotated[float, positive("Longest time until it answers.", "30s")]
    concurrency: Annotated[int, integer("Calls at a time, in each worker.", 1, 100_000, 100)]
    prefix: str
    where: str


def route_keys() -> dict[str, Schema]:
    """The keys of a route that this module describes."""
    function = _callable("a callable such as package.module:name", "A function that takes a request.")
    wsgi = _callable("an application such as package.module:app", "A WSGI application (PEP 3333).")
    return {"function": function, "wsgi": wsgi}


def _callable(title: str, description: str) -> Schema:
    name = text(title, description, CALL)
    written = section(description, {"call": name, **keys_of(Function)}, ("call",))
    return either(f"{title}, or a mapping with `call`", description, name, written)


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
    prefix = path[: rest.start()] if rest is not None and "{" not in path[: rest.start()] else ""
    return read(Function, reader, call=name.value if name else "", is_wsgi=key == "wsgi", prefix=prefix)

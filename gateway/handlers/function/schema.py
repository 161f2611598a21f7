"""`function` and `wsgi` of a route: Python that answers in the workers."""

from gateway.config.schema_parts import Schema, either, integer, quantity, section, text

CALL = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*:[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$"


def sections() -> dict[str, Schema]:
    """The keys of a route that this module describes."""
    function = _callable("a callable such as package.module:name", "A function that takes a request.")
    wsgi = _callable("an application such as package.module:app", "A WSGI application (PEP 3333).")
    return {"function": function, "wsgi": wsgi}


def _callable(title: str, description: str) -> Schema:
    name = text(title, description, CALL)
    keys = {
        "call": name,
        "timeout": quantity("positive", "Longest time until it answers.", "30s"),
        "concurrency": integer("Calls at a time, in each worker.", 1, 100_000, 100),
    }
    return either(f"{title}, or a mapping with `call`", description, name, section(description, keys, ("call",)))

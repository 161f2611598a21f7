"""Parts of the configuration language that this version knows of but does not have.

To build one: delete its row here and describe it in `schema_sections.py`. A place is written like a path, with * for
any name and [] for any item.
"""

KEYS: dict[str, tuple[str, ...]] = {
    "": ("alerts", "escalation", "regions"),
    "rate_limits[]": ("penalty", "on_store_failure"),
    "routes[].rate_limit": ("penalty", "on_store_failure"),
    "defaults": ("sanitize",),
    "routes[]": (
        *("openapi", "idempotency", "sanitize"),
        *("federation", "enqueue"),
    ),
    "observability": ("statsd", "tracing", "dashboard"),
}

VALUES: dict[str, tuple[object, ...]] = {
    "rate_limits[].cost": ({"response_header": ""},),
    "routes[].rate_limit.cost": ({"response_header": ""},),
}
"""Strings stand for all that begin with them, a mapping for all mappings with that key."""

ACTIONS = ("federation", "enqueue")
"""Keys of a route that will be actions beside `upstream`, `split` and `respond`."""


def message(what: str) -> str:
    """How every one of them is refused."""
    return f"`{what}` is part of the configuration language but not built yet in this version"

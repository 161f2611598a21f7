"""Parts of the configuration language that this version knows of but does not have.

To build one: delete its row here and describe it in `schema_sections.py`. A place is written like a path, with * for
any name and [] for any item.
"""

_OF_ROUTES = ("federation",)
KEYS: dict[str, tuple[str, ...]] = {
    "": ("regions",),
    "routes[]": _OF_ROUTES,
    "routes[].operations.*": _OF_ROUTES,
}

VALUES: dict[str, tuple[object, ...]] = {}
"""Strings stand for all that begin with them, a mapping for all mappings with that key."""

ACTIONS = ("federation",)
"""Keys of a route that will be actions beside `upstream`, `split` and `respond`."""


def message(what: str) -> str:
    """How every one of them is refused."""
    return f"`{what}` is part of the configuration language but not built yet in this version"

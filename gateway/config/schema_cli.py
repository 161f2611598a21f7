"""`gateway schema`: the JSON Schema itself, or an outline of it for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.config.schema import json_schema, json_text, resolve


def show(style: str) -> str:
    """The schema as `style`, ending with a line feed."""
    if style == "json":
        return json_text()
    rows = list(_outline(json_schema(), ""))
    width = max(len(path) for path, _ in rows)
    return "".join(f"{path:{width}}  {description}\n" for path, description in rows)


def _outline(schema: dict[str, Any], path: str) -> Iterator[tuple[str, str]]:
    """(path, description) of every key that may be written, depth first."""
    schema = resolve(schema)
    for branch in schema.get("anyOf", ()):
        yield from _outline(branch, path)
    if "items" in schema:
        yield from _outline(schema["items"], f"{path}[]")
    for name, child in schema.get("properties", {}).items():
        if "not" not in child:
            yield from _member(child, f"{path}.{name}" if path else name)
    extra = schema.get("additionalProperties")
    if isinstance(extra, dict):
        yield from _outline(extra, f"{path}.*")


def _member(schema: dict[str, Any], path: str) -> Iterator[tuple[str, str]]:
    yield path, schema.get("description") or resolve(schema).get("description", "")
    yield from _outline(schema, path)

"""The JSON Schema (draft-07) of a configuration file: what `load` enforces and what editors complete from."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any, cast

from gateway.auth import access_schema as schema_access
from gateway.config import unsupported as not_built
from gateway.config.schema_parts import Schema, section
from gateway.routing import schema as schema_sections
from gateway.validation.waf import schema as schema_sanitize

#: what editors know the schema by; nothing is fetched from there
ID = "https://gateway.example/gateway.schema.json"


@cache
def _schema() -> Schema:
    schema: Schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": ID,
        **section("The configuration of the gateway.", schema_sections.root(), ("version",)),
        "definitions": {
            "headers": schema_sections.header_rules(),
            "policies": schema_sections.policies(),
            "access": schema_access.access(),
            "ip": schema_access.ip_rules(),
            "sanitize": schema_sanitize.sanitize(),
        },
    }
    schema["title"] = "Gateway configuration"
    for place, keys in not_built.KEYS.items():
        for object_schema in _at(schema, place):
            for key in keys:
                object_schema["properties"].setdefault(key, {"not": {}, "description": not_built.message(key)})
    for place, options in not_built.VALUES.items():
        for value_schema in _at(schema, place):
            value_schema["x-not-built"] = list(options)
    return schema


def json_schema() -> dict[str, Any]:
    """The enforced schema, with keys that are known but not built as `{"not": {}}`; do not change it in place."""
    return _schema()


def published() -> dict[str, Any]:
    """The schema that editors complete from: without the keys that are not built."""
    return cast(dict[str, Any], _built(_schema()))


def json_text() -> str:
    """The published schema as the text of conf/gateway.schema.json."""
    return json.dumps(published(), indent=2, ensure_ascii=False) + "\n"


def _built(part: object) -> object:
    """A copy of a part of the schema without what only says that it is not built."""
    if isinstance(part, list):
        return [_built(each) for each in part]
    if not isinstance(part, dict):
        return part
    return {name: _built(value) for name, value in part.items() if name != "x-not-built" and not _is_missing(value)}


def _is_missing(part: object) -> bool:
    return isinstance(part, dict) and part.get("not") == {}


def resolve(schema: Schema) -> Schema:
    """The schema itself, or the definition it refers to."""
    reference = schema.get("$ref")
    return _schema()["definitions"][reference.rpartition("/")[2]] if reference else schema


def children(schema: Schema, step: str | int) -> Iterator[Schema]:
    """The schemas that may describe the member `step` of a value described by `schema`."""
    schema = resolve(schema)
    for branch in schema.get("anyOf", ()):
        yield from children(branch, step)
    if isinstance(step, int):
        if "items" in schema:
            yield schema["items"]
    elif step in schema.get("properties", ()):
        yield schema["properties"][step]
    elif isinstance(extra := schema.get("additionalProperties"), dict):
        yield extra


def types_at(path: tuple[str | int, ...]) -> set[str]:
    """The JSON types that the schema allows at a path."""
    found = [_schema()]
    for step in path:
        found = [child for schema in found for child in children(schema, step)]
    types: set[str] = set()
    for schema in found:
        for branch in (schema, *schema.get("anyOf", ())):
            named = branch.get("type", [])
            is_any_text = "string" in named and "pattern" not in branch  # a string is as good as what it looks like
            types.update(["string"] if is_any_text else [named] if isinstance(named, str) else named)
            types.update("boolean" for value in branch.get("enum", ()) if isinstance(value, bool))
            types.update("integer" for value in branch.get("enum", ()) if type(value) is int)
    return types


def _at(schema: Schema, place: str) -> list[Schema]:
    """The object schemas at a place of not_built's tables."""
    found = [schema]
    for name in filter(None, place.split(".")):
        found = [child for each in found for child in children(each, name.removesuffix("[]"))]
        if name.endswith("[]"):
            found = [child for each in found for child in children(each, 0)]
    return [branch for each in found for branch in _objects(each)] if place not in not_built.VALUES else found


def _objects(schema: Schema) -> list[Schema]:
    branches = schema.get("anyOf", [schema])
    return [branch for branch in branches if "properties" in branch]

"""The JSON Schema (draft-07) of a configuration file: what `load` enforces and what editors complete from."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any, cast

from gateway.config import unsupported as not_built
from gateway.config.schema_parts import Schema, choice, either, file_name, listing, section, text
from gateway.features import SECTIONS, hooks

#: addresses of a Redis
_STORE_ADDRESS = r"^rediss?(\+cluster|\+sentinel)?://[!-~]+$"
#: what editors know the schema by; nothing is fetched from there
ID = "https://gateway.example/gateway.schema.json"


@cache
def _schema() -> Schema:
    schema: Schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": ID,
        **section("The configuration of the gateway.", _sections(), ("version",)),
        "definitions": gathered("definitions"),
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


def _sections() -> dict[str, Schema]:
    """The sections of a file, by name, in the order of SECTIONS."""
    module = text("a Python module", "A module.", r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$")
    files = listing("Further files, `*` and `**` allowed; merged into this one.", file_name("A file or a pattern."))
    found = {
        "version": choice("The version of the configuration language.", 1),
        "include": files,
        "store": _store(),
        **gathered("sections"),
        "observability": section("What is told about requests.", gathered("observability_keys")),
        "plugins": listing("Python modules that register policies.", module),
    }
    return {name: found[name] for name in (*SECTIONS, *found) if name in found}


def _store() -> Schema:
    """Where shared state is kept."""
    title = "`memory`, or an address that begins with redis://, rediss://, redis+cluster:// or redis+sentinel://"
    address = text(title, "The address of a Redis.", _STORE_ADDRESS)
    where = either(title, "Where state shared by the workers is kept.", {"enum": ["memory"]}, address, default="memory")
    return {**where, "writeOnly": True}  # SECURITY: keeps the password of a misspelt address out of complaints


def gathered(kind: str) -> dict[str, Schema]:
    """The schemas that all features give of a kind, by name."""
    return {name: schema for _, schemas in hooks(kind) for name, schema in schemas().items()}


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

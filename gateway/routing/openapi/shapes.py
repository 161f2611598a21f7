"""Shapes of parameters by their schemas: types, of the value itself and of what is in it."""

from typing import Any

from gateway.config.nodes import MappingNode
from gateway.routing.openapi.document import Documents, Node

_OF_VALUES = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}
#: how deep schemas are looked through for a type
_DEEPEST = 20

Schema = dict[str, Any]


def shape_of(documents: Documents, node: Node | None) -> Schema:
    """A schema of types alone: of the value, of the items of an array, of the members of an object."""
    types = types_of(documents, node)
    shape = _named(types)
    if "array" in types and (items := types_of(documents, _found(documents, node, "items"))):
        shape["items"] = _named(items)
    if "object" in types and (members := properties_of(documents, node)):
        named = {name: _named(types_of(documents, each)) for name, each in members.items()}
        shape["properties"] = {name: one for name, one in named.items() if one}
    return shape


def _named(types: frozenset[str]) -> Schema:
    names = sorted(types)
    return {} if not names else {"type": names[0] if len(names) == 1 else names}


def types_of(documents: Documents, node: Node | None, depth: int = 0) -> frozenset[str]:
    """The types that a schema allows; none where it says nothing of them."""
    target = documents.follow(node) if node is not None else None
    if target is None or not isinstance(target.value, MappingNode) or depth > _DEEPEST:
        return frozenset()
    value = target.value
    said = value.get("type")
    if isinstance(said, str):
        return frozenset((said, "null") if value.get("nullable") is True else (said,))
    if isinstance(said, list):
        return frozenset(each for each in said if isinstance(each, str))
    for key in ("allOf", "anyOf", "oneOf"):
        found = [types_of(documents, each, depth + 1) for each in documents.listing(target, key)]
        known = [each for each in found if each]
        if known and (key == "allOf" or len(known) == len(found)):
            return frozenset.intersection(*known) if key == "allOf" else frozenset.union(*known)
    values = value.get("enum") or ([value["const"]] if "const" in value else [])
    if isinstance(values, list) and all(type(each) in _OF_VALUES for each in values):
        return frozenset(_OF_VALUES[type(each)] for each in values)
    return frozenset()


def properties_of(documents: Documents, node: Node | None, depth: int = 0) -> dict[str, Node]:
    """The named members of an object, those in its parts included."""
    target = documents.follow(node) if node is not None else None
    if target is None or depth > _DEEPEST:
        return {}
    found: dict[str, Node] = {}
    for key in ("allOf", "anyOf", "oneOf"):
        for each in documents.listing(target, key):
            found |= properties_of(documents, each, depth + 1)
    properties = documents.mapping(target, "properties")
    return found | dict(properties.members() if properties is not None else ())


def is_said(shape: Schema, schema: Any) -> bool:
    """Whether a schema says by itself, without looking further, what a shape says."""
    if not isinstance(schema, dict) or "$ref" in schema or schema.get("type") != shape.get("type"):
        return False
    if "items" in shape and not is_said(shape["items"], schema.get("items")):
        return False
    members, own = shape.get("properties", {}), schema.get("properties", {})
    return all(is_said(one, own.get(name)) for name, one in members.items())


def _found(documents: Documents, node: Node | None, key: str, depth: int = 0) -> Node | None:
    """The schema under a keyword, in the schema or in what it is made of."""
    target = documents.follow(node) if node is not None else None
    if target is None or depth > _DEEPEST:
        return None
    if (own := target.member(key)) is not None:
        return own
    parts = (each for name in ("allOf", "anyOf", "oneOf") for each in documents.listing(target, name))
    return next((found for each in parts if (found := _found(documents, each, key, depth + 1)) is not None), None)

"""Does a tree fit the schema? jsonschema-rs says yes quickly; for a no, a walk of our own says where and why."""

import re
from collections.abc import Container
from functools import cache, partial
from typing import Any

import jsonschema_rs

from gateway.config import unsupported as not_built
from gateway.config.diagnostics import (
    Diagnostic,
    Path,
    Position,
    alias_of_other_gateways,
    at,
    closest_match,
    describe,
    did_you_mean,
)
from gateway.config.nodes import MappingNode, SequenceNode, UnresolvedReference
from gateway.config.schema import json_schema, resolve
from gateway.config.schema_parts import REFERENCE, Schema
from gateway.config.units import unit_hint

_PLAIN = re.compile(r"[\w./:-]{1,80}")
_SURE = 0.85  # so alike is a key that is misspelt, and not one of another section
_TYPES: dict[str, type | tuple[type, ...]] = {"object": dict, "array": list, "string": str, "boolean": bool}


def check(root: MappingNode) -> list[Diagnostic]:
    """Everything in which a tree departs from the schema; what lies below a part that is not built is not looked at."""
    try:
        if _validator().is_valid(root):
            return []
    except ValueError:  # there is something that JSON does not have: what an unresolved reference stands for, .inf
        pass
    return Explainer().explain(root)


@cache
def _validator() -> jsonschema_rs.Draft7Validator:
    """PERF: made in a twentieth of the time that Python compiled from the schema takes (`perf run cold-start`)."""
    schema = {name: value for name, value in json_schema().items() if name != "$id"}
    return jsonschema_rs.Draft7Validator(_without_references(schema))


def _without_references(schema: Any) -> Any:
    """The schema for what references stand for: their own text no longer passes in the place of a number."""
    if isinstance(schema, dict):
        return {
            key: _resolved_pattern(value) if key == "pattern" else _without_references(value)
            for key, value in schema.items()
        }
    return [_without_references(item) for item in schema] if isinstance(schema, list) else schema


def _resolved_pattern(pattern: str) -> str:
    return "(?!)" if pattern == REFERENCE else pattern.removesuffix(f"|{REFERENCE}")


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"(?<!\\)\$", r"\\Z", _resolved_pattern(text)))  # in ECMA `$` is the very end


def _is_a(value: object, name: str) -> bool:
    if name == "integer":
        return type(value) is int
    if name == "number":
        return type(value) in (int, float)
    return isinstance(value, _TYPES[name])


def fits(value: Any, schema: Schema) -> bool:
    """Whether a value itself is right, whatever is inside of it."""
    named = schema.get("type", ())
    types = (named,) if isinstance(named, str) else named
    if types and not any(_is_a(value, name) for name in types):
        return False
    if "enum" in schema and not any(type(value) is type(one) and value == one for one in schema["enum"]):
        return False
    if isinstance(value, str) and "pattern" in schema and not _pattern(schema["pattern"]).search(value):
        return False
    if type(value) is int:
        return bool(schema.get("minimum", value) <= value <= schema.get("maximum", value))
    return True


class Explainer:
    """Walks a tree and its schema side by side and gathers complaints."""

    def __init__(self) -> None:
        self.complaints: list[Diagnostic] = []

    def explain(self, root: MappingNode) -> list[Diagnostic]:
        """All complaints about a whole file."""
        self._value(root, json_schema(), root.place, (), "")
        return self.complaints

    def _value(self, value: Any, schema: Schema, place: Position, path: Path, origin: str) -> None:
        schema = resolve(schema)
        if schema.get("not") == {}:
            self._complain(place, path, not_built.message(str(path[-1])))
        elif isinstance(value, UnresolvedReference):
            return
        elif unbuilt := _unbuilt(value, schema):
            self._complain(place, path, not_built.message(f"{path[-1]}: {unbuilt}"))
        elif "anyOf" in schema:
            self._alternatives(value, schema, place, path, origin)
        elif not fits(value, schema):
            self._expected(value, schema, place, path, origin)
        elif isinstance(value, MappingNode):
            self._mapping(value, schema, path)
        elif isinstance(value, SequenceNode):
            self._sequence(value, schema, place, path)

    def _alternatives(self, value: Any, schema: Schema, place: Position, path: Path, origin: str) -> None:
        """Only one branch has the value's type, mostly: then its complaints are the ones that help."""
        branches = [resolve(branch) for branch in schema["anyOf"]]
        if any(not isinstance(value, MappingNode | SequenceNode) and fits(value, branch) for branch in branches):
            return
        for branch in branches:
            if isinstance(value, MappingNode | SequenceNode) and fits(value, branch):
                self._value(value, branch, place, path, origin)
                return
        of_type = [branch for branch in branches if fits(value, {"type": branch.get("type", ())})]
        if len(of_type) == 1 and "title" in of_type[0]:
            schema = of_type[0]
        self._expected(value, schema, place, path, origin)

    def _expected(self, value: Any, schema: Schema, place: Position, path: Path, origin: str) -> None:
        hint = ""
        if not origin:
            hint = unit_hint(schema.get("x-kind", ""), value) or _word_hint(value, schema) or _form_hint(value, schema)
        found = describe(value, origin, secret=schema.get("writeOnly", False))
        self._complain(place, path, f"expected {schema['title']}, found {found}", hint)

    def _mapping(self, value: MappingNode, schema: Schema, path: Path) -> None:
        known = schema.get("properties", {})
        extra = schema.get("additionalProperties", True)
        names = schema.get("propertyNames")
        meant: set[str] = set()
        for key, member in value.items():
            key_place, place = value.spots.get(key, (value.place, value.place))
            here = (*path, key)
            if key in known:
                place = key_place if known[key].get("not") == {} else place
                self._value(member, known[key], place, here, value.origins.get(key, ""))
            elif extra is False:
                meant.add(self._unknown(key, value, schema, key_place, here))
            elif names is not None and not fits(key, names):
                self._complain(key_place, here, f"expected {names['title']} as a key")
            elif isinstance(extra, dict):
                self._value(member, extra, place, here, value.origins.get(key, ""))
        there = meant.union(value)
        for key in _required(there, schema):
            if key not in there:
                self._complain(value.place, (*path, key), "is missing", resolve(known[key])["description"])

    def _unknown(self, key: str, value: MappingNode, schema: Schema, place: Position, path: Path) -> str:
        """Complain; gives the key that was meant, which is not told to be missing as well."""
        known: dict[str, Schema] = schema.get("properties", {})
        built = [name for name, schema in known.items() if schema.get("not") != {}]
        meant = section = "" if closest_match(key, built, _SURE) else _elsewhere(key, known, _required(value, schema))
        hint = f"it stands under `{section}`" if section else ""
        if key == "<<":
            hint = "YAML 1.2 has no merge keys"
        elif not section and (
            meant := alias_of_other_gateways(key, built) or closest_match(key, built) or closest_match(key, known)
        ):
            hint = f"did you mean `{meant}`?" + (" it is there already" if meant in value else "")
        self._complain(place, path, "unknown key", hint or _listed(known))
        return meant

    def _sequence(self, value: SequenceNode, schema: Schema, place: Position, path: Path) -> None:
        if len(value) < schema.get("minItems", 0):
            self._complain(place, path, "the list is empty; leave it out or name something")
        for index, member in enumerate(value):
            here = (*path, index)
            self._value(member, schema.get("items", {}), value.spots[index], here, value.origins.get(index, ""))

    def _complain(self, place: Position, path: Path, message: str, hint: str = "") -> None:
        self.complaints.append(at(place, path, message, hint))


def _required(there: Container[str], schema: Schema) -> list[str]:
    """The keys that must be there; under `else` those that must where the one under `if` is not."""
    own = list(schema.get("required", ()))
    condition = schema.get("if", {}).get("required", ())
    return own if all(key in there for key in condition) else own + schema["else"]["required"]


def _unbuilt(value: object, schema: Schema) -> str:
    """The value of not_built's table that a value is, in words; empty when it is none."""
    for known in schema.get("x-not-built", ()):
        if isinstance(known, dict):
            if isinstance(value, dict) and known.keys() <= value.keys():
                return "{" + ", ".join(known) + ": ...}"
        elif isinstance(known, str):
            if isinstance(value, str) and value.startswith(known):
                return known
        elif value is known:
            return str(known).lower()
    return ""


def _word_hint(value: object, schema: Schema) -> str:
    words = [word for branch in schema.get("anyOf", ()) for word in branch.get("enum", ()) if isinstance(word, str)]
    if isinstance(value, bool):  # what tools of YAML 1.1 make of such a word
        value = "on" if value else "off"
    return did_you_mean(value, words) if isinstance(value, str) else ""


def _form_hint(value: object, schema: Schema) -> str:
    """A hint for what would be right in another form: in quotes, without them, in brackets."""
    kind = schema.get("type")
    if kind == "string" and "x-kind" not in schema and isinstance(value, bool | int | float):
        return "put it in quotes"
    if isinstance(value, str) and value.isdecimal() and len(value) < 20 and _holds(int(value), schema):
        return "leave the quotes out"
    if kind == "array" and isinstance(value, str) and _holds(value, schema.get("items", {})):
        is_shown = _PLAIN.fullmatch(value) and not resolve(schema.get("items", {})).get("writeOnly")
        return f"put it in brackets: [{value}]" if is_shown else "put it in brackets"
    return ""


def _holds(value: Any, schema: Schema) -> bool:
    """Whether a scalar would be right there."""
    schema = resolve(schema)
    return any(map(partial(_holds, value), schema["anyOf"])) if "anyOf" in schema else fits(value, schema)


def _elsewhere(key: str, known: dict[str, Schema], required: list[str]) -> str:
    """The section beside a key that has one of its name: the key stands where it does not belong."""
    found = [name for name, schema in known.items() if key in resolve(schema).get("properties", {})]
    if len(found) > 1:
        found = [name for name in found if name in required]
    return found[0] if len(found) == 1 else ""


def _listed(known: dict[str, Schema]) -> str:
    names = [name for name, schema in known.items() if schema.get("not") != {}]
    return f"known here: {', '.join(names)}"

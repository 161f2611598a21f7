"""Query, header fields and path parameters as objects that a schema can judge: decoded, and typed where it says how."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from gateway.validation.styles import NO_TYPES, NOTHING_INSIDE, Insides, StyleError, Types, decoded, taken_apart, typed

__all__ = ["StyleError", "header_object", "param_object", "query_object"]

#: most pairs of a query that is looked at
MOST_PAIRS: Final = 1000


def query_object(query: str, types: Types, insides: Insides) -> dict[str, Any]:
    """A query as an object: a name that comes again makes an array where the schema has one. Raises Badly."""
    found: dict[str, list[str]] = {}
    pairs = query.split("&") if query else []
    if len(pairs) > MOST_PAIRS:
        raise StyleError("", f"has more than {MOST_PAIRS} parameters")
    for pair in pairs:
        if pair:
            raw, _, value = pair.replace("+", " ").partition("=")
            found.setdefault(decoded(raw), []).append(value)
    made: dict[str, Any] = {}
    for name, values in found.items():
        owner, member = _owner(name, insides)
        if owner:
            if owner in found:
                raise StyleError(owner, "is there as a whole and in parts")
            kinds = insides.of[owner].members.get(member, NO_TYPES)
            made.setdefault(owner, {})[member] = typed(decoded(_single(name, values), name), kinds)
        else:
            made[name] = _value(name, values, types, insides)
    return made


def _owner(name: str, insides: Insides) -> tuple[str, str]:
    """The object that a parameter is a member of, and which; "" for one that stands for itself."""
    if name in insides.owners:
        return insides.owners[name], name
    if insides.deep and name.endswith("]"):
        owner, _, member = name[:-1].partition("[")
        if owner in insides.deep:
            return owner, member
    return "", ""


def _single(name: str, values: list[str]) -> str:
    if len(values) > 1:
        # SECURITY: readers differ in which of them they take (tests/unit/validating/test_parameters.py).
        raise StyleError(name, f"is there {len(values)} times")
    return values[0]


def _value(name: str, values: list[str], types: Types, insides: Insides) -> Any:
    kinds = types.get(name, NO_TYPES)
    inside = insides.of.get(name, NOTHING_INSIDE)
    if inside.style:
        try:
            return taken_apart(_single(name, values), inside, "array" in kinds, lambda text: decoded(text, name))
        except StyleError:
            raise
        except ValueError as error:
            raise StyleError(name, str(error)) from None
    if "array" in kinds:
        return [typed(decoded(value, name), inside.items) for value in values]
    return typed(decoded(_single(name, values), name), kinds)


def header_object(
    headers: Iterable[tuple[str, str]], spelled: Mapping[str, str], types: Types, insides: Insides
) -> dict[str, Any]:
    """Header fields as an object, names as `spelled` has them (by lower case) or in lower case.

    Fields that come again are one list (RFC 9110 section 5.3), which is an array where the schema has one.
    """
    found: dict[str, list[str]] = {}
    for key, value in headers:
        lower = key.lower()
        name = spelled.get(lower, lower)
        try:
            text = value if value.isascii() else value.encode("latin-1").decode()
        except UnicodeError:
            text = value
        found.setdefault(name, []).append(text.strip())
    return {
        name: _field(name, values, types, insides) if name in types or name in insides.of else ", ".join(values)
        for name, values in found.items()
    }


def _field(name: str, values: list[str], types: Types, insides: Insides) -> Any:
    kinds = types.get(name, NO_TYPES)
    inside = insides.of.get(name, NOTHING_INSIDE)
    if inside.style:
        text = ("; " if inside.style == "cookie" else ",").join(values)
        try:
            return taken_apart(text, inside, "array" in kinds, str)
        except ValueError:  # the text is not what its schema asks for, which that will say
            return text
    if "array" in kinds:
        elements = [one.strip() for value in values for one in value.split(",")]
        return [typed(one, inside.items) for one in elements if one]
    return typed(", ".join(values), kinds)


def param_object(params: Mapping[str, str], kinds: Mapping[str, str], types: Types, insides: Insides) -> dict[str, Any]:
    """Path parameters as an object: numbers where the path's template says int or float. Raises Badly."""
    made: dict[str, Any] = {}
    for name, raw in params.items():
        read = _READ.get(kinds.get(name, ""))
        made[name] = _value(name, [raw], types, insides) if read is None else read(decoded(raw, name))
    return made


def _as_int(text: str) -> Any:
    return int(text) if len(text) <= 100 else text


def _as_float(text: str) -> Any:
    value = float(text)
    return value if math.isfinite(value) else text


_READ: Final[Mapping[str, Callable[[str], Any]]] = MappingProxyType({"int": _as_int, "float": _as_float})

"""Query, header fields and path parameters as objects that a schema can judge: decoded, and typed where it says how."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from gateway.validating.fault import Fault, pointer

#: most pairs of a query that is looked at
MOST_PAIRS: Final = 1000
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_INT: Final = re.compile(r"-?(0|[1-9][0-9]{0,100})", re.ASCII)
_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]{0,100})(\.[0-9]{1,100})?([eE][+-]?[0-9]{1,3})?", re.ASCII)
Types = Mapping[str, frozenset[str]]
_NO_TYPES: Final[frozenset[str]] = frozenset()


class Badly(ValueError):
    """A text that cannot be decoded; `fault` says which."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(detail)
        self.fault = Fault(pointer((name,)) if name else "", detail)


def typed(text: str, types: Collection[str]) -> Any:
    """A text as the number or boolean that `types` of a schema ask for; the text itself where it is none."""
    if "integer" in types and _INT.fullmatch(text):
        return int(text)
    if "number" in types and _NUMBER.fullmatch(text):
        value = float(text)
        if not math.isinf(value):
            return int(text) if _INT.fullmatch(text) else value
    if "boolean" in types and text in ("true", "false"):
        return text == "true"
    return text


def decoded(text: str, name: str = "") -> str:
    """Percent-decoded UTF-8. Raises Badly."""
    if "%" not in text:
        if not text.isascii():
            raise Badly(name, "has bytes that must be percent-encoded")
        return text
    if _BAD_ESCAPE.search(text):
        raise Badly(name, "has a % that two hex digits do not follow")
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise Badly(name, "is not UTF-8") from None


def query_object(query: str, types: Types, items: Types) -> dict[str, Any]:
    """A query as an object: a name that comes again makes an array where the schema has one. Raises Badly."""
    found: dict[str, list[str]] = {}
    pairs = query.split("&") if query else []
    if len(pairs) > MOST_PAIRS:
        raise Badly("", f"has more than {MOST_PAIRS} parameters")
    for pair in pairs:
        if pair:
            raw, _, value = pair.replace("+", " ").partition("=")
            name = decoded(raw)
            found.setdefault(name, []).append(decoded(value, name))
    return {name: _value(name, values, types, items) for name, values in found.items()}


def _value(name: str, values: list[str], types: Types, items: Types) -> Any:
    kinds = types.get(name, _NO_TYPES)
    if "array" in kinds:
        return [typed(value, items.get(name, _NO_TYPES)) for value in values]
    if len(values) > 1:
        # SECURITY: readers differ in which of them they take (tests/unit/validating/test_parameters.py).
        raise Badly(name, f"is there {len(values)} times")
    return typed(values[0], kinds)


def header_object(
    headers: Iterable[tuple[str, str]], spelled: Mapping[str, str], types: Types, items: Types
) -> dict[str, Any]:
    """Header fields as an object, names as `spelled` has them (by lower case) or in lower case. Raises Badly.

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
    made: dict[str, Any] = {}
    for name, values in found.items():
        kinds = types.get(name, _NO_TYPES)
        if "array" in kinds:
            elements = [one.strip() for value in values for one in value.split(",")]
            made[name] = [typed(one, items.get(name, _NO_TYPES)) for one in elements if one]
        else:
            made[name] = typed(", ".join(values), kinds)
    return made


def param_object(params: Mapping[str, str], kinds: Mapping[str, str], types: Types) -> dict[str, Any]:
    """Path parameters as an object: numbers where the path's template says int or float. Raises Badly."""
    made: dict[str, Any] = {}
    for name, raw in params.items():
        text = decoded(raw, name)
        read = _READ.get(kinds.get(name, ""))
        made[name] = typed(text, types.get(name, _NO_TYPES)) if read is None else read(text)
    return made


def _as_int(text: str) -> Any:
    return int(text) if len(text) <= 100 else text


def _as_float(text: str) -> Any:
    value = float(text)
    return value if math.isfinite(value) else text


_READ: Final[Mapping[str, Callable[[str], Any]]] = MappingProxyType({"int": _as_int, "float": _as_float})

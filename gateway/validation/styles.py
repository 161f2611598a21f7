"""Styles of arrays and objects in one text: what `x-style` beside a schema says (docs/openapi.md)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from urllib.parse import unquote_to_bytes

from gateway.errors import GatewayError
from gateway.http.json_reader import JsonReader
from gateway.validation.fault import Violation, pointer

#: what `x-style` may say
STYLES: Final = frozenset(("comma", "space", "pipe", "pairs", "spread", "deep", "cookie", "json"))
Types = Mapping[str, frozenset[str]]
NO_TYPES: Final[frozenset[str]] = frozenset()
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_INT: Final = re.compile(r"-?(0|[1-9][0-9]{0,100})", re.ASCII)
_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]{0,100})(\.[0-9]{1,100})?([eE][+-]?[0-9]{1,3})?", re.ASCII)
_JSON: Final = JsonReader(32, 1000)


class StyleError(ValueError):
    """A text that cannot be decoded; `fault` says which."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(detail)
        self.fault = Violation(pointer((name,)) if name else "", detail)


class ItemType(NamedTuple):
    """What is in an array or an object: how it is written, the types of items, and those of members."""

    style: str
    items: frozenset[str]
    members: Types


class Insides:
    """The insides of the members of an object, by name; what is written in several parameters is found by theirs."""

    __slots__ = ("deep", "of", "owners")

    def __init__(self, of: Mapping[str, ItemType]) -> None:
        self.of = MappingProxyType(dict(of))
        #: the objects that are written as name[member]
        self.deep = frozenset(name for name, one in of.items() if one.style == "deep")
        #: member -> the object whose members are parameters of their own
        self.owners = MappingProxyType(
            {member: name for name, one in of.items() if one.style == "spread" for member in one.members}
        )


NOTHING_INSIDE: Final = ItemType("", NO_TYPES, MappingProxyType({}))


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
            raise StyleError(name, "has bytes that must be percent-encoded")
        return text
    if _BAD_ESCAPE.search(text):
        raise StyleError(name, "has a % that two hex digits do not follow")
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise StyleError(name, "is not UTF-8") from None


def taken_apart(text: str, inside: ItemType, is_array: bool, decode: Callable[[str], str]) -> Any:
    """The array or the object that one text says. Raises ValueError for what is none, and what `decode` raises.

    A comma parts before what is percent-encoded is decoded, so that an item may have one; blanks and bars, which no
    target can have as they are, part afterwards.
    """
    if inside.style == "json":
        return _json(decode(text))
    if inside.style in ("space", "pipe"):
        pieces = decode(text).split(" " if inside.style == "space" else "|")
    elif inside.style == "cookie":
        pieces = [piece for piece in text.split(";") if piece.strip()]
    else:
        pieces = [decode(piece) for piece in text.split(",")]
    if is_array:
        return [typed(piece, inside.items) for piece in pieces]
    return _object(_pairs(pieces, inside.style), inside.members)


def _pairs(pieces: list[str], style: str) -> Iterable[tuple[str, str]]:
    if style in ("cookie", "pairs"):
        return [(name.strip(), value.strip()) for name, _, value in (piece.partition("=") for piece in pieces)]
    if len(pieces) % 2:
        raise ValueError("is no list of names and values")
    return zip(pieces[::2], pieces[1::2], strict=True)


def _object(pairs: Iterable[tuple[str, str]], members: Types) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in pairs:
        if name in made and name in members:
            # SECURITY: readers differ in which of them they take (tests/unit/validating/test_styles.py).
            raise ValueError(f"has {name} twice")
        made[name] = typed(value, members.get(name, NO_TYPES))
    return made


def _json(text: str) -> Any:
    try:
        return _JSON.read(text.encode())
    except GatewayError:
        raise ValueError("is not JSON that can be read") from None

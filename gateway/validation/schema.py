"""A schema that is ready to judge: yes quickly, no with every reason."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from itertools import islice
from sys import intern
from types import MappingProxyType
from typing import Any, Final, NoReturn

import jsonschema_rs

from gateway.validation.draft07 import MORE_FORMATS, is_2020, schemas
from gateway.validation.fault import MOST, Violation, pointer
from gateway.validation.plain import TextCheck, compile_plain
from gateway.validation.styles import NO_TYPES, STYLES, Insides, ItemType, Types

#: what stands for a value in the words about it: a client's values are not repeated
MASK: Final = "the value"
#: characters of the longest words about one fault
LONGEST: Final = 300


class Schema:
    """Judges values: what JSON can say, as json.loads gives it, without lone surrogates."""

    __slots__ = ("_validator", "fits", "is_plain", "item_types", "name", "names", "types", "words")

    def __init__(self, name: str, root: str, documents: Mapping[str, str]) -> None:
        document = json.loads(documents[root])
        properties = _members(document, "properties")
        self.name = name
        self._validator = _validator(document, root, documents)
        plain = None if is_2020(document) else compile_plain(document, _text_check)
        #: whether it takes the fast path
        self.is_plain = plain is not None
        #: says yes to what fits; a no of a plain one may be wrong, and only `faults` knows
        self.fits = plain or self._validator.is_valid
        #: the types that the members of an object may have, where `properties` says so
        self.types = _types(properties)
        #: what is in the members that are arrays or objects
        self.item_types = Insides({name: _inside(one) for name, one in properties.items()})
        #: the members that it names
        self.names = frozenset((*properties, *(document.get("required", ()) if isinstance(document, dict) else ())))
        #: the members that any part of it names
        self.words = tuple({intern(word) for one in schemas(document) for word in _members(one, "properties")})

    def faults(self, value: Any) -> list[Violation]:
        """What is wrong with a value; empty when it fits. At most one more than `MOST`."""
        if self.fits(value) or (self.is_plain and self._validator.is_valid(value)):
            return []
        return [_fault(error) for error in islice(self._validator.iter_errors(value), MOST + 1)]


def _members(schema: Any, key: str) -> dict[str, Any]:
    found = schema.get(key) if isinstance(schema, dict) else None
    return found if isinstance(found, dict) else {}


def _types(schemas: Mapping[str, Any]) -> Types:
    named = {name: one.get("type") for name, one in schemas.items() if isinstance(one, dict)}
    found = {name: frozenset((kind,) if isinstance(kind, str) else kind) for name, kind in named.items() if kind}
    return MappingProxyType(found)


def _inside(schema: Any) -> ItemType:
    style = schema.get("x-style") if isinstance(schema, dict) else ""
    items = _types({"items": _members(schema, "items")}).get("items", NO_TYPES)
    return ItemType(style if style in STYLES else "", items, _types(_members(schema, "properties")))


def _validator(
    schema: Any, root: str, documents: Mapping[str, str]
) -> jsonschema_rs.Draft7Validator | jsonschema_rs.Draft202012Validator:
    def retrieve(address: str) -> Any:
        if address not in documents:
            _refuse(address)
        return json.loads(documents[address])

    kind = jsonschema_rs.Draft202012Validator if is_2020(schema) else jsonschema_rs.Draft7Validator
    return kind(
        schema,
        base_uri=root,
        retriever=retrieve,
        formats=_more_formats(),
        validate_formats=True,
        mask=MASK,
        pattern_options=jsonschema_rs.FancyRegexOptions(),  # SECURITY: gives up on a pattern that takes too long
    )


def _more_formats() -> dict[str, Callable[[str], bool]]:
    """The formats of later drafts that are checked too."""
    names = sorted(MORE_FORMATS)
    return {
        name: jsonschema_rs.Draft202012Validator({"format": name}, validate_formats=True).is_valid for name in names
    }


def _text_check(rules: dict[str, str]) -> TextCheck:
    return jsonschema_rs.Draft7Validator(rules, formats=_more_formats(), validate_formats=True).is_valid


def _refuse(address: str) -> NoReturn:
    # SECURITY: whatever a schema says, nothing is fetched and no file read while requests are served.
    raise ValueError(f"{address} was not read with the configuration")


def _fault(error: jsonschema_rs.ValidationError) -> Violation:
    words = error.message[:LONGEST]
    return Violation(pointer(error.instance_path), words)

"""The fast path: schemas, or what can be said for them, that fastjsonschema decides as draft-07 asks.

It is wrong on draft-07 in known places: references and `$id`, patterns (Python's, where the draft asks for ECMA 262),
formats, numbers that are too large for a double.  A schema with any of the former never gets here; patterns and formats
are replaced by checks of the other validator's; and a "no" is only ever taken as a reason to ask that one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final

from gateway.validation.draft07 import FORMATS, MORE_FORMATS, schemas
from gateway.validation.generated import Unknown
from gateway.validation.tightened import tighten

#: says whether a value fits
Validator = Callable[[Any], object]
#: checks a string against {"pattern": ..., "format": ...}
TextCheck = Callable[[Any], bool]

_KNOWN: Final = frozenset(
    (
        *("type", "enum", "const", "allOf", "anyOf", "oneOf", "not", "minLength", "maxLength", "minimum", "maximum"),
        *("exclusiveMinimum", "exclusiveMaximum", "minItems", "maxItems", "items", "minProperties", "maxProperties"),
        *("required", "properties", "additionalProperties", "pattern", "format"),
    )
)
_WITHOUT_MEANING: Final = frozenset(
    ("$schema", "$comment", "title", "description", "default", "definitions", "examples", "readOnly", "writeOnly")
)
_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def compile_plain(schema: Any, text_check: Callable[[dict[str, str]], TextCheck]) -> Validator | None:
    """A verdict that raises or gives false for what does not fit; None for a schema that is not plain enough."""
    if not isinstance(schema, dict) or not all(map(_is_plain, schemas(schema))):
        return None
    import fastjsonschema

    formats: dict[str, TextCheck] = {}
    rules = _without_text(schema, formats, text_check)
    try:
        code = fastjsonschema.compile_to_code(rules, formats=formats, use_default=False, detailed_exceptions=False)
    except fastjsonschema.JsonSchemaDefinitionException:  # such as for what no value fits
        return None
    try:
        return tighten(code, formats)
    except Unknown:
        return _as_generated(rules, formats)


def _as_generated(rules: Any, formats: dict[str, TextCheck]) -> Validator:
    import fastjsonschema

    made = fastjsonschema.compile(rules, formats=formats, use_default=False, detailed_exceptions=False)
    refuses = fastjsonschema.JsonSchemaException

    def fits(value: Any) -> bool:
        try:
            made(value)
            return True
        except refuses:
            return False

    return fits


def _is_plain(schema: dict[str, Any]) -> bool:
    if not schema.keys() <= _KNOWN | _WITHOUT_MEANING:
        return False
    if not all(map(_WORD.fullmatch, (*schema.get("properties", ()), *schema.get("required", ())))):
        return False  # names become code
    if "const" in schema and "enum" in schema:
        return False
    if not all(isinstance(value, str) and _WORD.fullmatch(value) for value in _listed(schema)):
        return False
    numbers = [value for key, value in schema.items() if key.endswith("imum")]
    # An `items` list means one schema for each place, and bounds that are no whole numbers are compared as doubles.
    return isinstance(schema.get("items", {}), dict) and all(type(value) is int for value in numbers)


def _listed(schema: dict[str, Any]) -> list[Any]:
    return [*schema.get("enum", ()), *([schema["const"]] if "const" in schema else [])]


def _without_text(schema: Any, formats: dict[str, TextCheck], text_check: Callable[[dict[str, str]], TextCheck]) -> Any:
    """The schema with `pattern` and `format` as one format of our own, and without what means nothing."""
    if isinstance(schema, list):
        return [_without_text(one, formats, text_check) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: value for key, value in schema.items() if key not in _WITHOUT_MEANING}
    rules = {key: kept.pop(key) for key in ("pattern", "format") if key in kept}
    if rules.get("format") not in FORMATS | MORE_FORMATS:
        rules.pop("format", None)
    for key in ("additionalProperties", "allOf", "anyOf", "items", "not", "oneOf"):
        if key in kept:
            kept[key] = _without_text(kept[key], formats, text_check)
    if "properties" in kept:
        properties = kept["properties"].items()
        kept["properties"] = {name: _without_text(one, formats, text_check) for name, one in properties}
    if "const" in kept:
        kept["enum"] = [kept.pop("const")]  # it fails on `const` where its exceptions are to be short
    if rules:
        name = "text-" + json.dumps(rules, sort_keys=True).encode().hex()
        formats[name] = text_check(rules)
        kept["format"] = name
    return kept

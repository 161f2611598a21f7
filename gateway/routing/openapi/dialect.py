"""The two dialects in which OpenAPI writes schemas, and what each becomes: draft-07 (3.0) or 2020-12 (3.1)."""

from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Dialect:
    """Where schemas stand in a schema, which keywords mean something, and how it is written for the gateway."""

    #: the version of OpenAPI
    version: str
    #: the `$schema` of what is made; "" for draft-07, which need not be named
    names: str
    #: the draft of what is made
    draft: str
    #: where what is referred to is kept
    definitions: str
    single: frozenset[str]
    lists: frozenset[str]
    maps: frozenset[str]
    plain: frozenset[str]
    #: keywords that mean something elsewhere, and nothing here
    foreign: frozenset[str]


_EVERYWHERE: Final = (
    *("type", "enum", "format", "title", "multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum"),
    *("maxLength", "minLength", "pattern", "maxItems", "minItems", "uniqueItems", "maxProperties", "minProperties"),
    "required",
)
_LATER_ONLY: Final = (
    *("const", "contains", "minContains", "maxContains", "if", "then", "else", "patternProperties", "propertyNames"),
    *("dependentRequired", "dependentSchemas", "prefixItems", "unevaluatedItems", "unevaluatedProperties"),
)

V30: Final = Dialect(
    version="3.0",
    names="",
    draft="draft-07",
    definitions="definitions",
    single=frozenset(("additionalProperties", "items", "not")),
    lists=frozenset(("allOf", "anyOf", "oneOf")),
    maps=frozenset(("properties",)),
    plain=frozenset(_EVERYWHERE),
    foreign=frozenset((*_LATER_ONLY, "additionalItems", "dependencies")),
)
V31: Final = Dialect(
    version="3.1",
    names="https://json-schema.org/draft/2020-12/schema",
    draft="2020-12",
    definitions="$defs",
    single=frozenset(
        (
            *("additionalProperties", "items", "not", "contains", "if", "then", "else", "propertyNames"),
            *("unevaluatedItems", "unevaluatedProperties"),
        )
    ),
    lists=frozenset(("allOf", "anyOf", "oneOf", "prefixItems")),
    maps=frozenset(("properties", "patternProperties", "dependentSchemas")),
    plain=frozenset((*_EVERYWHERE, "const", "minContains", "maxContains", "dependentRequired")),
    foreign=frozenset(("nullable", "additionalItems", "dependencies")),
)

#: what changes the meaning of references; they are followed by JSON pointer alone
ADDRESSES: Final = frozenset(("$id", "$anchor", "$dynamicRef", "$dynamicAnchor"))
#: formats that OpenAPI adds, and which say nothing that could be checked
OWN_FORMATS: Final = frozenset(("int32", "int64", "float", "double", "byte", "binary", "password"))


def from_30(made: dict[str, Any], nullable: bool) -> None:
    """Turn what 3.0 writes differently into draft-07, in place: `nullable`, and exclusive bounds that are flags."""
    for flag, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(made.get(flag), bool):
            is_exclusive = made.pop(flag)
            if is_exclusive and bound in made:
                made[flag] = made.pop(bound)
    if nullable and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]

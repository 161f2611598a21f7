"""The shape of JSON Schema draft-07: where in a schema further schemas stand; and which draft a schema is of."""

from collections.abc import Iterator
from typing import Any, Final

#: what `$schema` may say, without its scheme and an empty fragment
DIALECT: Final = "json-schema.org/draft-07/schema"
META_2020: Final = "https://json-schema.org/draft/2020-12/schema"
_SINGLE: Final = (
    *("additionalItems", "additionalProperties", "contains", "else", "if", "items", "not", "propertyNames", "then"),
)
_LISTS: Final = ("allOf", "anyOf", "items", "oneOf")
_MAPS: Final = ("$defs", "definitions", "dependencies", "patternProperties", "properties")
#: keywords of later drafts, which draft-07 would pass over
LATER: Final = frozenset(
    (
        *("$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveAnchor", "$recursiveRef", "$vocabulary"),
        *("dependentRequired", "dependentSchemas", "maxContains", "minContains", "prefixItems"),
        *("unevaluatedItems", "unevaluatedProperties"),
    )
)
#: all that mean something, those of later drafts too
KEYWORDS: Final = LATER | frozenset(
    (
        *(*_SINGLE, *_LISTS, *_MAPS, "$comment", "$id", "$ref", "$schema", "const", "contentEncoding"),
        *("contentMediaType", "contentSchema", "default", "deprecated", "description", "enum", "examples"),
        *("exclusiveMaximum", "exclusiveMinimum", "format", "maxItems", "maxLength", "maxProperties", "maximum"),
        *("minItems", "minLength", "minProperties", "minimum", "multipleOf", "pattern", "readOnly", "required"),
        *("title", "type", "uniqueItems", "writeOnly"),
        "example",  # OpenAPI's
    )
)
FORMATS: Final = frozenset(
    (
        *("date", "date-time", "email", "hostname", "idn-email", "idn-hostname", "ipv4", "ipv6", "iri"),
        *("iri-reference", "json-pointer", "regex", "relative-json-pointer", "time", "uri", "uri-reference"),
        "uri-template",
    )
)
#: formats of later drafts that are checked all the same
MORE_FORMATS: Final = frozenset(("duration", "uuid"))


def dialect(text: str) -> str:
    """A `$schema` in words: "2020-12" for the address of that draft, the address itself where it is none known."""
    bare = text.removeprefix("https://").removeprefix("http://").removesuffix("#")
    if bare == DIALECT:
        return "draft-07"
    name = bare.removeprefix("json-schema.org/").removesuffix("/schema")
    return name.removeprefix("draft/") if name != bare else text


def is_2020(schema: Any) -> bool:
    """Whether a schema says of itself that it is written in 2020-12."""
    said = schema.get("$schema") if isinstance(schema, dict) else None
    return isinstance(said, str) and dialect(said) == "2020-12"


def schemas(schema: Any) -> Iterator[dict[str, Any]]:
    """A schema and all schemas in it; true and false are left out. The keywords beside a `$ref` mean nothing."""
    waiting = [schema]
    while waiting:
        one = waiting.pop()
        if not isinstance(one, dict):
            continue
        yield one
        waiting += (one[key] for key in _SINGLE if isinstance(one.get(key), dict))
        for key in _LISTS:
            if isinstance(one.get(key), list):
                waiting += one[key]
        for key in _MAPS:
            if isinstance(one.get(key), dict):
                waiting += one[key].values()

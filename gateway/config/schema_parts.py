"""The building blocks of the published JSON Schema (draft-07): each one carries a title, which complaints use
("expected a duration such as ..."), and a description, which editors show.

Every block lets a string with "${" in it pass, because editors see references before they are resolved.
"""

from typing import Any, Final

from gateway.config import units as values

Schema = dict[str, Any]

REFERENCE = r"\$\{"
NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$"
LINE = r"^[^\x00-\x1f\x7f]+$"
FIELD_NAME = r"^[A-Za-z0-9!#\$%&'*+.^_`|~-]+$"
"""RFC 9110 section 5.6.2."""

_KINDS = {
    "duration": (values.DURATION, "a duration such as 250ms, 5s, 10m or 1h"),
    "positive": (values.POSITIVE_DURATION, "a duration longer than zero such as 250ms, 5s, 10m or 1h"),
    "size": (values.SIZE, "a size such as 512B, 64KB or 10MB (a KB is 1,024 bytes)"),
    "share": (values.SHARE, "a share such as 5% or 100%"),
}


def _with_default(schema: Schema, default: object) -> Schema:
    return schema if default is None else {**schema, "default": default}


def text(title: str, description: str, pattern: str = "", default: str | None = None) -> Schema:
    """A string; `pattern` is what it must look like."""
    schema = {"type": "string", "title": title, "description": description}
    if pattern:
        schema["pattern"] = f"{pattern}|{REFERENCE}"
    return _with_default(schema, default)


def quantity(kind: str, description: str, default: str | None = None) -> Schema:
    """A string with a unit: duration, positive (a duration above zero), size or share."""
    pattern, title = _KINDS[kind]
    schema = {
        "type": "string",
        "title": title,
        "description": description,
        "pattern": f"{pattern}|{REFERENCE}",
        "x-kind": "duration" if kind == "positive" else kind,
    }
    return _with_default(schema, default)


def integer(description: str, low: int, high: int, default: int | None = None) -> Schema:
    """A whole number from low to high."""
    schema = {
        "type": ["integer", "string"],
        "title": f"a whole number from {low:,} to {high:,}",
        "description": description,
        "minimum": low,
        "maximum": high,
        "pattern": REFERENCE,
    }
    return _with_default(schema, default)


def boolean(description: str, default: bool | None = None) -> Schema:
    """Either true or false."""
    schema = {
        "type": ["boolean", "string"],
        "title": "true or false",
        "description": description,
        "pattern": REFERENCE,
    }
    return _with_default(schema, default)


def choice(description: str, *options: object, default: object = None) -> Schema:
    """One of a few words."""
    listed = " or ".join(f"`{option}`" for option in options)
    schema = {
        "title": listed,
        "description": description,
        "anyOf": [{"enum": list(options)}, {"type": "string", "pattern": REFERENCE}],
    }
    return _with_default(schema, default)


def file_name(description: str) -> Schema:
    """The name of a file."""
    return text("a file name", f"{description} A relative name is relative to this file.", LINE)


def scalar(description: str) -> Schema:
    """A string, a number or a boolean, as it stands."""
    types = ["string", "integer", "number", "boolean"]
    return {"type": types, "title": "a string, a number, true or false", "description": description}


def either(title: str, description: str, *branches: Schema, default: object = None) -> Schema:
    """A value of one of several types."""
    return _with_default({"title": title, "description": description, "anyOf": list(branches)}, default)


def listing(description: str, items: Schema, title: str = "a list", least: int = 0) -> Schema:
    """A list of one kind of thing."""
    schema: Schema = {"type": "array", "title": title, "description": description, "items": items}
    return {**schema, "minItems": least} if least else schema


def one_or_more(description: str, item: Schema) -> Schema:
    """One thing of a kind, or a list of them."""
    return either(f"{item['title']}, or a list of them", description, item, listing(description, item, least=1))


def mapping(description: str, values_: Schema, names: Schema, title: str = "a mapping") -> Schema:
    """A mapping whose keys are the user's own."""
    return {
        "type": "object",
        "title": title,
        "description": description,
        "propertyNames": names,
        "additionalProperties": values_,
    }


def section(description: str, properties: dict[str, Schema], required: tuple[str, ...] = ()) -> Schema:
    """A mapping whose keys are ours; any other key is a mistake."""
    schema = {
        "type": "object",
        "title": "a mapping",
        "description": description,
        "additionalProperties": False,
        "properties": properties,
    }
    return {**schema, "required": list(required)} if required else schema


OBJECT_NAME: Final = text("a name of letters, digits, `_`, `-` and `.`", "A name, unique over all files.", NAME)
OFF: Final = "off"
"""What a route says that wants none of the defaults."""

MEDIA_TYPE = r"^[A-Za-z0-9!#\$&^_.+-]+/(\*|\*\+[A-Za-z0-9.-]+|[A-Za-z0-9!#\$&^_.+-]+)$"

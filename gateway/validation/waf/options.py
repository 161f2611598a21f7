"""Options of `sanitize` of a route and of `defaults`: requests that look like an attack."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from gateway.config import schema_parts as schemas
from gateway.config.options import Options
from gateway.config.schema_parts import FIELD_NAME, Schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.config.reader import OptionReader
    from gateway.config.reading import RouteContext


class Sanitize(Options, frozen=True):
    """`modes` are (rule, "block", "log" or "off") of every rule; `parts` the parts of a request that are looked at.

    `excepted` are (part, field) that are not; header names in lower case. `max_body` is in bytes.
    """

    modes: tuple[tuple[str, str], ...]
    parts: tuple[str, ...]
    excepted: tuple[tuple[str, str], ...]
    max_body: int
    where: str

    def mode(self, rule: str) -> str:
        """What is done about a rule."""
        return dict(self.modes)[rule]


RULES = ("sql_injection", "xss", "traversal", "headers", "null_bytes", "pollution", "xml")
PARTS = ("path", "query", "headers", "cookies", "body")
OFF = "off"

_WHAT = {
    "sql_injection": "SQL where a value should be.",
    "xss": "Markup or script that a browser would run.",
    "traversal": "Steps out of a folder, such as ../../etc.",
    "headers": "Line breaks and control characters in header fields, cookies, and what may end up in them or in logs.",
    "null_bytes": "NUL, which cuts texts short for some readers.",
    "pollution": "Names such as __proto__ that change what objects inherit.",
    "xml": "Documents that define entities or name a DTD.",
}


def route_keys() -> dict[str, Schema]:
    """The keys of a route and of `defaults` that this module describes."""
    return {"sanitize": {"$ref": "#/definitions/sanitize"}}


def sanitize() -> Schema:
    """What is done with requests that look like an attack."""
    name = schemas.text("a name", "The name of a parameter.", r"^[^\x00-\x1f]+$")
    field = schemas.text("a header name (RFC 9110 token)", "A header name; compared without case.", FIELD_NAME)
    place = schemas.text(
        "a JSON pointer such as /items/*/note, or the name of a form's field", "A place in a body.", "^.+$"
    )
    excepted = {
        "query": schemas.listing("Parameters.", name, least=1),
        "headers": schemas.listing("Header fields.", field, least=1),
        "cookies": schemas.listing("Cookies.", name, least=1),
        "body": schemas.listing("JSON pointers, where * stands for any one step, and fields of forms.", place, least=1),
    }
    keys = {
        **{rule: schemas.choice(_WHAT[rule], "block", "log", OFF, default="block") for rule in RULES},
        "in": schemas.listing(
            "The parts that are looked at; all when not written.", schemas.choice("A part.", *PARTS), least=1
        ),
        "except": schemas.section("Fields that are not looked at, by part.", excepted),
        "max_body": schemas.quantity("size", "The largest body that is looked at; a larger one gets 413.", "1MB"),
    }
    words = (
        "What looks like an attack is refused. A route's keys win over those in `defaults`; `off` does away with all."
    )
    return schemas.either(
        "`off` or a mapping", words, schemas.text("`off`", "No screening.", "^off$"), schemas.section(words, keys)
    )


def definitions() -> dict[str, Schema]:
    """What routes and `defaults` refer to."""
    return {"sanitize": sanitize()}


_POINTER: Final = re.compile(r"(/([^/~]|~[01])*)+")


def read_sanitize(holder: OptionReader, context: RouteContext) -> Sanitize | None:
    """The section, key by key over that of `defaults`; None where nothing is screened."""
    default: Sanitize | None = context.defaults.get("sanitize")
    if "sanitize" not in holder:
        return default
    if holder.one("sanitize") is not None:
        return None
    reader = holder.section("sanitize")
    base = default or Sanitize(tuple((rule, "block") for rule in RULES), PARTS, (), reader.size("max_body"), "")
    modes = tuple((rule, reader.text(rule) if rule in reader else mode) for rule, mode in base.modes)
    parts = _parts(reader) if "in" in reader else base.parts
    is_clear = reader.is_sound("in")
    if all(mode == OFF for _, mode in modes):
        reader.complain("every rule is off", "write `sanitize: off`")
    return Sanitize(
        modes=modes,
        parts=parts,
        excepted=tuple(_excepted(reader.section("except"), parts, is_clear)) if "except" in reader else base.excepted,
        max_body=reader.size("max_body") if "max_body" in reader else base.max_body,
        where=reader.where,
    )


def _parts(reader: OptionReader) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for text in reader.texts("in"):
        if text.value in found:
            text.complain(f"{text.shown} is there twice")
        found[text.value] = None
    return tuple(found)


def _excepted(reader: OptionReader, parts: tuple[str, ...], is_clear: bool) -> Iterator[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for part in reader:
        if part not in parts and is_clear:
            reader.complain(f"the {part} are not looked at" if part != "body" else "bodies are not looked at", key=part)
        for text in reader.texts(part):
            name = text.value.lower() if part == "headers" else text.value
            if part == "body" and name.startswith("/") and not _POINTER.fullmatch(name):
                text.complain(f"{text.shown} is no JSON pointer (RFC 6901)", "write ~0 for ~ and ~1 for / in a name")
            if (part, name) in found:
                text.complain(f"{text.shown} is there twice")
            found.add((part, name))
            yield part, name

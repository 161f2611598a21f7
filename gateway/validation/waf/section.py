"""`sanitize` of a route and of `defaults`."""

import re
from collections.abc import Iterator
from typing import Final

from gateway.config.reader import OptionReader
from gateway.config.reading import RouteContext
from gateway.validation.waf.model import Sanitize
from gateway.validation.waf.schema import OFF, PARTS, RULES

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

"""Media type of a body, by Content-Type (RFC 9110 section 8.3.1), and whether it is allowed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gateway.exchange import Exchange

_WORD: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_TYPE: Final = re.compile(rf"[ \t]*({_WORD})/({_WORD})[ \t]*")
_PARAMETER: Final = re.compile(rf';[ \t]*(?:({_WORD})=({_WORD}|"(?:[^"\\]|\\[\t -~])*"))?[ \t]*')
_ESCAPED: Final = re.compile(r"\\(.)")
#: names of the one charset that JSON has (RFC 8259 section 8.1); US-ASCII is a part of it
UTF_8: Final = frozenset(("utf-8", "utf8", "us-ascii", "ascii"))
#: the ranges that have only JSON in them (RFC 6839 section 3.1)
JSON: Final = ("application/json", "application/*+json")


def parse(text: str) -> tuple[str, dict[str, str]] | None:
    """(type/subtype in lower case, parameters) of a Content-Type; None where it is none, or names a parameter twice."""
    found = _TYPE.match(text)
    if found is None:
        return None
    parameters: dict[str, str] = {}
    at = found.end()
    while at < len(text):
        next_one = _PARAMETER.match(text, at)
        if next_one is None:
            return None
        at = next_one.end()
        name, value = next_one.groups()
        if name is None:
            continue
        if name.lower() in parameters:
            return None
        parameters[name.lower()] = _ESCAPED.sub(r"\1", value[1:-1]) if value.startswith('"') else value
    return f"{found[1]}/{found[2]}".lower(), parameters


def is_allowed(media_type: str, ranges: Sequence[str]) -> bool:
    """Whether one of the ranges ("application/json", "image/*", "application/*+json") has a type in it."""
    main, _, sub = media_type.partition("/")
    for each in ranges:
        its, _, rest = each.partition("/")
        if each == media_type or (its == main and rest == "*"):
            return True
        if its == main and rest.startswith("*+") and sub.endswith(rest[1:]) and len(sub) >= len(rest):
            return True
    return False


def is_json(exchange: Exchange) -> bool:
    """Whether a request's body says that it is JSON."""
    found = parse(exchange.header("content-type") or "")
    return found is not None and is_allowed(found[0], JSON)

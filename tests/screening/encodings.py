"""The ways in which an attack is dressed up on its way, and how it then stands in a request."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from urllib.parse import quote

Encode = Callable[[str], str]


def _whole_url(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode("utf-8", "replace"))


def _entities(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9 ]", lambda found: f"&#{ord(found[0])};", text)


def _hex_entities(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9 ]", lambda found: f"&#x{ord(found[0]):x};", text)


def _unicode(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9 ]", lambda found: f"\\u{ord(found[0]) & 0xFFFF:04x}", text)


def _mixed(text: str) -> str:
    return "".join(char.upper() if at % 2 else char.lower() for at, char in enumerate(text))


def _base64(text: str) -> str:
    return base64.b64encode(text.encode("utf-8", "replace")).decode()


#: what each makes of a text; the result is a value as an application would have it before it decodes further
ENCODINGS: Mapping[str, Encode] = MappingProxyType(
    {
        "plain": lambda text: text,
        "url": lambda text: quote(text, safe=""),
        "whole-url": _whole_url,
        "double-url": lambda text: quote(quote(text, safe=""), safe=""),
        "entities": _entities,
        "hex-entities": _hex_entities,
        "unicode": _unicode,
        "base64": _base64,
        "mixed-case": _mixed,
        "comments": lambda text: text.replace(" ", "/**/"),
    }
)
#: those that make no sense for a family: SQL has comments for blanks, and in HTML only tags have no case
ONLY: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "comments": frozenset(("sql",)),
        "mixed-case": frozenset(("sql", "xss")),
        "entities": frozenset(("sql", "xss")),
        "hex-entities": frozenset(("sql", "xss")),
        "unicode": frozenset(("sql", "xss")),
        "base64": frozenset(("sql", "xss")),
    }
)


def variants(family: str, text: str) -> list[tuple[str, str]]:
    """(encoding, text) of every way that makes sense for a family and changes the text."""
    found = [("plain", text)]
    for name, encode in ENCODINGS.items():
        if name == "plain" or family not in ONLY.get(name, (family,)):
            continue
        if name == "mixed-case" and family == "xss" and "<" not in text:
            continue
        if name == "comments" and re.search(r"--|#|waitfor|/\*", text, re.I):
            continue  # a comment to the end of the line needs its blank, and comments do not nest
        encoded = encode(text)
        if encoded != text:
            found.append((name, encoded))
    return found

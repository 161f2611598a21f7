"""One value of a request: what it may be read as, and which rules find an attack in that."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from gateway._fast import waf_decode as decode
from gateway._fast.waf_scan import needs_look
from gateway._fast.waf_sql import sql_attack
from gateway._fast.waf_xss import xss_attack

#: how a value stands in its part: with percent and "+", with percent, or as it is
FORM: Final = decode.FORM
URL: Final = decode.URL
TEXT: Final = decode.TEXT

#: (what the configuration calls it, the rule that found it)
Found = tuple[str, str]
NOTHING: Final[tuple[Found, ...]] = ()
#: how long a header's value may be to be remembered
_SHORT: Final = 512
#: how a header's value begins that is an address, such as Referer's
_ADDRESSES: Final = ("https://", "http://")

# Two steps up or more from where a value begins or a folder ends, however the slash is written, or a file of the
# system's by its place.  SECURITY: nothing before a step is matched but its last byte, for that would be tried from
# each place anew (tests/unit/screening/test_values.py).
_SLASH: Final = rb"(?:\.?[/\\;\x00]|0x(?:2f|5c)|%(?:u[0-9a-f]{4}|[0-9a-f]{2})|[\x80-\xff])"
_STEPS: Final = re.compile(rb"(?:^|[/\\=:])\.{2,}" + _SLASH + rb"+\.{2,}" + _SLASH, re.IGNORECASE)
_FILES: Final = re.compile(
    rb"(?:^[/\\]*|[=:][/\\]*|\.[/\\]+)(?:etc[/\\]+(?:passwd|shadow|group|hosts)\b|proc[/\\]+self[/\\]|"
    rb"(?:boot|win)\.ini\b|windows[/\\]+(?:win\.ini|system32)|web-inf[/\\])",
    re.IGNORECASE,
)
_SPLIT: Final = re.compile(
    rb"[\r\n](?:[ \t]*(?:set-cookie|location|content-(?:type|length)|transfer-encoding)[ \t]*:|HTTP/[0-9])",
    re.IGNORECASE,
)
_POLLUTION: Final = re.compile(r"__proto__|constructor[\].\[/]{1,3}prototype")


def attacks(text: str, kind: int) -> tuple[Found, ...]:
    """Everything that is found in a value of a path, a query or a body; nothing for nearly all."""
    if not needs_look(text, kind):
        return NOTHING
    flags, readings = decode.readings(text, kind)
    # Texts in JSON and the like have lines, and are not what header fields are made of.
    return _in_readings(flags & ~decode.CRLF if kind == TEXT else flags, readings)


def header_attacks(text: str) -> tuple[Found, ...]:
    """Everything that is found in a header field or a cookie; short ones are remembered, since they come again."""
    return _remembered(text) if len(text) <= _SHORT else _in_header(text)


def is_pollution(name: str) -> bool:
    """Whether a name, or a path made of names, reaches for what all objects inherit."""
    return "proto" in name and _POLLUTION.search(name) is not None


def _in_header(text: str) -> tuple[Found, ...]:
    flags, readings = decode.readings(text if text.isascii() else text.encode("latin-1", "replace"), URL)
    found = _in_readings(flags, readings)
    if "?" in text and text.startswith(_ADDRESSES):
        kept = (each for each in found if each[0] != "sql_injection")
        found = tuple(dict.fromkeys((*kept, *_in_address(text))))
    return (*found, ("headers", "header-break")) if flags & (decode.CRLF | decode.CONTROL) else found


def _in_address(text: str) -> Iterator[Found]:
    """What is in an address by its pieces: "&" is no operator of SQL's, "+" a blank, and a value may be base64."""
    before, _, query = text.partition("?")
    pairs = [(before, URL), *((piece, FORM) for pair in query.split("&") for piece in pair.partition("=")[::2])]
    for piece, kind in pairs:
        yield from attacks(piece, kind)


@lru_cache(maxsize=4096)
def _remembered(text: str) -> tuple[Found, ...]:
    """PERF: clients send the same fields each time (perf/micro/bench_waf_scan.py)."""
    return _in_header(text)


def _in_readings(flags: int, readings: tuple[bytes | str, ...]) -> tuple[Found, ...]:
    found: list[Found] = []
    for reading in readings:
        if sql := sql_attack(reading):
            found.append(("sql_injection", sql))
        if xss := xss_attack(reading):
            found.append(("xss", xss))
        data = reading.encode("utf-8", "replace") if isinstance(reading, str) else reading
        if (b".." in data and _STEPS.search(data)) or _FILES.search(data):
            found.append(("traversal", "traversal"))
        if flags & decode.CRLF and _SPLIT.search(data):
            found.append(("headers", "header-split"))
    if flags & decode.NUL:
        found.append(("null_bytes", "null-byte"))
    return tuple(dict.fromkeys(found))

"""Texts with {param}, {query.name}, {header.Name} and {claim.name} in them, compiled once and rendered per request.

Where a value comes from and where it goes decide how it is written:

           path parameter          query value, header value, claim
  path     as it came, encoded     percent-encoded anew; refused when it would climb (..) or hold a control
  query    as it came, "&" "="     percent-encoded anew
           "+" ";" encoded
  header   as it came              controls taken out
  text     as it came              as it is, U+FFFD for what is not UTF-8

A variable that the request does not have is "".  What goes into a URL or a header is latin-1 text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import quote, unquote_plus

from gateway.errors import AMBIGUOUS_PATH, GatewayError
from gateway.exchange import Exchange
from gateway.http.template_parser import KINDS, Variable, parse

#: where a template stands; "url" is a path and query, as in rewrite and Location
Place = Literal["url", "header", "text"]
#: gives a value as text decoded from UTF-8, with lone surrogates for bytes that are none
Getter = Callable[[Exchange], str]
Writer = Callable[[str], str]
#: makes the getter of a variable from its name
Source = Callable[[str], Getter]
NOTHING_MORE: Mapping[str, Source] = MappingProxyType({})

_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_CONTROLS_TABLE = dict.fromkeys((*range(0x20), 0x7F))
_DOT_SEGMENT = re.compile(r"(?:^|[/\\])\.{1,2}(?:[/\\]|$)")
_QUERY_SYNTAX = str.maketrans({"&": "%26", "=": "%3D", "+": "%2B", ";": "%3B", "?": "%3F", "#": "%23"})


class Template:
    """A compiled text. `text` is what it renders to where `is_constant`."""

    __slots__ = ("_getters", "_pattern", "is_constant", "text")

    def __init__(self, text: str, pattern: str = "", getters: tuple[Getter, ...] = ()) -> None:
        self.text = text
        self.is_constant = not getters
        self._pattern = pattern
        self._getters = getters

    def render(self, exchange: Exchange) -> str:
        """The text for one request. Raises GatewayError when a value may not stand where it would."""
        if self.is_constant:
            return self.text
        return self._pattern % tuple([get(exchange) for get in self._getters])


def compile(text: str, place: Place, more: Mapping[str, Source] = NOTHING_MORE) -> Template:
    """Compile `text` for `place`; `more` are kinds of variables that are known only here."""
    pieces = parse(text, (*KINDS, *more))
    pattern, getters = "", []
    for piece in pieces:
        if isinstance(piece, str):
            pattern += piece.replace("%", "%%")
        else:
            is_in_query = place == "url" and "?" in pattern
            source = more.get(piece.kind) or SOURCES[piece.kind]
            getters.append(_getter(piece, source, "query" if is_in_query else place))
            pattern += "%s"
    return Template(text, pattern, tuple(getters))


def _getter(variable: Variable, source: Source, place: str) -> Getter:
    get = source(variable.name)
    write = WRITERS.get((variable.kind == "param", place))
    return get if write is None else lambda exchange: write(get(exchange))


def _param(name: str) -> Getter:
    return lambda exchange: (exchange.params or {}).get(name, "")


def _query(name: str) -> Getter:
    """The first value of a query parameter, decoded as forms are."""

    def get(exchange: Exchange) -> str:
        for pair in exchange.query.split("&"):
            key, _, value = pair.partition("=")
            if key == name or (("%" in key or "+" in key) and unquote_plus(key, errors="surrogateescape") == name):
                return unquote_plus(value, errors="surrogateescape")
        return ""

    return get


def _header(name: str) -> Getter:
    name = name.lower()

    def get(exchange: Exchange) -> str:
        value = exchange.header(name) or ""
        return value if value.isascii() else value.encode("latin-1").decode("utf-8", "surrogateescape")

    return get


def _claim(path: str) -> Getter:
    names = tuple(path.split("."))

    def get(exchange: Exchange) -> str:
        return "" if exchange.caller is None else claim_text(claim_at(exchange.caller.claims, names))

    return get


def claim_at(claims: Any, path: tuple[str, ...]) -> Any:
    """The claim at a path of names, one inside the other; None where there is none.  A name with dots wins as one."""
    whole = claims.get(".".join(path)) if len(path) > 1 else None
    if whole is not None:
        return whole
    for name in path:
        if not isinstance(claims, Mapping):
            return None
        claims = claims.get(name)
    return claims


def claim_text(value: Any) -> str:
    """A claim as text: lists joined with commas, objects as JSON, what is not there as ""."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return ",".join(map(claim_text, value))
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


SOURCES: dict[str, Source] = {"param": _param, "query": _query, "header": _header, "claim": _claim}


def _into_path(value: str) -> str:
    # SECURITY: the upstream may decode before it resolves, so what climbs is refused, not encoded (test_templates.py).
    if _CONTROLS.search(value) or _DOT_SEGMENT.search(value):
        raise GatewayError(AMBIGUOUS_PATH, "A value that becomes part of the path holds dot segments or controls.")
    return _encoded(value)


def _encoded(value: str) -> str:
    return quote(value, safe="", errors="surrogateescape")


def _param_into_query(value: str) -> str:
    # SECURITY: "&" and "=" are plain text in a path but not in a query (test_templates.py).
    return value.translate(_QUERY_SYNTAX)


def _into_header(value: str) -> str:
    """The text as the bytes of a header field, without what could end it (RFC 9110 section 5.5)."""
    if not value.isascii():
        value = value.encode("utf-8", "surrogateescape").decode("latin-1")
    return value if value.isprintable() else value.translate(_CONTROLS_TABLE)


def _into_text(value: str) -> str:
    return value if value.isascii() else value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


#: (is it a path parameter, place) -> how it is written; what is not here stays as it came
WRITERS: dict[tuple[bool, str], Writer] = {
    (False, "url"): _into_path,
    (False, "query"): _encoded,
    (True, "query"): _param_into_query,
    (False, "header"): _into_header,
    (False, "text"): _into_text,
}

"""screen: requests that look like an attack are refused, or told of, before the upstream has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import MappingProxyType
from typing import Final
from urllib.parse import unquote_plus

from gateway._fast.waf_scan import Fields, cookies_need_look, form_needs_look, json_needs_look
from gateway.contracts import Steps
from gateway.errors import BODY_TOO_LARGE, MALFORMED_BODY, UNSUPPORTED_MEDIA_TYPE, GatewayError
from gateway.exchange import Exchange
from gateway.http.body import read_whole
from gateway.http.decompress import decompress
from gateway.http.json_reader import JsonReader
from gateway.http.media_type import UTF_8, parse
from gateway.validation.waf.body import DEPTH, MEMBERS, Field, decoded, json_fields, multipart_fields, pairs, xml_fields
from gateway.validation.waf.decision import Judge, WafRules
from gateway.validation.waf.detect import FORM, TEXT, URL, attacks, header_attacks, is_pollution
from gateway.validation.waf.fields import NOT_LOOKED_AT

Check = Callable[[Exchange], None]
Look = Callable[[Judge, Exchange, bytes, dict[str, str]], None]

_CHARSETS: Final = UTF_8 | {"iso-8859-1", "latin1", "windows-1252"}
_XML_CHARSETS: Final = _CHARSETS | {"utf-16", "utf-16be", "utf-16le"}
#: PERF: as most say it, and reading one costs 3 us
_JSON_TYPES: Final = frozenset(
    ("application/json", "application/json; charset=utf-8", "application/json;charset=utf-8")
)
#: how many times its size a compressed body may become
_RATIO: Final = 100
_READER: Final = JsonReader(DEPTH, MEMBERS)
#: PERF: clients send the same fields each time; how many are remembered in a worker (perf/micro/bench_waf_scan.py)
_FIELDS: Final = Fields(NOT_LOOKED_AT, 4096)
_POLLUTION: Final = (("pollution", "pollution"),)
_DOCTYPE: Final = (("xml", "xml-doctype"),)


def compile(rules: WafRules) -> Steps:
    """The step of a route: the body is looked at last."""
    judge = Judge(rules)
    made = (("path", _path), ("query", _query), ("cookies", _cookies), ("headers", _headers))
    checks = [make(judge) for part, make in made if part in rules.parts]
    if "body" in rules.parts:
        checks.append(_body(judge, rules.max_body))
    in_order = tuple(checks)

    def on_request(exchange: Exchange) -> None:
        for check in in_order:
            check(exchange)

    return Steps(on_request=on_request)


def _path(judge: Judge) -> Check:
    """The parameters: all else in a path is as the route has it."""

    def on_request(exchange: Exchange) -> None:
        if exchange.params:
            for name, value in exchange.params.items():
                if found := attacks(value, URL):
                    judge(exchange, "path", name, found)

    return on_request


def _query(judge: Judge) -> Check:
    def on_request(exchange: Exchange) -> None:
        if exchange.query and form_needs_look(exchange.query):
            _look_at_pairs(judge, exchange, "query", exchange.query)

    return on_request


def _look_at_pairs(judge: Judge, exchange: Exchange, part: str, text: str) -> None:
    """The pairs of a query or a form. Services may join what comes again, so it is looked at in that form too."""
    seen: dict[str, list[str]] = {}
    for name, value in pairs(text):
        if found := attacks(value, FORM):
            judge(exchange, part, unquote_plus(name), found)
        if not name.isalnum():
            field = unquote_plus(name)
            if found := attacks(name, FORM):
                judge(exchange, part, field, found)
            if is_pollution(field):
                judge(exchange, part, field, _POLLUTION)
        seen.setdefault(name, []).append(value)
    for name, values in seen.items():
        if len(values) > 1 and (found := attacks(",".join(values), FORM)):
            judge(exchange, part, unquote_plus(name), found)


def _cookies(judge: Judge) -> Check:
    def on_request(exchange: Exchange) -> None:
        if not cookies_need_look(exchange.headers):
            return
        for name, value in exchange.headers:
            if len(name) == 6 and name.lower() == "cookie":
                for pair in value.split(";"):
                    field, _, content = pair.strip().partition("=")
                    if found := header_attacks(content.strip('"')):
                        judge(exchange, "cookies", field, found)

    return on_request


def _headers(judge: Judge) -> Check:
    def on_request(exchange: Exchange) -> None:
        if not _FIELDS.need_look(exchange.headers):
            return
        for name, value in exchange.headers:
            if name.lower() not in NOT_LOOKED_AT and (found := header_attacks(value)):
                judge(exchange, "headers", name, found)

    return on_request


def _body(judge: Judge, most: int) -> Check:
    def on_request(exchange: Exchange) -> None:
        if not exchange.body_length:
            return
        media_type, parameters = _type(exchange)
        look = _LOOKS.get(media_type) or _by_kind(media_type)
        if look is None:
            return
        if exchange.body_length > most:
            words = f"The body has {exchange.body_length} bytes; {most} are taken where it has to be looked at."
            raise GatewayError(BODY_TOO_LARGE, words)
        data = read_whole(exchange, most)
        coding = exchange.header("content-encoding")
        if coding is not None:
            data = decompress(data, coding, most, _RATIO)
        if data:
            look(judge, exchange, data, parameters)

    return on_request


def _type(exchange: Exchange) -> tuple[str, dict[str, str]]:
    text = exchange.header("content-type")
    if text is None or text in _JSON_TYPES:
        return "" if text is None else "application/json", {}
    found = parse(text)
    if found is None:
        raise GatewayError(UNSUPPORTED_MEDIA_TYPE, "The body has a Content-Type that cannot be read.")
    return found


def _by_kind(media_type: str) -> Look | None:
    """How a type is looked at; None for what is not: pictures, archives, and whatever else is no text."""
    if media_type.endswith("+json"):
        return _json
    if media_type.endswith("+xml"):
        return _xml
    return _text if media_type.startswith("text/") else None


def _json(judge: Judge, exchange: Exchange, data: bytes, parameters: dict[str, str]) -> None:
    _check_charset(parameters, UTF_8, "JSON is taken in UTF-8 only.")
    if json_needs_look(data, DEPTH, MEMBERS):
        _look_at_fields(judge, exchange, json_fields(_READER.read(data)))


def _urlencoded(judge: Judge, exchange: Exchange, data: bytes, parameters: dict[str, str]) -> None:
    _check_charset(parameters, _CHARSETS, "Forms are taken in UTF-8 or ISO-8859-1 only.")
    text = decoded(data)
    if form_needs_look(text):
        _look_at_pairs(judge, exchange, "body", text)


def _multipart(judge: Judge, exchange: Exchange, data: bytes, parameters: dict[str, str]) -> None:
    boundary = parameters.get("boundary", "")
    if not 1 <= len(boundary) <= 70:
        raise GatewayError(MALFORMED_BODY, "The body's Content-Type has no boundary (RFC 2046 section 5.1.1).")
    _look_at_fields(judge, exchange, multipart_fields(data, boundary))


def _xml(judge: Judge, exchange: Exchange, data: bytes, parameters: dict[str, str]) -> None:
    _check_charset(parameters, _XML_CHARSETS, "XML is taken in UTF-8, UTF-16 or ISO-8859-1 only.")
    _look_at_fields(judge, exchange, xml_fields(data, lambda: judge(exchange, "body", "", _DOCTYPE)))


def _text(judge: Judge, exchange: Exchange, data: bytes, parameters: dict[str, str]) -> None:
    """Text, and what does not say what it is: as JSON if it is that, since some services take it for JSON anyway."""
    _check_charset(parameters, _CHARSETS, "Texts are taken in UTF-8 or ISO-8859-1 only.")
    if data.lstrip()[:1] in (b"{", b"["):
        if not json_needs_look(data, DEPTH, MEMBERS):
            return
        try:
            _look_at_fields(judge, exchange, json_fields(_READER.read(data)))
            return
        except GatewayError as error:
            if error.kind is not MALFORMED_BODY:
                raise
    _look_at_fields(judge, exchange, (Field("", decoded(data)),))


def _look_at_fields(judge: Judge, exchange: Exchange, fields: Iterable[Field]) -> None:
    for field, text, way in fields:
        if found := attacks(text, TEXT):
            judge(exchange, "body", str(field), found)
        if way and is_pollution(way):
            judge(exchange, "body", str(field), _POLLUTION)


def _check_charset(parameters: dict[str, str], known: frozenset[str], words: str) -> None:
    if parameters.get("charset", "utf-8").lower() not in known:
        raise GatewayError(UNSUPPORTED_MEDIA_TYPE, words)


_LOOKS: Final = MappingProxyType(
    {
        "": _text,
        "application/json": _json,
        "application/x-www-form-urlencoded": _urlencoded,
        "multipart/form-data": _multipart,
        "application/xml": _xml,
        "application/graphql": _text,
        "text/xml": _xml,
    }
)

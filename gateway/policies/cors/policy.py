"""cors: which pages of other origins may call and read the answers (the Fetch standard, section "CORS protocol").

A preflight is answered here, before anybody is asked who they are: 204 with what is allowed.  One that asks for what
is not allowed gets a 403 problem that says what that was: browsers refuse the call because no Access-Control-* field
is there, whatever the status; the words are for whoever looks into the browser's network panel or into the access log.

An actual request always goes on, since CORS is no access control: only what browsers let pages read depends on it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from gateway._fast.headers import Edit
from gateway.contracts import OnResponse, Steps, Tools
from gateway.errors import CORS_REFUSED, GatewayError
from gateway.exchange import Exchange, Headers, Response
from gateway.http.preflight import is_preflight
from gateway.policies.cors.options import Cors

#: the longest host name and a scheme; a longer origin is never looked at, so never remembered either
LONGEST_ORIGIN = 300
MOST_HEADERS = 100
#: what an upstream says of these is replaced: two answers to one question would be none
OURS = frozenset(
    "access-control-" + name
    for name in ("allow-origin", "allow-credentials", "allow-methods", "allow-headers", "allow-private-network",
                 "expose-headers", "max-age")
)  # fmt: skip
PREFLIGHT_VARY = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
ASKS_PRIVATE = "Access-Control-Request-Private-Network"

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
#: an origin as browsers write it (RFC 6454 section 6.2, the Fetch standard's "serializing a request origin")
_SERIALISED = re.compile(r"[a-z][a-z0-9+.-]*://(?:\[[0-9a-f:.]+\]|[a-z0-9._~-]+)(?::[0-9]{1,5})?")
_WILDCARD = re.compile(r"([a-z][a-z0-9+.-]*://)\*(\.[a-z0-9._~-]+(?::[0-9]{1,5})?)")
_DEFAULT_PORTS = (("http://", ":80"), ("https://", ":443"))


def compile(spec: Cors, route_methods: tuple[str, ...], tools: Tools) -> Steps:
    """The steps of one route, whose own methods are `route_methods` (empty = any).

    Raises ValueError for origins that are none, and for what browsers take as an invitation to every site.
    """
    for text in spec.origins:
        _check(text)
    if spec.allows_credentials and not {"*", "null"}.isdisjoint(spec.origins):
        raise ValueError("credentials go to named origins only: any site could act in the name of its visitors")
    if "*" in spec.methods or "*" in spec.headers:
        raise ValueError("'*' is no method and no header: leave `methods` or `headers` out to allow all")
    return Steps(on_request=_Preflight(spec, spec.methods or route_methods), on_response=_answers(spec))


def is_allowed(origin: str, origins: tuple[str, ...]) -> bool:
    """Whether pages of `origin` may call, where not all may ("*").

    "null", which is what a page without an origin of its own says, is allowed only where it is listed as that: no
    pattern takes it.
    """
    return len(origin) <= LONGEST_ORIGIN and _decided(origin, origins)


@lru_cache(maxsize=4096)
def _decided(origin: str, origins: tuple[str, ...]) -> bool:
    origin = origin.lower()
    if origin == "null":
        return "null" in origins
    # SECURITY: nothing but an origin is held against a pattern, so that no part of one can pose as its end.
    if _SERIALISED.fullmatch(origin) is None:
        return False
    return any(_pattern(text).fullmatch(origin) for text in origins)


@lru_cache(maxsize=1024)
def _pattern(text: str) -> re.Pattern[str]:
    """What an origin as it is written in the configuration must be like, in lower case."""
    if text.startswith("re:"):
        return re.compile(text[3:])
    text = text.lower()
    for scheme, port in _DEFAULT_PORTS:
        if text.startswith(scheme):
            text = text.removesuffix(port)
    wildcard = _WILDCARD.fullmatch(text)
    if wildcard is None:
        return re.compile(re.escape(text))
    return re.compile(rf"{re.escape(wildcard[1])}[a-z0-9_-]+(?:\.[a-z0-9_-]+)*{re.escape(wildcard[2])}")


def _check(text: str) -> None:
    """Raises ValueError for what cannot be an origin."""
    if text in ("*", "null"):
        return
    if text.startswith("re:"):
        try:
            re.compile(text[3:])
        except re.error as error:
            raise ValueError(f"{text!r} is no regular expression: {error}") from None
    elif not (_SERIALISED.fullmatch(text.lower()) or _WILDCARD.fullmatch(text.lower())):
        raise ValueError(f"{text!r} is no origin: write scheme://host or scheme://host:port, without a path")


class _Preflight:
    """The on_request hook: answers preflights and lets all else pass."""

    __slots__ = ("_any_header", "_fields", "_header_names", "_headers", "_is_open", "_methods", "_origins", "_private")

    def __init__(self, spec: Cors, methods: tuple[str, ...]) -> None:
        self._origins = spec.origins
        self._is_open = "*" in spec.origins
        self._methods = methods
        self._headers = ", ".join(spec.headers)
        self._header_names = frozenset(name.lower() for name in spec.headers)
        self._any_header = not spec.headers
        self._private = spec.allows_private_network
        vary = f"{PREFLIGHT_VARY}, {ASKS_PRIVATE}" if self._private else PREFLIGHT_VARY
        credentials = (("Access-Control-Allow-Credentials", "true"),) if spec.allows_credentials else ()
        self._fields = (*credentials, ("Access-Control-Max-Age", str(int(spec.max_age))), ("Vary", vary))

    def __call__(self, exchange: Exchange) -> Response | None:
        environ = exchange.environ
        if exchange.method != "OPTIONS" or not is_preflight(environ):
            return None
        origin: str = environ["HTTP_ORIGIN"]
        if not (self._is_open or is_allowed(origin, self._origins)):
            raise _refused("pages of this origin may not call here")
        headers: Headers = [("Access-Control-Allow-Origin", "*" if self._is_open else origin)]
        headers.append(("Access-Control-Allow-Methods", self._allowed_methods(environ)))
        names = self._allowed_headers(environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", ""))
        if names:
            headers.append(("Access-Control-Allow-Headers", names))
        if self._private and environ.get("HTTP_ACCESS_CONTROL_REQUEST_PRIVATE_NETWORK") == "true":
            headers.append(("Access-Control-Allow-Private-Network", "true"))
        headers.extend(self._fields)
        return Response(204, headers)

    def _allowed_methods(self, environ: Mapping[str, Any]) -> str:
        """The methods to name: GET, HEAD and POST need no naming for browsers, so a refusal has to be a whole one."""
        asked: str = environ["HTTP_ACCESS_CONTROL_REQUEST_METHOD"]
        if not self._methods and _TOKEN.fullmatch(asked):
            return asked
        if asked not in self._methods:
            raise _refused("pages may not use this method here")
        return ", ".join(self._methods)

    def _allowed_headers(self, text: str) -> str:
        """The header names to allow; an empty element is none (RFC 9110 section 5.6.1)."""
        asked = [name for name in map(str.strip, text.split(",", MOST_HEADERS)) if name]
        if self._any_header and all(map(_TOKEN.fullmatch, asked)):
            return ", ".join(asked)
        for name in asked:
            if name.lower() not in self._header_names:
                raise _refused("pages may not send one of these headers here")
        return self._headers


def _refused(words: str) -> GatewayError:
    return GatewayError(CORS_REFUSED, f"The preflight was refused: {words}.", headers=(("Vary", PREFLIGHT_VARY),))


def _answers(spec: Cors) -> OnResponse:
    """The on_response hook, for answers of upstreams and of our own alike.

    PERF: a request without an Origin costs two look-ups and one pass over the answer's fields.
    """
    apply, origins, is_open = Edit(OURS).apply, spec.origins, "*" in spec.origins
    expose = (("Access-Control-Expose-Headers", ", ".join(spec.expose)),) if spec.expose else ()
    credentials = (("Access-Control-Allow-Credentials", "true"),) if spec.allows_credentials else ()
    varies = (("Vary", "Origin"),)
    allowed = (*credentials, *expose, *varies)
    # NOTE: said to everybody, so that an answer kept by a cache between us and a page is one that the page may read.
    to_all = (("Access-Control-Allow-Origin", "*"), *expose)

    def on_response(exchange: Exchange, response: Response) -> None:
        environ = exchange.environ
        if exchange.method == "OPTIONS" and is_preflight(environ):
            return
        if is_open:
            apply(response.headers, to_all)
            return
        origin = environ.get("HTTP_ORIGIN")
        if origin is not None and is_allowed(origin, origins):
            apply(response.headers, (("Access-Control-Allow-Origin", origin), *allowed))
        else:
            apply(response.headers, varies)

    return on_response

"""From a WSGI environ to an Exchange that knows its route. Pure: `explain` calls the very same functions, offline."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import Any

from gateway._fast.head_rules import Refused
from gateway._fast.http1_head import Limits, parse_request
from gateway._fast.ingress import Ingress, new_id
from gateway.contracts import Plan
from gateway.errors import KINDS, MALFORMED_REQUEST, GatewayError, Kind
from gateway.exchange import Exchange, Headers
from gateway.http.path import Canonical, InvalidTarget, canonical_path
from gateway.routing.fallback import LimitedInput, target_and_headers
from gateway.routing.matching import match, match_options

#: no limit of sizes: they are the connection loop's
WIDEST = Limits(32768, 32768, 200)
#: "1.5", "1.5s" or "250ms"; grpc-timeout is at most eight digits and a unit
_REQUEST_TIMEOUT = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(s|ms|)")
_TIMEOUT_UNITS = {"": 1.0, "s": 1.0, "ms": 1e-3}
_GRPC_TIMEOUT = re.compile(r"([0-9]{1,8})([HMSmun])")
_GRPC_UNITS = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}
KINDS_BY_SLUG: dict[str, Kind] = {kind.slug: kind for kind in KINDS}


def _start(exchange: Exchange, environ: dict[str, Any]) -> None:
    """Target and headers under a worker that is not ours."""
    exchange.target, exchange.headers = target_and_headers(environ, exchange.target)


def shorten_deadline(exchange: Exchange, environ: dict[str, Any]) -> None:
    """Let the caller's own deadline shorten the route's, never lengthen it; what cannot be read is ignored."""
    for seconds in (
        _seconds(_REQUEST_TIMEOUT.fullmatch(environ.get("HTTP_X_REQUEST_TIMEOUT", "")), _TIMEOUT_UNITS),
        _seconds(_GRPC_TIMEOUT.fullmatch(environ.get("HTTP_GRPC_TIMEOUT", "")), _GRPC_UNITS),
    ):
        if 0.0 < seconds < exchange.deadline - exchange.started:
            exchange.deadline = exchange.started + seconds
            exchange.hurried = True


def _seconds(found: re.Match[str] | None, units: dict[str, float]) -> float:
    """Seconds of a number and its unit; 0.0 for none."""
    return float(found[1]) * units[found[2]] if found else 0.0


def _body(exchange: Exchange, environ: dict[str, Any]) -> None:
    """Length and reader of the body under a worker that is not ours, which has read no head of ours."""
    if "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower():
        exchange.body_length = -1
    else:
        exchange.body_length = int(environ.get("CONTENT_LENGTH") or 0)
    if exchange.body_length:
        exchange.body = LimitedInput(environ["wsgi.input"], exchange.plan.max_body)


def _route(exchange: Exchange, plan: Plan) -> None:
    """Match on the canonical path; a path with two readings that lead to different routes is refused."""
    raw_path, _, query = exchange.target.partition("?")
    exchange.query = query
    exchange.path = raw_path
    refusal = exchange.environ.get("gateway.refusal")
    if refusal is not None:
        _refuse(exchange, plan, GatewayError(KINDS_BY_SLUG[refusal[0]], refusal[1]))
        return
    try:
        reading = canonical_path(raw_path) if raw_path != "*" else Canonical(raw_path)
        exchange.path = reading.path
        method = exchange.method
        route, found = (match_options if method == "OPTIONS" else match)(exchange, plan, reading, method)
    except InvalidTarget as error:
        _refuse(exchange, plan, GatewayError(MALFORMED_REQUEST, f"The request was refused: {error}."))
        return
    except GatewayError as error:
        _refuse(exchange, plan, error)
        return
    if route is None:
        exchange.route = plan.unmatched
        exchange.state = {"allow": found}
    else:
        exchange.route = route
        exchange.params = found


def _refuse(exchange: Exchange, plan: Plan, error: GatewayError) -> None:
    exchange.route = plan.refused
    exchange.state = {"refusal": error}


def host_of(authority: str) -> str:
    """The host of a Host field in lower case, without port and brackets' trailing port; "" stays ""."""
    if authority.startswith("["):
        return authority[: authority.find("]") + 1].lower()
    return authority.partition(":")[0].lower().rstrip(".")


@lru_cache(maxsize=4096)
def is_trusted(address: str, networks: tuple[Any, ...]) -> bool:
    """Whether an address belongs to a trusted proxy; the peer of a unix socket ("") never does."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    return any(ip in network for network in networks)


def _believe(exchange: Exchange, networks: tuple[Any, ...]) -> None:
    """Take client, scheme and request id from a trusted proxy's headers (RFC 7239, and the X- ones before it)."""
    exchange.trusted = True
    environ = exchange.environ
    chain = _chain(environ)
    for address in reversed(chain):
        exchange.client = address
        if not is_trusted(address, networks):
            break
    scheme = environ.get("HTTP_X_FORWARDED_PROTO", "").rpartition(",")[2].strip().lower() or _forwarded(
        environ, "proto"
    )
    if scheme in ("http", "https"):
        exchange.scheme = scheme
    request_id = environ.get("HTTP_X_REQUEST_ID", "")
    known = 0 < len(request_id) <= 128 and request_id.isascii() and request_id.isprintable() and " " not in request_id
    exchange.request_id = request_id if known else new_id()


def _chain(environ: dict[str, Any]) -> list[str]:
    """Addresses of X-Forwarded-For, or of Forwarded, first hop first; what is no address ends what is believed."""
    text = environ.get("HTTP_X_FORWARDED_FOR")
    if text is None:
        forwarded = environ.get("HTTP_FORWARDED", "")
        items = [_parameter(element, "for") for element in forwarded.split(",")] if forwarded else []
    else:
        items = [item.strip() for item in text.split(",")]
    believed: list[str] = []
    for item in reversed(items):
        address = _address(item)
        if address is None:
            break
        believed.insert(0, address)
    return believed


def _address(item: str) -> str | None:
    """The IP of "192.0.2.1", "192.0.2.1:80", "[2001:db8::1]:80" or "2001:db8::1"."""
    if item.startswith("["):
        item = item[1:].partition("]")[0] if "]" in item else ""
    elif item.count(":") == 1:
        item = item.partition(":")[0]
    try:
        return str(ipaddress.ip_address(item))
    except ValueError:
        return None


def _forwarded(environ: dict[str, Any], name: str) -> str:
    return _parameter(environ.get("HTTP_FORWARDED", "").rpartition(",")[2], name).lower()


def _parameter(element: str, name: str) -> str:
    """One parameter of a Forwarded element (RFC 7239 section 4)."""
    for pair in element.split(";"):
        key, _, value = pair.partition("=")
        if key.strip().lower() == name:
            return value.strip().strip('"')
    return ""


#: decide(plan, environ, started): the exchange for one request; what is frequent is done there, the rest here
decide = Ingress(_start, host_of, is_trusted, _believe, _body, _route, shorten_deadline)


def offline(plan: Plan, method: str, url: str, headers: Headers, peer: str = "127.0.0.1") -> Exchange:
    """The exchange that a request from `peer` would be, without a socket: what `explain` asks.

    It is written as bytes and read as those of a client are, so that what a head may not hold is refused here too.
    """
    scheme, mark, rest = url.partition("://")
    scheme, rest = (scheme, rest) if mark else ("http", "localhost" + url)
    cut = min(rest.index(sign) if sign in rest else len(rest) for sign in "/?")
    authority, target = rest[:cut], rest[cut:] if rest[cut:].startswith("/") else "/" + rest[cut:]
    if not any(name.lower() == "host" for name, _ in headers):
        headers = [("Host", authority), *headers]
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    environ: dict[str, Any] = {"REMOTE_ADDR": peer, "wsgi.url_scheme": scheme, "wsgi.input": None}
    try:
        parsed = parse_request(("\r\n".join(lines) + "\r\n\r\n").encode("utf-8"), WIDEST)
        if parsed is not None:
            environ |= parsed[1]
            environ["gateway.head"], environ["gateway.headers"] = parsed[0], parsed[0].headers
    except Refused as refused:
        detail = f"The request was refused: {refused.rule.words} ({refused.rule.section})."
        environ |= {"REQUEST_METHOD": method, "RAW_URI": target, "SERVER_PROTOCOL": "HTTP/1.1"}
        environ |= {"gateway.headers": [], "gateway.refusal": (refused.rule.error, detail)}
    return decide(plan, environ, 0.0)

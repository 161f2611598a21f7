"""Error answers: problem documents (RFC 9457), or a page or text for who asks for one (RFC 9110 section 12.5.1).

Clients of gRPC get neither, but the end of their call.
"""

from __future__ import annotations

import json
import re
from html import escape
from typing import Any

from gateway.errors import GatewayError
from gateway.exchange import Exchange, Headers, Response
from gateway.http.grpc import CLIENT, CONTENT_TYPE, code_for, ending

JSON = "application/problem+json"
HTML = "text/html"
TEXT = "text/plain"

#: what an error can be shown as, the best first, with the media types that ask for it
OFFERS: tuple[tuple[str, tuple[str, ...]], ...] = ((JSON, (JSON, "application/json")), (HTML, (HTML,)), (TEXT, (TEXT,)))

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{status} {title}</title>
<style>
body {{ font: 1.1rem/1.6 system-ui, sans-serif; max-width: 40rem; margin: 15vh auto; padding: 0 1.5rem; color: #222 }}
h1 {{ font-size: 1.5rem; line-height: 1.3 }}
small {{ color: #666; overflow-wrap: anywhere }}
@media (prefers-color-scheme: dark) {{ body {{ background: #16181b; color: #ddd }} small {{ color: #999 }} }}
</style></head>
<body><h1>{status} {title}</h1><p>{detail}</p><p><small>{instance}</small></p></body></html>
"""
# SECURITY: a page of ours runs nothing and loads nothing (tests/unit/test_problem.py).
PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'"

_TOKEN = re.compile(r"[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*")
_UNQUOTABLE = re.compile(r"[^\x20-\x7e]+")


def problem_response(exchange: Exchange, error: GatewayError) -> Response:
    """The answer for `error`. Little need be known of `exchange`: a head that was refused has no route and no host."""
    kind = error.kind
    if CLIENT in exchange.environ:
        return _ended_call(exchange, error)
    media_type = preferred(exchange.header("accept"))
    instance = getattr(exchange, "request_id", "") or ""
    body = _RENDER[media_type](error, instance)
    headers: Headers = [
        ("Content-Type", media_type if media_type == JSON else media_type + "; charset=utf-8"),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
        *error.headers,
    ]
    if kind.proxy_error is not None:
        headers.append(("Proxy-Status", proxy_status(error, exchange.upstream)))
    if media_type == HTML:
        headers += (("Content-Security-Policy", PAGE_POLICY), ("X-Content-Type-Options", "nosniff"))
    if exchange.method == "HEAD":
        return Response(kind.status, headers, b"", len(body))
    return Response(kind.status, headers, body)


def _ended_call(exchange: Exchange, error: GatewayError) -> Response:
    """What a client of gRPC gets: no body, and fields that say how its call ended (gRPC's Trailers-Only)."""
    kind = error.kind
    words = f"{kind.title}: {error.detail}" if error.detail else kind.title
    headers: Headers = [("Content-Type", CONTENT_TYPE), *ending(code_for(kind.status), words), *error.headers]
    if kind.proxy_error is not None:
        headers.append(("Proxy-Status", proxy_status(error, exchange.upstream)))
    return Response(kind.status, headers, b"")


def preferred(accept: str | None) -> str:
    """Which of the offers an Accept field prefers; JSON where it has no preference or wants what there is not."""
    if accept is None or accept == "*/*":
        return JSON
    ranges = list(_ranges(accept))
    best, best_weight = JSON, 0.0
    for media_type, names in OFFERS:
        weight = max(_weight(name, ranges) for name in names)
        if weight > best_weight:
            best, best_weight = media_type, weight
    return best


def proxy_status(error: GatewayError, upstream: str | None) -> str:
    """The Proxy-Status member (RFC 9209) of `error`, as a structured field (RFC 9651).

    SECURITY: names the upstream as the configuration does, never its address (tests/unit/test_problem.py).
    """
    kind = error.kind
    member = f"gateway; error={kind.proxy_error}"
    if kind.source == "upstream" and upstream:
        member += f"; next-hop={upstream if _TOKEN.fullmatch(upstream) else _quoted(upstream)}"
    if error.detail:
        member += f"; details={_quoted(error.detail)}"
    return member


def _quoted(text: str) -> str:
    """A string of RFC 9651 section 3.3.3: printable ASCII only."""
    return '"' + _UNQUOTABLE.sub("?", text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _ranges(accept: str) -> list[tuple[str, float]]:
    """Each media range with its weight; parameters other than q do not narrow a range here."""
    found = []
    for element in accept.lower().split(","):
        media_range, *parameters = element.split(";")
        weight = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip() == "q":
                weight = _qvalue(value.strip())
        found.append((media_range.strip(), weight))
    return found


def _qvalue(text: str) -> float:
    """A weight between 0 and 1; what is none asks for nothing."""
    return float(text) if re.fullmatch(r"0(\.\d{0,3})?|1(\.0{0,3})?", text, re.ASCII) else 0.0


def _weight(media_type: str, ranges: list[tuple[str, float]]) -> float:
    """The weight of the most specific range that holds `media_type`; 0 when none does."""
    for name in (media_type, media_type.partition("/")[0] + "/*", "*/*"):
        weights = [weight for media_range, weight in ranges if media_range == name]
        if weights:
            return max(weights)
    return 0.0


def _as_json(error: GatewayError, instance: str) -> bytes:
    kind = error.kind
    problem: dict[str, Any] = {"type": kind.type, "title": kind.title, "status": kind.status}
    if error.detail:
        problem["detail"] = error.detail
    if instance:
        problem["instance"] = instance
    problem |= error.extensions or {}
    return json.dumps(problem).encode() + b"\n"  # a terminal's prompt starts on its own line


def _as_html(error: GatewayError, instance: str) -> bytes:
    kind = error.kind
    words = {"title": kind.title, "detail": error.detail, "instance": f"{kind.slug} {instance}"}
    return PAGE.format(status=kind.status, **{name: escape(text) for name, text in words.items()}).encode(
        "utf-8", "replace"
    )


def _as_text(error: GatewayError, instance: str) -> bytes:
    kind = error.kind
    faults = (f"{each['pointer'] or '/'}: {each['detail']}" for each in (error.extensions or {}).get("errors", ()))
    lines = (f"{kind.status} {kind.title}", error.detail, *faults, f"{kind.slug} {instance}")
    return "".join(f"{line.strip()}\n" for line in lines if line).encode("utf-8", "replace")


_RENDER = {JSON: _as_json, HTML: _as_html, TEXT: _as_text}

"""What an access-log line must say, the slow and obvious way."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from gateway.exchange import Exchange
from gateway.observability.access_log import SECRET_ENDINGS, SECRET_NAMES

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def is_secret(name: str) -> bool:
    """Whether the value under `name` is hidden; `name` is latin-1 text."""
    if len(name) > 192:
        return True
    plain = unquote_to_bytes(name.encode("latin-1")).decode("latin-1")
    plain = "".join(letter.lower() if letter.isascii() else letter for letter in plain).replace("-", "_").rstrip("[]")
    return plain in SECRET_NAMES or plain.endswith(SECRET_ENDINGS)


def redacted(target: str) -> str:
    path, mark, query = target.partition("?")
    pieces = re.split(r"([&;?])", query)
    for at, piece in enumerate(pieces):
        name, equals, value = piece.partition("=")
        if value and is_secret(name):
            pieces[at] = f"{name}{equals}***"
    return path + mark + "".join(pieces)


def headers(exchange: Exchange, names: tuple[str, ...]) -> dict[str, str]:
    found = {name: exchange.header(name) for name in names}
    return {name: "***" if is_secret(name) else value for name, value in found.items() if value is not None}


def status(exchange: Exchange) -> int:
    if exchange.error == "client-closed":
        return 499
    return exchange.response.status if exchange.response else 0


def started(exchange: Exchange, now: float, ended: float) -> datetime:
    """When the request came, cut to the millisecond."""
    return EPOCH + timedelta(milliseconds=math.trunc((now - (ended - exchange.started)) * 1000))


def milliseconds(seconds: float) -> int:
    """In microseconds, rounded; never negative."""
    return max(0, math.trunc(seconds * 1e6 + 0.5))


def as_dict(exchange: Exchange, names: tuple[str, ...], now: float, ended: float) -> dict[str, Any]:
    whole, upstream = milliseconds(ended - exchange.started), milliseconds(exchange.upstream_time)
    time = started(exchange, now, ended).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    peer = {"peer": exchange.peer} if exchange.peer != exchange.client else {}
    return {
        "time": time,
        "id": exchange.request_id,
        **({"trace_id": exchange.trace.trace_id} if exchange.trace else {}),
        "client": exchange.client,
        **peer,
        **({"caller": exchange.caller.subject, "provider": exchange.caller.provider} if exchange.caller else {}),
        "method": exchange.method,
        "target": redacted(exchange.target),
        "host": exchange.host,
        "scheme": exchange.scheme,
        "version": exchange.version,
        "route": exchange.route.name,
        "upstream": exchange.upstream,
        "address": exchange.address,
        "attempts": exchange.attempts,
        "status": status(exchange),
        "error": exchange.error,
        "bytes": exchange.sent,
        **({"received": exchange.received} if exchange.received else {}),
        "duration_ms": whole / 1000,
        "upstream_ms": upstream / 1000,
        "gateway_ms": max(0, whole - upstream) / 1000,
        "user_agent": exchange.header("user-agent"),
        "headers": headers(exchange, names),
    }


def escaped(text: str) -> str:
    """As Apache writes it between quotes."""
    return re.sub(
        r'([\x00-\x1f\x7f-\xff])|(["\\])',
        lambda found: f"\\x{ord(found[1]):02x}" if found[1] else "\\" + found[2],
        text,
    )


def as_combined(exchange: Exchange, now: float, ended: float) -> str:
    time = started(exchange, now, ended).strftime("%d/%b/%Y:%H:%M:%S +0000")
    request = f"{escaped(exchange.method)} {escaped(redacted(exchange.target))} HTTP/{exchange.version}"
    referer = escaped(redacted(exchange.header("referer") or "-"))
    agent = escaped(exchange.header("user-agent") or "-")
    size = exchange.sent or "-"
    user = quote(exchange.caller.subject, safe="@:/|+=,;", errors="replace") if exchange.caller else ""
    who = f"{exchange.client or '-'} - {user or '-'}"
    return f'{who} [{time}] "{request}" {status(exchange)} {size} "{referer}" "{agent}"\n'
